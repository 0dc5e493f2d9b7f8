// Made from /openapi.json by `make clients-generated`: do not edit.
package bellwire.model;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.annotation.JsonInclude;
import java.util.List;

/** What an app reports of messages (extension). */
@JsonInclude(JsonInclude.Include.NON_NULL)
@JsonIgnoreProperties(ignoreUnknown = true)
public final class ReceiptsRequest {
    public List<ReceiptRequest> receipts;

    public ReceiptsRequest receipts(List<ReceiptRequest> receipts) {
        this.receipts = receipts;
        return this;
    }
}
