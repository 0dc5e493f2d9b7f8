//! The fan-out loop: does the steps of Operations to an audience, so that their batches can be
//! claimed like any others.

use std::sync::Arc;
use std::time::{Duration, Instant};

use sqlx::PgPool;
use tokio_util::sync::CancellationToken;

use crate::handoff::notifier::Notifier;
use crate::model::id::MAX_POSITIONS;
use crate::store::fan_out;
use crate::telemetry::metrics;

/// How long the loop rests after Postgres refused it.
const AFTER_ERROR: Duration = Duration::from_secs(1);

/// Runs until `stop`. `notifier` rings when an Operation has been accepted; `poll_interval` is the
/// longest time between two looks.
pub(crate) async fn run(
    pool: PgPool,
    notifier: Arc<Notifier>,
    poll_interval: Duration,
    stop: CancellationToken,
) {
    let steps = async {
        loop {
            let began = Instant::now();
            match fan_out::step(&pool).await {
                Ok(Some(step)) => {
                    metrics::operations_accepted(0, step.notifications as usize);
                    tracing::debug!(operation_id = %step.operation_id, notifications = step.notifications, "fanned out");
                    if step.is_full {
                        tracing::error!(operation_id = %step.operation_id, most = MAX_POSITIONS,
                            "an audience is as large as an Operation can hold; whoever is beyond gets nothing");
                    }
                    // As long as it took: Postgres is there for others too, and lanes don't send
                    // faster than half of this.
                    tokio::time::sleep(began.elapsed()).await;
                }
                Ok(None) => wait(&pool, &notifier, poll_interval).await,
                Err(error) => {
                    tracing::error!(%error, "an audience can't be fanned out; trying again");
                    tokio::time::sleep(AFTER_ERROR).await;
                }
            }
        }
    };
    stop.run_until_cancelled(steps).await;
}

async fn wait(pool: &PgPool, notifier: &Notifier, poll_interval: Duration) {
    if let Ok(Some(due_in)) = fan_out::due_in(pool).await {
        notifier.notify_after(due_in);
    }
    notifier.wait(poll_interval).await;
}
