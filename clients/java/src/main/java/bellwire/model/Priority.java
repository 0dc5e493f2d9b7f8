// Made from /openapi.json by `make clients-generated`: do not edit.
package bellwire.model;

import com.fasterxml.jackson.annotation.JsonProperty;

/** How urgent a message is. */
public enum Priority {
    @JsonProperty("HIGH") HIGH("HIGH"),
    @JsonProperty("LOW") LOW("LOW");

    private final String value;

    Priority(String value) {
        this.value = value;
    }

    /** As the API writes it. */
    @Override
    public String toString() {
        return value;
    }
}
