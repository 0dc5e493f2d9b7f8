//! Canceling: settles unsettled notifications as CANCELED, in one statement and so in one
//! transaction. A User's notification that one device's provider has accepted becomes SENT, and its
//! other devices are no longer tried.
//!
//! A claimed batch keeps its claim, so that what is in flight is recorded as what it becomes: a
//! notification that arrived is never reported as canceled. What only waits in a replica's memory is
//! dropped when that replica hears of the cancel by `NOTIFY`.

use serde_json::Value;
use sqlx::{PgConnection, PgExecutor};
use uuid::Uuid;

use crate::model::id::{AccountId, MAX_POSITIONS, OperationId};
use crate::store::{fan_out, paces};

/// The channel on which workers learn that an Operation has been canceled; the payload is its id as
/// a UUID.
pub(crate) const CANCEL_CHANNEL: &str = "canceled";

/// Cancels all unsettled notifications of an Operation and the rest of its fan-out. Returns whether
/// there was anything to cancel; if so, the Operation is marked as canceled. To be called in a
/// transaction.
pub(crate) async fn operation(
    connection: &mut PgConnection,
    id: OperationId,
) -> sqlx::Result<bool> {
    // First, and in statements of their own: they wait for the turn and the step that are under way, and
    // what these have made is visible only to a later statement.
    paces::lock(&mut *connection, id).await?;
    paces::end(&mut *connection, id).await?;
    let ended_fan_out = fan_out::cancel(&mut *connection, id).await?;

    // Up to the highest position that an Operation can have: its fan-out may have added recipients
    // a moment ago.
    let stopped = stop(
        connection,
        id,
        &Stop {
            first: 0,
            end: MAX_POSITIONS as i32,
            whole_operation: true,
            ended_fan_out,
        },
    )
    .await?;

    Ok(ended_fan_out || stopped > 0)
}

/// Cancels the notification at `position`. Returns `false` if it is settled.
/// To be called in a transaction.
pub(crate) async fn push_notification(
    connection: &mut PgConnection,
    id: OperationId,
    position: i32,
) -> sqlx::Result<bool> {
    // A change of pace replaces batches, and a statement that began before it does not see the new
    // ones.
    paces::lock(&mut *connection, id).await?;
    let stopped = stop(
        connection,
        id,
        &Stop {
            first: position,
            end: position + 1,
            whole_operation: false,
            ended_fan_out: false,
        },
    )
    .await?;

    Ok(stopped > 0)
}

/// What to settle of an Operation.
struct Stop {
    /// The first position.
    first: i32,
    /// The position after the last.
    end: i32,
    /// Marks the Operation as canceled if anything was stopped.
    whole_operation: bool,
    /// Marks it in any case.
    ended_fan_out: bool,
}

/// Returns how many notifications were settled.
async fn stop(executor: impl PgExecutor<'_>, id: OperationId, stop: &Stop) -> sqlx::Result<i64> {
    sqlx::query_file_scalar!(
        "src/store/cancel.sql",
        id.as_uuid(),
        stop.first,
        stop.end,
        stop.whole_operation,
        stop.ended_fan_out,
        CANCEL_CHANNEL,
    )
    .fetch_one(executor)
    .await
}

/// Which Operations of an account are canceled together.
pub(crate) struct TagFilter<'a> {
    pub account_id: AccountId,
    /// Those with all of these tags.
    pub tags: &'a Value,
    /// From this id on.
    pub oldest: Uuid,
    pub limit: i64,
}

/// Operations of which something is left, the oldest first.
pub(crate) async fn unsettled_with_tags(
    executor: impl PgExecutor<'_>,
    filter: &TagFilter<'_>,
) -> sqlx::Result<Vec<OperationId>> {
    let ids = sqlx::query_scalar!(
        r#"
        -- From what is unsettled: an account may have very many Operations that are done. Batches of an older release
        -- name no account.
        with unsettled as materialized (
            select operation_id
            from batches
            where account_id in ($1, '00000000-0000-0000-0000-000000000000') and queued > 0
            union
            select operation_id from fanouts where account_id = $1
        )
        select operations.id
        from unsettled
        join operations on operations.id = unsettled.operation_id
        where operations.account_id = $1 and operations.id >= $3 and operations.tags @> $2
        order by operations.id
        limit $4
        "#,
        filter.account_id.as_uuid(),
        filter.tags,
        filter.oldest,
        filter.limit,
    )
    .fetch_all(executor)
    .await?;

    Ok(ids.into_iter().map(OperationId::from).collect())
}
