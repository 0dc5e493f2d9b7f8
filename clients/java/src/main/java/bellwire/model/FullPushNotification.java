// Made from /openapi.json by `make clients-generated`: do not edit.
package bellwire.model;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.annotation.JsonInclude;
import java.time.Instant;
import java.util.Map;

/** A notification with its content, as the recipient gets it. */
@JsonInclude(JsonInclude.Include.NON_NULL)
@JsonIgnoreProperties(ignoreUnknown = true)
public final class FullPushNotification {
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
    public Instant deliveredAt;
    public Instant dismissedAt;
    public Instant openedAt;
    public Map<String, Object> content;
    /**
     * The tag of the localization that <code>content</code> is in (extension). Absent: the content is that for
     * all.
     */
    public String language;
    public Object sound;

    public FullPushNotification createdAt(Instant createdAt) {
        this.createdAt = createdAt;
        return this;
    }

    /** Only of a FAILED one (extension). */
    public FullPushNotification error(NotificationError error) {
        this.error = error;
        return this;
    }

    public FullPushNotification from(Sender from) {
        this.from = from;
        return this;
    }

    public FullPushNotification id(String id) {
        this.id = id;
        return this;
    }

    public FullPushNotification operationId(String operationId) {
        this.operationId = operationId;
        return this;
    }

    public FullPushNotification priority(Priority priority) {
        this.priority = priority;
        return this;
    }

    /** Present if it was scheduled (extension). */
    public FullPushNotification schedule(Schedule schedule) {
        this.schedule = schedule;
        return this;
    }

    public FullPushNotification status(PushNotificationStatus status) {
        this.status = status;
        return this;
    }

    /** Of its Operation, as the next three (extension). */
    public FullPushNotification tags(Map<String, String> tags) {
        this.tags = tags;
        return this;
    }

    public FullPushNotification to(Recipient to) {
        this.to = to;
        return this;
    }

    /** In seconds (extension in lists). */
    public FullPushNotification ttl(Long ttl) {
        this.ttl = ttl;
        return this;
    }

    public FullPushNotification updatedAt(Instant updatedAt) {
        this.updatedAt = updatedAt;
        return this;
    }

    /** Only of a QUEUED one that is not about to be sent (extension). */
    public FullPushNotification waitingFor(WaitingFor waitingFor) {
        this.waitingFor = waitingFor;
        return this;
    }

    public FullPushNotification deliveredAt(Instant deliveredAt) {
        this.deliveredAt = deliveredAt;
        return this;
    }

    public FullPushNotification dismissedAt(Instant dismissedAt) {
        this.dismissedAt = dismissedAt;
        return this;
    }

    public FullPushNotification openedAt(Instant openedAt) {
        this.openedAt = openedAt;
        return this;
    }

    public FullPushNotification content(Map<String, Object> content) {
        this.content = content;
        return this;
    }

    /**
     * The tag of the localization that <code>content</code> is in (extension). Absent: the content is that for
     * all.
     */
    public FullPushNotification language(String language) {
        this.language = language;
        return this;
    }

    public FullPushNotification sound(Object sound) {
        this.sound = sound;
        return this;
    }
}
