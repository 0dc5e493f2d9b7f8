//! The fast path from acceptance to delivery within a process: a small Operation is stored as already
//! claimed and then handed over in memory, which saves a claim and a load. If the process ends in
//! between, the lease runs out like any other and the batch is claimed again.
//!
//! Group commit hands over only to the delivery of its own process, and only while that has room. All
//! other Operations are claimed from Postgres.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::mpsc;

use crate::handoff::capacity::{Capacity, Permit};
use crate::handoff::due_queues::DueQueues;
use crate::model::id::AccountId;
use crate::model::message::Priority;
use crate::model::operation::{BATCH_SIZE, NewOperation};
use crate::model::recipient::Recipient;

/// Groups that may be handed over and not yet received.
const MAX_GROUPS: usize = 4;
/// How many notifications an account may have claimed although others fill the capacity.
pub(crate) const GUARANTEED: usize = 2 * BATCH_SIZE as usize;

/// The sending half; cheap to clone. Group commit owns it. It never waits: a full channel means that
/// the group is claimed from Postgres instead.
#[derive(Clone)]
pub(crate) struct LocalHandoff {
    groups: mpsc::Sender<HandoffGroup>,
    capacity: Arc<Capacity>,
    queues: Arc<DueQueues>,
    recorder_stalled: Arc<AtomicBool>,
    lease: Duration,
}

/// The receiving half. A task of delivery owns it and is woken by each group. Closing or dropping it
/// ends the hand-off.
pub(crate) struct HandoffReceiver {
    pub groups: mpsc::Receiver<HandoffGroup>,
    pub capacity: Arc<Capacity>,
    /// Whether the recorder cannot write its outcomes. Nothing is claimed or handed over then.
    pub recorder_stalled: Arc<AtomicBool>,
}

/// Operations that one statement stored as claimed.
pub(crate) struct HandoffGroup {
    /// Boxed as they arrive in group commit.
    #[expect(clippy::vec_box, reason = "they are boxed before, and not copied here")]
    pub operations: Vec<Box<NewOperation>>,
    /// A time before that statement began.
    pub claimed_at: Instant,
    /// One for each account.
    pub permits: Vec<Permit>,
}

/// The right to hand one group over, reserved before the group is stored.
pub(crate) struct HandoffPermit<'a> {
    sender: mpsc::Permit<'a, HandoffGroup>,
    /// How long the group is claimed for.
    pub lease: Duration,
    claimed_at: Instant,
    /// The accounts whose Operations may be handed over.
    permits: HashMap<AccountId, Permit>,
}

/// Both halves, for a process that claims up to `max_claimed` notifications, each batch for `lease`.
pub(crate) fn local_handoff(
    max_claimed: usize,
    lease: Duration,
    queues: Arc<DueQueues>,
) -> (LocalHandoff, HandoffReceiver) {
    let (sender, receiver) = mpsc::channel(MAX_GROUPS);
    let capacity = Capacity::new(max_claimed);
    let recorder_stalled = Arc::new(AtomicBool::new(false));

    let handoff = LocalHandoff {
        groups: sender,
        capacity: Arc::clone(&capacity),
        queues,
        recorder_stalled: Arc::clone(&recorder_stalled),
        lease,
    };
    let receiver = HandoffReceiver {
        groups: receiver,
        capacity,
        recorder_stalled,
    };

    (handoff, receiver)
}

/// Whether an Operation may be handed over: due now, `HIGH`, one batch, and only device tokens without
/// plans of their own, so that delivery need not look anything up.
pub(crate) fn can_be_handed_over(operation: &NewOperation) -> bool {
    operation.send_at.is_none()
        && operation.pace.is_none()
        && operation.audience.is_none()
        && operation.local_schedule.is_none()
        && operation.message.priority == Priority::High
        && operation.recipients.len() <= BATCH_SIZE as usize
        && operation
            .recipients
            .iter()
            .all(|new| new.plan.is_none() && matches!(new.recipient, Recipient::Device { .. }))
}

impl LocalHandoff {
    /// Reserves room for a group, before it is stored. `wanted`: how many notifications of each
    /// account it has. `None`: delivery takes the group from Postgres in its turn.
    pub(crate) fn reserve(&self, wanted: &HashMap<AccountId, usize>) -> Option<HandoffPermit<'_>> {
        // Outcomes that can't be written stay in memory, so no more may be added.
        if self.recorder_stalled.load(Ordering::Relaxed) {
            return None;
        }

        let sender = self.groups.try_reserve().ok()?;
        // Read before the insert, so that the lease ends here no later than in Postgres.
        let claimed_at = Instant::now();

        let mut permits = HashMap::new();
        for (account_id, notifications) in wanted {
            if self.has_room(*account_id, *notifications) {
                let permit = self.capacity.of(*account_id).permit(*notifications);
                permits.insert(*account_id, permit);
            }
        }

