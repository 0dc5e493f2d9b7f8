//! Batches in hand: a [`Lease`] counts the notifications of a claimed batch that are still being
//! worked on, a [`NotificationGuard`] is the right and the duty to settle one of them.
//!
//! Invariant: every ticket ends exactly once, with or without an outcome, even if what held it
//! panics; when the last one of a batch has ended, the batch is released, after its outcomes.

use std::collections::HashSet;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

use tokio::sync::mpsc;

use crate::handoff::capacity::{Capacity, Permit};
use crate::model::id::OperationId;
use crate::store::batches::{BatchKey, ClaimedBatch};
use crate::store::outcome_record::NotificationOutcome;

/// What the recorder is told.
#[allow(
    clippy::large_enum_variant,
    reason = "nearly all are outcomes, and boxing each would cost more than the rest waste"
)]
pub(crate) enum Entry {
    /// A notification's outcome; its permit is returned once it has been written.
    Outcome(NotificationOutcome, Permit),
    /// All that the lease covered has ended.
    Release(Arc<Lease>),
}

/// Where entries go, each with the moment from which it waits to be durable.
pub(crate) type Entries = mpsc::UnboundedSender<(Instant, Entry)>;

/// A claimed batch.
pub(crate) struct Lease {
    key: BatchKey,
    /// What [`Self::valid_until`] and [`Self::due_again`] count from.
    epoch: Instant,
    /// Milliseconds after `epoch` at which the lease runs out; 0: lost.
    valid_until: AtomicU64,
    /// Milliseconds after `epoch` at which the earliest unsettled notification is due again.
    due_again: AtomicU64,
    /// Tickets that have not ended, and the loader's own hold.
    open: AtomicU32,
    recorder: Entries,
}

impl Lease {
    fn new(key: BatchKey, claimed_at: Instant, term: Duration, recorder: Entries) -> Self {
        Self {
            key,
            epoch: claimed_at,
            valid_until: AtomicU64::new(safe_term(term).as_millis() as u64),
            due_again: AtomicU64::new(u64::MAX),
            open: AtomicU32::new(1),
            recorder,
        }
    }

    /// The claim.
    pub(crate) fn key(&self) -> BatchKey {
        self.key
    }

    /// Whether the batch is still this process's: nothing of it may be sent once it is not.
    pub(crate) fn is_held(&self) -> bool {
        (self.epoch.elapsed().as_millis() as u64) < self.valid_until.load(Ordering::Relaxed)
    }

    /// The batch must be claimed again once `delay` is over.
    pub(crate) fn due_again_in(&self, delay: Duration) {
        let at = self.epoch.elapsed().saturating_add(delay).as_millis();
        self.due_again
            .fetch_min(u64::try_from(at).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    /// How long until the batch must be claimed again; `None`: nobody put anything back.
    pub(crate) fn due_in(&self) -> Option<Duration> {
        let at = self.due_again.load(Ordering::Relaxed);
        (at != u64::MAX).then(|| Duration::from_millis(at).saturating_sub(self.epoch.elapsed()))
    }

    fn renewed(&self, at: Instant, term: Duration) {
        let until = at.saturating_duration_since(self.epoch) + safe_term(term);
        // One that was lost meanwhile, to a cancel, stays so.
        let held = |before| (before > 0).then_some(until.as_millis() as u64);
        let _ = self
            .valid_until
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, held);
    }

    fn lost(&self) {
        self.valid_until.store(0, Ordering::Relaxed);
    }

    fn close_one(self: &Arc<Self>) {
        if self.open.fetch_sub(1, Ordering::AcqRel) == 1 {
            // The recorder outlives every lease but at the very end of the process, when the lease
            // simply runs out.
            let _ = self
                .recorder
                .send((Instant::now(), Entry::Release(Arc::clone(self))));
        }
    }
}

/// The part of a lease's term in which something may still be sent: its answer must arrive before
/// the term is over.
fn safe_term(term: Duration) -> Duration {
    term.mul_f64(0.75)
}

/// The loader's hold on a lease, under which it hands out tickets; the batch isn't released before
/// this is dropped.
pub(crate) struct BatchGuard(Arc<Lease>);

impl BatchGuard {
    /// The lease.
    pub(crate) fn lease(&self) -> &Arc<Lease> {
        &self.0
    }

