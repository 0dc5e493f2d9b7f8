//! Receives the small Operations that group commit handed over, as if they had been claimed and loaded.

use std::time::{Duration, Instant};

use time::OffsetDateTime;

use crate::delivery::content::Content;
use crate::delivery::queue::lease::Leases;
use crate::delivery::queue::load::Loaded;
use crate::handoff::local::HandoffReceiver;
use crate::model::operation::NewOperation;
use crate::store::batch_load::{DueNotification, DueOperation};
use crate::store::batches::{BatchKey, ClaimedBatch};

/// Waits for the next group and returns it, with others that are ready, as loaded batches. `None`:
/// group commit has ended.
pub(crate) async fn receive(receiver: &mut HandoffReceiver, leases: &Leases) -> Option<Loaded> {
    let mut loaded = Loaded::default();

    let mut next = Some(receiver.groups.recv().await?);
    while let Some(group) = next {
        for operation in group.operations {
            add(&mut loaded, operation, leases, group.claimed_at);
        }
        loaded.permits.push(group.permit);
        next = receiver.groups.try_recv().ok();
    }

    Some(loaded)
}

/// Ends the hand-off, and releases the batches that were handed over and not yet received.
pub(crate) fn close(receiver: &mut HandoffReceiver, leases: &Leases) {
    receiver.groups.close();

    while let Ok(group) = receiver.groups.try_recv() {
        for operation in group.operations {
            drop(leases.add(&batch_of(&operation), group.claimed_at));
        }
    }
}

/// The only batch of a small Operation, under the claim with which it was stored.
fn batch_of(operation: &NewOperation) -> ClaimedBatch {
    let size = operation.recipients.len() as i32;

    ClaimedBatch {
        key: BatchKey {
            operation_id: operation.id,
            number: 0,
            claims: 1,
        },
        first_position: 0,
        size,
        queued: size,
    }
}

fn add(loaded: &mut Loaded, operation: NewOperation, leases: &Leases, claimed_at: Instant) {
    let batch = loaded.batch_guards.len();
    let guard = leases.add(&batch_of(&operation), claimed_at);
    loaded.batch_guards.push(guard);

    for (position, new) in (0..).zip(operation.recipients) {
        loaded.notifications.push(DueNotification {
            batch,
            position,
            recipient: Some(new.recipient),
            variables: new.variables,
            attempts: 0,
            due_in: Duration::ZERO,
        });
    }

    let time_left = operation.deadline_at - OffsetDateTime::now_utc();
    let due = DueOperation {
        id: operation.id,
        account_id: operation.account_id,
        message: Ok(operation.message),
        senders: operation.senders,
        audience_tags: None,
        starts_at: operation.id.created_at(),
        time_left: time_left.try_into().unwrap_or_default(),
    };
    loaded
        .contents
        .insert(due.id, Content::new(due, Instant::now()));
}

#[cfg(test)]
mod tests {
    use tokio::sync::mpsc;

    use super::*;
    use crate::delivery::queue::lease::Entry;
    use crate::handoff::local::local_handoff;

    const LEASE: Duration = Duration::from_secs(30);

    #[tokio::test]
    async fn a_group_is_received_as_loaded_batches_and_keeps_its_permit() {
        let (handoff, mut receiver) = local_handoff(1_000, LEASE);
        let (recorder, _entries) = mpsc::unbounded_channel();
        let leases = Leases::new(LEASE, recorder);

        let permit = handoff.reserve(400).unwrap();
        permit.hand_over(vec![NewOperation::to_devices(400)]);
        let loaded = receive(&mut receiver, &leases).await.unwrap();

        assert_eq!(loaded.batch_guards.len(), 1);
        assert_eq!(loaded.notifications.len(), 400);
        assert_eq!(loaded.contents.len(), 1);
        assert!(handoff.reserve(601).is_none(), "400 are still claimed");
        drop(loaded);
        assert!(handoff.reserve(601).is_some());
    }

    #[test]
    fn groups_that_were_not_received_are_released_at_the_end() {
        let (handoff, mut receiver) = local_handoff(1_000, LEASE);
        let (recorder, mut entries) = mpsc::unbounded_channel();
        let leases = Leases::new(LEASE, recorder);

        let operation = NewOperation::to_devices(3);
        let id = operation.id;
        handoff.reserve(3).unwrap().hand_over(vec![operation]);
        close(&mut receiver, &leases);

        let Ok((_, Entry::Release(lease))) = entries.try_recv() else {
            panic!("no release")
        };
        assert_eq!(lease.key().operation_id, id);
        assert_eq!(lease.key().claims, 1);
        assert_eq!(lease.due_in(), None);
        assert!(handoff.reserve(1).is_none(), "the hand-off has ended");
    }
}
