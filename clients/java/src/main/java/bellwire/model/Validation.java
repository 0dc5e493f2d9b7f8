// Made from /openapi.json by `make clients-generated`: do not edit.
package bellwire.model;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.annotation.JsonInclude;
import java.util.List;

/** The answer to <code>validateOnly</code>. */
@JsonInclude(JsonInclude.Include.NON_NULL)
@JsonIgnoreProperties(ignoreUnknown = true)
public final class Validation {
    /** How many devices FCM was asked about. */
    public Long asked;
    /** The problems, in request order. */
    public List<RecipientError> errors;
    /** Whether no problem was found. Whether a device still exists is known for certain only after a send. */
    public Boolean valid;

    /** How many devices FCM was asked about. */
    public Validation asked(Long asked) {
        this.asked = asked;
        return this;
    }

    /** The problems, in request order. */
    public Validation errors(List<RecipientError> errors) {
        this.errors = errors;
        return this;
    }

    /** Whether no problem was found. Whether a device still exists is known for certain only after a send. */
    public Validation valid(Boolean valid) {
        this.valid = valid;
        return this;
    }
}