        (!permits.is_empty()).then_some(HandoffPermit {
            sender,
            lease: self.lease,
            claimed_at,
            permits,
        })
    }

    fn has_room(&self, account_id: AccountId, notifications: usize) -> bool {
        // New work must not pass older work of the same account, which waits in Postgres.
        if self.queues.is_due(account_id) {
            return false;
        }

        let capacity = &self.capacity;
        let claimed = capacity.claimed_by(account_id) + notifications;
        let is_guaranteed = claimed <= GUARANTEED.min(capacity.limit())
            && capacity.free_with_reserve() >= notifications;

        // A busy delivery takes work in turns.
        is_guaranteed
            || claimed <= self.queues.share(account_id, capacity.limit())
                && capacity.is_roomy()
                && capacity.free() >= notifications
    }
}

impl HandoffPermit<'_> {
    /// Whether the Operations of an account may be handed over.
    pub(crate) fn has(&self, account_id: AccountId) -> bool {
        self.permits.contains_key(&account_id)
    }

    #[expect(clippy::vec_box, reason = "they are boxed before, and not copied here")]
    pub(crate) fn hand_over(self, operations: Vec<Box<NewOperation>>) {
        self.sender.send(HandoffGroup {
            operations,
            claimed_at: self.claimed_at,
            permits: self.permits.into_values().collect(),
        });
    }
}

#[cfg(test)]
mod tests {
    use time::OffsetDateTime;

    use super::*;
    use crate::model::local_time::{LocalSchedule, Plan, PlannedEnd};
    use crate::model::message::Message;
    use crate::model::queue_key::QueueKey;

    const LEASE: Duration = Duration::from_secs(30);

    #[test]
    fn only_small_urgent_operations_that_are_due_are_handed_over() {
        assert!(can_be_handed_over(&NewOperation::to_devices(500)));
        assert!(!can_be_handed_over(&NewOperation::to_devices(501)));

        let later = NewOperation {
            send_at: Some(OffsetDateTime::now_utc()),
            ..NewOperation::to_devices(1)
        };
        assert!(!can_be_handed_over(&later));

        // Delivery reads from Postgres what becomes of it.
        let mut planned = NewOperation::to_devices(1);
        planned.recipients[0].plan = Some(Plan {
            at: OffsetDateTime::now_utc(),
            end: Some(PlannedEnd::Skipped),
        });
        assert!(!can_be_handed_over(&planned));
        let local = NewOperation {
            local_schedule: Some(LocalSchedule::default()),
            ..NewOperation::to_devices(1)
        };
        assert!(!can_be_handed_over(&local));

        let low = Message {
            priority: Priority::Low,
            ..Message::default()
        };
        assert!(!can_be_handed_over(&NewOperation {
            message: low,
            ..NewOperation::to_devices(1)
        }));
    }

    #[tokio::test]
    async fn groups_are_bounded_by_capacity_and_by_number() {
        let account_id = AccountId::generate();
        let (handoff, mut receiver) = local_handoff(10_000, LEASE, Arc::default());
        let wanted = |count| HashMap::from([(account_id, count)]);

        let permit = handoff.reserve(&wanted(4_000)).unwrap();
        assert!(
            handoff.reserve(&wanted(6_001)).is_none(),
            "4,000 are reserved"
        );

        permit.hand_over(vec![Box::new(NewOperation::to_devices(400))]);
        let group = receiver.groups.recv().await.unwrap();
        assert!(
            handoff.reserve(&wanted(6_001)).is_none(),
            "its permit lives"
        );

        drop(group);
        assert!(handoff.reserve(&wanted(6_001)).is_some());

        let permits: Vec<_> = (0..MAX_GROUPS)
            .map(|_| handoff.reserve(&wanted(1)).unwrap())
            .collect();
        assert!(
            handoff.reserve(&wanted(1)).is_none(),
            "{MAX_GROUPS} groups wait"
        );
        drop(permits);

        receiver.recorder_stalled.store(true, Ordering::Relaxed);
        assert!(
            handoff.reserve(&wanted(1)).is_none(),
            "the recorder is stalled"
        );
    }

    #[test]
    fn an_account_is_handed_over_beside_another_that_fills_the_capacity() {
        let [large, small] = [AccountId::generate(), AccountId::generate()];
        let (handoff, receiver) = local_handoff(10_000, LEASE, Arc::default());
        let _claimed = receiver.capacity.of(large).permit(10_000);

        let permit = handoff
            .reserve(&HashMap::from([(large, 1), (small, GUARANTEED)]))
            .unwrap();
        assert!(permit.has(small));
        assert!(!permit.has(large));
        assert!(
            handoff.reserve(&HashMap::from([(small, 1)])).is_none(),
            "it has what is guaranteed"
        );
    }

    #[test]
    fn nothing_is_handed_over_beside_older_work_of_its_account() {
        let queues = Arc::new(DueQueues::default());
        let (handoff, _receiver) = local_handoff(10_000, LEASE, Arc::clone(&queues));
        let [busy, idle] = [AccountId::generate(), AccountId::generate()];
        let queue = QueueKey {
            account_id: busy,
            rank: 20,
        };
        queues.announce_all([(queue, Duration::ZERO)]);

        let permit = handoff
            .reserve(&HashMap::from([(busy, 1), (idle, 5_000)]))
            .unwrap();
        assert!(!permit.has(busy));
        assert!(permit.has(idle), "half of the capacity is its share");
        drop(permit);
        assert!(
            handoff.reserve(&HashMap::from([(idle, 5_001)])).is_none(),
            "more than its share"
        );
    }
}
