// Made from /openapi.json by `make clients-generated`: do not edit.
package bellwire.model;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.annotation.JsonInclude;
import java.util.List;

@JsonInclude(JsonInclude.Include.NON_NULL)
@JsonIgnoreProperties(ignoreUnknown = true)
public final class DeviceRegistrationList {
    public List<DeviceRegistration> deviceRegistrations;
    public Pagination pagination;

    public DeviceRegistrationList deviceRegistrations(List<DeviceRegistration> deviceRegistrations) {
        this.deviceRegistrations = deviceRegistrations;
        return this;
    }

    public DeviceRegistrationList pagination(Pagination pagination) {
        this.pagination = pagination;
        return this;
    }
}
