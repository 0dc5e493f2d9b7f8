// Made from /openapi.json by `make clients-generated`: do not edit.
package bellwire.model;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.annotation.JsonInclude;
import java.time.Instant;

/** An API key, without its secret. */
@JsonInclude(JsonInclude.Include.NON_NULL)
@JsonIgnoreProperties(ignoreUnknown = true)
public final class Key {
    public Instant createdAt;
    /** From then on it is refused; null: it has no end. */
    public Instant expiresAt;
    /** The user name of HTTP Basic. */
    public String key;
    /** Give or take a minute; null: it was never used. */
    public Instant lastUsedAt;
    public String name;
    public String note;
    public Instant revokedAt;
    public Role role;
    public KeyStatus status;

    public Key createdAt(Instant createdAt) {
        this.createdAt = createdAt;
        return this;
    }

    /** From then on it is refused; null: it has no end. */
    public Key expiresAt(Instant expiresAt) {
        this.expiresAt = expiresAt;
        return this;
    }

    /** The user name of HTTP Basic. */
    public Key key(String key) {
        this.key = key;
        return this;
    }

    /** Give or take a minute; null: it was never used. */
    public Key lastUsedAt(Instant lastUsedAt) {
        this.lastUsedAt = lastUsedAt;
        return this;
    }

    public Key name(String name) {
        this.name = name;
        return this;
    }

    public Key note(String note) {
        this.note = note;
        return this;
    }

    public Key revokedAt(Instant revokedAt) {
        this.revokedAt = revokedAt;
        return this;
    }

    public Key role(Role role) {
        this.role = role;
        return this;
    }

    public Key status(KeyStatus status) {
        this.status = status;
        return this;
    }
}
