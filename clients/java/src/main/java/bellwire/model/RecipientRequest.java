// Made from /openapi.json by `make clients-generated`: do not edit.
package bellwire.model;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.annotation.JsonInclude;
import java.util.Map;

/** A device, a User or an audience. */
@JsonInclude(JsonInclude.Include.NON_NULL)
@JsonIgnoreProperties(ignoreUnknown = true)
public final class RecipientRequest {
    /** In place of the message's badge (extension). */
    public Long badge;
    /**
     * Of an APNs token (extension). It chooses between an <code>APN</code> and an <code>APN_SANDBOX</code>
     * Credential.
     */
    public Environment environment;
    public Provider provider;
    public String token;
    /** The values for the message's templates. */
    public Map<String, Object> variables;
    public String userId;
    public String externalId;
    public AudienceRequest audience;

    /** In place of the message's badge (extension). */
    public RecipientRequest badge(Long badge) {
        this.badge = badge;
        return this;
    }

    /**
     * Of an APNs token (extension). It chooses between an <code>APN</code> and an <code>APN_SANDBOX</code>
     * Credential.
     */
    public RecipientRequest environment(Environment environment) {
        this.environment = environment;
        return this;
    }

    public RecipientRequest provider(Provider provider) {
        this.provider = provider;
        return this;
    }

    public RecipientRequest token(String token) {
        this.token = token;
        return this;
    }

    /** The values for the message's templates. */
    public RecipientRequest variables(Map<String, Object> variables) {
        this.variables = variables;
        return this;
    }

    public RecipientRequest userId(String userId) {
        this.userId = userId;
        return this;
    }

    public RecipientRequest externalId(String externalId) {
        this.externalId = externalId;
        return this;
    }

    public RecipientRequest audience(AudienceRequest audience) {
        this.audience = audience;
        return this;
    }
}
