// Made from /openapi.json by `make clients-generated`: do not edit.
package bellwire.model;

import com.fasterxml.jackson.annotation.JsonProperty;

/** The status of an Operation, which follows from its counts and its schedule. */
public enum OperationStatus {
    @JsonProperty("SCHEDULED") SCHEDULED("SCHEDULED"),
    @JsonProperty("PROCESSING") PROCESSING("PROCESSING"),
    @JsonProperty("COMPLETED") COMPLETED("COMPLETED"),
    @JsonProperty("CANCELED") CANCELED("CANCELED");

    private final String value;

    OperationStatus(String value) {
        this.value = value;
    }

    /** As the API writes it. */
    @Override
    public String toString() {
        return value;
    }
}
