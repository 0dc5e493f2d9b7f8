//! The guard task: pauses an Operation when too many of its notifications fail.

use std::collections::BTreeSet;
use std::time::Duration;

use sqlx::PgConnection;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::model::id::OperationId;
use crate::model::operation::Guard;
use crate::store::guards::{self, Guarded};
use crate::store::pause::{self, PauseReason};
use crate::store::pool::Pool;

/// The least time between two checks. Within it, a process sends some hundred notifications.
const INTERVAL: Duration = Duration::from_millis(20);
/// Operations that one statement looks at.
const AT_A_TIME: usize = 1_000;

/// Where the recorder names Operations of which a notification failed.
pub(crate) type Failures = mpsc::UnboundedSender<OperationId>;

/// Runs until `stop`, or until the recorder has ended.
pub(crate) async fn run(
    pool: Pool,
    failures: mpsc::UnboundedReceiver<OperationId>,
    stop: CancellationToken,
) {
    stop.run_until_cancelled(watch(&pool, failures)).await;
}

async fn watch(pool: &Pool, mut failures: mpsc::UnboundedReceiver<OperationId>) {
    let mut failed: BTreeSet<OperationId> = BTreeSet::new();
    let mut fails = false;

    while let Some(id) = failures.recv().await {
        failed.insert(id);
        tokio::time::sleep(INTERVAL).await;
        while let Ok(id) = failures.try_recv() {
            failed.insert(id);
        }

        let ids: Vec<OperationId> = std::mem::take(&mut failed).into_iter().collect();
        let result = check_all(pool, &ids).await;
        match &result {
            // The next failure of the Operation has it looked at again.
            Err(error) if !fails => tracing::warn!(%error, "guards can't be checked"),
            _ => {}
        }
        fails = result.is_err();
    }
}

async fn check_all(pool: &Pool, operations: &[OperationId]) -> sqlx::Result<()> {
    for some in operations.chunks(AT_A_TIME) {
        for guarded in guards::of_operations(pool, some).await? {
            if is_tripped(&guarded) {
                trip(pool, &guarded).await?;
            }
        }
    }

    Ok(())
}

fn is_tripped(guarded: &Guarded) -> bool {
    let Guard {
        failed_percent,
        after,
    } = guarded.guard;
    let settled = guarded.sent + guarded.failed;

    settled >= i64::from(after) && guarded.failed * 100 >= i64::from(failed_percent) * settled
}

async fn trip(pool: &Pool, guarded: &Guarded) -> sqlx::Result<()> {
    let operation_id = guarded.operation_id;
    let is_paused = pool
        .transaction(async |connection: &mut PgConnection| {
            // A guard pauses once: whoever resumes the Operation wants it to go on.
            Ok::<_, sqlx::Error>(
                guards::remove(&mut *connection, operation_id).await?
                    && pause::pause(connection, operation_id, PauseReason::Guard).await?,
            )
        })
        .await?;

    if is_paused {
        tracing::warn!(
            %operation_id,
            sent = guarded.sent,
            failed = guarded.failed,
            "an Operation was paused by its guard"
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guard_trips_at_its_share_of_failures_and_not_before_enough_are_settled() {
        let is_tripped = |sent, failed| {
            is_tripped(&Guarded {
                operation_id: OperationId::generate(),
                guard: Guard {
                    failed_percent: 20,
                    after: 100,
                },
                sent,
                failed,
            })
        };

        assert!(!is_tripped(0, 99));
        assert!(is_tripped(0, 100));
        assert!(is_tripped(80, 20));
        assert!(!is_tripped(81, 19));
        assert!(!is_tripped(1_000, 249));
        assert!(is_tripped(1_000, 250));
    }
}
