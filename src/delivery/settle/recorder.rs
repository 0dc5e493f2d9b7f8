//! The recorder: gathers outcomes of all batches in hand and writes them together every few
//! milliseconds.
//!
//! Invariant: an outcome is kept until Postgres has it or has said that its claim was lost. While
//! Postgres is away nothing is forgotten and nothing new is claimed.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use sqlx::PgConnection;
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::delivery::queue::lease::{Entry, Lease};
use crate::handoff::capacity::Permit;
use crate::handoff::delivery_stats::RecorderLag;
use crate::handoff::notifier::Notifier;
use crate::store::batches::BatchKey;
use crate::store::dedicated_connection::DedicatedConnection;
use crate::store::outcome_record::{self, NotificationOutcome, Release};
use crate::telemetry::metrics;

/// Most entries that are written together.
const GROUP: usize = 2_000;
const RETRY_FIRST: Duration = Duration::from_millis(100);
/// Less than claimers rest after an outage, so that what was sent is recorded before anybody claims
/// it anew.
pub(crate) const RETRY_LONGEST: Duration = Duration::from_millis(500);
/// How long a write may take.
const LIMIT: Duration = Duration::from_secs(10);

/// Writes what became of notifications.
pub(crate) struct Recorder {
    session: DedicatedConnection,
    /// At least this long from one write to the next, so that a busy time makes few large ones.
    window: Duration,
    notifier: Arc<Notifier>,
    /// Whether Postgres is refusing what we have; nobody should claim more then.
    stalled: Arc<AtomicBool>,
    lag: Arc<RecorderLag>,
}

/// What is written together.
#[derive(Default)]
struct Group {
    outcomes: Vec<NotificationOutcome>,
    permits: Vec<Permit>,
    released: Vec<Arc<Lease>>,
}

impl Group {
    fn push(&mut self, entry: Entry) {
        match entry {
            Entry::Outcome(outcome, permit) => {
                self.outcomes.push(outcome);
                self.permits.push(permit);
            }
            Entry::Release(lease) => self.released.push(lease),
        }
    }
}

impl Recorder {
    /// `window` is the least time from one write to the next.
    pub(crate) fn new(
        session: DedicatedConnection,
        window: Duration,
        notifier: Arc<Notifier>,
        stalled: Arc<AtomicBool>,
        lag: Arc<RecorderLag>,
    ) -> Self {
        Self {
            session,
            window,
            notifier,
            stalled,
            lag,
        }
    }

    /// Runs until every sender of `entries` is gone and all of them have been written.
    pub(crate) async fn run(
        mut self,
        mut entries: mpsc::UnboundedReceiver<(std::time::Instant, Entry)>,
    ) {
        let mut gathered = Vec::with_capacity(GROUP);
        let mut last_write = Instant::now();
        while entries.recv_many(&mut gathered, GROUP).await > 0 {
            if let Some((since, _)) = gathered.first() {
                self.lag.set_oldest(*since);
            }
            let room = GROUP - gathered.len();
            if room > 0 && last_write.elapsed() < self.window {
                tokio::time::sleep_until(last_write + self.window).await;
                while gathered.len() < GROUP
                    && let Ok(entry) = entries.try_recv()
                {
                    gathered.push(entry);
                }
            }
            last_write = Instant::now();
            let mut group = Group::default();
            gathered.drain(..).for_each(|(_, entry)| group.push(entry));
            self.write(group).await;
            if entries.is_empty() {
                self.lag.clear();
                // Not before: whoever claims now must not find anything that was sent and is not on
                // record.
                if self.stalled.swap(false, Ordering::Relaxed) {
                    tracing::info!("outcomes are recorded again");
                    self.notifier.notify();
                }
            }
        }
    }

    async fn write(&mut self, group: Group) {
        let releases: Vec<_> = group.released.iter().map(release).collect();
        if self.insist(&group.outcomes, &releases).await.is_err() {
            // One of these is bad, and must not hold the others up for ever.
            self.write_one_by_one(&group.outcomes, &releases).await;
        }
        if let Some(earliest) = group
            .released
            .iter()
            .filter_map(|lease| lease.due_in())
            .min()
        {
            self.notifier.notify_after(earliest);
        }
    }

    /// Writes, however long it takes until Postgres is there. An error: it is, and refuses the data
    /// itself.
    async fn insist(
        &mut self,
        outcomes: &[NotificationOutcome],
        releases: &[Release],
    ) -> sqlx::Result<()> {
        let mut delay = RETRY_FIRST;
        while let Err(error) = self.try_write(outcomes, releases).await {
            if error
                .as_database_error()
                .is_some_and(|error| is_about_data(error.code().as_deref()))
            {
                return Err(error);
            }
            if !self.stalled.swap(true, Ordering::Relaxed) {
                tracing::error!(%error, outcomes = outcomes.len(), "outcomes can't be recorded; retrying until Postgres takes them");
            }
            tokio::time::sleep(delay).await;
            delay = (delay * 2).min(RETRY_LONGEST);
        }
        Ok(())
    }

    async fn try_write(
        &mut self,
        outcomes: &[NotificationOutcome],
        releases: &[Release],
    ) -> sqlx::Result<()> {
        let began = Instant::now();
        let writing = async |connection: &mut PgConnection| {
            outcome_record::record(connection, outcomes, releases).await
        };
        let recorded = self.session.within(LIMIT, writing).await?;
        let late = outcomes.len() - recorded.outcomes;
        metrics::outcomes_recorded(began.elapsed(), late);
        if late > 0 {
            tracing::warn!(
                late,
                "outcomes dropped: their batches had been claimed anew or canceled"
            );
        }
        Ok(())
    }

    async fn write_one_by_one(&mut self, outcomes: &[NotificationOutcome], releases: &[Release]) {
        let mut failed: HashSet<BatchKey> = HashSet::new();
        for outcome in outcomes {
            if let Err(error) = self.insist(std::slice::from_ref(outcome), &[]).await {
                failed.insert(outcome.batch);
                tracing::error!(%error, operation_id = %outcome.batch.operation_id, position = outcome.position,
                    "an outcome can't be recorded; its notification will be sent again when the lease runs out");
            }
        }
        for release in releases
            .iter()
            .filter(|release| !failed.contains(&release.batch))
        {
            if let Err(error) = self.insist(&[], std::slice::from_ref(release)).await {
                tracing::error!(%error, operation_id = %release.batch.operation_id, "a batch can't be released; its lease will run out");
            }
        }
    }
}

/// A batch into which nobody put anything back is due at once, if anything is left in it: loading
/// failed, the process ends, or a panic lost sight of it.
fn release(lease: &Arc<Lease>) -> Release {
    Release {
        batch: lease.key(),
        due_in: lease.due_in().unwrap_or_default(),
    }
}

/// Whether Postgres refuses the data itself: SQLSTATE classes 22 (data exception) and 23
/// (constraint violation).
fn is_about_data(code: Option<&str>) -> bool {
    code.is_some_and(|code| code.starts_with("22") || code.starts_with("23"))
}
