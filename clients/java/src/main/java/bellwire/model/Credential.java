// Made from /openapi.json by `make clients-generated`: do not edit.
package bellwire.model;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.annotation.JsonInclude;
import java.time.Instant;

@JsonInclude(JsonInclude.Include.NON_NULL)
@JsonIgnoreProperties(ignoreUnknown = true)
public final class Credential {
    public String appName;
    /** When its certificate ends; null: it has none (extension). */
    public Instant certificateExpiresAt;
    public Instant createdAt;
    public CredentialType credentialType;
    /** Public facts of its content (extension). */
    public CredentialDetails details;
    public String id;
    public Boolean isDefault;
    /** What its provider said when it was used last without success (extension). */
    public String lastError;
    /** When that was (extension). */
    public Instant lastErrorAt;
    /** When it was used last, give or take a minute (extension). */
    public Instant lastUsedAt;
    /** How it does (extension). */
    public CredentialStatus status;
    /** When its content or <code>isDefault</code> changed. */
    public Instant updatedAt;

    public Credential appName(String appName) {
        this.appName = appName;
        return this;
    }

    /** When its certificate ends; null: it has none (extension). */
    public Credential certificateExpiresAt(Instant certificateExpiresAt) {
        this.certificateExpiresAt = certificateExpiresAt;
        return this;
    }

    public Credential createdAt(Instant createdAt) {
        this.createdAt = createdAt;
        return this;
    }

    public Credential credentialType(CredentialType credentialType) {
        this.credentialType = credentialType;
        return this;
    }

    /** Public facts of its content (extension). */
    public Credential details(CredentialDetails details) {
        this.details = details;
        return this;
    }

    public Credential id(String id) {
        this.id = id;
        return this;
    }

    public Credential isDefault(Boolean isDefault) {
        this.isDefault = isDefault;
        return this;
    }

    /** What its provider said when it was used last without success (extension). */
    public Credential lastError(String lastError) {
        this.lastError = lastError;
        return this;
    }

    /** When that was (extension). */
    public Credential lastErrorAt(Instant lastErrorAt) {
        this.lastErrorAt = lastErrorAt;
        return this;
    }

    /** When it was used last, give or take a minute (extension). */
    public Credential lastUsedAt(Instant lastUsedAt) {
        this.lastUsedAt = lastUsedAt;
        return this;
    }

    /** How it does (extension). */
    public Credential status(CredentialStatus status) {
        this.status = status;
        return this;
    }

    /** When its content or <code>isDefault</code> changed. */
    public Credential updatedAt(Instant updatedAt) {
        this.updatedAt = updatedAt;
        return this;
    }
}
