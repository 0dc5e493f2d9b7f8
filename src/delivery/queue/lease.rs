//! Leases: a [`Lease`] covers a claimed batch while its notifications are worked on, and each of these
//! has a [`NotificationGuard`].
//!
//! Invariant: every guard ends exactly once, with or without an outcome, even if its owner panics.
//! After the last guard of a batch has ended, the batch is released, after its outcomes.

use std::collections::HashSet;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::time::{Duration, Instant};

use tokio::sync::mpsc;

use crate::handoff::capacity::{AccountCapacity, Capacity, Permit};
use crate::model::id::{CredentialId, OperationId};
use crate::model::queue_key::QueueKey;
use crate::store::batches::{BatchKey, ClaimedBatch};
use crate::store::outcome_record::NotificationOutcome;

/// The share of a lease's term in which its notifications may be sent, in percent. The rest is for
/// the answer, which must arrive before the term is over.
const SENDING_PERCENT: u32 = 75;
/// A lease is renewed once less than this share of its term is left for sending, in percent: after a
/// third of the term.
const RENEWAL_PERCENT: u32 = 42;
/// How many times in a term leases are checked for renewal.
pub(super) const CHECKS_PER_TERM: u32 = 6;

const _: () = assert!(RENEWAL_PERCENT < SENDING_PERCENT);
// If one renewal fails, there is time for another before sending must stop.
const _: () = assert!(RENEWAL_PERCENT * CHECKS_PER_TERM >= 2 * 100);

/// What the recorder gets.
#[allow(
    clippy::large_enum_variant,
    reason = "nearly all are outcomes, and boxing each would cost more than the rest waste"
)]
pub(crate) enum Entry {
    /// A notification's outcome. Its permit is returned once the outcome is in Postgres.
    Outcome(NotificationOutcome, Permit),
    /// All guards of the lease have ended.
    Release(Arc<Lease>),
}

/// Where entries go, each with the time since which it waits to be in Postgres.
pub(crate) type Entries = mpsc::UnboundedSender<(Instant, Entry)>;

/// The claim of this process on a batch.
///
/// Its guards own it together; [`Leases`] knows it without owning it. Nothing waits for it: guards ask
/// [`Self::is_held`] before they send. The last guard sends it to the recorder, which releases the
/// batch in Postgres and drops it.
///
/// The key has the fencing token, `claims`: a later claim has a higher one, and outcomes under a lower
/// one are dropped. So a process that was paused for longer than its lease records nothing.
pub(crate) struct Lease {
    key: BatchKey,
    queue: QueueKey,
    /// Where the notifications of its account are counted.
    account: Arc<AccountCapacity>,
    /// The zero of [`Self::valid_until`] and [`Self::due_again`].
    epoch: Instant,
    /// Milliseconds after `epoch` until which notifications may be sent; 0: the lease is lost.
    valid_until: AtomicU64,
    /// Milliseconds after `epoch` at which the earliest unsettled notification is due again;
    /// `u64::MAX`: none was put back.
    due_again: AtomicU64,
    /// The Credential whose lane had no room for a notification of the batch: the first, if there were
    /// several.
    waits_for: OnceLock<CredentialId>,
    /// Guards that have not ended, the [`BatchGuard`] included.
    guards: AtomicU32,
    recorder: Entries,
}

impl Lease {
    pub(crate) fn key(&self) -> BatchKey {
        self.key
    }

    /// The queue that the batch is claimed from.
    pub(crate) fn queue(&self) -> QueueKey {
        self.queue
    }

    pub(crate) fn account(&self) -> &Arc<AccountCapacity> {
        &self.account
    }

    /// Whether notifications of the batch may be sent. Once it is `false`, another process may send
    /// them.
    pub(crate) fn is_held(&self) -> bool {
        self.elapsed_millis() < self.valid_until.load(Ordering::Relaxed)
    }

    /// The batch must be claimed again after `delay`, or earlier if an earlier time is known.
    pub(crate) fn due_again_in(&self, delay: Duration) {
        let at = self.epoch.elapsed().saturating_add(delay).as_millis();
        let at = u64::try_from(at).unwrap_or(u64::MAX);
        self.due_again.fetch_min(at, Ordering::Relaxed);
    }

