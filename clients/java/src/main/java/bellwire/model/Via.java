// Made from /openapi.json by `make clients-generated`: do not edit.
package bellwire.model;

import com.fasterxml.jackson.annotation.JsonProperty;

/** How a change was made. */
public enum Via {
    @JsonProperty("API") API("API"),
    @JsonProperty("CONSOLE") CONSOLE("CONSOLE"),
    @JsonProperty("CLI") CLI("CLI");

    private final String value;

    Via(String value) {
        this.value = value;
    }

    /** As the API writes it. */
    @Override
    public String toString() {
        return value;
    }
}
