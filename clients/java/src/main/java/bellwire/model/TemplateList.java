// Made from /openapi.json by `make clients-generated`: do not edit.
package bellwire.model;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.annotation.JsonInclude;
import java.util.List;

@JsonInclude(JsonInclude.Include.NON_NULL)
@JsonIgnoreProperties(ignoreUnknown = true)
public final class TemplateList {
    public Pagination pagination;
    public List<Template> templates;

    public TemplateList pagination(Pagination pagination) {
        this.pagination = pagination;
        return this;
    }

    public TemplateList templates(List<Template> templates) {
        this.templates = templates;
        return this;
    }
}
