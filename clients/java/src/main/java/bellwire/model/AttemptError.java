// Made from /openapi.json by `make clients-generated`: do not edit.
package bellwire.model;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.annotation.JsonInclude;

/** The provider's error. */
@JsonInclude(JsonInclude.Include.NON_NULL)
@JsonIgnoreProperties(ignoreUnknown = true)
public final class AttemptError {
    public String code;
    public String message;

    public AttemptError code(String code) {
        this.code = code;
        return this;
    }

    public AttemptError message(String message) {
        this.message = message;
        return this;
    }
}
