//! The failed notifications of an Operation: the API lists them as its errors.

use sqlx::PgExecutor;
use time::OffsetDateTime;

use crate::model::id::{OperationId, PushNotificationId};
use crate::model::provider::Provider;
use crate::model::recipient::Recipient;
use crate::store::recipient_columns::RecipientColumns;

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
    /// After this position; -1: from the first on.
    pub after: i32,
    pub limit: i64,
}

/// Failed notifications of one Operation, in request order.
pub(crate) async fn list(
    executor: impl PgExecutor<'_>,
    filter: &FailedNotificationFilter<'_>,
) -> sqlx::Result<Vec<FailedNotification>> {
    let operation_id = filter.operation_id;

    let rows = sqlx::query!(
        r#"
        select
            push_notifications.position,
            push_notifications.user_id,
            push_notifications.provider as "provider: Provider",
            push_notifications.credential_id,
            push_notifications.token,
            push_notifications.error_code as "code!",
            push_notifications.error_message as message,
            push_notifications.attempts,
            push_notifications.updated_at as "failed_at!"
        -- By batch, so that the rows of one without a failure are not read.
        from batches
        join push_notifications
            on push_notifications.operation_id = batches.operation_id
            and push_notifications.position >= batches.first_position
            and push_notifications.position < batches.first_position + batches.size
        where batches.operation_id = $1
            and batches.failed + batches.unaddressable > 0
            and batches.first_position + batches.size > $2
            and push_notifications.operation_id = $1
            and push_notifications.position > $2
            and push_notifications.status in ('FAILED', 'UNADDRESSABLE')
            and ($3::text is null or push_notifications.error_code = $3)
        order by push_notifications.position
        limit $4
        "#,
        operation_id.as_uuid(),
        filter.after,
        filter.code,
        filter.limit,
    )
    .fetch_all(executor)
    .await?;

    let failed = rows.into_iter().map(|row| {
        let recipient = RecipientColumns {
            user_id: row.user_id,
            provider: row.provider,
            credential_id: row.credential_id,
            token: row.token,
        };
        Ok(FailedNotification {
            operation_id,
            position: row.position,
            recipient: recipient.try_into()?,
            code: row.code,
            message: row.message,
            attempts: row.attempts,
            failed_at: row.failed_at,
        })
    });
    failed.collect()
}
