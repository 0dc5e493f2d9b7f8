// Made from /openapi.json by `make clients-generated`: do not edit.
package bellwire.model;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.annotation.JsonInclude;

/** How fast an Operation is sent. */
@JsonInclude(JsonInclude.Include.NON_NULL)
@JsonIgnoreProperties(ignoreUnknown = true)
public final class Pace {
    /** Notifications in a minute. */
    public Long perMinute;

    /** Notifications in a minute. */
    public Pace perMinute(Long perMinute) {
        this.perMinute = perMinute;
        return this;
    }
}
