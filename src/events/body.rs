//! The bodies of messages: an event in the envelope that the webhook asks for.

use serde::Serialize;
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::model::id::{OperationId, PushNotificationId, UserId, WebhookDeliveryId};
use crate::model::provider::Provider;
use crate::model::status::PushNotificationStatus;
use crate::model::webhook::Envelope;
use crate::store::operation_read::OperationStats;

/// The source of every `CloudEvent`: the API's path, a reference that is relative to the service.
const SOURCE: &str = "/v1/PushNotifications";

/// What a body is made of.
pub(super) struct Message<'a> {
    pub id: WebhookDeliveryId,
    /// The name of the event.
    pub event: &'a str,
    /// When the event was turned into a message.
    pub occurred_at: OffsetDateTime,
    pub envelope: Envelope,
    pub data: Value,
}

/// A body, and its `Content-Type`.
pub(super) struct Body {
    pub content_type: &'static str,
    pub bytes: Vec<u8>,
}

impl Message<'_> {
    pub(super) fn body(self) -> Body {
        let timestamp = date(self.occurred_at);

        match self.envelope {
            Envelope::Standard => {
                let body = json!({"type": self.event, "timestamp": timestamp, "data": self.data});
                Body {
                    content_type: "application/json",
                    bytes: body.to_string().into_bytes(),
                }
            }
            Envelope::CloudEvents => {
                let body = json!({
                    "specversion": "1.0",
                    "id": self.id,
                    "source": SOURCE,
                    "type": cloud_event_type(self.event),
                    "time": timestamp,
                    "datacontenttype": "application/json",
                    "data": with_twilios_names(self.event, self.data),
                });
                Body {
                    content_type: "application/cloudevents+json",
                    bytes: body.to_string().into_bytes(),
                }
            }
        }
    }
}

fn date(at: OffsetDateTime) -> String {
    let whole_second = at.replace_nanosecond(0).unwrap_or(at);

    whole_second.format(&Rfc3339).unwrap_or_default()
}

/// Whether Twilio's Comms API has this event.
fn is_twilios(event: &str) -> bool {
    ["operation.processing", "operation.completed"].contains(&event)
}

fn cloud_event_type(event: &str) -> String {
    if is_twilios(event) {
        format!("com.twilio.comms-api.{event}")
    } else {
        format!("bellwire.{event}")
    }
}

/// Twilio's events name the Operation `operation_id`.
fn with_twilios_names(event: &str, mut data: Value) -> Value {
    if is_twilios(event)
        && let Some(id) = data.get("operationId").cloned()
    {
        data["operation_id"] = id;
    }

    data
}

/// The notifications of one batch.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PartData {
    pub operation_id: OperationId,
    pub sequence: i64,
    pub is_final: bool,
    pub notifications: Vec<NotificationData>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct NotificationData {
    pub id: PushNotificationId,
    /// Index in the request.
    pub position: i32,
    pub to: RecipientData,
    pub status: PushNotificationStatus,
    /// The provider's code, or one of Bellwire's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    pub attempts: i16,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub updated_at: Option<DateData>,
    /// As its app reports.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delivered_at: Option<DateData>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub opened_at: Option<DateData>,
}

#[derive(Serialize)]
#[serde(untagged)]
pub(super) enum RecipientData {
    Device {
        /// Masked.
        token: String,
        provider: Provider,
    },
    #[serde(rename_all = "camelCase")]
    User {
        #[serde(skip_serializing_if = "Option::is_none")]
        user_id: Option<UserId>,
        #[serde(skip_serializing_if = "Option::is_none")]
        external_id: Option<String>,
    },
}

/// A timestamp in the form of the API.
pub(super) struct DateData(pub OffsetDateTime);

impl Serialize for DateData {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&date(self.0))
    }
}

/// An Operation with its stats, as `GET /PushNotifications/Operations/{id}` shows them.
pub(super) fn operation_data(operation: &OperationStats) -> Value {
    let scheduled = operation.scheduled();
    // The tallies count what is scheduled as queued.
    let queued = operation.queued - scheduled;

    json!({
        "operationId": operation.id,
        "status": operation.status(),
        "stats": {
            "total": operation.recipients,
            "recipients": operation.recipients,
            "unaddressable": operation.unaddressable,
            "scheduled": scheduled,
            "queued": queued,
            "sent": operation.sent,
            "failed": operation.failed,
            "canceled": operation.canceled,
            "delivered": operation.delivered,
            "opened": operation.opened,
        },
        "createdAt": date(operation.created_at),
        "updatedAt": date(operation.updated_at),
    })
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    fn body(envelope: Envelope, event: &str) -> (Value, &'static str) {
        let id: WebhookDeliveryId = uuid::Uuid::nil().into();
        let message = Message {
            id,
            event,
            occurred_at: datetime!(2026-11-26 05:00:00.75 UTC),
            envelope,
            data: json!({"operationId": "comms_operation_x"}),
        };
        let Body {
            content_type,
            bytes,
        } = message.body();
        (serde_json::from_slice(&bytes).unwrap(), content_type)
    }

    #[test]
    fn the_standard_envelope_has_type_timestamp_and_data() {
        let (body, content_type) = body(Envelope::Standard, "operation.completed");

        assert_eq!(content_type, "application/json");
        assert_eq!(
            body,
            json!({"type": "operation.completed", "timestamp": "2026-11-26T05:00:00Z",
                "data": {"operationId": "comms_operation_x"}})
        );
    }

    #[test]
    fn cloud_events_have_twilios_types_and_names_where_it_has_them() {
        let (completed, content_type) = body(Envelope::CloudEvents, "operation.completed");
        assert_eq!(content_type, "application/cloudevents+json");
        assert_eq!(
            completed,
            json!({"specversion": "1.0", "id": "bellwire_webhook_delivery_00000000000000000000000000",
                "source": "/v1/PushNotifications", "type": "com.twilio.comms-api.operation.completed",
                "time": "2026-11-26T05:00:00Z", "datacontenttype": "application/json",
                "data": {"operationId": "comms_operation_x", "operation_id": "comms_operation_x"}})
        );

        let (canceled, _) = body(Envelope::CloudEvents, "operation.canceled");
        assert_eq!(canceled["type"], "bellwire.operation.canceled");
        assert!(canceled["data"].get("operation_id").is_none());
    }
}
