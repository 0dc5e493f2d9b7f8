// Made from /openapi.json by `make clients-generated`: do not edit.
package bellwire.model;

import com.fasterxml.jackson.annotation.JsonProperty;

/** A type of Credential. The names are those of the API and of the database enum. */
public enum CredentialType {
    @JsonProperty("FCM") FCM("FCM"),
    @JsonProperty("APN") APN("APN"),
    @JsonProperty("APN_SANDBOX") APN_SANDBOX("APN_SANDBOX");

    private final String value;

    CredentialType(String value) {
        this.value = value;
    }

    /** As the API writes it. */
    @Override
    public String toString() {
        return value;
    }
}
