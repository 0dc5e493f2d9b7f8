// Made from /openapi.json by `make clients-generated`: do not edit.
package bellwire.model;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.annotation.JsonInclude;
import java.util.List;

@JsonInclude(JsonInclude.Include.NON_NULL)
@JsonIgnoreProperties(ignoreUnknown = true)
public final class DeliveryAttemptList {
    public List<DeliveryAttempt> deliveryAttempts;
    public Pagination pagination;

    public DeliveryAttemptList deliveryAttempts(List<DeliveryAttempt> deliveryAttempts) {
        this.deliveryAttempts = deliveryAttempts;
        return this;
    }

    public DeliveryAttemptList pagination(Pagination pagination) {
        this.pagination = pagination;
        return this;
    }
}
