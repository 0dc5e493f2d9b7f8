// Made from /openapi.json by `make clients-generated`: do not edit.
package bellwire.model;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.annotation.JsonInclude;
import java.util.List;

@JsonInclude(JsonInclude.Include.NON_NULL)
@JsonIgnoreProperties(ignoreUnknown = true)
public final class ImportErrorList {
    public List<ImportError> errors;
    public Pagination pagination;

    public ImportErrorList errors(List<ImportError> errors) {
        this.errors = errors;
        return this;
    }

    public ImportErrorList pagination(Pagination pagination) {
        this.pagination = pagination;
        return this;
    }
}
