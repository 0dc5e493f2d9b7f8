// Made from /openapi.json by `make clients-generated`: do not edit.
package bellwire.model;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.annotation.JsonInclude;

/** Why a notification failed (extension), as in the Operation's Errors, or why Bellwire withheld it. */
@JsonInclude(JsonInclude.Include.NON_NULL)
@JsonIgnoreProperties(ignoreUnknown = true)
public final class NotificationError {
    /** The provider's code, or Bellwire's. */
    public String code;
    public String message;

    /** The provider's code, or Bellwire's. */
    public NotificationError code(String code) {
        this.code = code;
        return this;
    }

    public NotificationError message(String message) {
        this.message = message;
        return this;
    }
}
