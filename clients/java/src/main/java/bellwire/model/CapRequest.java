// Made from /openapi.json by `make clients-generated`: do not edit.
package bellwire.model;

import com.fasterxml.jackson.annotation.JsonProperty;

/** One of several values. One that this client does not know is null. */
public enum CapRequest {
    @JsonProperty("IGNORE") IGNORE("IGNORE");

    private final String value;

    CapRequest(String value) {
        this.value = value;
    }

    /** As the API writes it. */
    @Override
    public String toString() {
        return value;
    }
}
