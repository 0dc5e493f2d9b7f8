//! Fan-out: turns an Operation to an audience into notifications and batches, a step at a time. A
//! step is one statement, so a crash leaves none half done, and replicas never do the same one.

use std::time::Duration;

use sqlx::PgExecutor;

use crate::model::id::{MAX_POSITIONS, OperationId};
use crate::model::operation::BATCH_SIZE;
use crate::store::operation_insert::WAKE_CHANNEL;
use crate::store::rank;

/// Users that one step looks at: short enough to hold nobody up.
const STEP: i64 = 5_000;

/// What a step did.
#[derive(Debug, Clone, Copy)]
pub struct Step {
    /// For which Operation.
    pub operation_id: OperationId,
    /// How many notifications it made.
    pub notifications: i64,
    /// Whether the Operation can hold no more: what is left of its audience gets nothing.
    pub is_full: bool,
}

/// Does the next step of the Operation that has waited longest. `None`: nothing is due that nobody
/// else works on.
pub async fn step(executor: impl PgExecutor<'_>) -> sqlx::Result<Option<Step>> {
    let row = sqlx::query_file!(
        "src/store/fan_out_step.sql",
        STEP,
        BATCH_SIZE as i32,
        MAX_POSITIONS as i32,
        WAKE_CHANNEL,
        &rank::STARTS,
    )
    .fetch_optional(executor)
    .await?;
    Ok(row.map(|row| Step {
        operation_id: row.operation_id.into(),
        notifications: row.notifications,
        is_full: row.is_full,
    }))
}

/// How long until the next step is due; `None`: there is none, or it is due.
pub async fn due_in(executor: impl PgExecutor<'_>) -> sqlx::Result<Option<Duration>> {
    let seconds = sqlx::query_scalar!(
        r#"select extract(epoch from min(due_at) - now())::double precision from fanouts where due_at > now()"#
    )
    .fetch_one(executor)
    .await?;
    Ok(seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok()))
}

/// Ends what is left of an Operation's fan-out, after the step that is under way. Returns whether
/// there was anything.
pub async fn cancel(
    executor: impl PgExecutor<'_>,
    operation_id: OperationId,
) -> sqlx::Result<bool> {
    let deleted = sqlx::query!(
        "delete from fanouts where operation_id = $1",
        operation_id.as_uuid()
    )
    .execute(executor)
    .await?;
    Ok(deleted.rows_affected() > 0)
}
