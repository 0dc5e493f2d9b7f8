// Made from /openapi.json by `make clients-generated`: do not edit.
package bellwire.model;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.annotation.JsonInclude;
import java.util.List;

@JsonInclude(JsonInclude.Include.NON_NULL)
@JsonIgnoreProperties(ignoreUnknown = true)
public final class WebhookList {
    public Pagination pagination;
    public List<Webhook> webhooks;

    public WebhookList pagination(Pagination pagination) {
        this.pagination = pagination;
        return this;
    }

    public WebhookList webhooks(List<Webhook> webhooks) {
        this.webhooks = webhooks;
        return this;
    }
}
