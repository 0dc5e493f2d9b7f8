// Made from /openapi.json by `make clients-generated`: do not edit.
package bellwire.model;

import com.fasterxml.jackson.annotation.JsonProperty;

/** A day of the week. */
public enum Day {
    @JsonProperty("MON") MON("MON"),
    @JsonProperty("TUE") TUE("TUE"),
    @JsonProperty("WED") WED("WED"),
    @JsonProperty("THU") THU("THU"),
    @JsonProperty("FRI") FRI("FRI"),
    @JsonProperty("SAT") SAT("SAT"),
    @JsonProperty("SUN") SUN("SUN");

    private final String value;

    Day(String value) {
        this.value = value;
    }

    /** As the API writes it. */
    @Override
    public String toString() {
        return value;
    }
}
