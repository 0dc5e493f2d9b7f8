// Made from /openapi.json by `make clients-generated`: do not edit.
package bellwire.model;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.annotation.JsonInclude;

/**
 * How many of the Operation's notifications are in each state. At every moment, <code>total = scheduled + queued +
 * sent + failed + canceled + unaddressable</code>.
 */
@JsonInclude(JsonInclude.Include.NON_NULL)
@JsonIgnoreProperties(ignoreUnknown = true)
public final class Stats {
    public Long canceled;
    /** Of all, how many have arrived on a device, as its app reports (extension). */
    public Long delivered;
    public Long failed;
    /** Of all, how many were opened, as the app reports (extension). */
    public Long opened;
    public Long queued;
    public Long recipients;
    public Long scheduled;
    public Long sent;
    public Long total;
    public Long unaddressable;

    public Stats canceled(Long canceled) {
        this.canceled = canceled;
        return this;
    }

    /** Of all, how many have arrived on a device, as its app reports (extension). */
    public Stats delivered(Long delivered) {
        this.delivered = delivered;
        return this;
    }

    public Stats failed(Long failed) {
        this.failed = failed;
        return this;
    }

    /** Of all, how many were opened, as the app reports (extension). */
    public Stats opened(Long opened) {
        this.opened = opened;
        return this;
    }

    public Stats queued(Long queued) {
        this.queued = queued;
        return this;
    }

    public Stats recipients(Long recipients) {
        this.recipients = recipients;
        return this;
    }

    public Stats scheduled(Long scheduled) {
        this.scheduled = scheduled;
        return this;
    }

    public Stats sent(Long sent) {
        this.sent = sent;
        return this;
    }

    public Stats total(Long total) {
        this.total = total;
        return this;
    }

    public Stats unaddressable(Long unaddressable) {
        this.unaddressable = unaddressable;
        return this;
    }
}
