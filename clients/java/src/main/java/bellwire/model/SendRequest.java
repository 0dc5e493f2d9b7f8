// Made from /openapi.json by `make clients-generated`: do not edit.
package bellwire.model;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.annotation.JsonInclude;
import java.util.List;
import java.util.Map;

/** A message and its recipients. */
@JsonInclude(JsonInclude.Include.NON_NULL)
@JsonIgnoreProperties(ignoreUnknown = true)
public final class SendRequest {
    /**
     * Merged into the <code>headers</code> and the <code>payload</code> for APNs (extension). <code>null</code>
     * removes a field; strings may be Liquid templates.
     */
    public Map<String, Object> apn;
    /** The number on the app's icon, or a Liquid template for it; 0 removes it (extension). */
    public Object badge;
    /**
     * Where the Operation's events go, in place of the URL of the account's webhook with the same scheme, host and
     * port (extension).
     */
    public String callbackUrl;
    /**
     * <code>IGNORE</code> exempts the send from the account's cap, and does not count towards it (extension). Use
     * it for one-time codes, for example.
     */
    public CapRequest cap;
    /**
     * A message replaces an earlier one with the same key on the device (extension). Printable ASCII without a
     * space at either end; may be a Liquid template.
     */
    public String collapseKey;
    public ContentRequest content;
    /**
     * How long Bellwire tries to deliver, in seconds, from <code>sendAt</code> or, without it, from acceptance; no
     * longer than <code>ttl</code> (extension). If absent, the operator's configuration applies.
     */
    public Long deadline;
    /**
     * Merged into FCM's <code>message</code> object (extension). <code>null</code> removes a field; strings may be
     * Liquid templates.
     */
    public Map<String, Object> fcm;
    /** If absent, the default Credentials of the default App. */
    public SenderRequest from;
    public GuardRequest guard;
    /** The same as <code>ignoreWindow</code> of <code>schedule</code> (extension). */
    public Boolean ignoreWindow;
    public PaceRequest pace;
    /** <code>HIGH</code> if absent. */
    public Priority priority;
    /**
     * Whether each message carries a token, <code>bw_receipt</code> in its data, with which the app reports
     * delivery and opening to <code>POST /v1/Receipts</code> (extension).
     */
    public Boolean receipts;
    public ScheduleRequest schedule;
    /**
     * The name of a sound in the app, or <code>default</code>; or a name for each provider (extension). May be a
     * Liquid template.
     */
    public Object sound;
    /** Key-value pairs by which lists of notifications can be filtered. */
    public Map<String, String> tags;
    /**
     * If <code>false</code>, no string is a Liquid template, even if it contains <code>{{</code> (extension).
     * <code>true</code> if absent.
     */
    public Boolean templating;
    /** Devices and Users, or one audience alone. */
    public List<RecipientRequest> to;
    /** How long the provider keeps the message for an unreachable device, in seconds (extension). */
    public Long ttl;
    /** Checks the request, and asks FCM about FCM devices, but sends and stores nothing (extension). */
    public Boolean validateOnly;

    /**
     * Merged into the <code>headers</code> and the <code>payload</code> for APNs (extension). <code>null</code>
     * removes a field; strings may be Liquid templates.
     */
    public SendRequest apn(Map<String, Object> apn) {
        this.apn = apn;
        return this;
    }

    /** The number on the app's icon, or a Liquid template for it; 0 removes it (extension). */
    public SendRequest badge(Object badge) {
        this.badge = badge;
        return this;
    }

    /**
     * Where the Operation's events go, in place of the URL of the account's webhook with the same scheme, host and
     * port (extension).
     */
    public SendRequest callbackUrl(String callbackUrl) {
        this.callbackUrl = callbackUrl;
        return this;
    }

    /**
     * <code>IGNORE</code> exempts the send from the account's cap, and does not count towards it (extension). Use
     * it for one-time codes, for example.
     */
    public SendRequest cap(CapRequest cap) {
        this.cap = cap;
        return this;
    }

    /**
     * A message replaces an earlier one with the same key on the device (extension). Printable ASCII without a
     * space at either end; may be a Liquid template.
     */
    public SendRequest collapseKey(String collapseKey) {
        this.collapseKey = collapseKey;
        return this;
    }

    public SendRequest content(ContentRequest content) {
        this.content = content;
        return this;
    }

    /**
     * How long Bellwire tries to deliver, in seconds, from <code>sendAt</code> or, without it, from acceptance; no
     * longer than <code>ttl</code> (extension). If absent, the operator's configuration applies.
     */
    public SendRequest deadline(Long deadline) {
        this.deadline = deadline;
        return this;
    }

    /**
     * Merged into FCM's <code>message</code> object (extension). <code>null</code> removes a field; strings may be
     * Liquid templates.
     */
    public SendRequest fcm(Map<String, Object> fcm) {
        this.fcm = fcm;
        return this;
    }

    /** If absent, the default Credentials of the default App. */
    public SendRequest from(SenderRequest from) {
        this.from = from;
        return this;
    }

    public SendRequest guard(GuardRequest guard) {
        this.guard = guard;
        return this;
    }

    /** The same as <code>ignoreWindow</code> of <code>schedule</code> (extension). */
    public SendRequest ignoreWindow(Boolean ignoreWindow) {
        this.ignoreWindow = ignoreWindow;
        return this;
    }

    public SendRequest pace(PaceRequest pace) {
        this.pace = pace;
        return this;
    }

    /** <code>HIGH</code> if absent. */
    public SendRequest priority(Priority priority) {
        this.priority = priority;
        return this;
    }

    /**
     * Whether each message carries a token, <code>bw_receipt</code> in its data, with which the app reports
     * delivery and opening to <code>POST /v1/Receipts</code> (extension).
     */
    public SendRequest receipts(Boolean receipts) {
        this.receipts = receipts;
        return this;
    }

    public SendRequest schedule(ScheduleRequest schedule) {
        this.schedule = schedule;
        return this;
    }

    /**
     * The name of a sound in the app, or <code>default</code>; or a name for each provider (extension). May be a
     * Liquid template.
     */
    public SendRequest sound(Object sound) {
        this.sound = sound;
        return this;
    }

    /** Key-value pairs by which lists of notifications can be filtered. */
    public SendRequest tags(Map<String, String> tags) {
        this.tags = tags;
        return this;
    }

    /**
     * If <code>false</code>, no string is a Liquid template, even if it contains <code>{{</code> (extension).
     * <code>true</code> if absent.
     */
    public SendRequest templating(Boolean templating) {
        this.templating = templating;
        return this;
    }

    /** Devices and Users, or one audience alone. */
    public SendRequest to(List<RecipientRequest> to) {
        this.to = to;
        return this;
    }

    /** How long the provider keeps the message for an unreachable device, in seconds (extension). */
    public SendRequest ttl(Long ttl) {
        this.ttl = ttl;
        return this;
    }

    /** Checks the request, and asks FCM about FCM devices, but sends and stores nothing (extension). */
    public SendRequest validateOnly(Boolean validateOnly) {
        this.validateOnly = validateOnly;
        return this;
    }
}
