// Made from /openapi.json by `make clients-generated`: do not edit.
package bellwire.model;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.annotation.JsonInclude;

/** Changes of an Operation (extension): its time, if it is SCHEDULED, its pace, or both. */
@JsonInclude(JsonInclude.Include.NON_NULL)
@JsonIgnoreProperties(ignoreUnknown = true)
public final class OperationChangeRequest {
    /** <code>null</code> takes the pace away: the rest is sent at once. */
    public PaceRequest pace;
    public ScheduleRequest schedule;

    /** <code>null</code> takes the pace away: the rest is sent at once. */
    public OperationChangeRequest pace(PaceRequest pace) {
        this.pace = pace;
        return this;
    }

    public OperationChangeRequest schedule(ScheduleRequest schedule) {
        this.schedule = schedule;
        return this;
    }
}
