//! The errors of an Operation: its failed notifications.

use sqlx::PgExecutor;
use time::OffsetDateTime;

use crate::model::id::{OperationId, PushNotificationId};
use crate::model::provider::Provider;
use crate::model::recipient::Recipient;
use crate::store::recipients::RecipientColumns;

/// A notification that failed, and why.
pub struct OperationError {
    /// Whose it is.
    pub operation_id: OperationId,
    /// 0-based within the Operation.
    pub position: i32,
    /// Whom it was for.
    pub recipient: Recipient,
    /// The provider's code, or Bellwire's where it failed without an attempt.
    pub code: String,
    /// The provider's text, or Bellwire's.
    pub message: Option<String>,
    /// How often it was tried.
    pub attempts: i16,
    /// When it failed.
    pub failed_at: OffsetDateTime,
}

impl OperationError {
    /// The failed notification's id.
    pub fn push_notification_id(&self) -> PushNotificationId {
        self.operation_id.push_notification(self.position as u32)
    }
}

/// The failed notifications of an Operation after position `after`, at most `limit`, in request
/// order. Batches without a failure are passed over.
pub async fn list(
    executor: impl PgExecutor<'_>,
    operation_id: OperationId,
    after: i32,
    code: Option<&str>,
    limit: i64,
) -> sqlx::Result<Vec<OperationError>> {
    let rows = sqlx::query!(
        r#"
        select
            position, user_id, provider as "provider: Provider", credential_id, token,
            error_code as "code!", error_message as message, attempts,
            push_notifications.updated_at as "failed_at!"
        from batches
        join push_notifications
            on push_notifications.operation_id = batches.operation_id
            and position >= first_position
            and position < first_position + size
        where batches.operation_id = $1
            and failed + unaddressable > 0
            and first_position + size > $2
            and push_notifications.operation_id = $1
            and position > $2
            and status in ('FAILED', 'UNADDRESSABLE')
            and ($3::text is null or error_code = $3)
        order by position
        limit $4
        "#,
        operation_id.as_uuid(),
        after,
        code,
        limit,
    )
    .fetch_all(executor)
    .await?;
    let errors = rows.into_iter().map(|row| {
        Ok(OperationError {
            operation_id,
            position: row.position,
            recipient: Recipient::try_from(RecipientColumns {
                user_id: row.user_id,
                provider: row.provider,
                credential_id: row.credential_id,
                token: row.token,
            })?,
            code: row.code,
            message: row.message,
            attempts: row.attempts,
            failed_at: row.failed_at,
        })
    });
    errors.collect()
}
