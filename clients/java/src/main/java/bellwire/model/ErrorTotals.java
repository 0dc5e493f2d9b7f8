// Made from /openapi.json by `make clients-generated`: do not edit.
package bellwire.model;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.annotation.JsonInclude;
import java.util.List;

/** How many notifications failed, by code. The most frequent code comes first. */
@JsonInclude(JsonInclude.Include.NON_NULL)
@JsonIgnoreProperties(ignoreUnknown = true)
public final class ErrorTotals {
    public List<CodeTotal> errorTotals;
    /** Whether all were counted. If not, the newest Operations were: ask for a shorter time. */
    public Boolean isComplete;

    public ErrorTotals errorTotals(List<CodeTotal> errorTotals) {
        this.errorTotals = errorTotals;
        return this;
    }

    /** Whether all were counted. If not, the newest Operations were: ask for a shorter time. */
    public ErrorTotals isComplete(Boolean isComplete) {
        this.isComplete = isComplete;
        return this;
    }
}