    /// The duty to settle the notification at `position`.
    pub(crate) fn notification(
        &self,
        position: i32,
        attempts_before: i16,
        capacity: &Arc<Capacity>,
    ) -> NotificationGuard {
        self.0.open.fetch_add(1, Ordering::Relaxed);
        NotificationGuard {
            lease: Arc::clone(&self.0),
            position,
            attempts_before,
            permit: Some(capacity.permit(1)),
        }
    }
}

impl Drop for BatchGuard {
    fn drop(&mut self) {
        self.0.close_one();
    }
}

/// The right and the duty to settle one notification.
pub(crate) struct NotificationGuard {
    /// The claim under which it is worked on.
    pub lease: Arc<Lease>,
    /// 0-based within the Operation.
    pub position: i32,
    /// Delivery attempts on record.
    pub attempts_before: i16,
    permit: Option<Permit>,
}

impl NotificationGuard {
    /// Ends it with an outcome, which the recorder writes.
    pub(crate) fn settle(mut self, outcome: NotificationOutcome) {
        if let Some(permit) = self.permit.take() {
            if let Some(delay) = outcome.retry_in {
                self.lease.due_again_in(delay);
            }
            let _ = self
                .lease
                .recorder
                .send((Instant::now(), Entry::Outcome(outcome, permit)));
        }
    }

    /// Ends it without one: it was not tried, and is due again after `delay`.
    pub(crate) fn put_back(self, delay: Duration) {
        self.lease.due_again_in(delay);
    }
}

impl Drop for NotificationGuard {
    fn drop(&mut self) {
        self.lease.close_one();
    }
}

/// All leases of this process, so that those which take long are renewed.
pub(crate) struct Leases {
    term: Duration,
    recorder: Entries,
    held: Mutex<Vec<Weak<Lease>>>,
    /// Operations that were canceled within the last term, and when.
    canceled: Mutex<Vec<(Instant, OperationId)>>,
}

impl Leases {
    /// For claims of `term`.
    pub(crate) fn new(term: Duration, recorder: Entries) -> Self {
        Self {
            term,
            recorder,
            held: Mutex::default(),
            canceled: Mutex::default(),
        }
    }

    /// How long a claim lasts.
    pub(crate) fn term(&self) -> Duration {
        self.term
    }

    /// Takes a batch in hand that was claimed no earlier than `claimed_at`.
    pub(crate) fn open(&self, batch: &ClaimedBatch, claimed_at: Instant) -> BatchGuard {
        let lease = Arc::new(Lease::new(
            batch.key,
            claimed_at,
            self.term,
            self.recorder.clone(),
        ));
        self.held
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(Arc::downgrade(&lease));
        // What was handed over may have been canceled on its way.
        let canceled = self.canceled.lock().unwrap_or_else(PoisonError::into_inner);
        if canceled
            .iter()
            .any(|(at, id)| *id == lease.key.operation_id && *at >= claimed_at)
        {
            lease.lost();
        }
        drop(canceled);
        BatchGuard(lease)
    }

    /// The leases that should be renewed now: those of which a third of the term is gone, or all of
    /// it while Postgres was away, for as long as nobody else has claimed the batch.
    pub(crate) fn aging(&self) -> Vec<Arc<Lease>> {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        held.retain(|lease| lease.strong_count() > 0);
        let due = |lease: &Arc<Lease>| {
            let until = lease.valid_until.load(Ordering::Relaxed);
            let left = until.saturating_sub(lease.epoch.elapsed().as_millis() as u64);
            until > 0 && Duration::from_millis(left) < self.term.mul_f64(0.42)
        };
        held.iter().filter_map(Weak::upgrade).filter(due).collect()
    }

    /// Lets go of the batches of an Operation that has been canceled: what still waits in memory
    /// isn't sent any more.
    pub(crate) fn cancel(&self, operation_id: OperationId) {
        let now = Instant::now();
        let mut canceled = self.canceled.lock().unwrap_or_else(PoisonError::into_inner);
        canceled.retain(|(at, _)| now.duration_since(*at) < self.term);
        canceled.push((now, operation_id));
        drop(canceled);
        let held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let canceled = held
            .iter()
            .filter_map(Weak::upgrade)
            .filter(|lease| lease.key.operation_id == operation_id);
        canceled.for_each(|lease| lease.lost());
    }

    /// Notes which of `leases` were renewed by a statement that began at `at`; the others are lost.
    pub(crate) fn renewed(&self, leases: &[Arc<Lease>], held: &[BatchKey], at: Instant) {
        let held: HashSet<&BatchKey> = held.iter().collect();
        for lease in leases {
            if held.contains(&lease.key) {
                lease.renewed(at, self.term);
            } else {
                lease.lost();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_canceled_on_its_way_is_not_held() {
        let (recorder, _entries) = mpsc::unbounded_channel();
        let leases = Leases::new(Duration::from_secs(30), recorder);
        let key = BatchKey {
            operation_id: OperationId::generate(),
            number: 0,
            claims: 1,
        };
        let batch = ClaimedBatch {
            key,
            first_position: 0,
            size: 1,
            queued: 1,
        };
        let claimed_at = Instant::now();
        assert!(leases.open(&batch, claimed_at).lease().is_held());
        leases.cancel(key.operation_id);
        assert!(!leases.open(&batch, claimed_at).lease().is_held());
        assert!(
            leases
                .open(&batch, Instant::now() + Duration::from_millis(1))
                .lease()
                .is_held(),
            "claimed since"
        );
    }
}
