// Made from /openapi.json by `make clients-generated`: do not edit.
package bellwire.model;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.annotation.JsonInclude;
import java.time.Instant;
import java.util.List;

@JsonInclude(JsonInclude.Include.NON_NULL)
@JsonIgnoreProperties(ignoreUnknown = true)
public final class DeviceRegistration {
    public String appName;
    public Instant createdAt;
    public List<Device> devices;
    /** The account's own id of the User (extension). Absent: it has none. */
    public String externalId;
    public String id;
    /** Always empty; Twilio's API has it. */
    public List<Object> related;
    public Instant updatedAt;
    public String userId;

    public DeviceRegistration appName(String appName) {
        this.appName = appName;
        return this;
    }

    public DeviceRegistration createdAt(Instant createdAt) {
        this.createdAt = createdAt;
        return this;
    }

    public DeviceRegistration devices(List<Device> devices) {
        this.devices = devices;
        return this;
    }

    /** The account's own id of the User (extension). Absent: it has none. */
    public DeviceRegistration externalId(String externalId) {
        this.externalId = externalId;
        return this;
    }

    public DeviceRegistration id(String id) {
        this.id = id;
        return this;
    }

    /** Always empty; Twilio's API has it. */
    public DeviceRegistration related(List<Object> related) {
        this.related = related;
        return this;
    }

    public DeviceRegistration updatedAt(Instant updatedAt) {
        this.updatedAt = updatedAt;
        return this;
    }

    public DeviceRegistration userId(String userId) {
        this.userId = userId;
        return this;
    }
}
