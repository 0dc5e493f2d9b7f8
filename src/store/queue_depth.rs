//! How much waits in the queue, for metrics.

use std::time::Duration;

use sqlx::PgExecutor;

use crate::store::rank::RANKS;

/// What is due in the whole database and not claimed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Due {
    pub notifications: i64,
    /// How long the oldest batch has been due.
    pub oldest: Duration,
}

/// Reads the batches that are due, and no others.
pub(crate) async fn due(executor: impl PgExecutor<'_>) -> sqlx::Result<Due> {
    // What is claimed has a `due_at` in the future, and is not counted.
    let row = sqlx::query!(
        r#"
        select
            coalesce(sum(of_rank.notifications), 0)::bigint as "notifications!",
            greatest(extract(epoch from now() - min(of_rank.oldest)), 0)::float8 as oldest
        -- Rank by rank, since the queue's index begins with the rank.
        from generate_series(0, $1::integer - 1) as ranks (rank)
        cross join lateral (
            select sum(batches.queued) as notifications, min(batches.due_at) as oldest
            from batches
            where batches.rank = ranks.rank and batches.due_at <= now() and batches.queued > 0 and not batches.paused
        ) as of_rank
        "#,
        RANKS,
    )
    .fetch_one(executor)
    .await?;

    // Null: nothing is due.
    let oldest = Duration::try_from_secs_f64(row.oldest.unwrap_or_default()).unwrap_or_default();
    Ok(Due {
        notifications: row.notifications,
        oldest,
    })
}

/// How many notifications are in batches that are not due yet or are claimed. Reads all of those
/// batches, of which there may be very many.
pub(crate) async fn later(executor: impl PgExecutor<'_>) -> sqlx::Result<i64> {
    sqlx::query_scalar!(
        r#"
        select coalesce(sum(queued), 0)::bigint as "later!"
        from batches
        where queued > 0 and (due_at > now() or paused)
        "#
    )
    .fetch_one(executor)
    .await
}
