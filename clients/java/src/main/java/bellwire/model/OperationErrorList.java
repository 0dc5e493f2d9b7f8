// Made from /openapi.json by `make clients-generated`: do not edit.
package bellwire.model;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.annotation.JsonInclude;
import java.util.List;

@JsonInclude(JsonInclude.Include.NON_NULL)
@JsonIgnoreProperties(ignoreUnknown = true)
public final class OperationErrorList {
    public List<OperationError> errors;
    public Pagination pagination;

    public OperationErrorList errors(List<OperationError> errors) {
        this.errors = errors;
        return this;
    }

    public OperationErrorList pagination(Pagination pagination) {
        this.pagination = pagination;
        return this;
    }
}
