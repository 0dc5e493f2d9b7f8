// Made from /openapi.json by `make clients-generated`: do not edit.
package bellwire.model;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.annotation.JsonInclude;
import java.time.Instant;

/**
 * The outcome of one recipient: a line of the stream. In CSV, <code>to</code> is the columns
 * <code>provider</code>, <code>token</code>, <code>userId</code> and <code>externalId</code>.
 */
@JsonInclude(JsonInclude.Include.NON_NULL)
@JsonIgnoreProperties(ignoreUnknown = true)
public final class OperationResult {
    public Long attempts;
    /** The last error: the provider's code, or Bellwire's. <code>null</code> if there was none. */
    public String code;
    /** When the app first reported each event; <code>null</code>: it has not. */
    public Instant deliveredAt;
    public Instant dismissedAt;
    public String id;
    public String message;
    public Instant openedAt;
    /** The recipient's index in <code>to</code> of the request, from 0. */
    public Long position;
    public PushNotificationStatus status;
    public Recipient to;
    public Instant updatedAt;

    public OperationResult attempts(Long attempts) {
        this.attempts = attempts;
        return this;
    }

    /** The last error: the provider's code, or Bellwire's. <code>null</code> if there was none. */
    public OperationResult code(String code) {
        this.code = code;
        return this;
    }

    /** When the app first reported each event; <code>null</code>: it has not. */
    public OperationResult deliveredAt(Instant deliveredAt) {
        this.deliveredAt = deliveredAt;
        return this;
    }

    public OperationResult dismissedAt(Instant dismissedAt) {
        this.dismissedAt = dismissedAt;
        return this;
    }

    public OperationResult id(String id) {
        this.id = id;
        return this;
    }

    public OperationResult message(String message) {
        this.message = message;
        return this;
    }

    public OperationResult openedAt(Instant openedAt) {
        this.openedAt = openedAt;
        return this;
    }

    /** The recipient's index in <code>to</code> of the request, from 0. */
    public OperationResult position(Long position) {
        this.position = position;
        return this;
    }

    public OperationResult status(PushNotificationStatus status) {
        this.status = status;
        return this;
    }

    public OperationResult to(Recipient to) {
        this.to = to;
        return this;
    }

    public OperationResult updatedAt(Instant updatedAt) {
        this.updatedAt = updatedAt;
        return this;
    }
}
