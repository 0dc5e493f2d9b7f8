// Made from /openapi.json by `make clients-generated`: do not edit.
package bellwire.model;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.annotation.JsonInclude;

/** The settings of an account. */
@JsonInclude(JsonInclude.Include.NON_NULL)
@JsonIgnoreProperties(ignoreUnknown = true)
public final class Account {
    /** How many pushes each User gets; <code>null</code>: as many as are sent. */
    public Cap cap;
    public String id;

    /** How many pushes each User gets; <code>null</code>: as many as are sent. */
    public Account cap(Cap cap) {
        this.cap = cap;
        return this;
    }

    public Account id(String id) {
        this.id = id;
        return this;
    }
}
