//! The guard task: pauses an Operation when too many of its notifications fail.

use std::collections::BTreeSet;
use std::time::Duration;

use sqlx::PgConnection;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::model::id::OperationId;
use crate::model::operation::Guard;
use crate::store::operation_guards::{self, Guarded};
use crate::store::pause::{self, PauseReason};
use crate::store::pool::Pool;

/// The least time between two checks. Within it, a process sends some hundred notifications.
const INTERVAL: Duration = Duration::from_millis(20);
/// How often an Operation is checked while too few of its notifications are settled for a verdict.
const UNDECIDED_INTERVAL: Duration = Duration::from_millis(100);
/// Operations that one statement checks.
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
    // Operations with failures of which too few are settled for a verdict.
    let mut undecided: BTreeSet<OperationId> = BTreeSet::new();
    let mut fails = false;

    loop {
        let mut failed: BTreeSet<OperationId> = BTreeSet::new();
        if undecided.is_empty() {
            let Some(id) = failures.recv().await else {
                return;
            };
            failed.insert(id);
            tokio::time::sleep(INTERVAL).await;
        } else {
            let next = tokio::time::timeout(UNDECIDED_INTERVAL, failures.recv()).await;
            match next {
                Ok(Some(id)) => {
                    failed.insert(id);
                    tokio::time::sleep(INTERVAL).await;
                }
                Ok(None) => return,
                // What settles now may be sent, and then nothing names the Operation.
                Err(_) => {}
            }
            // The set merges names: an Operation is checked once, however many of its notifications
            // failed.
            failed.append(&mut undecided);
        }
        while let Ok(id) = failures.try_recv() {
            failed.insert(id);
        }

        let ids: Vec<OperationId> = failed.into_iter().collect();
        let checked = check_all(pool, &ids).await;
        undecided = checked.again;

        // Once when checks begin to fail, and once when they work again.
        match checked.error {
            Some(error) if !fails => {
                tracing::warn!(%error, "the guards of some Operations can't be checked; trying again until they can");
                fails = true;
            }
            None if fails => {
                tracing::info!("guards are checked again");
                fails = false;
            }
            Some(_) | None => {}
        }
    }
}

/// What a check of Operations left to do.
#[derive(Default)]
struct Checked {
    /// Those that need another check.
    again: BTreeSet<OperationId>,
    /// The first error. The Operations that it concerns are in `again`.
    error: Option<sqlx::Error>,
}

/// Pauses the Operations whose guards say so. An error of one of them does not keep the others from
/// their check.
async fn check_all(pool: &Pool, operations: &[OperationId]) -> Checked {
    let mut checked = Checked::default();

    for some in operations.chunks(AT_A_TIME) {
        let guards = match operation_guards::of_operations(pool, some).await {
            Ok(guards) => guards,
            Err(error) => {
                checked.again.extend(some);
                checked.error.get_or_insert(error);
                continue;
            }
        };

        for guarded in guards {
            if is_tripped(&guarded) {
                if let Err(error) = trip(pool, &guarded).await {
                    checked.again.insert(guarded.operation_id);
                    checked.error.get_or_insert(error);
                }
            } else if is_undecided(&guarded) {
                checked.again.insert(guarded.operation_id);
            }
        }
    }

    checked
}

/// Whether too few are settled, and more will be.
fn is_undecided(guarded: &Guarded) -> bool {
    let settled = guarded.sent + guarded.failed;

    settled < i64::from(guarded.guard.after) && guarded.queued > 0
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
            // A guard pauses once: a client that resumes the Operation wants it to go on.
            Ok::<_, sqlx::Error>(
                operation_guards::remove(&mut *connection, operation_id).await?
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
                queued: 1,
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

    #[test]
    fn an_operation_is_checked_again_until_enough_are_settled() {
        let is_undecided = |queued, sent| {
            is_undecided(&Guarded {
                operation_id: OperationId::generate(),
                guard: Guard {
                    failed_percent: 20,
                    after: 100,
                },
                queued,
                sent,
                failed: 1,
            })
        };

        assert!(is_undecided(10, 98));
        assert!(!is_undecided(10, 99), "a later failure decides");
        assert!(!is_undecided(0, 10), "it has ended");
    }
}
