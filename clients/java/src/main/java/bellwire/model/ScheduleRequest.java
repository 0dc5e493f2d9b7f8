// Made from /openapi.json by `make clients-generated`: do not edit.
package bellwire.model;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.annotation.JsonInclude;
import java.util.List;

/** When the message is sent. If absent, at once. */
@JsonInclude(JsonInclude.Include.NON_NULL)
@JsonIgnoreProperties(ignoreUnknown = true)
public final class ScheduleRequest {
    /** One RFC 3339 timestamp. Without a zone it is UTC. */
    public List<String> sendAt;

    /** One RFC 3339 timestamp. Without a zone it is UTC. */
    public ScheduleRequest sendAt(List<String> sendAt) {
        this.sendAt = sendAt;
        return this;
    }
}
