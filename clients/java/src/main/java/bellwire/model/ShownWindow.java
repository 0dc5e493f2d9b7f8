// Made from /openapi.json by `make clients-generated`: do not edit.
package bellwire.model;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.annotation.JsonInclude;
import java.util.List;

/** When recipients may get messages, by their clocks. */
@JsonInclude(JsonInclude.Include.NON_NULL)
@JsonIgnoreProperties(ignoreUnknown = true)
public final class ShownWindow {
    public List<Day> days;
    public String from;
    public String until;

    public ShownWindow days(List<Day> days) {
        this.days = days;
        return this;
    }

    public ShownWindow from(String from) {
        this.from = from;
        return this;
    }

    public ShownWindow until(String until) {
        this.until = until;
        return this;
    }
}
