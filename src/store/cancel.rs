//! Canceling: what is unsettled is settled as CANCELED, in one statement and so in one transaction.
//!
//! A claimed batch keeps its claim: what is in flight is recorded as what it becomes.

use sqlx::PgExecutor;

use crate::id::{MAX_POSITIONS, OperationId};

/// The channel on which workers learn that an Operation has been canceled; the payload is its id as a UUID.
pub const CANCEL_CHANNEL: &str = "canceled";

/// Cancels all that is unsettled of an Operation, and marks it as canceled if there was anything. Returns how many
/// notifications that were.
pub async fn operation(executor: impl PgExecutor<'_>, id: OperationId) -> sqlx::Result<i64> {
    cancel(executor, id, 0, MAX_POSITIONS as i32, true).await
}

/// Cancels the notification at `position`, unless it is settled. Returns whether it was canceled.
pub async fn push_notification(executor: impl PgExecutor<'_>, id: OperationId, position: i32) -> sqlx::Result<bool> {
    Ok(cancel(executor, id, position, position + 1, false).await? > 0)
}

/// Cancels the positions from `first` up to but without `end`.
async fn cancel(
    executor: impl PgExecutor<'_>,
    id: OperationId,
    first: i32,
    end: i32,
    whole: bool,
) -> sqlx::Result<i64> {
    sqlx::query_file_scalar!("src/store/cancel.sql", id.as_uuid(), first, end, whole, CANCEL_CHANNEL)
        .fetch_one(executor)
        .await
}
