// Made from /openapi.json by `make clients-generated`: do not edit.
package bellwire.model;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.annotation.JsonInclude;
import java.util.Map;

/** A User. The message goes to each of the User's devices in the sender's App. */
@JsonInclude(JsonInclude.Include.NON_NULL)
@JsonIgnoreProperties(ignoreUnknown = true)
public final class UserRecipient {
    /** In place of the message's badge (extension). */
    public Long badge;
    public String userId;
    /** The values for the message's templates. */
    public Map<String, Object> variables;

    /** In place of the message's badge (extension). */
    public UserRecipient badge(Long badge) {
        this.badge = badge;
        return this;
    }

    public UserRecipient userId(String userId) {
        this.userId = userId;
        return this;
    }

    /** The values for the message's templates. */
    public UserRecipient variables(Map<String, Object> variables) {
        this.variables = variables;
        return this;
    }
}
