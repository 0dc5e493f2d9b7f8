// Made from /openapi.json by `make clients-generated`: do not edit.
package bellwire.model;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.annotation.JsonInclude;

@JsonInclude(JsonInclude.Include.NON_NULL)
@JsonIgnoreProperties(ignoreUnknown = true)
public final class ReceiptRequest {
    /** When it happened, an RFC 3339 timestamp. If absent, now. */
    public String at;
    public ReceiptEventRequest event;
    /** <code>bw_receipt</code> of the message's data. Any other string is ignored. */
    public String receipt;

    /** When it happened, an RFC 3339 timestamp. If absent, now. */
    public ReceiptRequest at(String at) {
        this.at = at;
        return this;
    }

    public ReceiptRequest event(ReceiptEventRequest event) {
        this.event = event;
        return this;
    }

    /** <code>bw_receipt</code> of the message's data. Any other string is ignored. */
    public ReceiptRequest receipt(String receipt) {
        this.receipt = receipt;
        return this;
    }
}
