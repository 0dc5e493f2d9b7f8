//! Fan-out: makes the notifications and batches of an Operation to an audience, step by step.
//!
//! A step is one statement, `fan_out_step.sql`: it makes the notifications and batches of up to
//! 5,000 Users and moves the cursor, a row of `fanouts`. So a crash leaves no step half done, there
//! is nothing to resume, and replicas share the work by `SKIP LOCKED` alone.

use std::time::Duration;

use serde::Serialize;
use sqlx::PgExecutor;
use sqlx::types::Json;
use time::OffsetDateTime;

use crate::model::failure::FailureCode;
use crate::model::id::{AccountId, MAX_POSITIONS, OperationId};
use crate::model::local_time::LocalSchedule;
use crate::model::operation::BATCH_SIZE;
use crate::model::pace;
use crate::store::announcement::WAKE_CHANNEL;
use crate::store::rank;

/// Users that one step handles. A cancel waits for the step under way, so it must be short.
const STEP: u32 = 5_000;

// A step begins a batch of its own, so the batches of a whole audience are full.
const _: () = assert!(STEP.is_multiple_of(BATCH_SIZE));

#[derive(Debug, Clone)]
pub struct Step {
    pub operation_id: OperationId,
    /// How many notifications it made.
    pub notifications: i64,
    /// Whether the Operation can hold no more: the rest of its audience gets nothing, and is counted.
    pub is_full: bool,
    /// Whether nothing was done because the time zones are not planned yet.
    pub needs_zones: bool,
    /// Why the Operation does not reach all of its audience, if this was found now.
    pub failure: Option<String>,
    /// Since when the step was due. Everything of the account that had been due for longer was done
    /// before.
    pub was_due_at: OffsetDateTime,
}

/// Accounts that are examined for the next step.
const MAX_ACCOUNTS: i64 = 1_000;

/// An account with steps due.
#[derive(Debug, Clone, Copy)]
pub struct DueFanOut {
    pub account_id: AccountId,
    /// The earliest time from which one of them is due. Before that, the account has none.
    pub since: OffsetDateTime,
}

/// The accounts with steps due, in the order of their ids.
pub async fn due_accounts(executor: impl PgExecutor<'_>) -> sqlx::Result<Vec<DueFanOut>> {
    // Accounts whose steps are all scheduled for later are walked over, but not returned.
    let rows = sqlx::query!(
        r#"
        -- From account to account: one may have very many audiences that are scheduled or due.
        with recursive account as (
            (
                select fanouts.account_id, fanouts.due_at
                from fanouts
                order by fanouts.account_id, fanouts.due_at
                limit 1
            )
            union all
            select next.account_id, next.due_at
            from account
            cross join lateral (
                select fanouts.account_id, fanouts.due_at
                from fanouts
                where fanouts.account_id > account.account_id
                order by fanouts.account_id, fanouts.due_at
                limit 1
            ) as next
        )
        select account.account_id as "account_id!", account.due_at as "since!"
        from account
        where account.due_at <= now()
        limit $1
        "#,
        MAX_ACCOUNTS,
    )
    .fetch_all(executor)
    .await?;

    let due = rows.into_iter().map(|row| DueFanOut {
        account_id: row.account_id.into(),
        since: row.since,
    });
    Ok(due.collect())
}

/// Does the next step of the Operation of an account that has waited longest. `None`: no step is due,
/// or other replicas are at work on all that are.
pub async fn step(executor: impl PgExecutor<'_>, due: DueFanOut) -> sqlx::Result<Option<Step>> {
    // Another replica may be at work on the only step that is due: its row is skipped, and nothing
    // is returned.
    let row = sqlx::query_file!(
        "src/store/fan_out_step.sql",
        i64::from(STEP),
        BATCH_SIZE as i32,
        MAX_POSITIONS as i32,
        WAKE_CHANNEL,
        &rank::STARTS,
        due.account_id.as_uuid(),
        due.since,
        &pace::STARTS,
        &pace::SECONDS,
        FailureCode::AudienceTooLarge.as_str(),
    )
    .fetch_optional(executor)
    .await?;

    Ok(row.map(|row| Step {
        operation_id: row.operation_id.into(),
        notifications: row.notifications,
        is_full: row.is_full,
        needs_zones: row.needs_zones,
        failure: row.failure,
        was_due_at: row.was_due_at,
    }))
}

