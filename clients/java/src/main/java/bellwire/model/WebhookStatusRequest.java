// Made from /openapi.json by `make clients-generated`: do not edit.
package bellwire.model;

import com.fasterxml.jackson.annotation.JsonProperty;

/** One of several values. One that this client does not know is null. */
public enum WebhookStatusRequest {
    @JsonProperty("ENABLED") ENABLED("ENABLED"),
    @JsonProperty("DISABLED") DISABLED("DISABLED");

    private final String value;

    WebhookStatusRequest(String value) {
        this.value = value;
    }

    /** As the API writes it. */
    @Override
    public String toString() {
        return value;
    }
}
