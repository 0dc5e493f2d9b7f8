//! The recorder: collects the outcomes of all claimed batches and writes them together every few
//! milliseconds. [`Group`], [`RetryDelay`] and the functions beside them decide; [`Recorder`] acts.
//!
//! Invariant: an outcome is kept until Postgres has it or has said that its claim was lost. While
//! Postgres is down, nothing is forgotten and nothing new is claimed. After an outage, claimers rest
//! longer than the recorder does, and a lease that ran out meanwhile is renewed unless another
//! process has claimed its batch. So an outage that outlasts the leases doubles nothing.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use sqlx::PgConnection;
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::delivery::queue::lease::{Entry, Lease};
use crate::delivery::queue::operation_guards::Failures;
use crate::handoff::capacity::Permit;
use crate::handoff::delivery_stats::RecorderLag;
use crate::handoff::due_queues::DueQueues;
use crate::model::queue_key::QueueKey;
use crate::store::batches::BatchKey;
use crate::store::dedicated_connection::DedicatedConnection;
use crate::store::outcome_record::{self, NotificationOutcome, Release, Status};
use crate::telemetry::metrics;

/// Most entries that are written together.
const MAX_GROUP: usize = 2_000;
/// The delay before the first retry of a write.
const RETRY_FIRST: Duration = Duration::from_millis(100);
/// The longest delay between two retries of a write. It must be shorter than the rest of the claim
/// loop after an error, so that sent notifications are recorded before they can be claimed again.
pub(crate) const RETRY_LONGEST: Duration = Duration::from_millis(500);
/// How long a write may take.
const WRITE_TIMEOUT: Duration = Duration::from_secs(10);

const _: () = assert!(RETRY_FIRST.as_millis() <= RETRY_LONGEST.as_millis());

/// Writes outcomes and releases.
///
/// Delivery owns the task that [`Self::run`] is. An outcome or a release in its channel wakes it. It
/// ends when the last sender of that channel, a lease, is gone and everything is written.
pub(crate) struct Recorder {
    pub connection: DedicatedConnection,
    /// The least time between the starts of two writes, so that under load there are few large ones.
    pub record_interval: Duration,
    /// Learns which batches are due again, and wakes the claim loop.
    pub queues: Arc<DueQueues>,
    /// Whether outcomes cannot be written. Nothing is claimed then.
    pub is_stalled: Arc<AtomicBool>,
    pub lag: Arc<RecorderLag>,
    /// Learns of which Operations a notification failed.
    pub failures: Failures,
}

/// What is written together.
#[derive(Default)]
struct Group {
    outcomes: Vec<NotificationOutcome>,
    /// Returned once the outcomes are written.
    permits: Vec<Permit>,
    released: Vec<Arc<Lease>>,
}

impl Group {
    fn of(entries: impl Iterator<Item = Entry>) -> Self {
        let mut group = Self::default();

        for entry in entries {
            match entry {
                Entry::Outcome(outcome, permit) => {
                    group.outcomes.push(outcome);
                    group.permits.push(permit);
                }
                Entry::Release(lease) => group.released.push(lease),
            }
        }

        group
    }

    fn releases(&self) -> Vec<Release> {
        self.released.iter().map(|lease| release(lease)).collect()
    }

    /// The queues of the released batches into which something was put back, each with the time until
    /// it is due.
    fn due_again(&self) -> impl Iterator<Item = (QueueKey, Duration)> {
        self.released
            .iter()
            .filter_map(|lease| Some((lease.queue(), lease.due_in()?)))
    }
}

/// A batch into which nothing was put back is due at once, if anything is left in it: loading failed,
/// the process ends, or a panic lost sight of it.
fn release(lease: &Lease) -> Release {
    Release {
        batch: lease.key(),
        due_in: lease.due_in().unwrap_or_default(),
        waits_for: lease.waits_for(),
    }
}

/// Whether to wait for more entries before `collected` ones are written.
fn is_worth_waiting(collected: usize, since_last_write: Duration, interval: Duration) -> bool {
    collected < MAX_GROUP && since_last_write < interval
}

/// The releases that may be written when some outcomes of their group were refused. A batch with a
/// refused outcome keeps its lease until that runs out, so that its notification is sent again.
fn releases_beside(releases: Vec<Release>, refused: &HashSet<BatchKey>) -> Vec<Release> {
    releases
        .into_iter()
        .filter(|release| !refused.contains(&release.batch))
        .collect()
}

/// Whether Postgres refuses the data itself, so that a retry cannot succeed. `code`: the error's
/// SQLSTATE; classes 22 (data exception) and 23 (constraint violation) are about data
/// (<https://www.postgresql.org/docs/current/errcodes-appendix.html>).
fn is_about_data(code: Option<&str>) -> bool {
    code.is_some_and(|code| code.starts_with("22") || code.starts_with("23"))
}

