//! Why notifications are not sent: what QUEUED ones wait for, and why FAILED ones failed.

use std::collections::HashMap;
use std::ops::RangeInclusive;

use sqlx::PgExecutor;
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
            case when push_notifications.user_id is not null then operations.apn_sandbox_credential_id end
                as apn_sandbox_credential_id,
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
            row.apn_sandbox_credential_id,
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

/// The first batch of an Operation that has unsettled notifications.
#[derive(Debug, Clone, Copy)]
pub(crate) struct UnsettledBatch {
    pub operation_id: Uuid,
    pub first_position: i32,
    pub size: i32,
    pub queued: i32,
}

impl UnsettledBatch {
    /// The positions among which its first unsettled notification is: before it are settled ones only.
    fn positions(self) -> RangeInclusive<i32> {
        self.first_position..=self.first_position + self.size - self.queued
    }

    /// Most notifications that are examined to find it.
    pub(crate) fn cost(self) -> usize {
        self.positions().count()
    }
}

/// The first batch of each of these Operations that is not settled.
pub(crate) async fn unsettled_batches(
    executor: impl PgExecutor<'_>,
    operation_ids: &[OperationId],
) -> sqlx::Result<Vec<UnsettledBatch>> {
    let ids: Vec<Uuid> = operation_ids.iter().map(|id| id.as_uuid()).collect();

    sqlx::query_as!(
        UnsettledBatch,
        r#"
        select batch.operation_id, batch.first_position, batch.size, batch.queued
        from unnest($1::uuid[]) as asked (operation_id)
        cross join lateral (
            select batches.operation_id, batches.first_position, batches.size, batches.queued
            from batches
            where batches.operation_id = asked.operation_id and batches.queued > 0
            order by batches.number
            limit 1
        ) as batch
        "#,
        &ids,
    )
    .fetch_all(executor)
    .await
}

/// The first unsettled notification of each of these batches.
pub(crate) async fn first_unsettled(
    executor: impl PgExecutor<'_>,
    batches: &[UnsettledBatch],
) -> sqlx::Result<Vec<NotificationKey>> {
    let ids: Vec<Uuid> = batches.iter().map(|batch| batch.operation_id).collect();
    let first: Vec<i32> = batches
        .iter()
        .map(|batch| *batch.positions().start())
        .collect();
    let last: Vec<i32> = batches
        .iter()
        .map(|batch| *batch.positions().end())
        .collect();

    let rows = sqlx::query!(
        r#"
        select push_notifications.operation_id, min(push_notifications.position) as "position!"
        from unnest($1::uuid[], $2::integer[], $3::integer[]) as wanted (operation_id, first, last)
        join push_notifications
            on push_notifications.operation_id = wanted.operation_id
            and push_notifications.position >= wanted.first
            and push_notifications.position <= wanted.last
        where push_notifications.status = 'QUEUED'
        group by push_notifications.operation_id
        "#,
        &ids,
        &first,
        &last,
    )
    .fetch_all(executor)
    .await?;

    let keys = rows
        .into_iter()
        .map(|row| (row.operation_id.into(), row.position));
    Ok(keys.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_unsettled_notification_is_found_among_the_first_of_its_batch() {
        let batch = |queued| UnsettledBatch {
            operation_id: Uuid::nil(),
            first_position: 500,
            size: 500,
            queued,
        };

        assert_eq!(batch(500).positions(), 500..=500);
        assert_eq!(batch(499).positions(), 500..=501);
        assert_eq!(batch(1).positions(), 500..=999);
        assert_eq!(batch(1).cost(), 500);
    }
}
