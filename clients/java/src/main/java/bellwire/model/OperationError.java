// Made from /openapi.json by `make clients-generated`: do not edit.
package bellwire.model;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.annotation.JsonInclude;
import java.time.Instant;

@JsonInclude(JsonInclude.Include.NON_NULL)
@JsonIgnoreProperties(ignoreUnknown = true)
public final class OperationError {
    public Long attempts;
    /** The provider's code, or Bellwire's if the notification failed without an attempt. */
    public String code;
    public Instant createdAt;
    public String message;
    /** The recipient's index in <code>to</code> of the request, from 0. */
    public Long position;
    /**
     * <code>null</code>, as <code>position</code> and <code>to</code> are: the error is that of the Operation,
     * which does not reach all of its audience.
     */
    public String pushNotificationId;
    public Recipient to;

    public OperationError attempts(Long attempts) {
        this.attempts = attempts;
        return this;
    }

    /** The provider's code, or Bellwire's if the notification failed without an attempt. */
    public OperationError code(String code) {
        this.code = code;
        return this;
    }

    public OperationError createdAt(Instant createdAt) {
        this.createdAt = createdAt;
        return this;
    }

    public OperationError message(String message) {
        this.message = message;
        return this;
    }

    /** The recipient's index in <code>to</code> of the request, from 0. */
    public OperationError position(Long position) {
        this.position = position;
        return this;
    }

    /**
     * <code>null</code>, as <code>position</code> and <code>to</code> are: the error is that of the Operation,
     * which does not reach all of its audience.
     */
    public OperationError pushNotificationId(String pushNotificationId) {
        this.pushNotificationId = pushNotificationId;
        return this;
    }

    public OperationError to(Recipient to) {
        this.to = to;
        return this;
    }
}