/// The delays between the retries of one write.
struct RetryDelay(Duration);

impl RetryDelay {
    fn new() -> Self {
        Self(RETRY_FIRST)
    }

    fn next(&mut self) -> Duration {
        let doubled = (self.0 * 2).min(RETRY_LONGEST);

        std::mem::replace(&mut self.0, doubled)
    }
}

impl Recorder {
    pub(crate) async fn run(
        mut self,
        mut entries: mpsc::UnboundedReceiver<(std::time::Instant, Entry)>,
    ) {
        let mut collected = Vec::with_capacity(MAX_GROUP);
        let mut last_write = Instant::now();

        while entries.recv_many(&mut collected, MAX_GROUP).await > 0 {
            if let Some((waiting_since, _)) = collected.first() {
                self.lag.set_oldest(*waiting_since);
            }

            // Only within the interval: after a quiet time, a single outcome is written at once.
            if is_worth_waiting(collected.len(), last_write.elapsed(), self.record_interval) {
                tokio::time::sleep_until(last_write + self.record_interval).await;

                while collected.len() < MAX_GROUP
                    && let Ok(entry) = entries.try_recv()
                {
                    collected.push(entry);
                }
            }

            last_write = Instant::now();
            let group = Group::of(collected.drain(..).map(|(_, entry)| entry));
            self.write(group).await;

            if entries.is_empty() {
                self.lag.clear();
                self.resume_claims();
            }
        }
    }

    /// Lets the claim loop go on after an outage. Not before everything is written: a claim must find
    /// no notification that was sent and is not recorded.
    fn resume_claims(&self) {
        if self.is_stalled.swap(false, Ordering::Relaxed) {
            tracing::info!("Postgres takes outcomes again");
            self.queues.wake();
        }
    }

    async fn write(&mut self, group: Group) {
        // `group` lives until the end of this function. Only then are its permits returned:
        // outcomes that Postgres does not have must count as claimed.
        let releases = group.releases();

        if self
            .write_until_answered(&group.outcomes, &releases)
            .await
            .is_err()
        {
            // One entry is bad, and must not hold the others up for ever.
            self.write_one_by_one(&group.outcomes, releases).await;
        }

        // The next search would find the batches, but perhaps later.
        self.queues.announce_all(group.due_again());
    }

    /// Retries until Postgres has written everything. An error: Postgres refuses the data itself.
    async fn write_until_answered(
        &mut self,
        outcomes: &[NotificationOutcome],
        releases: &[Release],
    ) -> sqlx::Result<()> {
        let mut delay = RetryDelay::new();

        // A write may have happened although its answer was lost. The repeat changes nothing: the
        // notifications no longer have the status or the number of attempts that it expects.
        while let Err(error) = self.try_write(outcomes, releases).await {
            let is_refused = error
                .as_database_error()
                .is_some_and(|error| is_about_data(error.code().as_deref()));
            if is_refused {
                return Err(error);
            }

            // Once for each outage, not for each retry.
            if !self.is_stalled.swap(true, Ordering::Relaxed) {
                tracing::error!(
                    %error,
                    outcomes = outcomes.len(),
                    "outcomes can't be recorded; retrying until Postgres takes them",
                );
            }
            tokio::time::sleep(delay.next()).await;
        }

        Ok(())
    }

    async fn try_write(
        &mut self,
        outcomes: &[NotificationOutcome],
        releases: &[Release],
    ) -> sqlx::Result<()> {
        let began = Instant::now();
        let recorded = self
            .connection
            .within(WRITE_TIMEOUT, async |connection: &mut PgConnection| {
                outcome_record::record(connection, outcomes, releases).await
            })
            .await?;

        // The guard of the Operation may pause it. An outcome that was dropped is named as well,
        // which does no harm: the guard task decides by the tallies.
        let failed = outcomes
            .iter()
            .filter(|outcome| outcome.status == Status::Failed);
        for outcome in failed {
            let _ = self.failures.send(outcome.batch.operation_id);
        }

        let dropped = outcomes.len() - recorded.outcomes;
        metrics::outcomes_recorded(began.elapsed(), dropped);
        if dropped > 0 {
            tracing::warn!(
                dropped,
                "outcomes dropped: another process had claimed their batches, or their notifications were canceled",
            );
        }
        Ok(())
    }

