//! The queue: due batches are claimed under a lease, and the lease is renewed or released.
//!
//! A batch stands for up to [`BATCH_SIZE`] positions of one Operation. `due_at` is its schedule, its
//! retry time and its lease in one column: a batch of a replica that crashed becomes due by itself.
//! `claims` is the fencing token: it grows with each claim and each release, and what comes with an
//! older value is dropped.
//!
//! All batches of one account with one rank are a queue. A claim goes from queue to queue, so that no
//! account waits behind the batches of another.
//!
//! Times are set and compared by the database's clock alone. Callers give durations, so the clocks
//! of replicas need not agree.

use std::collections::HashMap;
use std::time::Duration;

use sqlx::PgExecutor;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::model::id::{AccountId, CredentialId, OperationId};
use crate::model::operation::BATCH_SIZE;
use crate::model::queue_key::QueueKey;

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
    pub queue: QueueKey,
    pub first_position: i32,
    /// In positions.
    pub size: i32,
    /// How many notifications were unsettled when it was claimed.
    pub queued: i32,
    /// When its notifications should go, if not when their Operation says.
    pub planned: Option<Planned>,
}

/// The times of a batch of a paced Operation.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Planned {
    /// When its notifications should go; their time to live counts from here.
    pub at: OffsetDateTime,
    /// The time until their deadline; zero: it has passed.
    pub time_left: Duration,
}

/// What one account may get of a claim.
#[derive(Debug, Clone)]
pub(crate) struct AccountClaim {
    pub account_id: AccountId,
    /// Its queues by rank, each with the time before which nothing is due.
    pub queues: Vec<(i16, OffsetDateTime)>,
    /// Most notifications.
    pub room: i64,
    /// Notifications that it may get beyond what is free, out of the reserve.
    pub guaranteed: i64,
}

/// The bounds of a whole claim.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ClaimBounds {
    /// Most batches of each account.
    pub batches: i64,
    /// Most notifications.
    pub free: i64,
    /// Most notifications with the reserve.
    pub free_with_reserve: i64,
    /// How long this process holds each batch; one that is not released by then is due again.
    pub lease: Duration,
}

/// What a claim brought.
#[derive(Debug)]
pub(crate) struct Claim {
    /// When it was made, by the database's clock.
    pub at: OffsetDateTime,
    pub batches: Vec<ClaimedBatch>,
    /// The latest time from which a batch of a queue had been due. Those that had been due for longer
    /// were taken too, unless they were locked.
    pub reached: HashMap<QueueKey, OffsetDateTime>,
}

struct ClaimedRow {
    at: OffsetDateTime,
    operation_id: Option<Uuid>,
    number: Option<i32>,
    claims: Option<i32>,
    account_id: Option<Uuid>,
    rank: Option<i16>,
    first_position: Option<i32>,
    size: Option<i32>,
    queued: Option<i32>,
    planned_at: Option<OffsetDateTime>,
    /// In microseconds.
    time_left: Option<i64>,
    was_due_at: Option<OffsetDateTime>,
}

impl ClaimedRow {
    /// `None`: nothing was claimed, and the row only has the time.
    fn batch(&self) -> Option<ClaimedBatch> {
        Some(ClaimedBatch {
            key: BatchKey {
                operation_id: self.operation_id?.into(),
                number: self.number?,
                claims: self.claims?,
            },
            queue: QueueKey {
                account_id: self.account_id?.into(),
                rank: self.rank?,
            },
            first_position: self.first_position?,
            size: self.size?,
            queued: self.queued?,
            planned: self.planned(),
        })
    }

    fn planned(&self) -> Option<Planned> {
        Some(Planned {
            at: self.planned_at?,
            time_left: Duration::from_micros(u64::try_from(self.time_left?).unwrap_or(0)),
        })
    }
}

