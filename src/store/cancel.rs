//! Canceling: what is unsettled is settled as CANCELED, in one statement and so in one transaction.
//! A User's notification that one device's provider has accepted is SENT, and only its other
//! devices are let go of.
//!
//! A claimed batch keeps its claim: what is in flight is recorded as what it becomes.

use sqlx::{PgConnection, PgExecutor};

use crate::model::id::{MAX_POSITIONS, OperationId};
use crate::store::fan_out;

/// The channel on which workers learn that an Operation has been canceled; the payload is its id as
/// a UUID.
pub const CANCEL_CHANNEL: &str = "canceled";

/// Cancels all that is unsettled of an Operation, and marks it as canceled if there was anything.
/// Returns whether there was. To be called in a transaction.
pub async fn operation(connection: &mut PgConnection, id: OperationId) -> sqlx::Result<bool> {
    // Before the notifications, in a statement of its own: what a step under way has made is seen
    // by the next one.
    let grew = fan_out::cancel(&mut *connection, id).await?;
    let stopped = stop(connection, id, 0, MAX_POSITIONS as i32, Whole::Yes { grew }).await?;
    Ok(grew || stopped > 0)
}

/// Cancels the notification at `position`, unless it is settled. Returns whether there was anything
/// to cancel.
pub async fn push_notification(
    executor: impl PgExecutor<'_>,
    id: OperationId,
    position: i32,
) -> sqlx::Result<bool> {
    Ok(stop(executor, id, position, position + 1, Whole::No).await? > 0)
}

/// Whether the whole of an Operation is meant.
enum Whole {
    No,
    Yes {
        /// Whether its audience was still being counted.
        grew: bool,
    },
}

/// Settles what is unsettled of the positions from `first` up to but without `end`. Returns how
/// many were.
async fn stop(
    executor: impl PgExecutor<'_>,
    id: OperationId,
    first: i32,
    end: i32,
    whole: Whole,
) -> sqlx::Result<i64> {
    let (whole, grew) = match whole {
        Whole::No => (false, false),
        Whole::Yes { grew } => (true, grew),
    };
    sqlx::query_file_scalar!(
        "src/store/cancel.sql",
        id.as_uuid(),
        first,
        end,
        whole,
        CANCEL_CHANNEL,
        grew
    )
    .fetch_one(executor)
    .await
}