    async fn write_one_by_one(&mut self, outcomes: &[NotificationOutcome], releases: Vec<Release>) {
        // Outcomes before releases: a release changes the fencing token, and an outcome under the
        // old one is dropped.
        let mut refused: HashSet<BatchKey> = HashSet::new();
        for outcome in outcomes {
            let result = self
                .write_until_answered(std::slice::from_ref(outcome), &[])
                .await;

            if let Err(error) = result {
                refused.insert(outcome.batch);
                tracing::error!(
                    %error,
                    operation_id = %outcome.batch.operation_id,
                    position = outcome.position,
                    "an outcome can't be recorded; its notification will be sent again when the lease runs out",
                );
            }
        }

        for release in releases_beside(releases, &refused) {
            let result = self
                .write_until_answered(&[], std::slice::from_ref(&release))
                .await;

            if let Err(error) = result {
                tracing::error!(
                    %error,
                    operation_id = %release.batch.operation_id,
                    "a batch can't be released; its lease will run out",
                );
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::delivery::queue::lease::Leases;
    use crate::handoff::capacity::Capacity;
    use crate::model::id::{AccountId, OperationId};
    use crate::store::batches::ClaimedBatch;

    const INTERVAL: Duration = Duration::from_millis(5);
    const SECOND: Duration = Duration::from_secs(1);

    fn batch() -> ClaimedBatch {
        ClaimedBatch {
            key: BatchKey {
                operation_id: OperationId::generate(),
                number: 0,
                claims: 1,
            },
            queue: QueueKey {
                account_id: AccountId::generate(),
                rank: 0,
            },
            first_position: 0,
            size: 2,
            queued: 2,
            planned: None,
        }
    }

    fn sent(batch: BatchKey, position: i32) -> NotificationOutcome {
        NotificationOutcome {
            batch,
            position,
            attempts_before: 0,
            attempts: Vec::new(),
            status: Status::Sent,
            accepted: true,
            retry_in: None,
            failure: None,
        }
    }

    #[test]
    fn a_group_waits_for_more_unless_it_is_full_or_the_last_write_is_long_past() {
        assert!(is_worth_waiting(1, Duration::ZERO, INTERVAL));
        assert!(!is_worth_waiting(MAX_GROUP, Duration::ZERO, INTERVAL));
        assert!(!is_worth_waiting(1, INTERVAL, INTERVAL));
    }

    #[test]
    fn a_write_is_retried_at_growing_delays() {
        let mut delay = RetryDelay::new();
        let delays: Vec<_> = (0..5).map(|_| delay.next().as_millis()).collect();

        assert_eq!(delays, [100, 200, 400, 500, 500]);
    }

    #[test]
    fn only_errors_about_data_end_the_retries() {
        assert!(is_about_data(Some("22021")), "an invalid byte sequence");
        assert!(is_about_data(Some("23503")), "a foreign key violation");

        assert!(!is_about_data(Some("53100")), "the disk is full");
        assert!(!is_about_data(Some("57P01")), "a shutdown");
        assert!(!is_about_data(None), "the connection broke");
    }

    #[test]
    fn a_batch_with_a_refused_outcome_is_not_released() {
        let [kept, refused] = [batch().key, batch().key];
        let releases = [kept, refused].map(|batch| Release {
            batch,
            due_in: SECOND,
            waits_for: None,
        });

        let left = releases_beside(releases.into(), &HashSet::from([refused]));
        let left: Vec<_> = left.iter().map(|release| release.batch).collect();
        assert_eq!(left, [kept]);
    }

    #[test]
    fn a_group_writes_outcomes_and_releases_and_knows_what_is_due_next() {
        let (entries, mut recorded) = mpsc::unbounded_channel();
        let capacity = Capacity::new(10);
        let leases = Leases::new(30 * SECOND, entries, Arc::clone(&capacity));

        // One notification is sent, the other is put back; another batch is dropped unread.
        let claimed = batch();
        let guard = leases.add(&claimed, std::time::Instant::now());
        let put_back = guard.notification(1, 0);
        guard.notification(0, 0).settle(sent(claimed.key, 0));
        put_back.put_back(7 * SECOND);
        drop(guard);
        drop(leases.add(&batch(), std::time::Instant::now()));

        let collected = std::iter::from_fn(|| recorded.try_recv().ok());
        let group = Group::of(collected.map(|(_, entry)| entry));

        assert_eq!(group.outcomes.len(), 1);
        assert_eq!(capacity.claimed(), 1, "until the group is written");
        let due_again: Vec<_> = group.due_again().collect();
        assert_eq!(due_again.len(), 1, "nothing was put back into the other");
        let (queue, due_in) = due_again[0];
        assert_eq!(queue, claimed.queue);
        assert!((6 * SECOND..=7 * SECOND).contains(&due_in), "{due_in:?}");

        let releases = group.releases();
        assert_eq!(releases.len(), 2);
        assert_eq!(releases[0].batch, claimed.key);
        assert!(releases[0].due_in > 6 * SECOND);
        assert_eq!(releases[1].due_in, Duration::ZERO, "nothing was put back");

        drop(group);
        assert_eq!(capacity.claimed(), 0);
    }
}
