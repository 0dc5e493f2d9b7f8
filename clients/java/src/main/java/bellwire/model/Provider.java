// Made from /openapi.json by `make clients-generated`: do not edit.
package bellwire.model;

import com.fasterxml.jackson.annotation.JsonProperty;

/** A push provider. The names are those of the API and of the database enum. */
public enum Provider {
    @JsonProperty("FCM") FCM("FCM"),
    @JsonProperty("APN") APN("APN");

    private final String value;

    Provider(String value) {
        this.value = value;
    }

    /** As the API writes it. */
    @Override
    public String toString() {
        return value;
    }
}
