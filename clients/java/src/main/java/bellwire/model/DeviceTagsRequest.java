// Made from /openapi.json by `make clients-generated`: do not edit.
package bellwire.model;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.annotation.JsonInclude;
import java.util.Map;

/** The tags of a device. */
@JsonInclude(JsonInclude.Include.NON_NULL)
@JsonIgnoreProperties(ignoreUnknown = true)
public final class DeviceTagsRequest {
    /** They replace those that the device has; <code>null</code> removes them. */
    public Map<String, String> tags;

    /** They replace those that the device has; <code>null</code> removes them. */
    public DeviceTagsRequest tags(Map<String, String> tags) {
        this.tags = tags;
        return this;
    }
}