impl Claim {
    /// `rows`: at least one.
    fn of(rows: &[ClaimedRow]) -> sqlx::Result<Self> {
        let at = rows.first().ok_or(sqlx::Error::RowNotFound)?.at;
        let mut claim = Self {
            at,
            batches: Vec::with_capacity(rows.len()),
            reached: HashMap::new(),
        };

        for row in rows {
            let (Some(batch), Some(was_due_at)) = (row.batch(), row.was_due_at) else {
                continue;
            };
            claim.batches.push(batch);
            claim
                .reached
                .entry(batch.queue)
                .and_modify(|reached| *reached = was_due_at.max(*reached))
                .or_insert(was_due_at);
        }

        Ok(claim)
    }
}

/// The parameters of a claim: a row for each account, whose queues are a part of another block.
#[derive(Default)]
struct ClaimColumns {
    account_id: Vec<Uuid>,
    first_queue: Vec<i32>,
    last_queue: Vec<i32>,
    room: Vec<i64>,
    guaranteed: Vec<i64>,
    rank: Vec<i16>,
    since: Vec<OffsetDateTime>,
}

impl ClaimColumns {
    fn of(accounts: &[AccountClaim]) -> Self {
        let mut columns = Self::default();

        for account in accounts {
            // Arrays are 1-based in Postgres.
            let first_queue = columns.rank.len() + 1;
            for (rank, since) in &account.queues {
                columns.rank.push(*rank);
                columns.since.push(*since);
            }

            columns.account_id.push(account.account_id.as_uuid());
            columns.first_queue.push(first_queue as i32);
            columns.last_queue.push(columns.rank.len() as i32);
            columns.room.push(account.room);
            columns.guaranteed.push(account.guaranteed);
        }

        columns
    }
}

/// Claims due batches of each of `accounts`, in the order of their ranks, as far as the bounds allow.
/// Accounts that come first are served first.
pub(crate) async fn claim(
    executor: impl PgExecutor<'_>,
    accounts: &[AccountClaim],
    bounds: &ClaimBounds,
) -> sqlx::Result<Claim> {
    let columns = ClaimColumns::of(accounts);

    // A batch that is locked is skipped: another process claims it, or a statement changes it that
    // decides when it is due.
    let rows = sqlx::query_file_as!(
        ClaimedRow,
        "src/store/claim.sql",
        &columns.account_id,
        &columns.first_queue,
        &columns.last_queue,
        &columns.room,
        &columns.guaranteed,
        &columns.rank,
        &columns.since,
        bounds.batches,
        bounds.free,
        bounds.free_with_reserve,
        bounds.lease.as_secs_f64(),
    )
    .fetch_all(executor)
    .await?;

    Claim::of(&rows)
}

