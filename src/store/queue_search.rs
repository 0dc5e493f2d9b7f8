//! The search for queues with work, and the weights of their accounts.

use std::collections::HashMap;
use std::time::Duration;

use sqlx::PgExecutor;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::model::id::AccountId;
use crate::model::queue_key::QueueKey;

/// Weights that are read. Far more accounts than one installation has have the default.
const MAX_WEIGHTS: i64 = 10_000;

/// A queue that has batches with anything left to send.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FoundQueue {
    pub queue: QueueKey,
    /// When its earliest batch is due, or when the lease of that batch runs out.
    pub earliest: OffsetDateTime,
    /// The time until then; zero: it is due.
    pub due_in: Duration,
}

/// One step of a search.
#[derive(Debug)]
pub(crate) struct SearchResult {
    /// When it was made, by the database's clock.
    pub at: OffsetDateTime,
    /// In order.
    pub queues: Vec<FoundQueue>,
}

/// Finds up to `limit` queues behind `after`, or from the first on. It steps from queue to queue and
/// reads the first entry of each alone.
pub(crate) async fn find(
    executor: impl PgExecutor<'_>,
    after: Option<QueueKey>,
    limit: i64,
) -> sqlx::Result<SearchResult> {
    // Nil is the account of batches that an older release has written, and the first to be found:
    // rank -1 is before all of its queues.
    let account_id = after.map_or(Uuid::nil(), |queue| queue.account_id.as_uuid());
    let rank = after.map_or(-1, |queue| queue.rank);

    // The recursion has no end of its own: Postgres walks only as far as rows are taken.
    let rows = sqlx::query!(
        r#"
        with recursive queue as (
            (
                select batches.account_id, batches.rank, batches.due_at
                from batches
                where batches.queued > 0 and not batches.paused and (batches.account_id, batches.rank) > ($1::uuid, $2::smallint)
                order by batches.account_id, batches.rank, batches.due_at
                limit 1
            )
            union all
            select next.account_id, next.rank, next.due_at
            from queue
            cross join lateral (
                select batches.account_id, batches.rank, batches.due_at
                from batches
                where batches.queued > 0 and not batches.paused and (batches.account_id, batches.rank) > (queue.account_id, queue.rank)
                order by batches.account_id, batches.rank, batches.due_at
                limit 1
            ) as next
        ),
        found as (
            select queue.account_id, queue.rank, queue.due_at
            from queue
            limit $3
        )
        select
            now() as "at!",
            found.account_id as "account_id?",
            found.rank as "rank?",
            found.due_at as "earliest?",
            greatest(extract(epoch from found.due_at - now()), 0)::float8 as "due_in?"
        from (values (1)) as always (present)
        left join found on true
        "#,
        account_id,
        rank,
        limit,
    )
    .fetch_all(executor)
    .await?;

    let at = rows.first().ok_or(sqlx::Error::RowNotFound)?.at;
    let queues = rows.into_iter().filter_map(|row| {
        Some(FoundQueue {
            queue: QueueKey {
                account_id: row.account_id?.into(),
                rank: row.rank?,
            },
            earliest: row.earliest?,
            due_in: Duration::try_from_secs_f64(row.due_in?).unwrap_or_default(),
        })
    });

    Ok(SearchResult {
        at,
        queues: queues.collect(),
    })
}

/// The weights of the accounts that have another than the default.
pub(crate) async fn weights(
    executor: impl PgExecutor<'_>,
) -> sqlx::Result<HashMap<AccountId, u32>> {
    let rows = sqlx::query!(
        "select id, weight from accounts where weight <> 1 limit $1",
        MAX_WEIGHTS,
    )
    .fetch_all(executor)
    .await?;

    let weights = rows
        .into_iter()
        .map(|row| (row.id.into(), row.weight.unsigned_abs()));
    Ok(weights.collect())
}
