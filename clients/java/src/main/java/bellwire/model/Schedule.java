// Made from /openapi.json by `make clients-generated`: do not edit.
package bellwire.model;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.annotation.JsonInclude;
import java.util.List;

/** When an Operation is sent. */
@JsonInclude(JsonInclude.Include.NON_NULL)
@JsonIgnoreProperties(ignoreUnknown = true)
public final class Schedule {
    /** What becomes of a local time that had passed (extension). */
    public IfPassed ifPassed;
    /** A local time has no zone. Absent: at once. */
    public List<String> sendAt;
    /** By the recipients' clocks (extension). */
    public ShownWindow window;

    /** What becomes of a local time that had passed (extension). */
    public Schedule ifPassed(IfPassed ifPassed) {
        this.ifPassed = ifPassed;
        return this;
    }

    /** A local time has no zone. Absent: at once. */
    public Schedule sendAt(List<String> sendAt) {
        this.sendAt = sendAt;
        return this;
    }

    /** By the recipients' clocks (extension). */
    public Schedule window(ShownWindow window) {
        this.window = window;
        return this;
    }
}
