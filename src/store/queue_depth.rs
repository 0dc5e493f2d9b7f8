//! How much waits in the queue, for those who watch.

use std::time::Duration;

use sqlx::PgExecutor;

use crate::store::rank::RANKS;

/// What anybody may claim, in the whole database.
#[derive(Debug, Clone, Copy)]
pub struct Due {
    /// How many notifications.
    pub notifications: i64,
    /// For how long the oldest batch has been waiting.
    pub oldest: Duration,
}

/// Looks at the batches that are due, and at no others.
pub async fn due(executor: impl PgExecutor<'_>) -> sqlx::Result<Due> {
    let row = sqlx::query!(
        r#"
        select
            coalesce(sum(notifications), 0)::bigint as "notifications!",
            greatest(extract(epoch from now() - min(oldest)), 0)::float8 as oldest
        from generate_series(0, $1::integer - 1) as ranks (rank)
        cross join lateral (
            select sum(queued) as notifications, min(due_at) as oldest
            from batches
            where batches.rank = ranks.rank and due_at <= now() and queued > 0
        ) as of_rank
        "#,
        RANKS
    )
    .fetch_one(executor)
    .await?;
    let oldest = Duration::try_from_secs_f64(row.oldest.unwrap_or_default()).unwrap_or_default();
    Ok(Due {
        notifications: row.notifications,
        oldest,
    })
}

/// Notifications in batches whose time has not come, or which somebody has in hand. Reads all of
/// those batches, of which there may be very many.
pub async fn later(executor: impl PgExecutor<'_>) -> sqlx::Result<i64> {
    let later = sqlx::query_scalar!(
        r#"select coalesce(sum(queued), 0)::bigint as "later!" from batches where queued > 0 and due_at > now()"#
    );
    later.fetch_one(executor).await
}
