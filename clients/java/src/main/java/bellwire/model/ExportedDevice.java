// Made from /openapi.json by `make clients-generated`: do not edit.
package bellwire.model;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.annotation.JsonInclude;
import java.time.Instant;
import java.util.List;

/** A device with its User: a line of the stream, with the fields of a registration. */
@JsonInclude(JsonInclude.Include.NON_NULL)
@JsonIgnoreProperties(ignoreUnknown = true)
public final class ExportedDevice {
    public String appName;
    public String deviceId;
    public String deviceRegistrationId;
    public String environment;
    public String externalId;
    public String kind;
    public String language;
    public Boolean optedOut;
    public List<String> optedOutTags;
    public Provider provider;
    public Instant registeredAt;
    public Object tags;
    public String timezone;
    /** Masked, unless whole tokens were asked for. */
    public String token;
    public String userId;
    public Object variables;

    public ExportedDevice appName(String appName) {
        this.appName = appName;
        return this;
    }

    public ExportedDevice deviceId(String deviceId) {
        this.deviceId = deviceId;
        return this;
    }

    public ExportedDevice deviceRegistrationId(String deviceRegistrationId) {
        this.deviceRegistrationId = deviceRegistrationId;
        return this;
    }

    public ExportedDevice environment(String environment) {
        this.environment = environment;
        return this;
    }

    public ExportedDevice externalId(String externalId) {
        this.externalId = externalId;
        return this;
    }

    public ExportedDevice kind(String kind) {
        this.kind = kind;
        return this;
    }

    public ExportedDevice language(String language) {
        this.language = language;
        return this;
    }

    public ExportedDevice optedOut(Boolean optedOut) {
        this.optedOut = optedOut;
        return this;
    }

    public ExportedDevice optedOutTags(List<String> optedOutTags) {
        this.optedOutTags = optedOutTags;
        return this;
    }

    public ExportedDevice provider(Provider provider) {
        this.provider = provider;
        return this;
    }

    public ExportedDevice registeredAt(Instant registeredAt) {
        this.registeredAt = registeredAt;
        return this;
    }

    public ExportedDevice tags(Object tags) {
        this.tags = tags;
        return this;
    }

    public ExportedDevice timezone(String timezone) {
        this.timezone = timezone;
        return this;
    }

    /** Masked, unless whole tokens were asked for. */
    public ExportedDevice token(String token) {
        this.token = token;
        return this;
    }

    public ExportedDevice userId(String userId) {
        this.userId = userId;
        return this;
    }

    public ExportedDevice variables(Object variables) {
        this.variables = variables;
        return this;
    }
}
