// Made from /openapi.json by `make clients-generated`: do not edit.
package bellwire.model;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.annotation.JsonInclude;

/** A new API key (extension). */
@JsonInclude(JsonInclude.Include.NON_NULL)
@JsonIgnoreProperties(ignoreUnknown = true)
public final class KeyRequest {
    /** When the key expires, an RFC 3339 timestamp in the future. If absent, it does not expire. */
    public String expiresAt;
    /** What the key is for. */
    public String name;
    /** Anything else to remember. */
    public String note;
    /** What the key allows: everything, to send and to cancel, or to read. <code>FULL</code> if absent. */
    public Role role;

    /** When the key expires, an RFC 3339 timestamp in the future. If absent, it does not expire. */
    public KeyRequest expiresAt(String expiresAt) {
        this.expiresAt = expiresAt;
        return this;
    }

    /** What the key is for. */
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
