//! Another pace for an Operation that is being sent, or none.
//!
//! A slower pace divides what waits for its turn into smaller batches. Without a pace, all that waits is
//! due.

use sqlx::{PgConnection, PgExecutor};
use uuid::Uuid;

use crate::model::id::OperationId;
use crate::model::message::Priority;
use crate::model::pace::Pace;
use crate::store::announcement::WAKE_CHANNEL;
use crate::store::paces::{end, lock};
use crate::store::rank;

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

    // After the fan-out has the new pace and is locked: what it has made is divided, and it goes on
    // behind that.
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
    // Batches that were claimed once keep their size and go on. Canceled batches that were never
    // claimed wait as well, because `rest` takes a batch that does not wait for one that had its
    // turn.
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
            where batches.operation_id = $1
                -- An array, so that each is found by its key even in a day's partition that is new.
                and batches.number = any(array(select left_over.number from left_over where left_over.claims = 0))
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

    // Without a batch that waits, and without a fan-out that may make one, there is no turn to
    // take.
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

/// Takes the pace of an Operation away: what waits for its turn is due, or will be when the Operation is.
/// Returns `false` if nothing of it is left. To be called in a transaction.
pub(crate) async fn remove(connection: &mut PgConnection, id: OperationId) -> sqlx::Result<bool> {
    lock(&mut *connection, id).await?;

    // Waits for the step of the fan-out that is under way, whose batches are visible only to a later
    // statement.
    let fan_out = sqlx::query!(
        "update fanouts set pace_per_minute = null where operation_id = $1",
        id.as_uuid(),
    )
    .execute(&mut *connection)
    .await?;
    let is_growing = fan_out.rows_affected() > 0;

    let left = sqlx::query!(
        r#"
        with planned as materialized (
            select
                greatest(operations.send_at, now()) as due_at,
                -- Null: as the Operation says, which may be given another time.
                case when operations.send_at > now() then null else now() end as at,
                make_interval(secs => paces.deadline_after) as deadline_after,
                case when operations.message ->> 'priority' = 'LOW' then $2::smallint else $3::smallint end as rank
            from paces
            join operations on operations.id = paces.operation_id
            where paces.operation_id = $1
        ),
        -- Locked in key order, as by every statement that changes several batches.
        left_over as materialized (
            select number, awaits_turn
            from batches
            where operation_id = $1 and queued > 0
            order by number
            for update
        ),
        made_due as (
            update batches
            set awaits_turn = false,
                due_at = planned.due_at,
                planned_at = planned.at,
                deadline_at = planned.at + planned.deadline_after,
                -- As of an Operation that never had a pace: later batches rank later.
                rank = planned.rank + width_bucket(batches.number, $4::integer[])
            from planned
            where batches.operation_id = $1
                and batches.number = any(array(select left_over.number from left_over where left_over.awaits_turn))
        )
        select count(*) as "batches!" from left_over
        "#,
        id.as_uuid(),
        rank::of_batch(Priority::Low, 0),
        rank::of_batch(Priority::High, 0),
        &rank::STARTS,
    )
    .fetch_one(&mut *connection)
    .await?;
    if left.batches == 0 && !is_growing {
        return Ok(false);
    }

    // After the batches: the statement above reads the deadline from this row.
    end(&mut *connection, id).await?;
    sqlx::query!(
        "update operations set pace_per_minute = null where id = $1",
        id.as_uuid(),
    )
    .execute(&mut *connection)
    .await?;

    // Wakes the search for due queues of all processes.
    sqlx::query!("select pg_notify($1, '')", WAKE_CHANNEL)
        .execute(connection)
        .await?;
    Ok(true)
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
    // A faster pace needs no other batches: a turn makes several of them due.
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

    // These batches are locked and were never claimed, since each of them waits for its turn. So no
    // process holds one, and of their notifications none is sent or failed.
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
