//! Another time for an Operation that is scheduled.

use sqlx::PgConnection;
use time::OffsetDateTime;

use crate::model::id::OperationId;
use crate::store::announcement::WAKE_CHANNEL;
use crate::store::paces;

/// Gives an Operation another time, if its time has not come and it has not been canceled. Its deadline
/// moves by as much. Returns `false` otherwise. To be called in a transaction.
pub(crate) async fn operation(
    connection: &mut PgConnection,
    id: OperationId,
    send_at: OffsetDateTime,
) -> sqlx::Result<bool> {
    paces::lock(&mut *connection, id).await?;
    // Decided here, by the clock of the database: the time may have come since the request was
    // checked.
    let changed = sqlx::query!(
        r#"
        with planned as materialized (
            select id, deadline_at + ($2::timestamptz - send_at) as deadline_at
            from operations
            where id = $1 and send_at > now() and canceled_at is null
        )
        update operations
        set send_at = $2, deadline_at = planned.deadline_at
        from planned
        where operations.id = $1 and planned.id = operations.id
        "#,
        id.as_uuid(),
        send_at,
    )
    .execute(&mut *connection)
    .await?;
    if changed.rows_affected() == 0 {
        return Ok(false);
    }

    // Nothing is moved of what has begun: a fan-out whose time has come, and a batch that was
    // claimed, whose `due_at` is the end of a lease.
    paces::reschedule(&mut *connection, id, send_at).await?;
    sqlx::query!(
        r#"
        update fanouts
        set due_at = greatest($2::timestamptz, now())
        where operation_id = $1 and due_at > now()
        "#,
        id.as_uuid(),
        send_at,
    )
    .execute(&mut *connection)
    .await?;

    sqlx::query!(
        r#"
        update events
        set due_at = $2
        where operation_id = $1 and kind = 'operation.processing'
        "#,
        id.as_uuid(),
        send_at,
    )
    .execute(&mut *connection)
    .await?;

    sqlx::query!(
        r#"
        with waiting as materialized (
            select number
            from batches
            where operation_id = $1 and queued > 0 and claims = 0 and due_at > now() and not awaits_turn
            order by number
            for update
        ),
        moved as (
            update batches
            -- Never in the past: claims don't look there again.
            set due_at = greatest($2::timestamptz, now())
            -- An array, so that each is found by its key even in a day's partition that is new.
            where batches.operation_id = $1 and batches.number = any(array(select waiting.number from waiting))
        )
        -- Tells all processes of the new time.
        select pg_notify($3, '')
        "#,
        id.as_uuid(),
        send_at,
        WAKE_CHANNEL,
    )
    .execute(connection)
    .await?;

    Ok(true)
}
