// Made from /openapi.json by `make clients-generated`: do not edit.
package bellwire.model;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.annotation.JsonInclude;
import java.time.Instant;

@JsonInclude(JsonInclude.Include.NON_NULL)
@JsonIgnoreProperties(ignoreUnknown = true)
public final class WebhookAttempt {
    /** The beginning of the answer's body. */
    public String answer;
    public Instant createdAt;
    public Long durationMs;
    /** Why it failed; <code>null</code>: it did not. */
    public String error;
    /** The receiver's answer; <code>null</code>: there was none. */
    public Long httpStatus;
    /** 1 for the first attempt. */
    public Long number;

    /** The beginning of the answer's body. */
    public WebhookAttempt answer(String answer) {
        this.answer = answer;
        return this;
    }

    public WebhookAttempt createdAt(Instant createdAt) {
        this.createdAt = createdAt;
        return this;
    }

    public WebhookAttempt durationMs(Long durationMs) {
        this.durationMs = durationMs;
        return this;
    }

    /** Why it failed; <code>null</code>: it did not. */
    public WebhookAttempt error(String error) {
        this.error = error;
        return this;
    }

    /** The receiver's answer; <code>null</code>: there was none. */
    public WebhookAttempt httpStatus(Long httpStatus) {
        this.httpStatus = httpStatus;
        return this;
    }

    /** 1 for the first attempt. */
    public WebhookAttempt number(Long number) {
        this.number = number;
        return this;
    }
}
