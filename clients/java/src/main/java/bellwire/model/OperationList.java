// Made from /openapi.json by `make clients-generated`: do not edit.
package bellwire.model;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.annotation.JsonInclude;
import java.util.List;

@JsonInclude(JsonInclude.Include.NON_NULL)
@JsonIgnoreProperties(ignoreUnknown = true)
public final class OperationList {
    public List<Operation> operations;
    public Pagination pagination;

    public OperationList operations(List<Operation> operations) {
        this.operations = operations;
        return this;
    }

    public OperationList pagination(Pagination pagination) {
        this.pagination = pagination;
        return this;
    }
}