    /// Notes that a notification is put back because the lane of `credential_id` has no room. That lane
    /// recalls the batch when it has room.
    pub(crate) fn wait_for_lane(&self, credential_id: CredentialId) {
        let _ = self.waits_for.set(credential_id);
    }

    /// The Credential whose lane recalls the batch; `None`: no lane had too little room.
    pub(crate) fn waits_for(&self) -> Option<CredentialId> {
        self.waits_for.get().copied()
    }

    /// How long until the batch must be claimed again. `None`: nothing was put back.
    pub(crate) fn due_in(&self) -> Option<Duration> {
        let at = self.due_again.load(Ordering::Relaxed);
        (at != u64::MAX).then(|| Duration::from_millis(at).saturating_sub(self.epoch.elapsed()))
    }

    /// How long notifications may still be sent. `None`: the lease is lost.
    fn time_left(&self) -> Option<Duration> {
        let until = self.valid_until.load(Ordering::Relaxed);
        (until > 0).then(|| Duration::from_millis(until.saturating_sub(self.elapsed_millis())))
    }

    fn elapsed_millis(&self) -> u64 {
        self.epoch.elapsed().as_millis() as u64
    }

    fn extend(&self, renewed_at: Instant, term: Duration) {
        // Counted from the beginning of the statement, as Postgres may have counted.
        let until = renewed_at.saturating_duration_since(self.epoch) + sending_time(term);
        // A lease that a cancel took meanwhile stays lost.
        let extended = |before| (before > 0).then_some(until.as_millis() as u64);
        let _ = self
            .valid_until
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, extended);
    }

    fn lose(&self) {
        self.valid_until.store(0, Ordering::Relaxed);
    }

    fn end_guard(self: &Arc<Self>) {
        // The last guard must see what the others noted before they ended, such as `due_again`.
        if self.guards.fetch_sub(1, Ordering::AcqRel) == 1 {
            // The recorder ends before a lease only at the very end of the process. Then the lease
            // runs out.
            let release = Entry::Release(Arc::clone(self));
            let _ = self.recorder.send((Instant::now(), release));
        }
    }
}

fn sending_time(term: Duration) -> Duration {
    term * SENDING_PERCENT / 100
}

fn is_due_for_renewal(time_left: Duration, term: Duration) -> bool {
    time_left < term * RENEWAL_PERCENT / 100
}

/// Keeps a batch claimed until its notifications have guards of their own.
///
/// [`Loaded`](crate::delivery::queue::load::Loaded) owns it. Dropping it, after dispatch or on an
/// error, releases the batch unless some [`NotificationGuard`] still lives.
pub(crate) struct BatchGuard(Arc<Lease>);

impl BatchGuard {
    pub(crate) fn lease(&self) -> &Arc<Lease> {
        &self.0
    }

    /// The guard of the notification at `position`, which counts as claimed by its account.
    pub(crate) fn notification(&self, position: i32, attempts_before: i16) -> NotificationGuard {
        self.0.guards.fetch_add(1, Ordering::Relaxed);

        NotificationGuard {
            lease: Arc::clone(&self.0),
            position,
            attempts_before,
            permit: Some(self.0.account.permit(1)),
        }
    }
}

impl Drop for BatchGuard {
    fn drop(&mut self) {
        self.0.end_guard();
    }
}

/// The right to send one notification, and the duty to settle it.
///
/// Dispatch creates it and moves it on to a lane, with the notification. It ends with
/// [`Self::settle`], with [`Self::put_back`], or by being dropped: then the notification is due again
/// as soon as its batch is released.
pub(crate) struct NotificationGuard {
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
        let Some(permit) = self.permit.take() else {
            return;
        };

        // Before the entry is sent: the release that follows it reads this time.
        if let Some(delay) = outcome.retry_in {
            self.lease.due_again_in(delay);
        }

        let entry = Entry::Outcome(outcome, permit);
        let _ = self.lease.recorder.send((Instant::now(), entry));
    }

    /// Ends it without an outcome: the notification was not sent and is due again after `delay`.
    ///
    /// Only the `due_at` of its batch says so. To write `next_attempt_at` into a row that was not
    /// tried would cost an update for each notification.
    pub(crate) fn put_back(self, delay: Duration) {
        self.lease.due_again_in(delay);
    }
}

