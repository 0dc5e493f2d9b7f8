//! Pausing: marks the batches of an Operation, so that none is claimed until the mark is taken away.
//!
//! Leases and fencing tokens stay as they are. Replicas let go of what waits in their memory when they
//! hear of the pause by `NOTIFY`, as they do for a cancel; what is in flight is recorded as what it
//! becomes. A batch that is still under a lease when its Operation is resumed is claimed once that lease
//! has ended, so nothing is sent twice.

use sqlx::{PgConnection, PgExecutor};
use uuid::Uuid;

use crate::model::id::{AccountId, OperationId};
use crate::store::announcement::WAKE_CHANNEL;
use crate::store::paces;

/// The channel on which workers learn that an Operation has been paused; the payload is its id as a
/// UUID.
pub(crate) const PAUSE_CHANNEL: &str = "paused";

/// Why an Operation is paused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PauseReason {
    /// A client asked for it.
    Requested,
    /// Too many of its notifications failed.
    Guard,
}

impl PauseReason {
    /// As it is stored, and as the API shows it.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Requested => "REQUESTED",
            Self::Guard => "GUARD",
        }
    }
}

/// Pauses what is left of an Operation. Returns `false` if nothing is. An Operation that is paused stays
/// so, for the first reason. To be called in a transaction.
pub(crate) async fn pause(
    connection: &mut PgConnection,
    id: OperationId,
    reason: PauseReason,
) -> sqlx::Result<bool> {
    // First, and in statements of their own: they wait for the turn and the step that are under way, and
    // the batches that these have made are visible only to a later statement.
    paces::lock(&mut *connection, id).await?;
    paces::set_paused(&mut *connection, id, true).await?;
    let is_growing = mark_fan_out(&mut *connection, id, true).await?;

    let batches = sqlx::query_scalar!(
        r#"
        -- Locked in key order, as by every statement that changes several batches.
        with left_over as materialized (
            select number
            from batches
            where operation_id = $1 and queued > 0
            order by number
            for update
        ),
        marked as (
            update batches
            set paused = true
            where batches.operation_id = $1
                -- An array, so that each is found by its key even in a day's partition that is new.
                and batches.number = any(array(select left_over.number from left_over))
                and not batches.paused
        )
        select count(*) as "batches!" from left_over
        "#,
        id.as_uuid(),
    )
    .fetch_one(&mut *connection)
    .await?;

    if batches == 0 && !is_growing {
        return Ok(false);
    }

    let paused = sqlx::query_scalar!(
        r#"
        update operations
        set paused_at = now(), paused_reason = $2
        where id = $1 and paused_at is null
        returning account_id
        "#,
        id.as_uuid(),
        reason.as_str(),
    )
    .fetch_optional(&mut *connection)
    .await?;

    // Only the first request changes the row, so a repeated one reports no second pause.
    if let Some(account_id) = paused {
        insert_event(&mut *connection, account_id.into(), id, reason).await?;
    }

    // Notifies the workers of all processes, which let go of what they hold of the Operation in memory.
    sqlx::query!(
        "select pg_notify($1, $2)",
        PAUSE_CHANNEL,
        id.as_uuid().to_string()
    )
    .execute(connection)
    .await?;

    Ok(true)
}

/// Writes the event, if a webhook wants it.
async fn insert_event(
    executor: impl PgExecutor<'_>,
    account_id: AccountId,
    id: OperationId,
    reason: PauseReason,
) -> sqlx::Result<()> {
    sqlx::query!(
        r#"
        insert into events (account_id, kind, operation_id, data)
        select $1, 'operation.paused', $2, jsonb_build_object('reason', $3::text)
        where exists (
            select
            from webhooks
            where account_id = $1 and disabled_at is null and 'operation.paused' = any(events)
        )
        "#,
        account_id.as_uuid(),
        id.as_uuid(),
        reason.as_str(),
    )
    .execute(executor)
    .await
    .map(drop)
}

