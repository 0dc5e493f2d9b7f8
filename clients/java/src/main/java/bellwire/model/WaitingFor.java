// Made from /openapi.json by `make clients-generated`: do not edit.
package bellwire.model;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.annotation.JsonInclude;
import java.time.Instant;

/** What a notification waits for (extension). */
@JsonInclude(JsonInclude.Include.NON_NULL)
@JsonIgnoreProperties(ignoreUnknown = true)
public final class WaitingFor {
    /** Null: not known, or its time has come. */
    public Instant nextTry;
    /** For people. */
    public String reason;
    public Instant since;

    /** Null: not known, or its time has come. */
    public WaitingFor nextTry(Instant nextTry) {
        this.nextTry = nextTry;
        return this;
    }

    /** For people. */
    public WaitingFor reason(String reason) {
        this.reason = reason;
        return this;
    }

    public WaitingFor since(Instant since) {
        this.since = since;
        return this;
    }
}
