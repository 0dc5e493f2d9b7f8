// Made from /openapi.json by `make clients-generated`: do not edit.
package bellwire.model;

import com.fasterxml.jackson.annotation.JsonProperty;

/** One of several values. One that this client does not know is null. */
public enum Role {
    @JsonProperty("FULL") FULL("FULL"),
    @JsonProperty("SEND") SEND("SEND"),
    @JsonProperty("READ") READ("READ");

    private final String value;

    Role(String value) {
        this.value = value;
    }

    /** As the API writes it. */
    @Override
    public String toString() {
        return value;
    }
}
