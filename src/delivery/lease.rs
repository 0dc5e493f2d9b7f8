//! Batches in hand: a [`Lease`] counts the notifications of a claimed batch that are still being
//! worked on, a [`Ticket`] is the right and the duty to settle one of them.
//!
//! Invariant: every ticket ends exactly once, with or without an outcome, even if what held it
//! panics; when the last one of a batch has ended, the batch is released, after its outcomes.

use std::collections::HashSet;
use std::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

use tokio::sync::{Notify, mpsc};

use crate::id::OperationId;
use crate::store::batches::{BatchKey, ClaimedBatch};
use crate::store::outcomes::NotificationOutcome;

/// What the recorder is told.
#[allow(
    clippy::large_enum_variant,
    reason = "nearly all are outcomes, and boxing each would cost more than the rest waste"
)]
pub enum Entry {
    /// A notification's outcome; its slot is free once it has been written.
    Outcome(NotificationOutcome, Slot),
    /// All that the lease covered has ended.
    Release(Arc<Lease>),
}

/// Where entries go, each with the moment from which it waits to be durable.
pub type Entries = mpsc::UnboundedSender<(Instant, Entry)>;

/// How many notifications this process has in hand, from claim to record: what bounds its memory.
pub struct Capacity {
    limit: usize,
    taken: AtomicUsize,
    /// What silent lanes have under way, which must not keep the others from their work; their
    /// windows bound it.
    lent: AtomicUsize,
    /// Rung when the process has room again.
    pub freed: Notify,
}

impl Capacity {
    /// Room for `limit` notifications.
    pub fn new(limit: usize) -> Arc<Self> {
        Arc::new(Self {
            limit,
            taken: AtomicUsize::new(0),
            lent: AtomicUsize::new(0),
            freed: Notify::new(),
        })
    }

    /// How many more may be taken in hand.
    pub fn free(&self) -> usize {
        (self.limit + self.lent.load(Ordering::Relaxed)).saturating_sub(self.taken())
    }

    /// Whether there is enough room to make a large claim worth its while.
    pub fn is_roomy(&self) -> bool {
        self.free() >= self.limit / 2
    }

    /// How many are in hand.
    pub fn taken(&self) -> usize {
        self.taken.load(Ordering::Relaxed)
    }

    /// Takes `count` places for what will soon have tickets; they are free again when what is
    /// returned is dropped.
    pub fn hold(self: &Arc<Self>, count: usize) -> Held {
        self.taken.fetch_add(count, Ordering::Relaxed);
        Held {
            capacity: Arc::clone(self),
            count,
        }
    }

    /// Makes room beside `count` notifications that a silent lane holds, until what is returned is
    /// dropped.
    pub fn lend(self: &Arc<Self>, count: usize) -> Lent {
        self.lent.fetch_add(count, Ordering::Relaxed);
        self.freed.notify_one();
        Lent {
            capacity: Arc::clone(self),
            count,
        }
    }

    fn take(self: &Arc<Self>) -> Slot {
        self.taken.fetch_add(1, Ordering::Relaxed);
        Slot(Arc::clone(self))
    }

    fn release(&self, count: usize) {
        let before = self.taken.fetch_sub(count, Ordering::Relaxed);
        let (after, half) = (before - count, self.limit / 2);
        if count > 0 && after == 0 || before > half && after <= half {
            self.freed.notify_one();
        }
    }
}

/// Places in [`Capacity`] for what will soon have tickets.
pub struct Held {
    capacity: Arc<Capacity>,
    count: usize,
}

impl Drop for Held {
    fn drop(&mut self) {
        self.capacity.release(self.count);
    }
}

/// A notification's place in [`Capacity`], free again when dropped.
pub struct Slot(Arc<Capacity>);

impl Drop for Slot {
    fn drop(&mut self) {
        self.0.release(1);
    }
}

/// Room beside what a silent lane holds.
pub struct Lent {
    capacity: Arc<Capacity>,
    count: usize,
}

impl Drop for Lent {
    fn drop(&mut self) {
        self.capacity.lent.fetch_sub(self.count, Ordering::Relaxed);
    }
}