/// Lets a paused Operation go on. The deadline moves by as long as the pause kept the Operation from
/// being sent, but not beyond the `ttl` of the message. Returns `false` if nothing of it is left. To be
/// called in a transaction.
pub(crate) async fn resume(connection: &mut PgConnection, id: OperationId) -> sqlx::Result<bool> {
    paces::lock(&mut *connection, id).await?;
    paces::set_paused(&mut *connection, id, false).await?;
    let is_growing = mark_fan_out(&mut *connection, id, false).await?;

    // Before the batches: a claim of one reads the new deadline.
    let rested = sqlx::query!(
        r#"
        with rested as materialized (
            select
                id,
                greatest(now() - greatest(paused_at, send_at), interval '0') as rest,
                -- At least 30 s, as when it was accepted.
                greatest((message ->> 'ttl')::integer, 30) * interval '1 second' as ttl
            from operations
            where id = $1 and paused_at is not null
        )
        update operations
        set paused_at = null,
            paused_reason = null,
            deadline_at = greatest(
                operations.deadline_at,
                -- least() leaves null out: without a ttl, the deadline alone counts.
                least(
                    operations.deadline_at + rested.rest,
                    coalesce(operations.send_at, operations.created_at) + rested.ttl
                )
            )
        from rested
        where operations.id = $1 and rested.id = operations.id
        returning
            extract(epoch from rested.rest)::double precision as "rest!",
            extract(epoch from rested.ttl)::double precision as ttl
        "#,
        id.as_uuid(),
    )
    .fetch_optional(&mut *connection)
    .await?;

    // A batch that is still claimed keeps the end of its lease, so no other process sends what the
    // holder has in flight.
    let batches = sqlx::query_scalar!(
        r#"
        with left_over as materialized (
            select number
            from batches
            where operation_id = $1 and queued > 0
            order by number
            for update
        ),
        unmarked as (
            update batches
            set paused = false,
                -- Never in the past: claims don't look there again.
                due_at = greatest(batches.due_at, now()),
                -- Null stays null: the Operation's counts.
                deadline_at = greatest(
                    batches.deadline_at,
                    least(
                        batches.deadline_at + make_interval(secs => $2),
                        batches.planned_at + make_interval(secs => $3)
                    )
                )
            where batches.operation_id = $1
                and batches.number = any(array(select left_over.number from left_over))
                and batches.paused
        )
        select count(*) as "batches!" from left_over
        "#,
        id.as_uuid(),
        rested.as_ref().map_or(0.0, |rested| rested.rest),
        rested.and_then(|rested| rested.ttl),
    )
    .fetch_one(&mut *connection)
    .await?;

    // Wakes the search for due queues of all processes: the batches may have been due for long.
    sqlx::query!("select pg_notify($1, '')", WAKE_CHANNEL)
        .execute(connection)
        .await?;

    Ok(batches > 0 || is_growing)
}

/// Returns whether there is a fan-out.
async fn mark_fan_out(
    executor: impl PgExecutor<'_>,
    id: OperationId,
    paused: bool,
) -> sqlx::Result<bool> {
    let marked = sqlx::query!(
        "update fanouts set paused = $2 where operation_id = $1",
        id.as_uuid(),
        paused,
    )
    .execute(executor)
    .await?;

    Ok(marked.rows_affected() > 0)
}

/// Up to `limit` paused Operations with ids below `end`, of which something is left.
pub(crate) async fn paused_before(
    executor: impl PgExecutor<'_>,
    end: Uuid,
    limit: i64,
) -> sqlx::Result<Vec<OperationId>> {
    let ids = sqlx::query_scalar!(
        r#"
        select found.operation_id as "operation_id!"
        from (
            select operation_id from batches where operation_id < $1 and queued > 0 and paused
            union
            select operation_id from fanouts where operation_id < $1 and paused
        ) as found
        limit $2
        "#,
        end,
        limit,
    )
    .fetch_all(executor)
    .await?;

    Ok(ids.into_iter().map(OperationId::from).collect())
}
