//! The fan-out loop: does the steps of Operations to an audience, so that their batches can be
//! claimed like any others.

use std::sync::Arc;
use std::time::{Duration, Instant};

use sqlx::PgPool;
use tokio_util::sync::CancellationToken;

use crate::delivery::wake::Wake;
use crate::id::MAX_POSITIONS;
use crate::store::fanouts;
use crate::telemetry::metrics;

/// How long the loop rests after Postgres refused it.
const AFTER_ERROR: Duration = Duration::from_secs(1);

/// Runs until `stop`. `wake` rings when an Operation has been accepted; `poll_interval` is the
/// longest time between two looks.
pub async fn run(pool: PgPool, wake: Arc<Wake>, poll_interval: Duration, stop: CancellationToken) {
    let steps = async {
        loop {
            let began = Instant::now();
            match fanouts::step(&pool).await {
                Ok(Some(step)) => {
                    metrics::accepted(0, step.notifications as usize);
                    tracing::debug!(operation_id = %step.operation_id, notifications = step.notifications, "fanned out");
                    if step.is_full {
                        tracing::error!(operation_id = %step.operation_id, most = MAX_POSITIONS,
                            "an audience is as large as an Operation can hold; whoever is beyond gets nothing");
                    }
                    // As long as it took: Postgres is there for others too, and lanes don't send
                    // faster than half of this.
                    tokio::time::sleep(began.elapsed()).await;
                }
                Ok(None) => wait(&pool, &wake, poll_interval).await,
                Err(error) => {
                    tracing::error!(%error, "an audience can't be fanned out; trying again");
                    tokio::time::sleep(AFTER_ERROR).await;
                }
            }
        }
    };
    stop.run_until_cancelled(steps).await;
}

async fn wait(pool: &PgPool, wake: &Wake, poll_interval: Duration) {
    if let Ok(Some(due_in)) = fanouts::due_in(pool).await {
        wake.after(due_in);
    }
    wake.wait(poll_interval).await;
}
