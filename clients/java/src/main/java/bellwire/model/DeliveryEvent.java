// Made from /openapi.json by `make clients-generated`: do not edit.
package bellwire.model;

import com.fasterxml.jackson.annotation.JsonProperty;

/** The name of an event, or <code>webhook.test</code> */
public enum DeliveryEvent {
    @JsonProperty("operation.processing") OPERATION_PROCESSING("operation.processing"),
    @JsonProperty("operation.completed") OPERATION_COMPLETED("operation.completed"),
    @JsonProperty("operation.canceled") OPERATION_CANCELED("operation.canceled"),
    @JsonProperty("operation.paused") OPERATION_PAUSED("operation.paused"),
    @JsonProperty("notification.failed") NOTIFICATION_FAILED("notification.failed"),
    @JsonProperty("notification.canceled") NOTIFICATION_CANCELED("notification.canceled"),
    @JsonProperty("notification.sent") NOTIFICATION_SENT("notification.sent"),
    @JsonProperty("notification.delivered") NOTIFICATION_DELIVERED("notification.delivered"),
    @JsonProperty("notification.opened") NOTIFICATION_OPENED("notification.opened"),
    @JsonProperty("device.removed") DEVICE_REMOVED("device.removed"),
    @JsonProperty("credential.refused") CREDENTIAL_REFUSED("credential.refused"),
    @JsonProperty("credential.recovered") CREDENTIAL_RECOVERED("credential.recovered"),
    @JsonProperty("webhook.test") WEBHOOK_TEST("webhook.test");

    private final String value;

    DeliveryEvent(String value) {
        this.value = value;
    }

    /** As the API writes it. */
    @Override
    public String toString() {
        return value;
    }
}
