//! The queue: batches that are due are claimed, held under a lease and released.
//!
//! `due_at` is the schedule, the retry time and the lease in one, by the database's clock alone.
//! `claims` is the fence: whoever holds an older value has lost the batch.

use std::time::Duration;

use sqlx::PgExecutor;
use uuid::Uuid;

use crate::model::id::OperationId;
use crate::store::rank::RANKS;

/// Which batch, by which claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct BatchKey {
    /// Whose positions it stands for.
    pub operation_id: OperationId,
    /// 0-based within the Operation.
    pub number: i32,
    /// The fence that the claim gave out.
    pub claims: i32,
}

/// A batch that this process may work on until its lease runs out.
#[derive(Debug, Clone, Copy)]
pub struct ClaimedBatch {
    /// Which one, by which claim.
    pub key: BatchKey,
    /// Where its positions begin.
    pub first_position: i32,
    /// How many positions it covers.
    pub size: i32,
    /// How many of them were unsettled when it was claimed.
    pub queued: i32,
}

/// A claimed batch as Postgres returns it.
struct ClaimedRow {
    operation_id: Uuid,
    number: i32,
    claims: i32,
    first_position: i32,
    size: i32,
    queued: i32,
}

impl From<ClaimedRow> for ClaimedBatch {
    fn from(row: ClaimedRow) -> Self {
        Self {
            key: BatchKey {
                operation_id: row.operation_id.into(),
                number: row.number,
                claims: row.claims,
            },
            first_position: row.first_position,
            size: row.size,
            queued: row.queued,
        }
    }
}

/// Several keys as the arrays that Postgres gets.
struct Keys {
    operation_ids: Vec<Uuid>,
    numbers: Vec<i32>,
    claims: Vec<i32>,
}

impl Keys {
    fn of(batches: &[BatchKey]) -> Self {
        Self {
            operation_ids: batches
                .iter()
                .map(|batch| batch.operation_id.as_uuid())
                .collect(),
            numbers: batches.iter().map(|batch| batch.number).collect(),
            claims: batches.iter().map(|batch| batch.claims).collect(),
        }
    }
}

fn seconds(duration: Duration) -> f64 {
    duration.as_secs_f64()
}

/// Claims due batches in rank order as long as they hold at most `rows` unsettled notifications,
/// and at most `limit`. Each is this process's for `lease`; if it is not released by then, it is
/// due again by itself.
pub async fn claim(
    executor: impl PgExecutor<'_>,
    limit: i64,
    rows: i64,
    lease: Duration,
) -> sqlx::Result<Vec<ClaimedBatch>> {
    let claimed = sqlx::query_as!(
        ClaimedRow,
        r#"
        with due as materialized (
            select batch.*
            from generate_series(0, $1::integer - 1) as ranks (rank)
            cross join lateral (
                select operation_id, number, rank, due_at, queued
                from batches
                where batches.rank = ranks.rank and due_at <= now() and queued > 0
                order by due_at
                limit $2
                for update skip locked
            ) as batch
            limit $2
        ),
        fitting as (
            select operation_id, number, sum(queued) over (order by rank, due_at, operation_id, number) as notifications
            from due
        )
        update batches
        set due_at = now() + make_interval(secs => $4), claims = claims + 1
        from fitting
        where batches.operation_id = fitting.operation_id
            and batches.number = fitting.number
            and fitting.notifications <= $3
        returning batches.operation_id, batches.number, claims, first_position, size, batches.queued
        "#,
        RANKS,
        limit,
        rows,
        seconds(lease),
    )
    .fetch_all(executor)
    .await?;
    Ok(claimed.into_iter().map(ClaimedBatch::from).collect())
}

/// Claims the `limit` batches that have been due for longest, whatever their rank, for `lease`: so
/// that nobody waits for ever behind those who rank before.
pub async fn claim_oldest(
    executor: impl PgExecutor<'_>,
    limit: i64,
    lease: Duration,
) -> sqlx::Result<Vec<ClaimedBatch>> {
    let claimed = sqlx::query_as!(
        ClaimedRow,
        r#"
        with due as materialized (
            select batch.*
            from generate_series(0, $1::integer - 1) as ranks (rank)
            cross join lateral (
                select operation_id, number, due_at
                from batches
                where batches.rank = ranks.rank and due_at <= now() and queued > 0
                order by due_at
                limit $2
                for update skip locked
            ) as batch
            order by due_at
            limit $2
        )
        update batches
        set due_at = now() + make_interval(secs => $3), claims = claims + 1
        from due
        where batches.operation_id = due.operation_id and batches.number = due.number
        returning batches.operation_id, batches.number, claims, first_position, size, queued
        "#,
        RANKS,
        limit,
        seconds(lease),
    )
    .fetch_all(executor)
    .await?;
    Ok(claimed.into_iter().map(ClaimedBatch::from).collect())
}

/// Moves the end of the leases of `batches` to `lease` from now. Returns those that are still held;
/// the others are lost.
pub async fn renew(
    executor: impl PgExecutor<'_>,
    batches: &[BatchKey],
    lease: Duration,
) -> sqlx::Result<Vec<BatchKey>> {
    let keys = Keys::of(batches);
    let held = sqlx::query!(
        r#"
        -- Locked in key order, as by all who change several.
        with held as materialized (
            select batches.operation_id, batches.number
            from unnest($1::uuid[], $2::integer[], $3::integer[]) as lease (operation_id, number, claims)
            join batches on batches.operation_id = lease.operation_id and batches.number = lease.number
            where batches.claims = lease.claims
            order by batches.operation_id, batches.number
            for update of batches
        )
        update batches
        set due_at = now() + make_interval(secs => $4)
        from held
        where batches.operation_id = held.operation_id and batches.number = held.number
        returning batches.operation_id, batches.number, batches.claims
        "#,
        &keys.operation_ids,
        &keys.numbers,
        &keys.claims,
        seconds(lease),
    )
    .fetch_all(executor)
    .await?;
    Ok(held
        .into_iter()
        .map(|row| BatchKey {
            operation_id: row.operation_id.into(),
            number: row.number,
            claims: row.claims,
        })
        .collect())
}
