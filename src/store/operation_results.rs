//! The outcome of every recipient of an Operation, read page by page for an export.

use sqlx::PgExecutor;
use time::OffsetDateTime;

use crate::model::id::{OperationId, PushNotificationId};
use crate::model::provider::Provider;
use crate::model::receipt::ReceiptTimes;
use crate::model::recipient::Recipient;
use crate::store::outcome_record::Status;
use crate::store::recipient_columns::RecipientColumns;

/// What became of one recipient so far.
pub(crate) struct OperationResult {
    pub operation_id: OperationId,
    /// 0-based within the Operation.
    pub position: i32,
    pub recipient: Recipient,
    pub status: Status,
    /// Whether its own time is later; `None`: it has none.
    pub is_later: Option<bool>,
    pub attempts: i16,
    /// The last error: the provider's code, or Bellwire's.
    pub code: Option<String>,
    pub message: Option<String>,
    /// `None`: nothing has changed since the Operation was accepted.
    pub updated_at: Option<OffsetDateTime>,
    pub receipts: ReceiptTimes,
}

impl OperationResult {
    pub(crate) fn id(&self) -> PushNotificationId {
        self.operation_id.push_notification(self.position as u32)
    }
}

/// Up to `limit` results in request order, of positions after `after`; -1: from the first on.
pub(crate) async fn page(
    executor: impl PgExecutor<'_>,
    operation_id: OperationId,
    after: i32,
    limit: i64,
) -> sqlx::Result<Vec<OperationResult>> {
    // A page begins behind a position and not at an offset: so the last page of a large Operation
    // costs as much as its first.
    let rows = sqlx::query!(
        r#"
        select
            position,
            user_id,
            external_id,
            provider as "provider: Provider",
            credential_id,
            token,
            status as "status: Status",
            attempts,
            error_code,
            error_message,
            updated_at,
            delivered_at,
            opened_at,
            dismissed_at,
            planned_at > now() as is_later
        from push_notifications
        where operation_id = $1 and position > $2
        order by position
        limit $3
        "#,
        operation_id.as_uuid(),
        after,
        limit,
    )
    .fetch_all(executor)
    .await?;

    let results = rows.into_iter().map(|row| {
        let recipient = RecipientColumns {
            user_id: row.user_id,
            external_id: row.external_id,
            provider: row.provider,
            credential_id: row.credential_id,
            token: row.token,
        };

        Ok(OperationResult {
            operation_id,
            position: row.position,
            recipient: recipient.try_into()?,
            status: row.status,
            is_later: row.is_later,
            attempts: row.attempts,
            code: row.error_code,
            message: row.error_message,
            updated_at: row.updated_at,
            receipts: ReceiptTimes {
                delivered_at: row.delivered_at,
                opened_at: row.opened_at,
                dismissed_at: row.dismissed_at,
            },
        })
    });
    results.collect()
}
