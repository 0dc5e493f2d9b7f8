//! Why notifications are not sent: what QUEUED ones wait for, and why FAILED ones failed.

use std::collections::HashMap;

use sqlx::{PgConnection, PgExecutor};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::model::id::{CredentialId, OperationId};

/// The Operation of a notification, and its position there, 0-based.
pub(crate) type NotificationKey = (OperationId, i32);

/// What is on record about a notification.
pub(crate) struct NotificationReason {
    /// With which it is sent: its own, or those of its Operation for a User.
    pub credentials: Vec<CredentialId>,
    /// When the next attempt is due; `None`: none was made, or no other will be.
    pub next_attempt_at: Option<OffsetDateTime>,
    /// The last error.
    pub error_code: Option<String>,
    pub error_message: Option<String>,
    /// When the last attempt was recorded; `None`: none was.
    pub updated_at: Option<OffsetDateTime>,
}

/// What is on record about these notifications.
pub(crate) async fn fetch(
    executor: impl PgExecutor<'_>,
    keys: &[NotificationKey],
) -> sqlx::Result<HashMap<NotificationKey, NotificationReason>> {
    let operation_ids: Vec<Uuid> = keys.iter().map(|(id, _)| id.as_uuid()).collect();
    let positions: Vec<i32> = keys.iter().map(|(_, position)| *position).collect();

    let rows = sqlx::query!(
        r#"
        select
            push_notifications.operation_id,
            push_notifications.position,
            push_notifications.credential_id,
            case when push_notifications.user_id is not null then operations.fcm_credential_id end as fcm_credential_id,
            case when push_notifications.user_id is not null then operations.apn_credential_id end as apn_credential_id,
            push_notifications.next_attempt_at,
            push_notifications.error_code,
            push_notifications.error_message,
            push_notifications.updated_at
        from unnest($1::uuid[], $2::integer[]) as asked (operation_id, position)
        join push_notifications
            on push_notifications.operation_id = asked.operation_id
            and push_notifications.position = asked.position
        join operations on operations.id = push_notifications.operation_id
        "#,
        &operation_ids,
        &positions,
    )
    .fetch_all(executor)
    .await?;

    let reasons = rows.into_iter().map(|row| {
        let credentials = [
            row.credential_id,
            row.fcm_credential_id,
            row.apn_credential_id,
        ];
        let reason = NotificationReason {
            credentials: credentials
                .into_iter()
                .flatten()
                .map(CredentialId::from)
                .collect(),
            next_attempt_at: row.next_attempt_at,
            error_code: row.error_code,
            error_message: row.error_message,
            updated_at: row.updated_at,
        };
        ((row.operation_id.into(), row.position), reason)
    });
    Ok(reasons.collect())
}

/// The first notification of an Operation that is not settled: one of its first batch with work left.
pub(crate) async fn first_unsettled(
    connection: &mut PgConnection,
    operation_id: OperationId,
) -> sqlx::Result<Option<NotificationKey>> {
    let batch = sqlx::query!(
        r#"
        select first_position, size
        from batches
        where operation_id = $1 and queued > 0
        order by number
        limit 1
        "#,
        operation_id.as_uuid(),
    )
    .fetch_optional(&mut *connection)
    .await?;
    let Some(batch) = batch else {
        return Ok(None);
    };

    let position = sqlx::query_scalar!(
        r#"
        select position
        from push_notifications
        where operation_id = $1 and position >= $2 and position < $3 and status = 'QUEUED'
        order by position
        limit 1
        "#,
        operation_id.as_uuid(),
        batch.first_position,
        batch.first_position + batch.size,
    )
    .fetch_optional(connection)
    .await?;

    Ok(position.map(|position| (operation_id, position)))
}
