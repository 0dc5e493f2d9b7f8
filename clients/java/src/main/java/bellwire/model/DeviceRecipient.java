// Made from /openapi.json by `make clients-generated`: do not edit.
package bellwire.model;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.annotation.JsonInclude;
import java.util.Map;

@JsonInclude(JsonInclude.Include.NON_NULL)
@JsonIgnoreProperties(ignoreUnknown = true)
public final class DeviceRecipient {
    /** In place of the message's badge (extension). */
    public Long badge;
    /**
     * Of an APNs token (extension). It chooses between an <code>APN</code> and an <code>APN_SANDBOX</code>
     * Credential.
     */
    public Environment environment;
    public Provider provider;
    public String token;
    /** The values for the message's templates. */
    public Map<String, Object> variables;

    /** In place of the message's badge (extension). */
    public DeviceRecipient badge(Long badge) {
        this.badge = badge;
        return this;
    }

    /**
     * Of an APNs token (extension). It chooses between an <code>APN</code> and an <code>APN_SANDBOX</code>
     * Credential.
     */
    public DeviceRecipient environment(Environment environment) {
        this.environment = environment;
        return this;
    }

    public DeviceRecipient provider(Provider provider) {
        this.provider = provider;
        return this;
    }

    public DeviceRecipient token(String token) {
        this.token = token;
        return this;
    }

    /** The values for the message's templates. */
    public DeviceRecipient variables(Map<String, Object> variables) {
        this.variables = variables;
        return this;
    }
}
