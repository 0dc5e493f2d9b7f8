// Made from /openapi.json by `make clients-generated`: do not edit.
package bellwire.model;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.annotation.JsonInclude;
import java.util.Map;

/** A User, by the account's own id (extension). If no User has this id, the notification is unaddressable. */
@JsonInclude(JsonInclude.Include.NON_NULL)
@JsonIgnoreProperties(ignoreUnknown = true)
public final class ExternalIdRecipient {
    /** In place of the message's badge (extension). */
    public Long badge;
    public String externalId;
    /** The values for the message's templates. */
    public Map<String, Object> variables;

    /** In place of the message's badge (extension). */
    public ExternalIdRecipient badge(Long badge) {
        this.badge = badge;
        return this;
    }

    public ExternalIdRecipient externalId(String externalId) {
        this.externalId = externalId;
        return this;
    }

    /** The values for the message's templates. */
    public ExternalIdRecipient variables(Map<String, Object> variables) {
        this.variables = variables;
        return this;
    }
}
