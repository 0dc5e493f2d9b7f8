// Made from /openapi.json by `make clients-generated`: do not edit.
package bellwire.model;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.annotation.JsonInclude;

/** At most <code>max</code> pushes to each User within any time of the length <code>per</code>. */
@JsonInclude(JsonInclude.Include.NON_NULL)
@JsonIgnoreProperties(ignoreUnknown = true)
public final class CapLimits {
    public Long max;
    /** A time from <code>1s</code> to <code>30d</code>, such as <code>24h</code>, or a number of seconds. */
    public Object per;

    public CapLimits max(Long max) {
        this.max = max;
        return this;
    }

    /** A time from <code>1s</code> to <code>30d</code>, such as <code>24h</code>, or a number of seconds. */
    public CapLimits per(Object per) {
        this.per = per;
        return this;
    }
}
