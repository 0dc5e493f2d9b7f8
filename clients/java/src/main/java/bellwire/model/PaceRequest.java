// Made from /openapi.json by `make clients-generated`: do not edit.
package bellwire.model;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.annotation.JsonInclude;

/** How many notifications of an Operation are sent in a minute (extension). */
@JsonInclude(JsonInclude.Include.NON_NULL)
@JsonIgnoreProperties(ignoreUnknown = true)
public final class PaceRequest {
    public Long perMinute;

    public PaceRequest perMinute(Long perMinute) {
        this.perMinute = perMinute;
        return this;
    }
}
