// Made from /openapi.json by `make clients-generated`: do not edit.
package bellwire.model;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.annotation.JsonInclude;

/**
 * When an Operation is paused automatically (extension): once <code>after</code> notifications were sent or
 * failed, and this percentage of them failed.
 */
@JsonInclude(JsonInclude.Include.NON_NULL)
@JsonIgnoreProperties(ignoreUnknown = true)
public final class GuardRequest {
    public Long after;
    public Long failedPercent;

    public GuardRequest after(Long after) {
        this.after = after;
        return this;
    }

    public GuardRequest failedPercent(Long failedPercent) {
        this.failedPercent = failedPercent;
        return this;
    }
}
