// Made from /openapi.json by `make clients-generated`: do not edit.
package bellwire.model;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.annotation.JsonInclude;
import java.time.Instant;
import java.util.List;

@JsonInclude(JsonInclude.Include.NON_NULL)
@JsonIgnoreProperties(ignoreUnknown = true)
public final class WebhookDelivery {
    /** The last 20, first to last. */
    public List<WebhookAttempt> attempts;
    public Instant createdAt;
    public DeliveryEvent event;
    /** The header <code>webhook-id</code> of its requests. */
    public String id;
    /** When it is tried again at the earliest. */
    public Instant nextAttemptAt;
    public DeliveryStatus status;
    public Instant updatedAt;
    /** Where it is sent: the webhook's URL, or the <code>callbackUrl</code> of its Operation. */
    public String url;
    public String webhookId;

    /** The last 20, first to last. */
    public WebhookDelivery attempts(List<WebhookAttempt> attempts) {
        this.attempts = attempts;
        return this;
    }

    public WebhookDelivery createdAt(Instant createdAt) {
        this.createdAt = createdAt;
        return this;
    }

    public WebhookDelivery event(DeliveryEvent event) {
        this.event = event;
        return this;
    }

    /** The header <code>webhook-id</code> of its requests. */
    public WebhookDelivery id(String id) {
        this.id = id;
        return this;
    }

    /** When it is tried again at the earliest. */
    public WebhookDelivery nextAttemptAt(Instant nextAttemptAt) {
        this.nextAttemptAt = nextAttemptAt;
        return this;
    }

    public WebhookDelivery status(DeliveryStatus status) {
        this.status = status;
        return this;
    }

    public WebhookDelivery updatedAt(Instant updatedAt) {
        this.updatedAt = updatedAt;
        return this;
    }

    /** Where it is sent: the webhook's URL, or the <code>callbackUrl</code> of its Operation. */
    public WebhookDelivery url(String url) {
        this.url = url;
        return this;
    }

    public WebhookDelivery webhookId(String webhookId) {
        this.webhookId = webhookId;
        return this;
    }
}
