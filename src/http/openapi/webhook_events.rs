//! The `webhooks` of the description: what each event sends to a receiver.
//!
//! The bodies are made in `crate::events`, which names nothing here. A test holds what receivers get
//! against this description.

use serde_json::json;
use utoipa::openapi::content::ContentBuilder;
use utoipa::openapi::path::{
    HttpMethod, OperationBuilder, ParameterBuilder, ParameterIn, PathItem, PathsBuilder,
};
use utoipa::openapi::request_body::{RequestBody, RequestBodyBuilder};
use utoipa::openapi::schema::{KnownFormat, ObjectBuilder, Schema, SchemaFormat, SchemaType, Type};
use utoipa::openapi::{Ref, RefOr, Required, ResponseBuilder, ResponsesBuilder};
use utoipa::{Modify, ToSchema};

use crate::http::date::Date;
use crate::model::id::{
    CredentialId, DeviceRegistrationId, OperationId, PushNotificationId, UserId,
};
use crate::model::provider::{CredentialType, Provider};
use crate::model::status::{OperationStatus, PushNotificationStatus};
use crate::model::webhook::EventType;

/// Adds the webhooks and the schemas of their messages.
pub(super) struct Webhooks;

/// An Operation, as it is when the request is made.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[allow(dead_code, reason = "read by the derive alone")]
struct OperationEvent {
    operation_id: OperationId,
    status: OperationStatus,
    stats: OperationEventStats,
    created_at: Date,
    updated_at: Date,
    /// Only of `operation.paused`: `REQUESTED`, or `GUARD` if it paused by itself.
    paused_reason: Option<String>,
}

/// How many of the Operation's notifications are in each state.
#[derive(ToSchema)]
#[allow(dead_code, reason = "read by the derive alone")]
struct OperationEventStats {
    total: i64,
    recipients: i64,
    unaddressable: i64,
    scheduled: i64,
    queued: i64,
    sent: i64,
    failed: i64,
    canceled: i64,
    delivered: i64,
    opened: i64,
}

/// Notifications of one Operation.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[allow(dead_code, reason = "read by the derive alone")]
struct NotificationEventPart {
    operation_id: OperationId,
    /// The number of the part. For receipts, it grows from part to part.
    sequence: i64,
    /// Whether it is the last part of the Operation for this event. It may be missing.
    is_final: bool,
    notifications: Vec<NotificationEvent>,
}

/// A notification, and what became of it.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[allow(dead_code, reason = "read by the derive alone")]
struct NotificationEvent {
    id: PushNotificationId,
    /// Index of the recipient in the request.
    position: i32,
    to: NotificationEventRecipient,
    status: PushNotificationStatus,
    /// The provider's own code, or one of Bellwire's; only of one that failed.
    code: Option<String>,
    message: Option<String>,
    attempts: i16,
    updated_at: Option<Date>,
    /// As its app reports.
    delivered_at: Option<Date>,
    opened_at: Option<Date>,
}

/// A device or a User.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[allow(dead_code, reason = "read by the derive alone")]
struct NotificationEventRecipient {
    /// Masked: only its ends are shown.
    token: Option<String>,
    provider: Option<Provider>,
    user_id: Option<UserId>,
}

/// A device that was removed, because its provider reported its token as dead.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[allow(dead_code, reason = "read by the derive alone")]
struct RemovedDeviceEvent {
    device_registration_id: DeviceRegistrationId,
    user_id: UserId,
    app_name: String,
    provider: Provider,
    /// Masked: only its ends are shown.
    token: String,
    removed_at: Date,
}

/// A Credential whose provider began or ceased to refuse it.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[allow(dead_code, reason = "read by the derive alone")]
struct CredentialEvent {
    credential_id: CredentialId,
    app_name: String,
    credential_type: CredentialType,
    /// What the provider gave as its reason.
    reason: Option<String>,
}

impl Modify for Webhooks {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let components = document.components.get_or_insert_default();
        for (name, schema) in schemas() {
            // Answers of the API use some of these types as well, and have added their schemas
            // already.
            components.schemas.entry(name).or_insert(schema);
        }

        let mut webhooks = PathsBuilder::new();
        for event in EventType::ALL {
            webhooks = webhooks.path(event.as_str(), item(event));
        }
        document.webhooks = Some(webhooks.build());
    }
}

/// The schemas of the messages of events, with those that they refer to.
fn schemas() -> Vec<(String, RefOr<Schema>)> {
    fn add<T: ToSchema>(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        schemas.push((T::name().into_owned(), T::schema()));
        T::schemas(schemas);
    }

    let mut schemas = Vec::new();
    add::<OperationEvent>(&mut schemas);
    add::<NotificationEventPart>(&mut schemas);
    add::<RemovedDeviceEvent>(&mut schemas);
    add::<CredentialEvent>(&mut schemas);
    schemas
}

