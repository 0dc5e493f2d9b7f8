// Made from /openapi.json by `make clients-generated`: do not edit.
package bellwire.model;

import com.fasterxml.jackson.annotation.JsonProperty;

/** The form of the body that a webhook gets. */
public enum Envelope {
    @JsonProperty("standard") STANDARD("standard"),
    @JsonProperty("cloudevents") CLOUDEVENTS("cloudevents");

    private final String value;

    Envelope(String value) {
        this.value = value;
    }

    /** As the API writes it. */
    @Override
    public String toString() {
        return value;
    }
}
