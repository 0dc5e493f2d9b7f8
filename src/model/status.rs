//! Statuses as the API shows them. They follow from what is stored: a notification has no stored
//! SCHEDULED, for example, but a QUEUED with a time in the future.

use serde::Serialize;

/// The status of an Operation, which follows from its counts and its schedule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum OperationStatus {
    /// Its `sendAt` is in the future.
    Scheduled,
    /// At least one notification is not settled.
    Processing,
    /// Every notification is settled.
    Completed,
    /// Canceled as a whole, or one notification after the other.
    Canceled,
}

impl OperationStatus {
    pub const ALL: [Self; 4] = [
        Self::Scheduled,
        Self::Processing,
        Self::Completed,
        Self::Canceled,
    ];

    /// The name on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Scheduled => "SCHEDULED",
            Self::Processing => "PROCESSING",
            Self::Completed => "COMPLETED",
            Self::Canceled => "CANCELED",
        }
    }
}

/// The status of a notification.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum PushNotificationStatus {
    /// Queued for a time in the future.
    Scheduled,
    /// To be sent, or to be tried again.
    Queued,
    /// A provider accepted it.
    Sent,
    /// Given up, or for a User without a usable token.
    Failed,
    Canceled,
}

impl PushNotificationStatus {
    pub const ALL: [Self; 5] = [
        Self::Scheduled,
        Self::Queued,
        Self::Sent,
        Self::Failed,
        Self::Canceled,
    ];

    /// The name on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Scheduled => "SCHEDULED",
            Self::Queued => "QUEUED",
            Self::Sent => "SENT",
            Self::Failed => "FAILED",
            Self::Canceled => "CANCELED",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_serialized_as_they_are_read() {
        for status in OperationStatus::ALL {
            assert_eq!(serde_json::to_value(status).unwrap(), status.as_str());
        }
        for status in PushNotificationStatus::ALL {
            assert_eq!(serde_json::to_value(status).unwrap(), status.as_str());
        }
    }
}
