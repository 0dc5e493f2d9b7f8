//! Guards: Operations that pause themselves when too many of their notifications fail.

use sqlx::PgExecutor;
use uuid::Uuid;

use crate::model::id::OperationId;
use crate::model::operation::Guard;

/// A guard, and how far its Operation is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Guarded {
    pub operation_id: OperationId,
    pub guard: Guard,
    /// Unsettled notifications.
    pub queued: i64,
    pub sent: i64,
    pub failed: i64,
}

/// The guards of those of `operations` that have one.
pub(crate) async fn of_operations(
    executor: impl PgExecutor<'_>,
    operations: &[OperationId],
) -> sqlx::Result<Vec<Guarded>> {
    let ids: Vec<Uuid> = operations.iter().map(|id| id.as_uuid()).collect();

    // From the tallies, which equal the rows that they count: to count the notifications would read
    // all of a large Operation.
    let rows = sqlx::query!(
        r#"
        select
            guards.operation_id,
            guards.failed_percent,
            guards.after,
            tallies.queued as "queued!",
            tallies.sent as "sent!",
            tallies.failed as "failed!"
        from guards
        cross join lateral (
            select
                coalesce(sum(batches.queued), 0)::bigint as queued,
                coalesce(sum(batches.sent), 0)::bigint as sent,
                coalesce(sum(batches.failed), 0)::bigint as failed
            from batches
            where batches.operation_id = guards.operation_id
        ) as tallies
        where guards.operation_id = any($1)
        "#,
        &ids,
    )
    .fetch_all(executor)
    .await?;

    let guarded = rows.into_iter().map(|row| Guarded {
        operation_id: row.operation_id.into(),
        guard: Guard {
            failed_percent: row.failed_percent.unsigned_abs().into(),
            after: row.after.unsigned_abs(),
        },
        queued: row.queued,
        sent: row.sent,
        failed: row.failed,
    });
    Ok(guarded.collect())
}

/// Removes a guard. Returns `false` if another process has removed it.
pub(crate) async fn remove(
    executor: impl PgExecutor<'_>,
    operation_id: OperationId,
) -> sqlx::Result<bool> {
    // Several processes may find that the guard has to act. The one whose delete takes effect does.
    let deleted = sqlx::query!(
        "delete from guards where operation_id = $1",
        operation_id.as_uuid(),
    )
    .execute(executor)
    .await?;

    Ok(deleted.rows_affected() > 0)
}

/// Removes the guards of Operations with ids below `end`.
pub(crate) async fn remove_before(executor: impl PgExecutor<'_>, end: Uuid) -> sqlx::Result<()> {
    sqlx::query!("delete from guards where operation_id < $1", end)
        .execute(executor)
        .await
        .map(drop)
}
