// Made from /openapi.json by `make clients-generated`: do not edit.
package bellwire.model;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.annotation.JsonInclude;
import java.util.List;
import java.util.Map;

/** The profile of a User (extension). A field that is absent stays as it is; <code>null</code> clears it. */
@JsonInclude(JsonInclude.Include.NON_NULL)
@JsonIgnoreProperties(ignoreUnknown = true)
public final class UserRequest {
    /** The account's own id of the User. No other User of the account may have it. */
    public String externalId;
    /** A language tag, as BCP 47 describes. */
    public String language;
    /** Whether the User gets nothing. */
    public Boolean optedOut;
    /** The tags of Operations that the User does not get, each a key or <code>key:value</code>. */
    public List<String> optedOutTags;
    /** The name of a time zone in the IANA database. */
    public String timezone;
    /** The values for templates that a recipient of a send does not give. They replace those that the User has. */
    public Map<String, Object> variables;

    /** The account's own id of the User. No other User of the account may have it. */
    public UserRequest externalId(String externalId) {
        this.externalId = externalId;
        return this;
    }

    /** A language tag, as BCP 47 describes. */
    public UserRequest language(String language) {
        this.language = language;
        return this;
    }

    /** Whether the User gets nothing. */
    public UserRequest optedOut(Boolean optedOut) {
        this.optedOut = optedOut;
        return this;
    }

    /** The tags of Operations that the User does not get, each a key or <code>key:value</code>. */
    public UserRequest optedOutTags(List<String> optedOutTags) {
        this.optedOutTags = optedOutTags;
        return this;
    }

    /** The name of a time zone in the IANA database. */
    public UserRequest timezone(String timezone) {
        this.timezone = timezone;
        return this;
    }

    /** The values for templates that a recipient of a send does not give. They replace those that the User has. */
    public UserRequest variables(Map<String, Object> variables) {
        this.variables = variables;
        return this;
    }
}
