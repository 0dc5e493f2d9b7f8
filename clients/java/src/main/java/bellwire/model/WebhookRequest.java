// Made from /openapi.json by `make clients-generated`: do not edit.
package bellwire.model;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.annotation.JsonInclude;
import java.util.List;
import java.util.Map;

/** A webhook: where to send events, and which. */
@JsonInclude(JsonInclude.Include.NON_NULL)
@JsonIgnoreProperties(ignoreUnknown = true)
public final class WebhookRequest {
    /** Only events of this App. If absent, of every App. */
    public String appName;
    public String description;
    /** <code>standard</code> if absent. */
    public Envelope envelope;
    public List<EventType> events;
    /** Only Operations with all of these tags, and their notifications. If absent, all. */
    public Map<String, String> tags;
    /**
     * An https URL with a public address. <code>http</code> and private addresses are for installations with
     * <code>webhooks.allow_private</code>.
     */
    public String url;

    /** Only events of this App. If absent, of every App. */
    public WebhookRequest appName(String appName) {
        this.appName = appName;
        return this;
    }

    public WebhookRequest description(String description) {
        this.description = description;
        return this;
    }

    /** <code>standard</code> if absent. */
    public WebhookRequest envelope(Envelope envelope) {
        this.envelope = envelope;
        return this;
    }

    public WebhookRequest events(List<EventType> events) {
        this.events = events;
        return this;
    }

    /** Only Operations with all of these tags, and their notifications. If absent, all. */
    public WebhookRequest tags(Map<String, String> tags) {
        this.tags = tags;
        return this;
    }

    /**
     * An https URL with a public address. <code>http</code> and private addresses are for installations with
     * <code>webhooks.allow_private</code>.
     */
    public WebhookRequest url(String url) {
        this.url = url;
        return this;
    }
}
