// Made from /openapi.json by `make clients-generated`: do not edit.
package bellwire.model;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.annotation.JsonInclude;
import java.util.List;

@JsonInclude(JsonInclude.Include.NON_NULL)
@JsonIgnoreProperties(ignoreUnknown = true)
public final class Preview {
    /** Why the recipient, or one of its devices, would get nothing. */
    public List<RecipientError> errors;
    /** The recipient's index in <code>to</code>. */
    public Long position;
    /** One for each device. */
    public List<ProviderRequest> requests;

    /** Why the recipient, or one of its devices, would get nothing. */
    public Preview errors(List<RecipientError> errors) {
        this.errors = errors;
        return this;
    }

    /** The recipient's index in <code>to</code>. */
    public Preview position(Long position) {
        this.position = position;
        return this;
    }

    /** One for each device. */
    public Preview requests(List<ProviderRequest> requests) {
        this.requests = requests;
        return this;
    }
}
