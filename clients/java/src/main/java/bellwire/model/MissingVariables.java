// Made from /openapi.json by `make clients-generated`: do not edit.
package bellwire.model;

import com.fasterxml.jackson.annotation.JsonProperty;

/** What becomes of a recipient for whom a variable has no value that its template writes. */
public enum MissingVariables {
    @JsonProperty("FAIL") FAIL("FAIL"),
    @JsonProperty("EMPTY") EMPTY("EMPTY");

    private final String value;

    MissingVariables(String value) {
        this.value = value;
    }

    /** As the API writes it. */
    @Override
    public String toString() {
        return value;
    }
}