impl Drop for NotificationGuard {
    fn drop(&mut self) {
        self.lease.end_guard();
    }
}

/// All leases of a process.
///
/// The claim loop adds leases, the renewal task extends them, and the listener takes those of canceled
/// Operations; the three own it together. Nothing waits for it. It ends with the last of them.
pub(crate) struct Leases {
    term: Duration,
    recorder: Entries,
    capacity: Arc<Capacity>,
    leases: Mutex<Vec<Weak<Lease>>>,
    /// Operations that were canceled or paused within the last term, and when.
    revoked: Mutex<Vec<(Instant, OperationId)>>,
}

impl Leases {
    pub(crate) fn new(term: Duration, recorder: Entries, capacity: Arc<Capacity>) -> Self {
        Self {
            term,
            recorder,
            capacity,
            leases: Mutex::default(),
            revoked: Mutex::default(),
        }
    }

    /// How long a claim lasts.
    pub(crate) fn term(&self) -> Duration {
        self.term
    }

    /// Adds the lease of a batch that was claimed at `claimed_at` or later.
    pub(crate) fn add(&self, batch: &ClaimedBatch, claimed_at: Instant) -> BatchGuard {
        let lease = Arc::new(Lease {
            key: batch.key,
            queue: batch.queue,
            account: self.capacity.of(batch.queue.account_id),
            epoch: claimed_at,
            valid_until: AtomicU64::new(sending_time(self.term).as_millis() as u64),
            due_again: AtomicU64::new(u64::MAX),
            waits_for: OnceLock::new(),
            guards: AtomicU32::new(1),
            recorder: self.recorder.clone(),
        });
        // Listed before the revoked Operations are read: a revoke at the same time either finds the
        // lease in the list, or is found here.
        lock(&self.leases).push(Arc::downgrade(&lease));

        // The Operation may have been canceled or paused while its batch was claimed or handed over.
        let is_canceled = lock(&self.revoked)
            .iter()
            // An earlier revoke was about an earlier claim: a resumed Operation is sent.
            .any(|(at, id)| *id == lease.key.operation_id && *at >= claimed_at);
        if is_canceled {
            lease.lose();
        }

        BatchGuard(lease)
    }

    /// The leases to renew now. One that ran out while Postgres was away is among them: as long as no
    /// other process has claimed its batch, it can be renewed, so that an outage longer than a lease
    /// makes no duplicates.
    pub(crate) fn due_for_renewal(&self) -> Vec<Arc<Lease>> {
        let mut leases = lock(&self.leases);
        // Leases that ended are removed here and not when they end, which would be a search for
        // each.
        leases.retain(|lease| lease.strong_count() > 0);

        let is_due = |lease: &Arc<Lease>| {
            lease
                .time_left()
                .is_some_and(|left| is_due_for_renewal(left, self.term))
        };
        leases
            .iter()
            .filter_map(Weak::upgrade)
            .filter(is_due)
            .collect()
    }

    /// Extends those of `leases` that a statement renewed, which began at `renewed_at`. The others
    /// are lost.
    pub(crate) fn apply_renewal(
        &self,
        leases: &[Arc<Lease>],
        renewed: &[BatchKey],
        renewed_at: Instant,
    ) {
        let renewed: HashSet<&BatchKey> = renewed.iter().collect();

        for lease in leases {
            if renewed.contains(&lease.key) {
                lease.extend(renewed_at, self.term);
            } else {
                lease.lose();
            }
        }
    }

    /// Ends the leases of an Operation that was canceled or paused: what waits in memory is not sent. The claims
    /// in Postgres stay, so that what is in flight is recorded as what it becomes.
    pub(crate) fn revoke(&self, operation_id: OperationId) {
        let now = Instant::now();

        // Noted before the leases are searched, so that a lease that is added meanwhile sees it.
        let mut canceled = lock(&self.revoked);
        canceled.retain(|(at, _)| now.duration_since(*at) < self.term);
        canceled.push((now, operation_id));
        drop(canceled);

        lock(&self.leases)
            .iter()
            .filter_map(Weak::upgrade)
            .filter(|lease| lease.key.operation_id == operation_id)
            .for_each(|lease| lease.lose());
    }
}

