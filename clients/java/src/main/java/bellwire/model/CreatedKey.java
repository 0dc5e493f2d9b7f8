// Made from /openapi.json by `make clients-generated`: do not edit.
package bellwire.model;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.annotation.JsonInclude;
import java.time.Instant;

/** A new key. The secret is not stored, and not shown again. */
@JsonInclude(JsonInclude.Include.NON_NULL)
@JsonIgnoreProperties(ignoreUnknown = true)
public final class CreatedKey {
    public Instant expiresAt;
    public String key;
    public String secret;

    public CreatedKey expiresAt(Instant expiresAt) {
        this.expiresAt = expiresAt;
        return this;
    }

    public CreatedKey key(String key) {
        this.key = key;
        return this;
    }

    public CreatedKey secret(String secret) {
        this.secret = secret;
        return this;
    }
}
