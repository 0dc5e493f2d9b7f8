// Made from /openapi.json by `make clients-generated`: do not edit.
package bellwire.model;

import com.fasterxml.jackson.annotation.JsonProperty;

/** The status of a notification. */
public enum PushNotificationStatus {
    @JsonProperty("SCHEDULED") SCHEDULED("SCHEDULED"),
    @JsonProperty("QUEUED") QUEUED("QUEUED"),
    @JsonProperty("SENT") SENT("SENT"),
    @JsonProperty("FAILED") FAILED("FAILED"),
    @JsonProperty("CANCELED") CANCELED("CANCELED");

    private final String value;

    PushNotificationStatus(String value) {
        this.value = value;
    }

    /** As the API writes it. */
    @Override
    public String toString() {
        return value;
    }
}
