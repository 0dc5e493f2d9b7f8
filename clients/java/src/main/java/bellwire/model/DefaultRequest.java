// Made from /openapi.json by `make clients-generated`: do not edit.
package bellwire.model;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.annotation.JsonInclude;

/** Makes a resource the default. */
@JsonInclude(JsonInclude.Include.NON_NULL)
@JsonIgnoreProperties(ignoreUnknown = true)
public final class DefaultRequest {
    /** Must be <code>true</code>. To replace a default, make another resource the default. */
    public Boolean isDefault;

    /** Must be <code>true</code>. To replace a default, make another resource the default. */
    public DefaultRequest isDefault(Boolean isDefault) {
        this.isDefault = isDefault;
        return this;
    }
}
