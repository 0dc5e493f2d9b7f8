// Made from /openapi.json by `make clients-generated`: do not edit.
package bellwire.model;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.annotation.JsonInclude;

/** Why a recipient, or one of its devices, would get nothing. */
@JsonInclude(JsonInclude.Include.NON_NULL)
@JsonIgnoreProperties(ignoreUnknown = true)
public final class RecipientError {
    /** The provider's code, or one of Bellwire's. */
    public String code;
    public String message;
    /** The recipient's index in <code>to</code>; absent: an audience. */
    public Long position;

    /** The provider's code, or one of Bellwire's. */
    public RecipientError code(String code) {
        this.code = code;
        return this;
    }

    public RecipientError message(String message) {
        this.message = message;
        return this;
    }

    /** The recipient's index in <code>to</code>; absent: an audience. */
    public RecipientError position(Long position) {
        this.position = position;
        return this;
    }
}
