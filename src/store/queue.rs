//! How much waits in the queue, for those who watch.

use std::time::Duration;

use sqlx::PgExecutor;

/// What is unsettled in the whole database.
#[derive(Debug, Clone, Copy)]
pub struct Queue {
    /// Notifications in batches that anybody may claim.
    pub due: i64,
    /// Notifications in batches whose time has not come, or which somebody has in hand.
    pub later: i64,
    /// For how long the oldest due batch has been waiting.
    pub oldest_due: Duration,
}

/// Looks at the batches that have something left to send.
pub async fn look(executor: impl PgExecutor<'_>) -> sqlx::Result<Queue> {
    let row = sqlx::query!(
        r#"
        select
            coalesce(sum(queued) filter (where due_at <= now()), 0)::bigint as "due!",
            coalesce(sum(queued) filter (where due_at > now()), 0)::bigint as "later!",
            greatest(extract(epoch from now() - min(due_at)), 0)::float8 as oldest_due
        from batches
        where queued > 0
        "#
    )
    .fetch_one(executor)
    .await?;
    let oldest_due = Duration::try_from_secs_f64(row.oldest_due.unwrap_or_default()).unwrap_or_default();
    Ok(Queue { due: row.due, later: row.later, oldest_due })
}
