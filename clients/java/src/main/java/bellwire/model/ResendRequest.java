// Made from /openapi.json by `make clients-generated`: do not edit.
package bellwire.model;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.annotation.JsonInclude;
import java.util.List;

/** Which failed notifications are sent again (extension). */
@JsonInclude(JsonInclude.Include.NON_NULL)
@JsonIgnoreProperties(ignoreUnknown = true)
public final class ResendRequest {
    /** Only failures with one of these codes. If absent, those that are not permanent. */
    public List<String> codes;
    /** Only these positions in <code>to</code> of the original request, from 0. Each must have failed. */
    public List<Long> recipients;

    /** Only failures with one of these codes. If absent, those that are not permanent. */
    public ResendRequest codes(List<String> codes) {
        this.codes = codes;
        return this;
    }

    /** Only these positions in <code>to</code> of the original request, from 0. Each must have failed. */
    public ResendRequest recipients(List<Long> recipients) {
        this.recipients = recipients;
        return this;
    }
}
