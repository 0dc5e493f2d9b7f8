// Made from /openapi.json by `make clients-generated`: do not edit.
package bellwire.model;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.annotation.JsonInclude;
import java.util.List;
import java.util.Map;

/**
 * Changes of a webhook. <code>null</code> removes <code>appName</code>, <code>tags</code> or
 * <code>description</code>.
 */
@JsonInclude(JsonInclude.Include.NON_NULL)
@JsonIgnoreProperties(ignoreUnknown = true)
public final class WebhookChangeRequest {
    public String appName;
    public String description;
    public Envelope envelope;
    public List<EventType> events;
    public WebhookStatusRequest status;
    public Map<String, String> tags;
    public String url;

    public WebhookChangeRequest appName(String appName) {
        this.appName = appName;
        return this;
    }

    public WebhookChangeRequest description(String description) {
        this.description = description;
        return this;
    }

    public WebhookChangeRequest envelope(Envelope envelope) {
        this.envelope = envelope;
        return this;
    }

    public WebhookChangeRequest events(List<EventType> events) {
        this.events = events;
        return this;
    }

    public WebhookChangeRequest status(WebhookStatusRequest status) {
        this.status = status;
        return this;
    }

    public WebhookChangeRequest tags(Map<String, String> tags) {
        this.tags = tags;
        return this;
    }

    public WebhookChangeRequest url(String url) {
        this.url = url;
        return this;
    }
}
