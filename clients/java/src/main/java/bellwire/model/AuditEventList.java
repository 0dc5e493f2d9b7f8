// Made from /openapi.json by `make clients-generated`: do not edit.
package bellwire.model;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.annotation.JsonInclude;
import java.util.List;

@JsonInclude(JsonInclude.Include.NON_NULL)
@JsonIgnoreProperties(ignoreUnknown = true)
public final class AuditEventList {
    public List<AuditEvent> auditEvents;
    public Pagination pagination;

    public AuditEventList auditEvents(List<AuditEvent> auditEvents) {
        this.auditEvents = auditEvents;
        return this;
    }

    public AuditEventList pagination(Pagination pagination) {
        this.pagination = pagination;
        return this;
    }
}
