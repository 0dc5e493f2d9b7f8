// Made from /openapi.json by `make clients-generated`: do not edit.
package bellwire.model;

import com.fasterxml.jackson.annotation.JsonProperty;

/** One of several values. One that this client does not know is null. */
public enum DeliveryStatus {
    @JsonProperty("PENDING") PENDING("PENDING"),
    @JsonProperty("DELIVERED") DELIVERED("DELIVERED"),
    @JsonProperty("FAILED") FAILED("FAILED");

    private final String value;

    DeliveryStatus(String value) {
        this.value = value;
    }

    /** As the API writes it. */
    @Override
    public String toString() {
        return value;
    }
}
