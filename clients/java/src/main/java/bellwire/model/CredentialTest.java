// Made from /openapi.json by `make clients-generated`: do not edit.
package bellwire.model;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.annotation.JsonInclude;
import java.time.Instant;

/** The result of a test. */
@JsonInclude(JsonInclude.Include.NON_NULL)
@JsonIgnoreProperties(ignoreUnknown = true)
public final class CredentialTest {
    /** What the provider says; null: it takes the Credential. */
    public String error;
    public CredentialStatus status;
    public Instant testedAt;

    /** What the provider says; null: it takes the Credential. */
    public CredentialTest error(String error) {
        this.error = error;
        return this;
    }

    public CredentialTest status(CredentialStatus status) {
        this.status = status;
        return this;
    }

    public CredentialTest testedAt(Instant testedAt) {
        this.testedAt = testedAt;
        return this;
    }
}
