// Made from /openapi.json by `make clients-generated`: do not edit.
package bellwire.model;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.annotation.JsonInclude;
import java.util.Map;

@JsonInclude(JsonInclude.Include.NON_NULL)
@JsonIgnoreProperties(ignoreUnknown = true)
public final class Device {
    public String deviceId;
    /** Of an APNs device that was registered with it. */
    public Environment environment;
    /** Of an APNs device that was registered with it. */
    public TokenKind kind;
    public Provider provider;
    public Map<String, String> tags;
    /** Masked: only its ends are shown, because it is a secret. */
    public String token;

    public Device deviceId(String deviceId) {
        this.deviceId = deviceId;
        return this;
    }

    /** Of an APNs device that was registered with it. */
    public Device environment(Environment environment) {
        this.environment = environment;
        return this;
    }

    /** Of an APNs device that was registered with it. */
    public Device kind(TokenKind kind) {
        this.kind = kind;
        return this;
    }

    public Device provider(Provider provider) {
        this.provider = provider;
        return this;
    }

    public Device tags(Map<String, String> tags) {
        this.tags = tags;
        return this;
    }

    /** Masked: only its ends are shown, because it is a secret. */
    public Device token(String token) {
        this.token = token;
        return this;
    }
}
