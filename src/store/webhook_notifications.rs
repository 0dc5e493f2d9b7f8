//! The notifications that a message to a webhook reports.

use sqlx::PgExecutor;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::model::id::OperationId;
use crate::model::provider::Provider;
use crate::model::recipient::Recipient;
use crate::store::outcome_record::Status;
use crate::store::recipient_columns::RecipientColumns;

/// A notification that a message reports.
pub(crate) struct ReportedNotification {
    /// Index of its part in the slice that was asked for.
    pub part: usize,
    pub position: i32,
    pub recipient: Recipient,
    pub status: Status,
    pub attempts: i16,
    pub error_code: Option<String>,
    pub error_message: Option<String>,
    pub updated_at: Option<OffsetDateTime>,
    pub delivered_at: Option<OffsetDateTime>,
    pub opened_at: Option<OffsetDateTime>,
}

/// The notifications at these positions (Operation, first, end) that have one of `statuses`.
pub(crate) async fn fetch(
    executor: impl PgExecutor<'_>,
    parts: &[(OperationId, i32, i32)],
    statuses: &[Status],
) -> sqlx::Result<Vec<ReportedNotification>> {
    let operation_ids: Vec<Uuid> = parts.iter().map(|(id, ..)| id.as_uuid()).collect();
    let firsts: Vec<i32> = parts.iter().map(|(_, first, _)| *first).collect();
    let ends: Vec<i32> = parts.iter().map(|(.., end)| *end).collect();

    let rows = sqlx::query!(
        r#"
        select
            part.index as "index!",
            push_notifications.position,
            push_notifications.user_id,
            push_notifications.external_id,
            push_notifications.provider as "provider: Provider",
            push_notifications.credential_id,
            push_notifications.token,
            push_notifications.status as "status: Status",
            push_notifications.attempts,
            push_notifications.error_code,
            push_notifications.error_message,
            push_notifications.updated_at,
            push_notifications.delivered_at,
            push_notifications.opened_at
        from unnest($1::uuid[], $2::integer[], $3::integer[]) with ordinality
            as part (operation_id, first, "end", index)
        join push_notifications
            on push_notifications.operation_id = part.operation_id
            and push_notifications.position >= part.first
            and push_notifications.position < part."end"
        where push_notifications.status = any($4)
        order by part.index, push_notifications.position
        "#,
        &operation_ids,
        &firsts,
        &ends,
        statuses as &[Status],
    )
    .fetch_all(executor)
    .await?;

    let notifications = rows.into_iter().map(|row| {
        let recipient = RecipientColumns {
            user_id: row.user_id,
            external_id: row.external_id,
            provider: row.provider,
            credential_id: row.credential_id,
            token: row.token,
        };

        Ok(ReportedNotification {
            part: (row.index - 1) as usize,
            position: row.position,
            recipient: recipient.try_into()?,
            status: row.status,
            attempts: row.attempts,
            error_code: row.error_code,
            error_message: row.error_message,
            updated_at: row.updated_at,
            delivered_at: row.delivered_at,
            opened_at: row.opened_at,
        })
    });
    notifications.collect()
}
