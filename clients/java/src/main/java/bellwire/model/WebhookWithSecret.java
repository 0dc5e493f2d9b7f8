// Made from /openapi.json by `make clients-generated`: do not edit.
package bellwire.model;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.annotation.JsonInclude;
import java.time.Instant;
import java.util.List;
import java.util.Map;

/** A webhook with its secret, which is never shown again. */
@JsonInclude(JsonInclude.Include.NON_NULL)
@JsonIgnoreProperties(ignoreUnknown = true)
public final class WebhookWithSecret {
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
    /** <code>whsec_</code> and the key of its signatures in base64. */
    public String secret;

    public WebhookWithSecret appName(String appName) {
        this.appName = appName;
        return this;
    }

    public WebhookWithSecret createdAt(Instant createdAt) {
        this.createdAt = createdAt;
        return this;
    }

    public WebhookWithSecret description(String description) {
        this.description = description;
        return this;
    }

    /** Why it is disabled. */
    public WebhookWithSecret disabledReason(String disabledReason) {
        this.disabledReason = disabledReason;
        return this;
    }

    public WebhookWithSecret envelope(Envelope envelope) {
        this.envelope = envelope;
        return this;
    }

    public WebhookWithSecret events(List<EventType> events) {
        this.events = events;
        return this;
    }

    public WebhookWithSecret id(String id) {
        this.id = id;
        return this;
    }

    public WebhookWithSecret status(WebhookStatus status) {
        this.status = status;
        return this;
    }

    public WebhookWithSecret tags(Map<String, String> tags) {
        this.tags = tags;
        return this;
    }

    public WebhookWithSecret updatedAt(Instant updatedAt) {
        this.updatedAt = updatedAt;
        return this;
    }

    public WebhookWithSecret url(String url) {
        this.url = url;
        return this;
    }

    /** <code>whsec_</code> and the key of its signatures in base64. */
    public WebhookWithSecret secret(String secret) {
        this.secret = secret;
        return this;
    }
}
