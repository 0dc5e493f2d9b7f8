// Made from /openapi.json by `make clients-generated`: do not edit.
package bellwire.model;

import com.fasterxml.jackson.annotation.JsonProperty;

/** How a Credential does. */
public enum CredentialStatus {
    @JsonProperty("UNUSED") UNUSED("UNUSED"),
    @JsonProperty("WORKING") WORKING("WORKING"),
    @JsonProperty("REFUSED") REFUSED("REFUSED"),
    @JsonProperty("UNREACHABLE") UNREACHABLE("UNREACHABLE"),
    @JsonProperty("UNREADABLE") UNREADABLE("UNREADABLE"),
    @JsonProperty("EXPIRED") EXPIRED("EXPIRED");

    private final String value;

    CredentialStatus(String value) {
        this.value = value;
    }

    /** As the API writes it. */
    @Override
    public String toString() {
        return value;
    }
}
