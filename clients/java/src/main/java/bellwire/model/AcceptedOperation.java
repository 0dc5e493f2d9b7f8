// Made from /openapi.json by `make clients-generated`: do not edit.
package bellwire.model;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.annotation.JsonInclude;

/** An Operation was accepted, or what is left of it was canceled. */
@JsonInclude(JsonInclude.Include.NON_NULL)
@JsonIgnoreProperties(ignoreUnknown = true)
public final class AcceptedOperation {
    public String operationId;
    /** The address of the Operation, which shows its progress. */
    public String operationLocation;

    public AcceptedOperation operationId(String operationId) {
        this.operationId = operationId;
        return this;
    }

    /** The address of the Operation, which shows its progress. */
    public AcceptedOperation operationLocation(String operationLocation) {
        this.operationLocation = operationLocation;
        return this;
    }
}
