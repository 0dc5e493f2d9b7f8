// Made from /openapi.json by `make clients-generated`: do not edit.
package bellwire.model;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.annotation.JsonInclude;
import java.util.List;

/**
 * When recipients may get the message, in their local time (extension). Outside the window, the message waits
 * until it opens. A window that ends at or before its beginning ends on the next day.
 */
@JsonInclude(JsonInclude.Include.NON_NULL)
@JsonIgnoreProperties(ignoreUnknown = true)
public final class WindowRequest {
    /** On which days the window opens. If absent, on all. */
    public List<Day> days;
    /** A time of day, such as <code>09:00</code>. */
    public String from;
    /** A time of day, up to <code>24:00</code>. */
    public String until;

    /** On which days the window opens. If absent, on all. */
    public WindowRequest days(List<Day> days) {
        this.days = days;
        return this;
    }

    /** A time of day, such as <code>09:00</code>. */
    public WindowRequest from(String from) {
        this.from = from;
        return this;
    }

    /** A time of day, up to <code>24:00</code>. */
    public WindowRequest until(String until) {
        this.until = until;
        return this;
    }
}
