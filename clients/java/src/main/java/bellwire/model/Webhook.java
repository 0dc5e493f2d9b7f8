// Made from /openapi.json by `make clients-generated`: do not edit.
package bellwire.model;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.annotation.JsonInclude;
import java.time.Instant;
import java.util.List;
import java.util.Map;

@JsonInclude(JsonInclude.Include.NON_NULL)
@JsonIgnoreProperties(ignoreUnknown = true)
public final class Webhook {
    public String appName;
    public Instant createdAt;
    public String description;
    /** Why it is disabled. */
    public String disabledReason;
    public Envelope envelope;
    public List<EventType> events;
    public String id;
    public WebhookStatus status;
    public Map<String, String> tags;
    public Instant updatedAt;
    public String url;

    public Webhook appName(String appName) {
        this.appName = appName;
        return this;
    }

    public Webhook createdAt(Instant createdAt) {
        this.createdAt = createdAt;
        return this;
    }

    public Webhook description(String description) {
        this.description = description;
        return this;
    }

    /** Why it is disabled. */
    public Webhook disabledReason(String disabledReason) {
        this.disabledReason = disabledReason;
        return this;
    }

    public Webhook envelope(Envelope envelope) {
        this.envelope = envelope;
        return this;
    }

    public Webhook events(List<EventType> events) {
        this.events = events;
        return this;
    }

    public Webhook id(String id) {
        this.id = id;
        return this;
    }

    public Webhook status(WebhookStatus status) {
        this.status = status;
        return this;
    }

    public Webhook tags(Map<String, String> tags) {
        this.tags = tags;
        return this;
    }

    public Webhook updatedAt(Instant updatedAt) {
        this.updatedAt = updatedAt;
        return this;
    }

    public Webhook url(String url) {
        this.url = url;
        return this;
    }
}
