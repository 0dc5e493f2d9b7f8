// Made from /openapi.json by `make clients-generated`: do not edit.
package bellwire.model;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.annotation.JsonInclude;
import java.util.List;

/** The Operations that a request has canceled. */
@JsonInclude(JsonInclude.Include.NON_NULL)
@JsonIgnoreProperties(ignoreUnknown = true)
public final class CanceledOperations {
    /** Whether there may be more: repeat the request. */
    public Boolean hasMore;
    /** The oldest first. */
    public List<String> operations;

    /** Whether there may be more: repeat the request. */
    public CanceledOperations hasMore(Boolean hasMore) {
        this.hasMore = hasMore;
        return this;
    }

    /** The oldest first. */
    public CanceledOperations operations(List<String> operations) {
        this.operations = operations;
        return this;
    }
}
