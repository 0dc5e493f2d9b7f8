//! Paces: Operations of which so many notifications become due in a minute.
//!
//! Their batches are small, and are stored as waiting: `due_at` lies far ahead. At each turn, a process
//! makes the next ones due. So all that follows a change of pace, a pause or an outage is when the next
//! turn is, and a slower pace divides what waits into smaller batches.
//!
//! A turn locks the row of `paces`, then batches in the order of their numbers. A change of pace replaces
//! batches, and those that it makes are not visible to a statement that began before. So what changes all
//! batches of an Operation calls [`lock`] first.

use sqlx::{PgConnection, PgExecutor};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::model::id::OperationId;
use crate::model::message::Priority;
use crate::model::pace::Pace;
use crate::model::queue_key::QueueKey;
use crate::store::rank;

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
pub(crate) struct Moved {
    pub operation_id: OperationId,
    /// When its next turn is. `None`: it has no other.
    pub next_at: Option<OffsetDateTime>,
    /// The numbers of the last batches that became due.
    pub recent: Vec<i32>,
}

/// Notes a turn.
pub(crate) async fn moved(executor: impl PgExecutor<'_>, moved: &Moved) -> sqlx::Result<()> {
    let Some(next_at) = moved.next_at else {
        return end(executor, moved.operation_id).await;
    };

    sqlx::query!(
        "update paces set next_at = $2, recent = $3 where operation_id = $1",
        moved.operation_id.as_uuid(),
        next_at,
        &moved.recent,
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

/// Gives what is left of an Operation another pace. Returns `false` if nothing is. To be called in a
/// transaction.
pub(crate) async fn change(
    connection: &mut PgConnection,
    id: OperationId,
    pace: Pace,
) -> sqlx::Result<bool> {
    let per_minute = pace.per_minute as i32;
    lock(&mut *connection, id).await?;

    // A faster pace shortens the time until the next turn. A slower one holds from the next turn on.
    let changed = sqlx::query!(
        r#"
        update paces
        set per_minute = $2::integer,
            next_at = case
                when recent = '{}' or next_at <= now() then next_at
                else least(next_at, now() + (next_at - now()) * (per_minute::double precision / $2::integer))
            end
        where operation_id = $1
        "#,
        id.as_uuid(),
        per_minute,
    )
    .execute(&mut *connection)
    .await?;

    // Waits for the step of the fan-out that is under way, whose batches are visible only to a later
    // statement.
    let fan_out = sqlx::query!(
        "update fanouts set pace_per_minute = $2 where operation_id = $1",
        id.as_uuid(),
        per_minute,
    )
    .execute(&mut *connection)
    .await?;
    let is_growing = fan_out.rows_affected() > 0;

    if changed.rows_affected() == 0 && !begin(&mut *connection, id, pace, is_growing).await? {
        return Ok(false);
    }

    divide(&mut *connection, id, pace).await?;
    sqlx::query!(
        "update operations set pace_per_minute = $2 where id = $1",
        id.as_uuid(),
        per_minute,
    )
    .execute(connection)
    .await?;
    Ok(true)
}

/// Lets what was not claimed yet of an Operation without a pace wait for turns. Returns `false` if
/// nothing of the Operation is left.
async fn begin(
    connection: &mut PgConnection,
    id: OperationId,
    pace: Pace,
    is_growing: bool,
) -> sqlx::Result<bool> {
    let left = sqlx::query!(
        r#"
        with left_over as materialized (
            select number, claims, queued
            from batches
            where operation_id = $1 and (queued > 0 or claims = 0)
            order by number
            for update
        ),
        waiting as (
            update batches
            set awaits_turn = true, due_at = now() + interval '100 years'
            from left_over
            where batches.operation_id = $1 and batches.number = left_over.number and left_over.claims = 0
        )
        select
            count(*) filter (where queued > 0) as "batches!",
            count(*) filter (where queued > 0 and claims = 0) as "waiting!"
        from left_over
        "#,
        id.as_uuid(),
    )
    .fetch_one(&mut *connection)
    .await?;

    if left.waiting > 0 || is_growing {
        sqlx::query!(
            r#"
            insert into paces (operation_id, account_id, per_minute, next_at, deadline_after, paused)
            select
                id,
                account_id,
                $2,
                greatest(send_at, now()),
                extract(epoch from deadline_at - coalesce(send_at, created_at))::double precision,
                paused_at is not null
            from operations
            where id = $1
            "#,
            id.as_uuid(),
            pace.per_minute as i32,
        )
        .execute(connection)
        .await?;
    }

    Ok(left.batches > 0 || is_growing)
}

/// The batches behind the last that has had its turn.
struct Rest {
    account_id: Uuid,
    /// The number of the first.
    number: i32,
    first_position: i32,
    end_position: i32,
    /// The size of the largest.
    largest: i32,
    canceled: i64,
    paused: bool,
    is_low: bool,
}

/// Divides the batches behind the last that has had its turn, where they are too large for the pace.
/// Those before it keep their size: batches are numbered in the order of their positions, without a gap.
async fn divide(connection: &mut PgConnection, id: OperationId, pace: Pace) -> sqlx::Result<()> {
    let Some(rest) = rest(&mut *connection, id).await? else {
        return Ok(());
    };
    if rest.largest <= pace.batch_size(rest.number.unsigned_abs()) as i32 {
        return Ok(());
    }
    let parts = parts(&rest, pace);

    let numbers: Vec<i32> = (rest.number..).take(parts.len()).collect();
    let firsts: Vec<i32> = parts.iter().map(|(first, _)| *first).collect();
    let sizes: Vec<i32> = parts.iter().map(|(_, size)| *size).collect();
    let canceled = if rest.canceled > 0 {
        canceled(&mut *connection, id, &parts).await?
    } else {
        vec![0; parts.len()]
    };
    let priority = if rest.is_low {
        Priority::Low
    } else {
        Priority::High
    };

    sqlx::query!(
        "delete from batches where operation_id = $1 and number >= $2",
        id.as_uuid(),
        rest.number,
    )
    .execute(&mut *connection)
    .await?;
    sqlx::query!(
        r#"
        insert into batches (
            operation_id, number, account_id, first_position, size, rank, due_at, queued, canceled, updated_at, paused,
            awaits_turn
        )
        select
            $1, part.number, $2, part.first_position, part.size, $3, now() + interval '100 years',
            part.size - part.canceled, part.canceled, now(), $4, true
        from unnest($5::integer[], $6::integer[], $7::integer[], $8::integer[])
            as part (number, first_position, size, canceled)
        "#,
        id.as_uuid(),
        rest.account_id,
        rank::of_batch(priority, 0),
        rest.paused,
        &numbers,
        &firsts,
        &sizes,
        &canceled,
    )
    .execute(&mut *connection)
    .await?;
    sqlx::query!(
        "update fanouts set next_batch = $2 where operation_id = $1",
        id.as_uuid(),
        rest.number + parts.len() as i32,
    )
    .execute(connection)
    .await
    .map(drop)
}

async fn rest(connection: &mut PgConnection, id: OperationId) -> sqlx::Result<Option<Rest>> {
    sqlx::query_as!(
        Rest,
        r#"
        with last_turn as materialized (
            select coalesce(max(number), -1) as number
            from batches
            where operation_id = $1 and not awaits_turn
        ),
        -- Locked in key order, as by every statement that changes several batches.
        rest as materialized (
            select batches.account_id, batches.number, batches.first_position, batches.size, batches.canceled, batches.paused
            from batches
            where batches.operation_id = $1 and batches.number > (select number from last_turn)
            order by batches.number
            for update
        ),
        operation as materialized (
            select message ->> 'priority' = 'LOW' as is_low from operations where id = $1
        )
        select
            (array_agg(rest.account_id))[1] as "account_id!",
            min(rest.number) as "number!",
            min(rest.first_position) as "first_position!",
            max(rest.first_position + rest.size) as "end_position!",
            max(rest.size) as "largest!",
            sum(rest.canceled) as "canceled!",
            bool_or(rest.paused) as "paused!",
            coalesce(bool_or(operation.is_low), false) as "is_low!"
        from rest
        cross join operation
        having count(*) > 0
        "#,
        id.as_uuid(),
    )
    .fetch_optional(connection)
    .await
}

/// The first positions and sizes of the batches that `rest` is divided into.
fn parts(rest: &Rest, pace: Pace) -> Vec<(i32, i32)> {
    let mut parts = Vec::new();
    let mut first = rest.first_position;
    let mut number = rest.number.unsigned_abs();

    while first < rest.end_position {
        let size = (pace.batch_size(number) as i32).min(rest.end_position - first);
        parts.push((first, size));
        first += size;
        number += 1;
    }

    parts
}

/// How many notifications were canceled in each of these parts (first position, size).
async fn canceled(
    executor: impl PgExecutor<'_>,
    id: OperationId,
    parts: &[(i32, i32)],
) -> sqlx::Result<Vec<i32>> {
    let firsts: Vec<i32> = parts.iter().map(|(first, _)| *first).collect();
    let ends: Vec<i32> = parts.iter().map(|(first, size)| first + size).collect();

    let rows = sqlx::query!(
        r#"
        select part.index as "index!", count(*)::integer as "canceled!"
        from unnest($2::integer[], $3::integer[]) with ordinality as part (first, "end", index)
        join push_notifications
            on push_notifications.operation_id = $1
            and push_notifications.position >= part.first
            and push_notifications.position < part."end"
        where push_notifications.status = 'CANCELED'
        group by part.index
        "#,
        id.as_uuid(),
        &firsts,
        &ends,
    )
    .fetch_all(executor)
    .await?;

    let mut canceled = vec![0; parts.len()];
    for row in rows {
        if let Some(count) = canceled.get_mut((row.index - 1) as usize) {
            *count = row.canceled;
        }
    }
    Ok(canceled)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parts_of_a_rest_follow_each_other_without_a_gap() {
        let rest = Rest {
            account_id: Uuid::nil(),
            number: 7,
            first_position: 3_500,
            end_position: 3_750,
            largest: 250,
            canceled: 0,
            paused: false,
            is_low: false,
        };

        let slow = Pace { per_minute: 6_000 };
        assert_eq!(
            parts(&rest, slow),
            [(3_500, 100), (3_600, 100), (3_700, 50)]
        );
        let fast = Pace {
            per_minute: 600_000,
        };
        assert_eq!(parts(&rest, fast), [(3_500, 250)]);
    }
}
