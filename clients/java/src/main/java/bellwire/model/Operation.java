// Made from /openapi.json by `make clients-generated`: do not edit.
package bellwire.model;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.annotation.JsonInclude;
import java.time.Instant;
import java.util.Map;

@JsonInclude(JsonInclude.Include.NON_NULL)
@JsonIgnoreProperties(ignoreUnknown = true)
public final class Operation {
    public Instant createdAt;
    /** As in the request; absent: the default App of that moment (extension). */
    public Map<String, Object> from;
    public String id;
    /** How fast it is sent, if not as fast as it goes (extension). */
    public Pace pace;
    /** Whether nothing of it is sent until it is resumed (extension). */
    public Boolean paused;
    /** <code>REQUESTED</code>, or <code>GUARD</code> if it paused by itself (extension). */
    public String pausedReason;
    /** (extension) */
    public Priority priority;
    /** The Operation whose failed notifications this one sends again (extension). */
    public String resendOf;
    /** Present if the Operation was scheduled (extension). */
    public Schedule schedule;
    public Stats stats;
    public OperationStatus status;
    /** As in the request (extension). */
    public Map<String, String> tags;
    /** In seconds (extension). */
    public Long ttl;
    public Instant updatedAt;
    /**
     * What its first unsettled notification waits for, if that is not about to be sent. A list looks at a bounded
     * number of notifications to say so (extension).
     */
    public WaitingFor waitingFor;

    public Operation createdAt(Instant createdAt) {
        this.createdAt = createdAt;
        return this;
    }

    /** As in the request; absent: the default App of that moment (extension). */
    public Operation from(Map<String, Object> from) {
        this.from = from;
        return this;
    }

    public Operation id(String id) {
        this.id = id;
        return this;
    }

    /** How fast it is sent, if not as fast as it goes (extension). */
    public Operation pace(Pace pace) {
        this.pace = pace;
        return this;
    }

    /** Whether nothing of it is sent until it is resumed (extension). */
    public Operation paused(Boolean paused) {
        this.paused = paused;
        return this;
    }

    /** <code>REQUESTED</code>, or <code>GUARD</code> if it paused by itself (extension). */
    public Operation pausedReason(String pausedReason) {
        this.pausedReason = pausedReason;
        return this;
    }

    /** (extension) */
    public Operation priority(Priority priority) {
        this.priority = priority;
        return this;
    }

    /** The Operation whose failed notifications this one sends again (extension). */
    public Operation resendOf(String resendOf) {
        this.resendOf = resendOf;
        return this;
    }

    /** Present if the Operation was scheduled (extension). */
    public Operation schedule(Schedule schedule) {
        this.schedule = schedule;
        return this;
    }

    public Operation stats(Stats stats) {
        this.stats = stats;
        return this;
    }

    public Operation status(OperationStatus status) {
        this.status = status;
        return this;
    }

    /** As in the request (extension). */
    public Operation tags(Map<String, String> tags) {
        this.tags = tags;
        return this;
    }

    /** In seconds (extension). */
    public Operation ttl(Long ttl) {
        this.ttl = ttl;
        return this;
    }

    public Operation updatedAt(Instant updatedAt) {
        this.updatedAt = updatedAt;
        return this;
    }

    /**
     * What its first unsettled notification waits for, if that is not about to be sent. A list looks at a bounded
     * number of notifications to say so (extension).
     */
    public Operation waitingFor(WaitingFor waitingFor) {
        this.waitingFor = waitingFor;
        return this;
    }
}
