// Made from /openapi.json by `make clients-generated`: do not edit.
package bellwire.model;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.annotation.JsonInclude;
import java.time.Instant;
import java.util.List;

/** A change of the account's settings, or of what it sends. */
@JsonInclude(JsonInclude.Include.NON_NULL)
@JsonIgnoreProperties(ignoreUnknown = true)
public final class AuditEvent {
    /** What was done, such as <code>credential.create</code>. */
    public String action;
    /** The user name of the API key, or who else it was. */
    public String actor;
    public Instant createdAt;
    public String id;
    /** Where the request came from; null: from the command line. */
    public String sourceAddress;
    /** Ids or names of what was changed. */
    public List<String> targets;
    public Via via;

    /** What was done, such as <code>credential.create</code>. */
    public AuditEvent action(String action) {
        this.action = action;
        return this;
    }

    /** The user name of the API key, or who else it was. */
    public AuditEvent actor(String actor) {
        this.actor = actor;
        return this;
    }

    public AuditEvent createdAt(Instant createdAt) {
        this.createdAt = createdAt;
        return this;
    }

    public AuditEvent id(String id) {
        this.id = id;
        return this;
    }

    /** Where the request came from; null: from the command line. */
    public AuditEvent sourceAddress(String sourceAddress) {
        this.sourceAddress = sourceAddress;
        return this;
    }

    /** Ids or names of what was changed. */
    public AuditEvent targets(List<String> targets) {
        this.targets = targets;
        return this;
    }

    public AuditEvent via(Via via) {
        this.via = via;
        return this;
    }
}