/// Users of one time zone, and when they are sent to. It is stored in this form, in `fanouts.zones`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct PlannedZone {
    /// `None`: the Users without one.
    pub timezone: Option<String>,
    /// In microseconds since 1970.
    pub at: i64,
    /// What becomes of their notifications instead of being sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub end: Option<&'static str>,
}

/// What the zones of a fan-out are planned by.
pub(crate) struct LocalFanOut {
    pub account_id: AccountId,
    pub schedule: LocalSchedule,
    /// When it is sent to those who have no local time; `None`: now.
    pub send_at: Option<OffsetDateTime>,
    /// The time by the database's clock.
    pub now: OffsetDateTime,
}

/// What the zones of an Operation's fan-out are planned by. `None`: it is over, or this release can't read
/// it.
pub(crate) async fn local(
    executor: impl PgExecutor<'_>,
    operation_id: OperationId,
) -> sqlx::Result<Option<LocalFanOut>> {
    let row = sqlx::query!(
        r#"
        select account_id, local_schedule as "schedule!: Json<LocalSchedule>", send_at, now() as "now!"
        from operations
        where id = $1 and local_schedule is not null
        "#,
        operation_id.as_uuid(),
    )
    .fetch_optional(executor)
    .await?;

    Ok(row.map(|row| LocalFanOut {
        account_id: row.account_id.into(),
        schedule: row.schedule.0,
        send_at: row.send_at,
        now: row.now,
    }))
}

/// Stores the zones of a fan-out, unless another replica has done so.
pub(crate) async fn set_zones(
    executor: impl PgExecutor<'_>,
    operation_id: OperationId,
    zones: &[PlannedZone],
) -> sqlx::Result<()> {
    // Several replicas may plan the zones at once, each by its own list of time zones. The first
    // one counts, because steps may have been done by it.
    sqlx::query!(
        "update fanouts set zones = $2, zone_index = 0 where operation_id = $1 and zones is null",
        operation_id.as_uuid(),
        Json(zones) as Json<&[PlannedZone]>,
    )
    .execute(executor)
    .await
    .map(drop)
}

/// How long until the next scheduled fan-out is due. `None`: there is none.
pub(crate) async fn due_in(executor: impl PgExecutor<'_>) -> sqlx::Result<Option<Duration>> {
    let seconds = sqlx::query_scalar!(
        r#"
        select extract(epoch from min(due_at) - now())::double precision
        from fanouts
        where due_at > now()
        "#
    )
    .fetch_one(executor)
    .await?;

    Ok(seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok()))
}

/// Ends an Operation's fan-out, after the step that is under way. Returns whether there was one.
pub(crate) async fn cancel(
    executor: impl PgExecutor<'_>,
    operation_id: OperationId,
) -> sqlx::Result<bool> {
    // The delete waits for the lock of the step, and so for its batches.
    let deleted = sqlx::query_scalar!(
        r#"
        with done as (
            delete from fanouts
            where operation_id = $1
            returning operation_id, account_id
        ),
        -- If the audience has found no User yet, no batch reports the cancel.
        event as (
            insert into events (account_id, kind, operation_id)
            select done.account_id, 'operation', done.operation_id
            from done
            where exists (
                select
                from webhooks
                where webhooks.account_id = done.account_id and webhooks.disabled_at is null and webhooks.wants_ends
            )
        )
        select count(*) as "deleted!" from done
        "#,
        operation_id.as_uuid(),
    )
    .fetch_one(executor)
    .await?;

    Ok(deleted > 0)
}
