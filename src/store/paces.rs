//! Paces: each limits how many notifications of an Operation become due in a minute.
//!
//! Their batches are small, and are stored as waiting: `due_at` lies far ahead. At each turn, a process
//! makes the next ones due. So a change of pace, a pause or an outage changes only the time of the next
//! turn. A change of the pace itself is in [`pace_change`](crate::store::pace_change).
//!
//! A turn locks the row of `paces`, then batches in the order of their numbers. A change of pace replaces
//! batches, and those that it makes are not visible to a statement that began before. So what changes all
//! batches of an Operation calls [`lock`] first.

use sqlx::{PgConnection, PgExecutor};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::model::id::OperationId;
use crate::model::pace::Pace;
use crate::model::queue_key::QueueKey;

/// An Operation whose turn it is. Its row is locked until the transaction ends.
#[derive(Debug, Clone)]
pub(crate) struct DuePace {
    pub operation_id: OperationId,
    pub pace: Pace,
    pub next_at: OffsetDateTime,
    /// From a notification's planned time to its deadline, in seconds.
    pub deadline_after: f64,
    /// The numbers of the last batches that became due.
    pub recent: Vec<i32>,
    /// Of those, how many notifications are unsettled, although they were not claimed or were put back.
    pub stuck: i64,
    /// Whether its fan-out makes further batches.
    pub is_growing: bool,
    pub now: OffsetDateTime,
}

/// Up to `limit` Operations whose turn it is. Those that another process is at work on are passed over.
pub(crate) async fn due(executor: impl PgExecutor<'_>, limit: i64) -> sqlx::Result<Vec<DuePace>> {
    // Notifications of the last turns that wait to be claimed or were put back show that the lanes
    // do not accept more. The plan of the turn waits then.
    let rows = sqlx::query!(
        r#"
        select
            paces.operation_id,
            paces.per_minute,
            paces.next_at,
            paces.deadline_after,
            paces.recent,
            (
                -- 1: the first claim, which is at work.
                select coalesce(sum(batches.queued) filter (where batches.claims <> 1), 0)
                from batches
                where batches.operation_id = paces.operation_id and batches.number = any(paces.recent)
            ) as "stuck!",
            exists (select from fanouts where fanouts.operation_id = paces.operation_id) as "is_growing!",
            now() as "now!"
        from paces
        where not paces.paused and paces.next_at <= now()
        order by paces.next_at
        limit $1
        for update skip locked
        "#,
        limit,
    )
    .fetch_all(executor)
    .await?;

    let due = rows.into_iter().map(|row| DuePace {
        operation_id: row.operation_id.into(),
        pace: Pace {
            per_minute: row.per_minute.unsigned_abs(),
        },
        next_at: row.next_at,
        deadline_after: row.deadline_after,
        recent: row.recent,
        stuck: row.stuck,
        is_growing: row.is_growing,
        now: row.now,
    });
    Ok(due.collect())
}

/// A batch that waits for its turn.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Waiting {
    /// Index of its Operation in the slice that was asked for.
    pub operation: usize,
    pub number: i32,
    /// Unsettled notifications.
    pub queued: i32,
}

/// The first waiting batches of each Operation, as many as is asked for. They are locked.
pub(crate) async fn waiting(
    executor: impl PgExecutor<'_>,
    operations: &[(OperationId, i64)],
) -> sqlx::Result<Vec<Waiting>> {
    let ids: Vec<Uuid> = operations.iter().map(|(id, _)| id.as_uuid()).collect();
    let limits: Vec<i64> = operations.iter().map(|(_, limit)| *limit).collect();

    // A batch that is being canceled is waited for: afterwards it may have nothing queued, and is
    // no batch of the turn.
    let rows = sqlx::query!(
        r#"
        select asked.index as "index!", batch.number, batch.queued
        from unnest($1::uuid[], $2::bigint[]) with ordinality as asked (operation_id, most, index)
        cross join lateral (
            select batches.number, batches.queued
            from batches
            where batches.operation_id = asked.operation_id and batches.awaits_turn and batches.queued > 0
            order by batches.number
            limit asked.most
            for update
        ) as batch
        order by asked.index, batch.number
        "#,
        &ids,
        &limits,
    )
    .fetch_all(executor)
    .await?;

    let waiting = rows.into_iter().map(|row| Waiting {
        operation: (row.index - 1) as usize,
        number: row.number,
        queued: row.queued,
    });
    Ok(waiting.collect())
}

/// A batch whose turn it is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct BatchTurn {
    pub operation_id: OperationId,
    pub number: i32,
    /// From now to the deadline of its notifications, in seconds.
    pub deadline_after: f64,
}

