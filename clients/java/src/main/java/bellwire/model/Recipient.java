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
    /** Whether the User was erased from records (extension). Absent: it was not. */
    public Boolean erased;
    /** The account's own id of the User (extension). Absent: it has none. */
    public String externalId;
    /** Absent: no User had the external id when the send was accepted. */
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

    /** Whether the User was erased from records (extension). Absent: it was not. */
    public Recipient erased(Boolean erased) {
        this.erased = erased;
        return this;
    }

    /** The account's own id of the User (extension). Absent: it has none. */
    public Recipient externalId(String externalId) {
        this.externalId = externalId;
        return this;
    }

    /** Absent: no User had the external id when the send was accepted. */
    public Recipient userId(String userId) {
        this.userId = userId;
        return this;
    }
}
