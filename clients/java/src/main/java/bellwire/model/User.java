// Made from /openapi.json by `make clients-generated`: do not edit.
package bellwire.model;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.annotation.JsonInclude;
import java.time.Instant;
import java.util.List;
import java.util.Map;

@JsonInclude(JsonInclude.Include.NON_NULL)
@JsonIgnoreProperties(ignoreUnknown = true)
public final class User {
    public Instant createdAt;
    /** Always <code>null</code>: a deleted User is gone. */
    public Instant deletedAt;
    /** The account's own id of the User (extension); <code>null</code>: it has none. */
    public String externalId;
    public String id;
    /** A language tag, as BCP 47 describes (extension). */
    public String language;
    /** Whether the User gets nothing (extension). */
    public Boolean optedOut;
    /** The tags of Operations that the User does not get (extension). */
    public List<String> optedOutTags;
    /** The name of a time zone in the IANA database (extension). */
    public String timezone;
    public Instant updatedAt;
    /** The values for templates that a recipient of a send does not give (extension). */
    public Map<String, Object> variables;

    public User createdAt(Instant createdAt) {
        this.createdAt = createdAt;
        return this;
    }

    /** Always <code>null</code>: a deleted User is gone. */
    public User deletedAt(Instant deletedAt) {
        this.deletedAt = deletedAt;
        return this;
    }

    /** The account's own id of the User (extension); <code>null</code>: it has none. */
    public User externalId(String externalId) {
        this.externalId = externalId;
        return this;
    }

    public User id(String id) {
        this.id = id;
        return this;
    }

    /** A language tag, as BCP 47 describes (extension). */
    public User language(String language) {
        this.language = language;
        return this;
    }

    /** Whether the User gets nothing (extension). */
    public User optedOut(Boolean optedOut) {
        this.optedOut = optedOut;
        return this;
    }

    /** The tags of Operations that the User does not get (extension). */
    public User optedOutTags(List<String> optedOutTags) {
        this.optedOutTags = optedOutTags;
        return this;
    }

    /** The name of a time zone in the IANA database (extension). */
    public User timezone(String timezone) {
        this.timezone = timezone;
        return this;
    }

    public User updatedAt(Instant updatedAt) {
        this.updatedAt = updatedAt;
        return this;
    }

    /** The values for templates that a recipient of a send does not give (extension). */
    public User variables(Map<String, Object> variables) {
        this.variables = variables;
        return this;
    }
}