fn item(event: EventType) -> PathItem {
    let header = |name: &str, description: &str| {
        ParameterBuilder::new()
            .name(name)
            .parameter_in(ParameterIn::Header)
            .required(Required::True)
            .description(Some(description))
            .schema(Some(ObjectBuilder::new().schema_type(Type::String)))
            .build()
    };

    let operation = OperationBuilder::new()
        .operation_id(Some(operation_id(event)))
        .tag("Webhooks")
        .summary(Some(summary(event)))
        .parameter(header(
            "webhook-id",
            "The same for each attempt to deliver the message",
        ))
        .parameter(header(
            "webhook-timestamp",
            "When it was sent, in seconds since 1970",
        ))
        .parameter(header(
            "webhook-signature",
            "As in Standard Webhooks: `v1,` and the base64 of the HMAC-SHA-256 of \
             id.timestamp.body",
        ))
        .request_body(Some(body(event)))
        // Empty, because the document's security holds otherwise, and no receiver asks for an API
        // key.
        .security(utoipa::openapi::SecurityRequirement::default())
        .responses(
            ResponsesBuilder::new()
                .response(
                    "2XX",
                    ResponseBuilder::new().description("The receiver has accepted the message"),
                )
                .response(
                    "410",
                    ResponseBuilder::new().description("The webhook is disabled"),
                )
                .build(),
        )
        .build();
    PathItem::new(HttpMethod::Post, operation)
}

/// `operation.completed`: `operationCompletedEvent`.
fn operation_id(event: EventType) -> String {
    let mut id = String::new();

    for (index, word) in event.as_str().split('.').enumerate() {
        if index == 0 {
            id.push_str(word);
        } else {
            let mut letters = word.chars();
            id.extend(letters.next().map(|first| first.to_ascii_uppercase()));
            id.push_str(letters.as_str());
        }
    }
    id.push_str("Event");

    id
}

fn summary(event: EventType) -> &'static str {
    match event {
        EventType::OperationProcessing => "An Operation's time has come",
        EventType::OperationCompleted => "Every notification of an Operation is settled",
        EventType::OperationCanceled => "An Operation was canceled",
        EventType::OperationPaused => "An Operation was paused, by a client or by its guard",
        EventType::NotificationFailed => "Notifications failed",
        EventType::NotificationCanceled => "Notifications were canceled",
        EventType::NotificationSent => "Providers accepted notifications",
        EventType::NotificationDelivered => {
            "Notifications have arrived on a device, as its app reports"
        }
        EventType::NotificationOpened => "Notifications were opened, as their apps report",
        EventType::DeviceRemoved => "Devices with a dead token were removed",
        EventType::CredentialRefused => "A provider refuses a Credential",
        EventType::CredentialRecovered => "A provider accepts a Credential again",
    }
}

fn body(event: EventType) -> RequestBody {
    // The webhook's `envelope` decides which of the two its receiver gets.
    RequestBodyBuilder::new()
        .required(Some(Required::True))
        .content(
            "application/json",
            ContentBuilder::new().schema(Some(standard(event))).build(),
        )
        .content(
            "application/cloudevents+json",
            ContentBuilder::new()
                .schema(Some(cloud_event(event)))
                .build(),
        )
        .build()
}

fn standard(event: EventType) -> Schema {
    ObjectBuilder::new()
        .property("type", constant(event.as_str()))
        .required("type")
        .property("timestamp", timestamp())
        .required("timestamp")
        .property("data", data(event))
        .required("data")
        .into()
}

fn cloud_event(event: EventType) -> Schema {
    let string = || ObjectBuilder::new().schema_type(Type::String);

    ObjectBuilder::new()
        .property("specversion", constant("1.0"))
        .required("specversion")
        .property("id", string())
        .required("id")
        .property("source", string())
        .required("source")
        .property("type", string())
        .required("type")
        .property("time", timestamp())
        .required("time")
        .property("datacontenttype", constant("application/json"))
        .property("data", data(event))
        .required("data")
        .into()
}

fn constant(value: &str) -> ObjectBuilder {
    ObjectBuilder::new()
        .schema_type(Type::String)
        .enum_values(Some([json!(value)]))
}

fn timestamp() -> ObjectBuilder {
    ObjectBuilder::new()
        .schema_type(SchemaType::Type(Type::String))
        .format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime)))
}

fn data(event: EventType) -> RefOr<Schema> {
    fn reference<T: ToSchema>() -> Ref {
        Ref::from_schema_name(T::name())
    }
    fn list(of: Ref) -> RefOr<Schema> {
        RefOr::T(
            utoipa::openapi::schema::ArrayBuilder::new()
                .items(of)
                .into(),
        )
    }

    // Notifications of several Operations share a message, and so do removed devices, so those are
    // lists.
    match event {
        EventType::OperationProcessing
        | EventType::OperationCompleted
        | EventType::OperationCanceled
        | EventType::OperationPaused => reference::<OperationEvent>().into(),
        EventType::NotificationFailed
        | EventType::NotificationCanceled
        | EventType::NotificationSent
        | EventType::NotificationDelivered
        | EventType::NotificationOpened => list(reference::<NotificationEventPart>()),
        EventType::DeviceRemoved => list(reference::<RemovedDeviceEvent>()),
        EventType::CredentialRefused | EventType::CredentialRecovered => {
            reference::<CredentialEvent>().into()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_has_a_name_in_camel_case() {
        let id = operation_id(EventType::OperationCompleted);
        assert_eq!(id, "operationCompletedEvent");
    }
}
