// Made from /openapi.json by `make clients-generated`: do not edit.
package bellwire.model;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.annotation.JsonInclude;

/** Where a device was registered. <code>userId</code> and <code>deviceId</code> are an extension. */
@JsonInclude(JsonInclude.Include.NON_NULL)
@JsonIgnoreProperties(ignoreUnknown = true)
public final class RegisteredDevice {
    public String deviceId;
    /** The id of the registration. */
    public String resourceId;
    /** The address of the registration. */
    public String resourceLocation;
    /** The User whose device it is. */
    public String userId;

    public RegisteredDevice deviceId(String deviceId) {
        this.deviceId = deviceId;
        return this;
    }

    /** The id of the registration. */
    public RegisteredDevice resourceId(String resourceId) {
        this.resourceId = resourceId;
        return this;
    }

    /** The address of the registration. */
    public RegisteredDevice resourceLocation(String resourceLocation) {
        this.resourceLocation = resourceLocation;
        return this;
    }

    /** The User whose device it is. */
    public RegisteredDevice userId(String userId) {
        this.userId = userId;
        return this;
    }
}
