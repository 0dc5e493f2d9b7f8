//! The fan-out loop: turns an Operation to an audience into notifications and batches, step by step.
//! The batches are then claimed like any others.
//!
//! A step is one statement (`src/store/fan_out_step.sql`) that also moves the cursor. So there is
//! nothing to resume after a crash, and replicas share the steps by `SKIP LOCKED` alone.

use std::sync::Arc;
use std::time::{Duration, Instant};

use sqlx::PgPool;
use tokio_util::sync::CancellationToken;

use crate::handoff::notifier::Notifier;
use crate::model::id::MAX_POSITIONS;
use crate::store::fan_out::{self, Step};
use crate::telemetry::metrics;

/// How long the loop rests after Postgres failed.
const AFTER_ERROR: Duration = Duration::from_secs(1);

/// The fan-out loop of a process, run by one task that owns all of this.
///
/// The notifier wakes it when an Operation to an audience was accepted, or when the next scheduled one
/// is due; a poll is the safety net. It ends with the token that [`Self::run`] is given. A step that
/// runs at that time either completes in Postgres or is rolled back.
pub(crate) struct FanOut {
    pub pool: PgPool,
    pub notifier: Arc<Notifier>,
    /// The longest time between two looks for due steps.
    pub poll_interval: Duration,
}

impl FanOut {
    pub(crate) async fn run(self, stop: CancellationToken) {
        let steps = async {
            loop {
                self.step().await;
            }
        };
        stop.run_until_cancelled(steps).await;
    }

    /// Does the next step and rests after it.
    async fn step(&self) {
        let began = Instant::now();

        match fan_out::step(&self.pool).await {
            Ok(Some(step)) => {
                note(&step);
                // As long as the step took: Postgres serves others too, and lanes send at less than
                // half of this rate.
                tokio::time::sleep(began.elapsed()).await;
            }
            Ok(None) => self.rest().await,
            Err(error) => {
                tracing::error!(%error, "an audience can't be fanned out; trying again");
                tokio::time::sleep(AFTER_ERROR).await;
            }
        }
    }

    async fn rest(&self) {
        if let Ok(Some(due_in)) = fan_out::due_in(&self.pool).await {
            self.notifier.notify_after(due_in);
        }

        self.notifier.wait(self.poll_interval).await;
    }
}

fn note(step: &Step) {
    metrics::operations_accepted(0, step.notifications as usize);
    tracing::debug!(
        operation_id = %step.operation_id,
        notifications = step.notifications,
        "fanned out"
    );

    if step.is_full {
        tracing::error!(
            operation_id = %step.operation_id,
            max = MAX_POSITIONS,
            "an audience is larger than an Operation can be; the rest of its Users get nothing"
        );
    }
}
