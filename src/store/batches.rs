//! The queue: due batches are claimed under a lease, and the lease is renewed or released.
//!
//! A batch stands for up to [`BATCH_SIZE`] positions of one Operation. `due_at` is its schedule, its
//! retry time and its lease in one column: a batch of a replica that crashed becomes due by itself.
//! `claims` is the fencing token: it grows with each claim and each release, and what comes with an
//! older value is dropped.
//!
//! Times are set and compared by the database's clock alone. Callers give durations, so the clocks
//! of replicas need not agree.

use std::time::Duration;

use sqlx::PgExecutor;
use uuid::Uuid;

use crate::model::id::OperationId;
use crate::model::operation::BATCH_SIZE;
use crate::store::rank::RANKS;

const _: () = assert!(BATCH_SIZE <= 500, "batches_size_check allows no more");

/// A batch, and the fencing token of one claim of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct BatchKey {
    pub operation_id: OperationId,
    /// 0-based within the Operation.
    pub number: i32,
    /// The fencing token.
    pub claims: i32,
}

/// A batch that this process holds until its lease runs out.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ClaimedBatch {
    pub key: BatchKey,
    pub first_position: i32,
    /// In positions.
    pub size: i32,
    /// How many notifications were unsettled when it was claimed.
    pub queued: i32,
}

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

/// Claims due batches in the order of their ranks, at most `limit`, which together have at most
/// `notifications` unsettled notifications. This process holds each for `lease`; one that is not
/// released by then is due again.
pub(crate) async fn claim(
    executor: impl PgExecutor<'_>,
    limit: i64,
    notifications: i64,
    lease: Duration,
) -> sqlx::Result<Vec<ClaimedBatch>> {
    let claimed = sqlx::query_as!(
        ClaimedRow,
        r#"
        -- Rank by rank, so that each look reads the index in its own order and stops at the limit.
        with due as materialized (
            select batch.operation_id, batch.number, batch.rank, batch.due_at, batch.queued
            from generate_series(0, $1::integer - 1) as ranks (rank)
            cross join lateral (
                select batches.operation_id, batches.number, batches.rank, batches.due_at, batches.queued
                from batches
                where batches.rank = ranks.rank and batches.due_at <= now() and batches.queued > 0
                order by batches.due_at
                limit $2
                for update skip locked
            ) as batch
            limit $2
        ),
        -- The first of them, as far as their notifications fit. The others are only locked until the statement ends.
        fitting as (
            select operation_id, number, sum(queued) over (order by rank, due_at, operation_id, number) as notifications
            from due
        )
        update batches
        set due_at = now() + make_interval(secs => $4), claims = batches.claims + 1
        from fitting
        where batches.operation_id = fitting.operation_id
            and batches.number = fitting.number
            and fitting.notifications <= $3
        returning
            batches.operation_id,
            batches.number,
            batches.claims,
            batches.first_position,
            batches.size,
            batches.queued
        "#,
        RANKS,
        limit,
        notifications,
        lease.as_secs_f64(),
    )
    .fetch_all(executor)
    .await?;

    Ok(claimed.into_iter().map(ClaimedBatch::from).collect())
}

/// Claims the `limit` batches that have been due for longest, whatever their ranks, for `lease`.
/// Without such claims, batches of a low rank would starve while more of a higher one is due than
/// can be sent.
pub(crate) async fn claim_oldest(
    executor: impl PgExecutor<'_>,
    limit: i64,
    lease: Duration,
) -> sqlx::Result<Vec<ClaimedBatch>> {
    let claimed = sqlx::query_as!(
        ClaimedRow,
        r#"
        -- The oldest of each rank, since the index begins with the rank, and then the oldest of those.
        with due as materialized (
            select batch.operation_id, batch.number
            from generate_series(0, $1::integer - 1) as ranks (rank)
            cross join lateral (
                select batches.operation_id, batches.number, batches.due_at
                from batches
                where batches.rank = ranks.rank and batches.due_at <= now() and batches.queued > 0
                order by batches.due_at
                limit $2
                for update skip locked
            ) as batch
            order by batch.due_at
            limit $2
        )
        update batches
        set due_at = now() + make_interval(secs => $3), claims = batches.claims + 1
        from due
        where batches.operation_id = due.operation_id and batches.number = due.number
        returning
            batches.operation_id,
            batches.number,
            batches.claims,
            batches.first_position,
            batches.size,
            batches.queued
        "#,
        RANKS,
        limit,
        lease.as_secs_f64(),
    )
    .fetch_all(executor)
    .await?;

    Ok(claimed.into_iter().map(ClaimedBatch::from).collect())
}

/// Moves the end of the leases of `batches` to `lease` from now. Returns those that are still held;
/// the claims of the others have been lost.
pub(crate) async fn renew(
    executor: impl PgExecutor<'_>,
    batches: &[BatchKey],
    lease: Duration,
) -> sqlx::Result<Vec<BatchKey>> {
    let operation_ids: Vec<Uuid> = batches
        .iter()
        .map(|batch| batch.operation_id.as_uuid())
        .collect();
    let numbers: Vec<i32> = batches.iter().map(|batch| batch.number).collect();
    let claims: Vec<i32> = batches.iter().map(|batch| batch.claims).collect();

    let held = sqlx::query!(
        r#"
        -- Locked in key order, as by every statement that changes several batches.
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
        &operation_ids,
        &numbers,
        &claims,
        lease.as_secs_f64(),
    )
    .fetch_all(executor)
    .await?;

    let held = held.into_iter().map(|row| BatchKey {
        operation_id: row.operation_id.into(),
        number: row.number,
        claims: row.claims,
    });
    Ok(held.collect())
}
