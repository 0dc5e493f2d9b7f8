// Made from /openapi.json by `make clients-generated`: do not edit.
package bellwire.model;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.annotation.JsonInclude;

/** How many of the devices are of which provider. */
@JsonInclude(JsonInclude.Include.NON_NULL)
@JsonIgnoreProperties(ignoreUnknown = true)
public final class DevicesByProvider {
    public Long APN;
    public Long FCM;

    public DevicesByProvider APN(Long APN) {
        this.APN = APN;
        return this;
    }

    public DevicesByProvider FCM(Long FCM) {
        this.FCM = FCM;
        return this;
    }
}
