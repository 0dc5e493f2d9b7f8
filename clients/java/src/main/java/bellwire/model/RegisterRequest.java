// Made from /openapi.json by `make clients-generated`: do not edit.
package bellwire.model;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.annotation.JsonInclude;
import java.util.Map;

@JsonInclude(JsonInclude.Include.NON_NULL)
@JsonIgnoreProperties(ignoreUnknown = true)
public final class RegisterRequest {
    /** The name of an App that exists. */
    public String appName;
    /**
     * Of an APNs token (extension). It chooses between an <code>APN</code> and an <code>APN_SANDBOX</code>
     * Credential.
     */
    public Environment environment;
    /**
     * What an APNs token is for (extension): <code>VOIP</code> tokens get pushes of the type <code>voip</code> and
     * no others.
     */
    public TokenKind kind;
    public Provider provider;
    /**
     * An older token of the same device, which this one replaces (extension). The device keeps its id, its tags
     * and its User.
     */
    public String replaces;
    /** Tags by which an audience selects devices (extension). If absent, those that the device has. */
    public Map<String, String> tags;
    public String token;
    /** If absent, the device stays with the User who has the token (extension), or is registered for a new User. */
    public String userId;

    /** The name of an App that exists. */
    public RegisterRequest appName(String appName) {
        this.appName = appName;
        return this;
    }

    /**
     * Of an APNs token (extension). It chooses between an <code>APN</code> and an <code>APN_SANDBOX</code>
     * Credential.
     */
    public RegisterRequest environment(Environment environment) {
        this.environment = environment;
        return this;
    }

    /**
     * What an APNs token is for (extension): <code>VOIP</code> tokens get pushes of the type <code>voip</code> and
     * no others.
     */
    public RegisterRequest kind(TokenKind kind) {
        this.kind = kind;
        return this;
    }

    public RegisterRequest provider(Provider provider) {
        this.provider = provider;
        return this;
    }

    /**
     * An older token of the same device, which this one replaces (extension). The device keeps its id, its tags
     * and its User.
     */
    public RegisterRequest replaces(String replaces) {
        this.replaces = replaces;
        return this;
    }

    /** Tags by which an audience selects devices (extension). If absent, those that the device has. */
    public RegisterRequest tags(Map<String, String> tags) {
        this.tags = tags;
        return this;
    }

    public RegisterRequest token(String token) {
        this.token = token;
        return this;
    }

    /** If absent, the device stays with the User who has the token (extension), or is registered for a new User. */
    public RegisterRequest userId(String userId) {
        this.userId = userId;
        return this;
    }
}
