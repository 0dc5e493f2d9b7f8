//! Webhooks: the events that they are told, and the envelope around each.

use std::fmt;
use std::str::FromStr;

use serde::Serialize;

/// What a webhook can be told.
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
    /// Notifications failed, those to Users without a usable device among them.
    #[serde(rename = "notification.failed")]
    NotificationFailed,
    #[serde(rename = "notification.canceled")]
    NotificationCanceled,
    /// A provider accepted notifications.
    #[serde(rename = "notification.sent")]
    NotificationSent,
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
    pub const ALL: [Self; 9] = [
        Self::OperationProcessing,
        Self::OperationCompleted,
        Self::OperationCanceled,
        Self::NotificationFailed,
        Self::NotificationCanceled,
        Self::NotificationSent,
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
            Self::NotificationFailed => "notification.failed",
            Self::NotificationCanceled => "notification.canceled",
            Self::NotificationSent => "notification.sent",
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
            .unwrap_or_default()
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