/// Claims the batch of each of `accounts` that has been due for longest, whatever its rank, for
/// `lease`. Without such claims, batches of a low rank would starve while more of a higher one is due
/// than can be sent.
pub(crate) async fn claim_oldest(
    executor: impl PgExecutor<'_>,
    accounts: &[AccountClaim],
    lease: Duration,
) -> sqlx::Result<Claim> {
    let columns = ClaimColumns::of(accounts);

    // One batch of each account at most, so the room of the account is no argument of the
    // statement.
    let rows = sqlx::query_as!(
        ClaimedRow,
        r#"
        -- The oldest of each queue, since the index has the rank before the time, and then the oldest of those.
        with due as materialized (
            select batch.operation_id, batch.number, batch.due_at
            from unnest($1::uuid[], $2::integer[], $3::integer[]) as account (account_id, first_queue, last_queue)
            cross join lateral (
                select found.operation_id, found.number, found.due_at
                from generate_series(account.first_queue, account.last_queue) as queue (index)
                cross join lateral (
                    select batches.operation_id, batches.number, batches.due_at
                    from batches
                    where batches.account_id = account.account_id
                        and batches.rank = ($4::smallint[])[queue.index]
                        and batches.due_at >= ($5::timestamptz[])[queue.index]
                        and batches.due_at <= now()
                        and batches.queued > 0
                        and not batches.paused
                    order by batches.due_at
                    limit 1
                    for update skip locked
                ) as found
                order by found.due_at
                limit 1
            ) as batch
        ),
        claimed as (
            update batches
            set due_at = now() + make_interval(secs => $6), claims = batches.claims + 1
            from due
            where batches.operation_id = due.operation_id and batches.number = due.number
            returning
                batches.operation_id,
                batches.number,
                batches.claims,
                batches.account_id,
                batches.rank,
                batches.first_position,
                batches.size,
                batches.queued,
                batches.planned_at,
                batches.deadline_at,
                due.due_at as was_due_at
        )
        select
            now() as "at!",
            claimed.operation_id as "operation_id?",
            claimed.number as "number?",
            claimed.claims as "claims?",
            claimed.account_id as "account_id?",
            claimed.rank as "rank?",
            claimed.first_position as "first_position?",
            claimed.size as "size?",
            claimed.queued as "queued?",
            claimed.planned_at as "planned_at?",
            -- Microseconds by the database's clock: this machine's may differ.
            (extract(epoch from claimed.deadline_at - now()) * 1000000)::bigint as "time_left?",
            claimed.was_due_at as "was_due_at?"
        from (values (1)) as always (present)
        left join claimed on true
        "#,
        &columns.account_id,
        &columns.first_queue,
        &columns.last_queue,
        &columns.rank,
        &columns.since,
        lease.as_secs_f64(),
    )
    .fetch_all(executor)
    .await?;

    Claim::of(&rows)
}

/// Makes batches due that were put back because the lane of this Credential had no room: in the order
/// of their ranks, as many as it takes to have at least `notifications`, but at most `limit`. Returns
/// the queues that they are in.
///
/// A batch that was claimed since is left alone, because its `due_at` is the end of a lease then.
pub(crate) async fn recall(
    executor: impl PgExecutor<'_>,
    credential_id: CredentialId,
    limit: i64,
    notifications: i64,
) -> sqlx::Result<Vec<QueueKey>> {
    // A batch that is locked is being claimed, canceled or paused, and is left to that statement.
    // `waits_as_of` is the token of the release that put a batch back: a later claim has another
    // one.
    let recalled = sqlx::query!(
        r#"
        with waiting as materialized (
            select batches.operation_id, batches.number, batches.rank, batches.due_at, batches.queued
            from batches
            where batches.waits_for = $1
                and batches.waits_as_of = batches.claims
                and batches.queued > 0
                and batches.due_at > now()
            order by batches.rank, batches.due_at
            limit $2
            for update skip locked
        ),
        -- The first of them. The others are only locked until the statement ends.
        fitting as (
            select
                operation_id,
                number,
                sum(queued) over (order by rank, due_at, operation_id, number) - queued as before
            from waiting
        ),
        recalled as (
            update batches
            set due_at = now()
            from fitting
            where batches.operation_id = fitting.operation_id
                and batches.number = fitting.number
                and fitting.before < $3
            returning batches.account_id, batches.rank
        )
        select distinct account_id, rank from recalled
        "#,
        credential_id.as_uuid(),
        limit,
        notifications,
    )
    .fetch_all(executor)
    .await?;

    let queues = recalled.into_iter().map(|row| QueueKey {
        account_id: row.account_id.into(),
        rank: row.rank,
    });
    Ok(queues.collect())
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

    // Only the fencing token counts. A lease that has run out is renewed as well, as long as no
    // other process has claimed the batch.
    let held = sqlx::query!(
        r#"
        -- Locked in key order, as by every statement that changes several batches.
        with held as materialized (
            select batches.operation_id, batches.number
            from unnest($1::uuid[], $2::integer[], $3::integer[]) as lease (operation_id, number, claims)
            join batches on batches.operation_id = lease.operation_id and batches.number = lease.number
            -- A process that did not hear of a pause lets go here.
            where batches.claims = lease.claims and not batches.paused
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
