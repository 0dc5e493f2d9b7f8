// Made from /openapi.json by `make clients-generated`: do not edit.
package bellwire.model;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.annotation.JsonInclude;
import java.time.Instant;

@JsonInclude(JsonInclude.Include.NON_NULL)
@JsonIgnoreProperties(ignoreUnknown = true)
public final class User {
    public Instant createdAt;
    /** Always <code>null</code>: a deleted User is gone. */
    public Instant deletedAt;
    public String id;
    public Instant updatedAt;

    public User createdAt(Instant createdAt) {
        this.createdAt = createdAt;
        return this;
    }

    /** Always <code>null</code>: a deleted User is gone. */
    public User deletedAt(Instant deletedAt) {
        this.deletedAt = deletedAt;
        return this;
    }

    public User id(String id) {
        this.id = id;
        return this;
    }

    public User updatedAt(Instant updatedAt) {
        this.updatedAt = updatedAt;
        return this;
    }
}
