// Made from /openapi.json by `make clients-generated`: do not edit.
package bellwire.model;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.annotation.JsonInclude;
import java.util.List;

/** When the message is sent: <code>sendAt</code>, a <code>window</code>, or both. If absent, at once. */
@JsonInclude(JsonInclude.Include.NON_NULL)
@JsonIgnoreProperties(ignoreUnknown = true)
public final class ScheduleRequest {
    /**
     * What happens if the local time has already passed for a recipient (extension). <code>SEND</code> if absent.
     */
    public IfPassed ifPassed;
    /** Whether the window is ignored (extension). */
    public Boolean ignoreWindow;
    /**
     * One RFC 3339 timestamp. Without a zone it is the local time of each recipient, and UTC for those without a
     * time zone.
     */
    public List<String> sendAt;
    public WindowRequest window;

    /**
     * What happens if the local time has already passed for a recipient (extension). <code>SEND</code> if absent.
     */
    public ScheduleRequest ifPassed(IfPassed ifPassed) {
        this.ifPassed = ifPassed;
        return this;
    }

    /** Whether the window is ignored (extension). */
    public ScheduleRequest ignoreWindow(Boolean ignoreWindow) {
        this.ignoreWindow = ignoreWindow;
        return this;
    }

    /**
     * One RFC 3339 timestamp. Without a zone it is the local time of each recipient, and UTC for those without a
     * time zone.
     */
    public ScheduleRequest sendAt(List<String> sendAt) {
        this.sendAt = sendAt;
        return this;
    }

    public ScheduleRequest window(WindowRequest window) {
        this.window = window;
        return this;
    }
}