/// A claimed batch.
pub struct Lease {
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
    pub fn key(&self) -> BatchKey {
        self.key
    }

    /// Whether the batch is still this process's: nothing of it may be sent once it is not.
    pub fn is_held(&self) -> bool {
        (self.epoch.elapsed().as_millis() as u64) < self.valid_until.load(Ordering::Relaxed)
    }

    /// The batch must be claimed again once `delay` is over.
    pub fn due_again_in(&self, delay: Duration) {
        let at = self.epoch.elapsed().saturating_add(delay).as_millis();
        self.due_again
            .fetch_min(u64::try_from(at).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    /// How long until the batch must be claimed again; `None`: nobody put anything back.
    pub fn due_in(&self) -> Option<Duration> {
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
pub struct Opening(Arc<Lease>);

impl Opening {
    /// The lease.
    pub fn lease(&self) -> &Arc<Lease> {
        &self.0
    }

    /// The duty to settle the notification at `position`.
    pub fn ticket(&self, position: i32, attempts_before: i16, capacity: &Arc<Capacity>) -> Ticket {
        self.0.open.fetch_add(1, Ordering::Relaxed);
        Ticket {
            lease: Arc::clone(&self.0),
            position,
            attempts_before,
            slot: Some(capacity.take()),
        }
    }
}

impl Drop for Opening {
    fn drop(&mut self) {
        self.0.close_one();
    }
}

/// The right and the duty to settle one notification.
pub struct Ticket {
    /// The claim under which it is worked on.
    pub lease: Arc<Lease>,
    /// 0-based within the Operation.
    pub position: i32,
    /// Delivery attempts on record.
    pub attempts_before: i16,
    slot: Option<Slot>,
}

impl Ticket {
    /// Ends it with an outcome, which the recorder writes.
    pub fn settle(mut self, outcome: NotificationOutcome) {
        if let Some(slot) = self.slot.take() {
            if let Some(delay) = outcome.retry_in {
                self.lease.due_again_in(delay);
            }
            let _ = self
                .lease
                .recorder
                .send((Instant::now(), Entry::Outcome(outcome, slot)));
        }
    }

    /// Ends it without one: it was not tried, and is due again after `delay`.
    pub fn put_back(self, delay: Duration) {
        self.lease.due_again_in(delay);
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.lease.close_one();
    }
}

/// All leases of this process, so that those which take long are renewed.
pub struct Leases {
    term: Duration,
    recorder: Entries,
    held: Mutex<Vec<Weak<Lease>>>,
    /// Operations that were canceled within the last term, and when.
    canceled: Mutex<Vec<(Instant, OperationId)>>,
}

impl Leases {
    /// For claims of `term`.
    pub fn new(term: Duration, recorder: Entries) -> Self {
        Self {
            term,
            recorder,
            held: Mutex::default(),
            canceled: Mutex::default(),
        }
    }

    /// How long a claim lasts.
    pub fn term(&self) -> Duration {
        self.term
    }

    /// Takes a batch in hand that was claimed no earlier than `claimed_at`.
    pub fn open(&self, batch: &ClaimedBatch, claimed_at: Instant) -> Opening {
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
        Opening(lease)
    }

    /// The leases that should be renewed now: those of which a third of the term is gone, or all of
    /// it while Postgres was away, for as long as nobody else has claimed the batch.
    pub fn aging(&self) -> Vec<Arc<Lease>> {
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
    pub fn cancel(&self, operation_id: OperationId) {
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
    pub fn renewed(&self, leases: &[Arc<Lease>], held: &[BatchKey], at: Instant) {
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
    fn what_silent_lanes_hold_leaves_room_for_others() {
        let capacity = Capacity::new(10);
        let slots: Vec<Slot> = (0..10).map(|_| capacity.take()).collect();
        assert_eq!(capacity.free(), 0);
        let lent = capacity.lend(6);
        assert_eq!(capacity.free(), 6);
        drop(slots);
        drop(lent);
        assert_eq!((capacity.free(), capacity.taken()), (10, 0));
    }

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
