// Made from /openapi.json by `make clients-generated`: do not edit.
package bellwire.model;

import com.fasterxml.jackson.annotation.JsonProperty;

/** What becomes of a message whose local time has passed when it is accepted. */
public enum IfPassed {
    @JsonProperty("SEND") SEND("SEND"),
    @JsonProperty("TOMORROW") TOMORROW("TOMORROW"),
    @JsonProperty("SKIP") SKIP("SKIP");

    private final String value;

    IfPassed(String value) {
        this.value = value;
    }

    /** As the API writes it. */
    @Override
    public String toString() {
        return value;
    }
}
