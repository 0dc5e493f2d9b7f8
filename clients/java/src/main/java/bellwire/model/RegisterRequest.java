// Made from /openapi.json by `make clients-generated`: do not edit.
package bellwire.model;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.annotation.JsonInclude;
import java.util.List;
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
     * The account's own id of the User (extension). Without <code>userId</code>, it identifies the User. If no
     * User has it, the User who has the token gets it; if that User has another external id, a new User is
     * created.
     */
    public String externalId;
    /**
     * What an APNs token is for (extension): <code>VOIP</code> tokens get only pushes of the type
     * <code>voip</code>, <code>ALERT</code> tokens all others.
     */
    public TokenKind kind;
    /** The User's language, a tag as BCP 47 describes (extension). */
    public String language;
    /** Whether the User gets nothing (extension). */
    public Boolean optedOut;
    /** The tags of Operations that the User does not get, each a key or <code>key:value</code> (extension). */
    public List<String> optedOutTags;
    public Provider provider;
    /**
     * An older token of the same device, which this one replaces (extension). The device keeps its id, its tags
     * and its User.
     */
    public String replaces;
    /** Tags by which an audience selects devices (extension). If absent, those that the device has. */
    public Map<String, String> tags;
    /** The User's time zone, a name of the IANA database (extension). */
    public String timezone;
    public String token;
    /** If absent, the device stays with the User who has the token (extension), or is registered for a new User. */
    public String userId;
    /**
     * The values for templates that a recipient of a send does not give (extension). They replace those that the
     * User has.
     */
    public Map<String, Object> variables;

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
     * The account's own id of the User (extension). Without <code>userId</code>, it identifies the User. If no
     * User has it, the User who has the token gets it; if that User has another external id, a new User is
     * created.
     */
    public RegisterRequest externalId(String externalId) {
        this.externalId = externalId;
        return this;
    }

    /**
     * What an APNs token is for (extension): <code>VOIP</code> tokens get only pushes of the type
     * <code>voip</code>, <code>ALERT</code> tokens all others.
     */
    public RegisterRequest kind(TokenKind kind) {
        this.kind = kind;
        return this;
    }

    /** The User's language, a tag as BCP 47 describes (extension). */
    public RegisterRequest language(String language) {
        this.language = language;
        return this;
    }

    /** Whether the User gets nothing (extension). */
    public RegisterRequest optedOut(Boolean optedOut) {
        this.optedOut = optedOut;
        return this;
    }

    /** The tags of Operations that the User does not get, each a key or <code>key:value</code> (extension). */
    public RegisterRequest optedOutTags(List<String> optedOutTags) {
        this.optedOutTags = optedOutTags;
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

    /** The User's time zone, a name of the IANA database (extension). */
    public RegisterRequest timezone(String timezone) {
        this.timezone = timezone;
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

    /**
     * The values for templates that a recipient of a send does not give (extension). They replace those that the
     * User has.
     */
    public RegisterRequest variables(Map<String, Object> variables) {
        this.variables = variables;
        return this;
    }
}
