//! The errors of an Operation: its failed notifications.

use sqlx::PgExecutor;
use time::OffsetDateTime;

use crate::id::{OperationId, PushNotificationId};
use crate::provider::Provider;

/// A notification that failed, and why.
pub struct OperationError {
    /// Whose it is.
    pub operation_id: OperationId,
    /// 0-based within the Operation.
    pub position: i32,
    /// Which provider.
    pub provider: Provider,
    /// The device token: a secret.
    pub token: String,
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

/// The failed notifications of an Operation after position `after`, at most `limit`, in request order. Batches without
/// a failure are passed over.
pub async fn list(
    executor: impl PgExecutor<'_>,
    operation_id: OperationId,
    after: i32,
    code: Option<&str>,
    limit: i64,
) -> sqlx::Result<Vec<OperationError>> {
    sqlx::query_as!(
        OperationError,
        r#"
        select
            push_notifications.operation_id, position, provider as "provider: Provider", token,
            error_code as "code!", error_message as message, attempts,
            push_notifications.updated_at as "failed_at!"
        from batches
        join push_notifications
            on push_notifications.operation_id = batches.operation_id
            and position >= first_position
            and position < first_position + size
        where batches.operation_id = $1
            and failed > 0
            and first_position + size > $2
            and push_notifications.operation_id = $1
            and position > $2
            and status = 'FAILED'
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
    .await
}
