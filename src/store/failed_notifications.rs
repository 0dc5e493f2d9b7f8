//! The failed notifications of an Operation: the API lists them as its errors.

use time::OffsetDateTime;

use crate::model::id::{AccountId, OperationId, PushNotificationId, UserId};
use crate::model::recipient::Recipient;
use crate::model::status::PushNotificationStatus;
use crate::store::bounded_scan::ScanPage;
use crate::store::notification_scan::{
    FoundNotification, IdRange, NotificationFilter, Place, StoredStatus, scan,
};
use crate::store::pool::Pool;

/// A notification that failed, and why.
pub(crate) struct FailedNotification {
    pub operation_id: OperationId,
    /// 0-based within the Operation.
    pub position: i32,
    pub recipient: Recipient,
    /// The provider's code, or Bellwire's if it failed without an attempt.
    pub code: String,
    pub message: Option<String>,
    pub attempts: i16,
    pub failed_at: OffsetDateTime,
}

impl FailedNotification {
    pub(crate) fn id(&self) -> PushNotificationId {
        self.operation_id.push_notification(self.position as u32)
    }
}

pub(crate) struct FailedNotificationFilter<'a> {
    pub operation_id: OperationId,
    /// Only those with this code.
    pub code: Option<&'a str>,
    /// Whether the code must be in the same letter case.
    pub is_code_exact: bool,
    /// The ids under which notifications to a User are recorded.
    pub user_ids: Option<&'a [UserId]>,
    /// Only the notification with this id.
    pub push_notification_id: Option<PushNotificationId>,
    /// After this position; `None`: from the first on.
    pub after: Option<i32>,
    /// Most that are returned.
    pub limit: usize,
}

/// Failed notifications of an account's Operation, in request order. The next page begins after the
/// position that is returned.
pub(crate) async fn list(
    pool: &Pool,
    account_id: AccountId,
    filter: &FailedNotificationFilter<'_>,
) -> sqlx::Result<ScanPage<FailedNotification, i32>> {
    let only = filter.push_notification_id.map(PushNotificationId::locate);
    let only = match only {
        None => None,
        Some(Some((operation_id, position))) if operation_id == filter.operation_id => {
            Some(position as i32)
        }
        // It is of another Operation.
        Some(_) => return Ok(ScanPage::empty()),
    };

    // The scan begins right before the notification, so one record shows whether it failed.
    let before_only =
        only.and_then(|position| position.checked_sub(1).filter(|before| *before >= 0));
    let after = filter.after.max(before_only).map(|position| Place {
        operation_id: filter.operation_id.as_uuid(),
        position,
    });
    let filter = NotificationFilter {
        account_id,
        range: IdRange::of(filter.operation_id),
        after,
        status: Some(StoredStatus::of(PushNotificationStatus::Failed)),
        code: filter.code,
        is_code_exact: filter.is_code_exact,
        provider: None,
        is_delivered: None,
        is_opened: None,
        user_ids: filter.user_ids,
        tags: None,
        limit: if only.is_some() { 1 } else { filter.limit },
    };

    let found = scan(pool, &filter).await?;
    let records = found
        .records
        .into_iter()
        .filter(|found| only.is_none_or(|position| found.place.position == position))
        .map(FailedNotification::try_from);
    // A search for one notification has no next page.
    Ok(ScanPage {
        records: records.collect::<sqlx::Result<_>>()?,
        next: found
            .next
            .filter(|_| only.is_none())
            .map(|place| place.position),
    })
}

impl TryFrom<FoundNotification> for FailedNotification {
    type Error = sqlx::Error;

    fn try_from(found: FoundNotification) -> sqlx::Result<Self> {
        Ok(Self {
            operation_id: found.place.operation_id.into(),
            position: found.place.position,
            recipient: found.recipient.try_into()?,
            // A constraint of the table sees to it that what failed has a code.
            code: found.error_code.unwrap_or_default(),
            message: found.error_message,
            attempts: found.attempts,
            failed_at: found.updated_at.unwrap_or(found.created_at),
        })
    }
}
