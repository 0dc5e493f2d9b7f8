// Made from /openapi.json by `make clients-generated`: do not edit.
package bellwire.model;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.annotation.JsonInclude;

/** At most <code>max</code> pushes to each User within any time of the length <code>per</code>. */
@JsonInclude(JsonInclude.Include.NON_NULL)
@JsonIgnoreProperties(ignoreUnknown = true)
public final class Cap {
    public Long max;
    /** As it was given: such as <code>24h</code>, or a number of seconds. */
    public Object per;

    public Cap max(Long max) {
        this.max = max;
        return this;
    }

    /** As it was given: such as <code>24h</code>, or a number of seconds. */
    public Cap per(Object per) {
        this.per = per;
        return this;
    }
}
