// Made from /openapi.json by `make clients-generated`: do not edit.
package bellwire.model;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.annotation.JsonInclude;

/** A new API key (extension). */
@JsonInclude(JsonInclude.Include.NON_NULL)
@JsonIgnoreProperties(ignoreUnknown = true)
public final class KeyRequest {
    /** An RFC 3339 timestamp in the future, from which on the key is refused. If absent, it has no end. */
    public String expiresAt;
    /** What it is for. */
    public String name;
    /** Anything else to remember. */
    public String note;
    /** What the key allows: everything, to send and to cancel, or to read. <code>FULL</code> if absent. */
    public Role role;

    /** An RFC 3339 timestamp in the future, from which on the key is refused. If absent, it has no end. */
    public KeyRequest expiresAt(String expiresAt) {
        this.expiresAt = expiresAt;
        return this;
    }

    /** What it is for. */
    public KeyRequest name(String name) {
        this.name = name;
        return this;
    }

    /** Anything else to remember. */
    public KeyRequest note(String note) {
        this.note = note;
        return this;
    }

    /** What the key allows: everything, to send and to cancel, or to read. <code>FULL</code> if absent. */
    public KeyRequest role(Role role) {
        this.role = role;
        return this;
    }
}
