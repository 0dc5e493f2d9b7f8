// Made from /openapi.json by `make clients-generated`: do not edit.
package bellwire.model;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.annotation.JsonInclude;

/** How a key is rotated (extension). */
@JsonInclude(JsonInclude.Include.NON_NULL)
@JsonIgnoreProperties(ignoreUnknown = true)
public final class RotateRequest {
    /** How long the old key still works, in seconds; 86400 if absent. */
    public Long overlap;

    /** How long the old key still works, in seconds; 86400 if absent. */
    public RotateRequest overlap(Long overlap) {
        this.overlap = overlap;
        return this;
    }
}
