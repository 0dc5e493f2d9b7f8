//! The fast path from acceptance to delivery within a process: a small Operation is stored as already
//! claimed and then handed over in memory, which saves a claim and a load. If the process ends in
//! between, the lease runs out like any other and the batch is claimed again.
//!
//! Group commit hands over only to the delivery of its own process, and only while that has room. All
//! other Operations are claimed from Postgres.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::mpsc;

use crate::handoff::capacity::{Capacity, Permit};
use crate::model::message::Priority;
use crate::model::operation::{BATCH_SIZE, NewOperation};
use crate::model::recipient::Recipient;

/// Groups that may be handed over and not yet received.
const MAX_GROUPS: usize = 4;

/// The sending half; cheap to clone. Group commit owns it. It never waits: a full channel means that
/// the group is claimed from Postgres instead.
#[derive(Clone)]
pub(crate) struct LocalHandoff {
    groups: mpsc::Sender<HandoffGroup>,
    capacity: Arc<Capacity>,
    recorder_stalled: Arc<AtomicBool>,
    lease: Duration,
}

/// The receiving half. The claim loop owns it and is woken by each group. Closing or dropping it ends
/// the hand-off.
pub(crate) struct HandoffReceiver {
    pub groups: mpsc::Receiver<HandoffGroup>,
    pub capacity: Arc<Capacity>,
    /// Whether the recorder cannot write its outcomes. Nothing is claimed or handed over then.
    pub recorder_stalled: Arc<AtomicBool>,
}

/// Operations that one statement stored as claimed.
pub(crate) struct HandoffGroup {
    pub operations: Vec<NewOperation>,
    /// A time before that statement began.
    pub claimed_at: Instant,
    pub permit: Permit,
}

/// The right to hand one group over, reserved before the group is stored.
pub(crate) struct HandoffPermit<'a> {
    sender: mpsc::Permit<'a, HandoffGroup>,
    /// How long the group is claimed for.
    pub lease: Duration,
    claimed_at: Instant,
    permit: Permit,
}

/// Both halves, for a process that claims up to `max_claimed` notifications, each batch for `lease`.
pub(crate) fn local_handoff(
    max_claimed: usize,
    lease: Duration,
) -> (LocalHandoff, HandoffReceiver) {
    let (sender, receiver) = mpsc::channel(MAX_GROUPS);
    let capacity = Capacity::new(max_claimed);
    let recorder_stalled = Arc::new(AtomicBool::new(false));

    let handoff = LocalHandoff {
        groups: sender,
        capacity: Arc::clone(&capacity),
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

/// Whether an Operation may be handed over: due now, `HIGH`, one batch, and only device tokens, so
/// that delivery need not look anything up.
pub(crate) fn can_be_handed_over(operation: &NewOperation) -> bool {
    operation.send_at.is_none()
        && operation.audience.is_none()
        && operation.message.priority == Priority::High
        && operation.recipients.len() <= BATCH_SIZE as usize
        && operation
            .recipients
            .iter()
            .all(|new| matches!(new.recipient, Recipient::Device { .. }))
}

impl LocalHandoff {
    /// Reserves room for a group of `notifications`, before it is stored. `None`: delivery is busy
    /// and takes the group from Postgres in its turn.
    pub(crate) fn reserve(&self, notifications: usize) -> Option<HandoffPermit<'_>> {
        // A busy delivery takes new work by rank, from Postgres: it must not pass older work.
        let has_room = self.capacity.is_roomy() && self.capacity.free() >= notifications;
        if !has_room || self.recorder_stalled.load(Ordering::Relaxed) {
            return None;
        }

        let sender = self.groups.try_reserve().ok()?;

        Some(HandoffPermit {
            sender,
            lease: self.lease,
            claimed_at: Instant::now(),
            permit: self.capacity.permit(notifications),
        })
    }
}

impl HandoffPermit<'_> {
    pub(crate) fn hand_over(self, operations: Vec<NewOperation>) {
        self.sender.send(HandoffGroup {
            operations,
            claimed_at: self.claimed_at,
            permit: self.permit,
        });
    }
}

#[cfg(test)]
mod tests {
    use time::OffsetDateTime;

    use super::*;
    use crate::model::message::Message;

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
        let (handoff, mut receiver) = local_handoff(1_000, LEASE);

        let permit = handoff.reserve(400).unwrap();
        assert!(handoff.reserve(601).is_none(), "400 are reserved");

        permit.hand_over(vec![NewOperation::to_devices(400)]);
        let group = receiver.groups.recv().await.unwrap();
        assert!(handoff.reserve(601).is_none(), "its permit lives");

        drop(group);
        assert!(handoff.reserve(601).is_some());

        let permits: Vec<_> = (0..MAX_GROUPS)
            .map(|_| handoff.reserve(1).unwrap())
            .collect();
        assert!(handoff.reserve(1).is_none(), "{MAX_GROUPS} groups wait");
        drop(permits);

        receiver.recorder_stalled.store(true, Ordering::Relaxed);
        assert!(handoff.reserve(1).is_none(), "the recorder is stalled");
    }
}