/// No code panics while it holds one of these locks, so a poisoned one is still consistent.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::id::AccountId;

    const TERM: Duration = Duration::from_secs(30);

    fn leases() -> (Leases, mpsc::UnboundedReceiver<(Instant, Entry)>) {
        let (recorder, entries) = mpsc::unbounded_channel();
        (Leases::new(TERM, recorder, Capacity::new(10)), entries)
    }

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
            size: 1,
            queued: 1,
            planned: None,
        }
    }

    fn before(now: Instant, elapsed: Duration) -> Instant {
        now.checked_sub(elapsed).unwrap()
    }

    #[test]
    fn a_batch_that_was_canceled_before_it_is_added_is_not_sent() {
        let (leases, _entries) = leases();
        let batch = batch();
        let claimed_at = Instant::now();
        assert!(leases.add(&batch, claimed_at).lease().is_held());

        leases.revoke(batch.key.operation_id);
        assert!(!leases.add(&batch, claimed_at).lease().is_held());

        let later = Instant::now() + Duration::from_millis(1);
        assert!(
            leases.add(&batch, later).lease().is_held(),
            "it was claimed after the cancel"
        );
    }

    #[test]
    fn a_batch_is_released_after_its_last_guard() {
        let (leases, mut entries) = leases();
        let batch = batch();
        let claimed = || leases.capacity.claimed_by(batch.queue.account_id);

        let batch_guard = leases.add(&batch, Instant::now());
        let first = batch_guard.notification(0, 0);
        let second = batch_guard.notification(1, 0);
        assert_eq!(claimed(), 2);

        drop(batch_guard);
        first.put_back(Duration::from_secs(9));
        assert!(entries.try_recv().is_err(), "the second is not settled");

        drop(second);
        let Ok((_, Entry::Release(lease))) = entries.try_recv() else {
            panic!("no release")
        };
        assert!(lease.due_in().unwrap() <= Duration::from_secs(9));
        assert_eq!(claimed(), 0);
    }

    #[test]
    fn the_batch_is_due_with_its_earliest_notification() {
        let (leases, _entries) = leases();
        let guard = leases.add(&batch(), Instant::now());
        assert_eq!(guard.lease().due_in(), None);

        guard.lease().due_again_in(Duration::from_secs(20));
        guard.lease().due_again_in(Duration::from_secs(10));
        guard.lease().due_again_in(Duration::from_secs(30));

        let due_in = guard.lease().due_in().unwrap();
        assert!((9..=10).contains(&due_in.as_secs()), "{due_in:?}");
    }

    #[test]
    fn nothing_is_sent_in_the_last_quarter_of_a_lease() {
        let (leases, _entries) = leases();
        let now = Instant::now();

        let guard = leases.add(&batch(), before(now, TERM * 7 / 10));
        assert!(guard.lease().is_held());

        let guard = leases.add(&batch(), before(now, TERM * 8 / 10));
        assert!(!guard.lease().is_held());
    }

    #[test]
    fn a_lease_is_renewed_after_a_third_of_its_term() {
        let (leases, _entries) = leases();
        let now = Instant::now();

        let _fresh = leases.add(&batch(), before(now, TERM * 3 / 10));
        assert!(leases.due_for_renewal().is_empty());

        let _aged = leases.add(&batch(), before(now, TERM * 4 / 10));
        let _run_out = leases.add(&batch(), before(now, TERM * 2));
        assert_eq!(leases.due_for_renewal().len(), 2);
    }

    #[test]
    fn a_renewal_extends_what_postgres_renewed_and_loses_the_rest() {
        let (leases, _entries) = leases();
        let now = Instant::now();
        let renewed = leases.add(&batch(), before(now, TERM));
        let claimed_by_others = leases.add(&batch(), before(now, TERM));
        let canceled = leases.add(&batch(), before(now, TERM));

        let due = leases.due_for_renewal();
        leases.revoke(canceled.lease().key().operation_id);
        let keys = [renewed.lease().key(), canceled.lease().key()];
        leases.apply_renewal(&due, &keys, now);

        assert!(renewed.lease().is_held());
        assert!(!claimed_by_others.lease().is_held());
        assert!(!canceled.lease().is_held());
        assert!(leases.due_for_renewal().is_empty());
    }
}
