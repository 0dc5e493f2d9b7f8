// Made from /openapi.json by `make clients-generated`: do not edit.
package bellwire.model;

import com.fasterxml.jackson.annotation.JsonProperty;

/** The environment that an APNs token belongs to. */
public enum Environment {
    @JsonProperty("SANDBOX") SANDBOX("SANDBOX"),
    @JsonProperty("PRODUCTION") PRODUCTION("PRODUCTION");

    private final String value;

    Environment(String value) {
        this.value = value;
    }

    /** As the API writes it. */
    @Override
    public String toString() {
        return value;
    }
}