/// Makes waiting batches due. Returns their queues.
pub(crate) async fn make_due(
    executor: impl PgExecutor<'_>,
    turns: &[BatchTurn],
) -> sqlx::Result<Vec<QueueKey>> {
    if turns.is_empty() {
        return Ok(Vec::new());
    }
    let operation_ids: Vec<Uuid> = turns
        .iter()
        .map(|turn| turn.operation_id.as_uuid())
        .collect();
    let numbers: Vec<i32> = turns.iter().map(|turn| turn.number).collect();
    let deadlines: Vec<f64> = turns.iter().map(|turn| turn.deadline_after).collect();

    // The times of the turn are written into the batch, because a claim reads no row of `paces`.
    let rows = sqlx::query!(
        r#"
        with made_due as (
            update batches
            set awaits_turn = false,
                due_at = now(),
                planned_at = now(),
                deadline_at = now() + make_interval(secs => turn.deadline_after)
            from unnest($1::uuid[], $2::integer[], $3::double precision[])
                as turn (operation_id, number, deadline_after)
            where batches.operation_id = turn.operation_id and batches.number = turn.number and batches.awaits_turn
            returning batches.account_id, batches.rank
        )
        select distinct account_id, rank from made_due
        "#,
        &operation_ids,
        &numbers,
        &deadlines,
    )
    .fetch_all(executor)
    .await?;

    let queues = rows.into_iter().map(|row| QueueKey {
        account_id: row.account_id.into(),
        rank: row.rank,
    });
    Ok(queues.collect())
}

/// Where an Operation goes on after a turn.
#[derive(Debug, Clone)]
pub(crate) struct NextTurn {
    pub operation_id: OperationId,
    /// When its next turn is. `None`: it has no other.
    pub next_at: Option<OffsetDateTime>,
    /// The numbers of the last batches that became due.
    pub recent: Vec<i32>,
}

/// Stores the next turn of an Operation, or ends its pace.
pub(crate) async fn set_next_turn(
    executor: impl PgExecutor<'_>,
    turn: &NextTurn,
) -> sqlx::Result<()> {
    let Some(next_at) = turn.next_at else {
        // Without this, the search for due turns would find the row again and again.
        return end(executor, turn.operation_id).await;
    };

    sqlx::query!(
        "update paces set next_at = $2, recent = $3 where operation_id = $1",
        turn.operation_id.as_uuid(),
        next_at,
        &turn.recent,
    )
    .execute(executor)
    .await
    .map(drop)
}

/// How long until the next turn of any Operation, in seconds; negative: it is due. `None`: there is
/// none.
pub(crate) async fn next_in(executor: impl PgExecutor<'_>) -> sqlx::Result<Option<f64>> {
    sqlx::query_scalar!(
        r#"
        select extract(epoch from paces.next_at - now())::double precision as "seconds!"
        from paces
        where not paces.paused
        order by paces.next_at
        limit 1
        "#
    )
    .fetch_optional(executor)
    .await
}

/// Waits for the turn and for the change of this Operation that are under way, so that a later statement
/// sees the batches that they have made, and keeps others off until the transaction ends.
pub(crate) async fn lock(connection: &mut PgConnection, id: OperationId) -> sqlx::Result<()> {
    // An Operation without a pace has no row that could be locked, and may be given one.
    sqlx::query!(
        "select pg_advisory_xact_lock(hashtextextended($1, 0))",
        format!("pace {}", id.as_uuid()),
    )
    .execute(&mut *connection)
    .await?;

    sqlx::query!(
        "select operation_id from paces where operation_id = $1 for update",
        id.as_uuid(),
    )
    .fetch_optional(connection)
    .await
    .map(drop)
}

/// Ends the turns of an Operation.
pub(crate) async fn end(executor: impl PgExecutor<'_>, id: OperationId) -> sqlx::Result<()> {
    sqlx::query!("delete from paces where operation_id = $1", id.as_uuid(),)
        .execute(executor)
        .await
        .map(drop)
}

/// Lets the turns of an Operation rest, or go on.
pub(crate) async fn set_paused(
    executor: impl PgExecutor<'_>,
    id: OperationId,
    paused: bool,
) -> sqlx::Result<()> {
    sqlx::query!(
        "update paces set paused = $2 where operation_id = $1",
        id.as_uuid(),
        paused,
    )
    .execute(executor)
    .await
    .map(drop)
}

/// Gives an Operation another time to begin.
pub(crate) async fn reschedule(
    executor: impl PgExecutor<'_>,
    id: OperationId,
    send_at: OffsetDateTime,
) -> sqlx::Result<()> {
    sqlx::query!(
        "update paces set next_at = $2 where operation_id = $1",
        id.as_uuid(),
        send_at,
    )
    .execute(executor)
    .await
    .map(drop)
}

/// Up to `limit` Operations with ids below `end` that have turns left.
pub(crate) async fn before(
    executor: impl PgExecutor<'_>,
    end: Uuid,
    limit: i64,
) -> sqlx::Result<Vec<OperationId>> {
    let ids = sqlx::query_scalar!(
        "select operation_id from paces where operation_id < $1 limit $2",
        end,
        limit,
    )
    .fetch_all(executor)
    .await?;

    Ok(ids.into_iter().map(OperationId::from).collect())
}
