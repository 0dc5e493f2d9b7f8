//! Which notifications a scan is for, and the order in which it finds them.

use std::cmp::Ordering;

use serde_json::Value;
use uuid::Uuid;

use crate::model::id::{AccountId, MAX_POSITIONS, OperationId, PushNotificationId, UserId};
use crate::model::provider::Provider;
use crate::model::status::PushNotificationStatus;
use crate::store::notification_scan::rows::{Batch, Operation};

/// A place in the list: that of a notification, or behind all of an Operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::store) struct Place {
    pub operation_id: Uuid,
    pub position: i32,
}

impl Place {
    pub(in crate::store) fn of(id: PushNotificationId) -> Option<Self> {
        let (operation_id, position) = id.locate()?;

        Some(Self {
            operation_id: operation_id.as_uuid(),
            position: position as i32,
        })
    }

    pub(super) fn behind(operation_id: Uuid) -> Self {
        Self {
            operation_id,
            position: MAX_POSITIONS as i32 - 1,
        }
    }

    pub(in crate::store) fn id(self) -> PushNotificationId {
        OperationId::from(self.operation_id).push_notification(self.position as u32)
    }

    /// The order of the list: the newest Operation first, and the first position within it.
    pub(super) fn order(self, other: Self) -> Ordering {
        let newest_first = other.operation_id.cmp(&self.operation_id);

        newest_first.then(self.position.cmp(&other.position))
    }
}

/// Ids of Operations: from `from` up to but without `until`.
#[derive(Debug, Clone, Copy)]
pub(in crate::store) struct IdRange {
    pub from: Uuid,
    pub until: Uuid,
}

impl IdRange {
    pub(in crate::store) fn of(operation_id: OperationId) -> Self {
        Self {
            from: operation_id.as_uuid(),
            until: next_id(operation_id.as_uuid()),
        }
    }

    pub(in crate::store) fn and(self, other: Self) -> Self {
        Self {
            from: self.from.max(other.from),
            until: self.until.min(other.until),
        }
    }

    /// Up to `place` and including its Operation, unless all of that is behind.
    pub(super) fn up_to(self, place: Option<Place>) -> Self {
        let until = place.map(|place| match place {
            behind if behind == Place::behind(place.operation_id) => place.operation_id,
            _ => next_id(place.operation_id),
        });

        Self {
            from: self.from,
            until: until.map_or(self.until, |until| until.min(self.until)),
        }
    }
}

fn next_id(id: Uuid) -> Uuid {
    // The highest id has no next one, and is that of no Operation.
    Uuid::from_u128(id.as_u128().saturating_add(1))
}

/// A status as it is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::store) struct StoredStatus {
    /// One of these.
    pub names: &'static [&'static str],
    /// Whether the Operation is scheduled for later; `None`: either.
    pub is_scheduled: Option<bool>,
}

impl StoredStatus {
    pub(in crate::store) fn of(status: PushNotificationStatus) -> Self {
        let (names, is_scheduled): (&[&str], _) = match status {
            PushNotificationStatus::Scheduled => (&["QUEUED"], Some(true)),
            PushNotificationStatus::Queued => (&["QUEUED"], Some(false)),
            PushNotificationStatus::Sent => (&["SENT"], None),
            PushNotificationStatus::Failed => (&["FAILED", "UNADDRESSABLE"], None),
            PushNotificationStatus::Canceled => (&["CANCELED"], None),
        };

        Self {
            names,
            is_scheduled,
        }
    }
}

/// Which notifications are wanted.
pub(in crate::store) struct NotificationFilter<'a> {
    pub account_id: AccountId,
    pub range: IdRange,
    pub after: Option<Place>,
    pub status: Option<StoredStatus>,
    /// The code of the error that it failed with, in capitals or not.
    pub code: Option<&'a str>,
    /// Whether the code must be in the same letter case.
    pub is_code_exact: bool,
    pub provider: Option<Provider>,
    /// Whether it has arrived on a device, as its app reports; `None`: either.
    pub is_delivered: Option<bool>,
    /// Whether it was opened.
    pub is_opened: Option<bool>,
    /// To a User who is recorded under these ids.
    pub user_ids: Option<&'a [UserId]>,
    /// Of Operations with all of these tags.
    pub tags: Option<&'a Value>,
    /// Most that are returned.
    pub limit: usize,
}

impl NotificationFilter<'_> {
    /// The stored statuses, as statements take them.
    pub(super) fn status_names(&self) -> Option<Vec<String>> {
        let status = self.status?;

        Some(status.names.iter().map(|name| (*name).to_owned()).collect())
    }

    pub(super) fn is_scheduled(&self) -> Option<bool> {
        self.status.and_then(|status| status.is_scheduled)
    }

    pub(super) fn admits(&self, operation: &Operation) -> bool {
        let is_scheduled = self.is_scheduled();

        // The notifications of one with a local schedule have times of their own.
        operation.has_tags
            && is_scheduled
                .is_none_or(|expected| expected == operation.is_scheduled || operation.is_local)
    }

    /// How many notifications of a batch have the status.
    pub(super) fn matching(&self, batch: &Batch) -> i64 {
        let of = |name: &str| match name {
            "QUEUED" => batch.queued,
            "SENT" => batch.sent,
            "FAILED" => batch.failed,
            "UNADDRESSABLE" => batch.unaddressable,
            "CANCELED" => batch.canceled,
            _ => 0,
        };

        match self.status {
            None => batch.size.into(),
            Some(status) => status.names.iter().map(|name| i64::from(of(name))).sum(),
        }
    }

    /// Whether every notification of these batches that has the status is wanted.
    pub(super) fn is_status_enough(&self, batches: &[&Batch]) -> bool {
        let has_times = batches.iter().any(|batch| batch.is_planned);

        // With another condition, the tallies do not say how many notifications are wanted.
        self.provider.is_none()
            && self.code.is_none()
            && self.is_delivered.is_none()
            && self.is_opened.is_none()
            && (self.is_scheduled().is_none() || !has_times)
    }
}
