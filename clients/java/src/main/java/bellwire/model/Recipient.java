// Made from /openapi.json by `make clients-generated`: do not edit.
package bellwire.model;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.annotation.JsonInclude;

/** The recipient of a notification. */
@JsonInclude(JsonInclude.Include.NON_NULL)
@JsonIgnoreProperties(ignoreUnknown = true)
public final class Recipient {
    public Provider provider;
    /** Masked: only its ends are shown, because it is a secret. */
    public String token;
    public String userId;

    public Recipient provider(Provider provider) {
        this.provider = provider;
        return this;
    }

    /** Masked: only its ends are shown, because it is a secret. */
    public Recipient token(String token) {
        this.token = token;
        return this;
    }

    public Recipient userId(String userId) {
        this.userId = userId;
        return this;
    }
}
