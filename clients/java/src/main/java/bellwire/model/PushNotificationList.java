// Made from /openapi.json by `make clients-generated`: do not edit.
package bellwire.model;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.annotation.JsonInclude;
import java.util.List;

@JsonInclude(JsonInclude.Include.NON_NULL)
@JsonIgnoreProperties(ignoreUnknown = true)
public final class PushNotificationList {
    public Pagination pagination;
    public List<PushNotification> pushNotifications;

    public PushNotificationList pagination(Pagination pagination) {
        this.pagination = pagination;
        return this;
    }

    public PushNotificationList pushNotifications(List<PushNotification> pushNotifications) {
        this.pushNotifications = pushNotifications;
        return this;
    }
}
