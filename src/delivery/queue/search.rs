//! The search for due queues: finds batches that were not announced to this process, such as those of a process
//! that crashed, and reads the accounts' weights.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use crate::delivery::queue::lower_bounds::LowerBounds;
use crate::handoff::capacity::Capacity;
use crate::handoff::due_queues::DueQueues;
use crate::store::pool::Pool;
use crate::store::queue_search;

/// Queues that one statement finds.
const STEP: usize = 1_000;
/// After a search, the task rests for this many times the duration of the search.
const REST_FACTOR: u32 = 50;
/// The longest rest, so that the batches of a crashed process do not wait for long.
const LONGEST_REST: Duration = Duration::from_secs(10);
/// How long a statement may take.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Searches again and again, in a task that owns all of this.
///
/// `NOTIFY` of work in unnamed queues wakes it, and a poll does. It ends with the token that
/// [`Self::run`] is given. It has a connection of the pool only while it searches.
pub(crate) struct Search {
    pub pool: Pool,
    pub queues: Arc<DueQueues>,
    pub bounds: Arc<LowerBounds>,
    pub capacity: Arc<Capacity>,
    /// The longest time between two searches that take little, give or take a quarter.
    pub poll_interval: Duration,
}

impl Search {
    pub(crate) async fn run(self, stop: CancellationToken) {
        let searching = async {
            let mut fails = false;
            loop {
                let began = Instant::now();
                let result = self.search().await;

                match &result {
                    Err(error) if !fails => {
                        tracing::warn!(%error, "due queues can't be searched for; trying again");
                    }
                    _ => {}
                }
                fails = result.is_err();

                self.rest(began.elapsed()).await;
            }
        };

        stop.run_until_cancelled(searching).await;
    }

    /// Looks at every queue that has work left.
    async fn search(&self) -> sqlx::Result<()> {
        self.capacity.forget_idle();
        // Before anything is announced, so that the claim that is woken shares by the current
        // weights.
        let weights = within(queue_search::weights(&self.pool)).await?;
        self.queues.set_weights(weights);

        let mut after = None;
        loop {
            let found = within(queue_search::find(&self.pool, after, STEP as i64)).await?;

            // The bounds first: the claim that is woken reads from there on.
            self.bounds.note_found(&found);
            self.queues
                .announce_all(found.queues.iter().map(|found| (found.queue, found.due_in)));

            if found.queues.len() < STEP {
                return Ok(());
            }
            after = found.queues.last().map(|found| found.queue);
        }
    }

    async fn rest(&self, took: Duration) {
        let shortest = rest_after(took);
        tokio::time::sleep(shortest).await;

        // Replicas that started together should not search together.
        let longest = self
            .poll_interval
            .mul_f64(0.75 + rand::random::<f64>() / 2.0)
            .saturating_sub(shortest);
        let _ = tokio::time::timeout(longest, self.queues.search.notified()).await;
    }
}

/// The least rest after a search: at most a fiftieth of the time is spent on searches.
fn rest_after(took: Duration) -> Duration {
    (took * REST_FACTOR).min(LONGEST_REST)
}

async fn within<T>(statement: impl Future<Output = sqlx::Result<T>>) -> sqlx::Result<T> {
    tokio::time::timeout(TIMEOUT, statement)
        .await
        .unwrap_or_else(|_| Err(sqlx::Error::Io(std::io::ErrorKind::TimedOut.into())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_search_that_takes_long_is_rare() {
        let millis = Duration::from_millis;

        assert_eq!(rest_after(millis(3)), millis(150));
        assert_eq!(rest_after(millis(40)), millis(2_000));
        assert_eq!(rest_after(millis(2_000)), LONGEST_REST);
    }
}
