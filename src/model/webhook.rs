//! Webhooks: the events that they get, the envelope around each, and what a message is made of.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::model::id::{CredentialId, DeviceRegistrationId, OperationId, UserId};
use crate::model::provider::{CredentialType, Provider};

/// An event that a webhook can get.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, utoipa::ToSchema)]
pub enum EventType {
    /// An Operation's time has come, and its notifications are being sent.
    #[serde(rename = "operation.processing")]
    OperationProcessing,
    /// Every notification of an Operation is settled.
    #[serde(rename = "operation.completed")]
    OperationCompleted,
    /// An Operation was canceled as a whole, or each of its notifications was.
    #[serde(rename = "operation.canceled")]
    OperationCanceled,
    /// An Operation was paused, by a client or by its guard.
    #[serde(rename = "operation.paused")]
    OperationPaused,
    /// Notifications failed, those to Users without a usable device among them.
    #[serde(rename = "notification.failed")]
    NotificationFailed,
    #[serde(rename = "notification.canceled")]
    NotificationCanceled,
    /// A provider accepted notifications.
    #[serde(rename = "notification.sent")]
    NotificationSent,
    /// Notifications have arrived on a device, as its app reports.
    #[serde(rename = "notification.delivered")]
    NotificationDelivered,
    /// Notifications were opened, as the app reports.
    #[serde(rename = "notification.opened")]
    NotificationOpened,
    /// A device was removed from its registration, because its provider reported its token as dead.
    #[serde(rename = "device.removed")]
    DeviceRemoved,
    /// A provider refuses a Credential.
    #[serde(rename = "credential.refused")]
    CredentialRefused,
    /// A provider accepts a Credential again that it had refused.
    #[serde(rename = "credential.recovered")]
    CredentialRecovered,
}

impl EventType {
    pub const ALL: [Self; 12] = [
        Self::OperationProcessing,
        Self::OperationCompleted,
        Self::OperationCanceled,
        Self::OperationPaused,
        Self::NotificationFailed,
        Self::NotificationCanceled,
        Self::NotificationSent,
        Self::NotificationDelivered,
        Self::NotificationOpened,
        Self::DeviceRemoved,
        Self::CredentialRefused,
        Self::CredentialRecovered,
    ];

    /// The name in the API and in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::OperationProcessing => "operation.processing",
            Self::OperationCompleted => "operation.completed",
            Self::OperationCanceled => "operation.canceled",
            Self::OperationPaused => "operation.paused",
            Self::NotificationFailed => "notification.failed",
            Self::NotificationCanceled => "notification.canceled",
            Self::NotificationSent => "notification.sent",
            Self::NotificationDelivered => "notification.delivered",
            Self::NotificationOpened => "notification.opened",
            Self::DeviceRemoved => "device.removed",
            Self::CredentialRefused => "credential.refused",
            Self::CredentialRecovered => "credential.recovered",
        }
    }
}

impl fmt::Display for EventType {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// A name that no [`EventType`] has: a later release wrote it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0} is not an event that this version knows")]
pub struct UnknownEventType(pub String);

impl FromStr for EventType {
    type Err = UnknownEventType;

    fn from_str(name: &str) -> Result<Self, UnknownEventType> {
        Self::ALL
            .into_iter()
            .find(|event| event.as_str() == name)
            .ok_or_else(|| UnknownEventType(name.to_owned()))
    }
}

/// The form of the body that a webhook gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Envelope {
    /// `{type, timestamp, data}`, as Standard Webhooks recommends.
    #[default]
    Standard,
    /// `CloudEvents` 1.0 in its structured JSON form.
    CloudEvents,
}

impl Envelope {
    pub const ALL: [Self; 2] = [Self::Standard, Self::CloudEvents];

    /// The name in the API and in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Standard => "standard",
            Self::CloudEvents => "cloudevents",
        }
    }

    /// The envelope of this name; the default for a name of a later release.
    pub fn of_name(name: &str) -> Self {
        Self::ALL
            .into_iter()
            .find(|envelope| envelope.as_str() == name)
            // A webhook with a form of a later release still gets its events.
            .unwrap_or_default()
    }
}

/// Most notifications or devices of one message.
pub const MAX_ENTRIES: usize = 1_000;

/// The event of a message that a client asks for, to try its receiver.
pub const TEST_EVENT: &str = "webhook.test";

/// What a message to a webhook is made of. It is stored; the message's body is made of it at each
/// attempt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum DeliveryContent {
    /// The notifications of these batches that have the status of the event.
    Notifications(Vec<Part>),
    /// These notifications.
    Receipts(Vec<ReceiptPart>),
    Operation(OperationId),
    PausedOperation(PausedOperation),
    Devices(Vec<RemovedDevice>),
    Credential(ReportedCredential),
    Test,
}

/// A batch that a message reports.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Part {
    pub operation_id: OperationId,
    /// The batch's number, 0-based within the Operation.
    pub sequence: i32,
    pub first_position: i32,
    /// In positions.
    pub size: i32,
    /// Whether it is the last of the Operation that has notifications for this event.
    pub is_final: bool,
}

/// Notifications of an Operation that have got a receipt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReceiptPart {
    pub operation_id: OperationId,
    /// Grows from part to part of an Operation.
    pub sequence: i64,
    pub positions: Vec<i32>,
}

/// An Operation that was paused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PausedOperation {
    pub operation_id: OperationId,
    /// `REQUESTED` or `GUARD`.
    pub reason: String,
}

/// A device that was removed because its token is dead.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RemovedDevice {
    pub device_id: Uuid,
    pub device_registration_id: Uuid,
    pub user_id: Uuid,
    /// Absent in what an older release has stored.
    #[serde(default)]
    pub external_id: Option<String>,
    pub app_name: String,
    pub provider: Provider,
    /// Sealed, in base64.
    pub token: String,
    #[serde(with = "time::serde::rfc3339")]
    pub removed_at: OffsetDateTime,
}

impl RemovedDevice {
    pub fn registration(&self) -> DeviceRegistrationId {
        self.device_registration_id.into()
    }

    pub fn user(&self) -> UserId {
        self.user_id.into()
    }
}

/// A Credential whose provider has begun or ceased to refuse it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReportedCredential {
    pub credential_id: Uuid,
    pub app_name: String,
    pub credential_type: CredentialType,
    /// What the provider gave as its reason.
    pub reason: Option<String>,
}

impl ReportedCredential {
    pub fn credential(&self) -> CredentialId {
        self.credential_id.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_serialized_as_they_are_read() {
        for event in EventType::ALL {
            assert_eq!(serde_json::to_value(event).unwrap(), event.as_str());
            assert_eq!(event.as_str().parse(), Ok(event));
        }
        for envelope in Envelope::ALL {
            assert_eq!(serde_json::to_value(envelope).unwrap(), envelope.as_str());
            assert_eq!(Envelope::of_name(envelope.as_str()), envelope);
        }
    }
}
