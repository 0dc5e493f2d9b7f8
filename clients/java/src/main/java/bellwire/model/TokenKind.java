// Made from /openapi.json by `make clients-generated`: do not edit.
package bellwire.model;

import com.fasterxml.jackson.annotation.JsonProperty;

/** What an APNs token is for. An app that takes calls has one of each. */
public enum TokenKind {
    @JsonProperty("ALERT") ALERT("ALERT"),
    @JsonProperty("VOIP") VOIP("VOIP");

    private final String value;

    TokenKind(String value) {
        this.value = value;
    }

    /** As the API writes it. */
    @Override
    public String toString() {
        return value;
    }
}
