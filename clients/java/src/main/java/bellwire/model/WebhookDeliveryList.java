// Made from /openapi.json by `make clients-generated`: do not edit.
package bellwire.model;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.annotation.JsonInclude;
import java.util.List;

@JsonInclude(JsonInclude.Include.NON_NULL)
@JsonIgnoreProperties(ignoreUnknown = true)
public final class WebhookDeliveryList {
    public List<WebhookDelivery> deliveries;
    public Pagination pagination;

    public WebhookDeliveryList deliveries(List<WebhookDelivery> deliveries) {
        this.deliveries = deliveries;
        return this;
    }

    public WebhookDeliveryList pagination(Pagination pagination) {
        this.pagination = pagination;
        return this;
    }
}
