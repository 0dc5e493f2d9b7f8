// Made from /openapi.json by `make clients-generated`: do not edit.
package bellwire.model;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.annotation.JsonInclude;
import java.time.Instant;
import java.util.Map;

/** A notification without its content, as lists hold it. */
@JsonInclude(JsonInclude.Include.NON_NULL)
@JsonIgnoreProperties(ignoreUnknown = true)
public final class PushNotification {
    public Instant createdAt;
    /** Only of a FAILED one (extension). */
    public NotificationError error;
    public Sender from;
    public String id;
    public String operationId;
    public Priority priority;
    /** Present if it was scheduled (extension). */
    public Schedule schedule;
    public PushNotificationStatus status;
    /** Of its Operation, as the next three (extension). */
    public Map<String, String> tags;
    public Recipient to;
    /** In seconds (extension in lists). */
    public Long ttl;
    public Instant updatedAt;
    /** Only of a QUEUED one that is not about to be sent (extension). */
    public WaitingFor waitingFor;

    public PushNotification createdAt(Instant createdAt) {
        this.createdAt = createdAt;
        return this;
    }

    /** Only of a FAILED one (extension). */
    public PushNotification error(NotificationError error) {
        this.error = error;
        return this;
    }

    public PushNotification from(Sender from) {
        this.from = from;
        return this;
    }

    public PushNotification id(String id) {
        this.id = id;
        return this;
    }

    public PushNotification operationId(String operationId) {
        this.operationId = operationId;
        return this;
    }

    public PushNotification priority(Priority priority) {
        this.priority = priority;
        return this;
    }

    /** Present if it was scheduled (extension). */
    public PushNotification schedule(Schedule schedule) {
        this.schedule = schedule;
        return this;
    }

    public PushNotification status(PushNotificationStatus status) {
        this.status = status;
        return this;
    }

    /** Of its Operation, as the next three (extension). */
    public PushNotification tags(Map<String, String> tags) {
        this.tags = tags;
        return this;
    }

    public PushNotification to(Recipient to) {
        this.to = to;
        return this;
    }

    /** In seconds (extension in lists). */
    public PushNotification ttl(Long ttl) {
        this.ttl = ttl;
        return this;
    }

    public PushNotification updatedAt(Instant updatedAt) {
        this.updatedAt = updatedAt;
        return this;
    }

    /** Only of a QUEUED one that is not about to be sent (extension). */
    public PushNotification waitingFor(WaitingFor waitingFor) {
        this.waitingFor = waitingFor;
        return this;
    }
}
