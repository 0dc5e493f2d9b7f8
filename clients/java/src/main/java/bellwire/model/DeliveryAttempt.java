// Made from /openapi.json by `make clients-generated`: do not edit.
package bellwire.model;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.annotation.JsonInclude;
import java.time.Instant;

@JsonInclude(JsonInclude.Include.NON_NULL)
@JsonIgnoreProperties(ignoreUnknown = true)
public final class DeliveryAttempt {
    public Instant createdAt;
    public String credentialId;
    public Long durationMs;
    public AttemptError error;
    public Long httpStatus;
    /** 1 for the first attempt. */
    public Long number;
    public String operationId;
    /** How Bellwire classified the provider's answer: <code>ACCEPTED</code>, <code>TOKEN_DEAD</code> and others. */
    public String outcome;
    public Provider provider;
    public String providerMessageId;
    public String pushNotificationId;
    public AttemptStatus status;
    /** Masked: only its ends are shown. */
    public String token;
    public Instant updatedAt;

    public DeliveryAttempt createdAt(Instant createdAt) {
        this.createdAt = createdAt;
        return this;
    }

    public DeliveryAttempt credentialId(String credentialId) {
        this.credentialId = credentialId;
        return this;
    }

    public DeliveryAttempt durationMs(Long durationMs) {
        this.durationMs = durationMs;
        return this;
    }

    public DeliveryAttempt error(AttemptError error) {
        this.error = error;
        return this;
    }

    public DeliveryAttempt httpStatus(Long httpStatus) {
        this.httpStatus = httpStatus;
        return this;
    }

    /** 1 for the first attempt. */
    public DeliveryAttempt number(Long number) {
        this.number = number;
        return this;
    }

    public DeliveryAttempt operationId(String operationId) {
        this.operationId = operationId;
        return this;
    }

    /** How Bellwire classified the provider's answer: <code>ACCEPTED</code>, <code>TOKEN_DEAD</code> and others. */
    public DeliveryAttempt outcome(String outcome) {
        this.outcome = outcome;
        return this;
    }

    public DeliveryAttempt provider(Provider provider) {
        this.provider = provider;
        return this;
    }

    public DeliveryAttempt providerMessageId(String providerMessageId) {
        this.providerMessageId = providerMessageId;
        return this;
    }

    public DeliveryAttempt pushNotificationId(String pushNotificationId) {
        this.pushNotificationId = pushNotificationId;
        return this;
    }

    public DeliveryAttempt status(AttemptStatus status) {
        this.status = status;
        return this;
    }

    /** Masked: only its ends are shown. */
    public DeliveryAttempt token(String token) {
        this.token = token;
        return this;
    }

    public DeliveryAttempt updatedAt(Instant updatedAt) {
        this.updatedAt = updatedAt;
        return this;
    }
}
