// Made from /openapi.json by `make clients-generated`: do not edit.
package bellwire.model;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.annotation.JsonInclude;
import java.util.List;

@JsonInclude(JsonInclude.Include.NON_NULL)
@JsonIgnoreProperties(ignoreUnknown = true)
public final class TemplateVersionList {
    public Pagination pagination;
    public List<TemplateVersion> versions;

    public TemplateVersionList pagination(Pagination pagination) {
        this.pagination = pagination;
        return this;
    }

    public TemplateVersionList versions(List<TemplateVersion> versions) {
        this.versions = versions;
        return this;
    }
}
