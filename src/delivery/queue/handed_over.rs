//! Receives the small Operations that group commit handed over, as if they had been claimed and loaded.

use std::sync::Arc;
use std::time::{Duration, Instant};

use time::OffsetDateTime;
use tokio_util::sync::CancellationToken;

use crate::delivery::content::Content;
use crate::delivery::dispatch::SharedDispatch;
use crate::delivery::queue::lease::Leases;
use crate::delivery::queue::load::Loaded;
use crate::handoff::local::HandoffReceiver;
use crate::model::operation::NewOperation;
use crate::model::queue_key::QueueKey;
use crate::store::batch_load::{DueNotification, DueOperation};
use crate::store::batches::{BatchKey, ClaimedBatch};
use crate::store::dedicated_connection::DedicatedConnection;
use crate::store::rank;

/// Receives what is handed over, in a task that owns all of this, beside the claim loop: a push that
/// is handed over waits for no claim, of its own account or of another.
///
/// Each group wakes it. It ends with the token that [`Self::run`] is given.
pub(crate) struct HandedOver {
    pub receiver: HandoffReceiver,
    /// For Credentials that are to be read.
    pub connection: DedicatedConnection,
    pub leases: Arc<Leases>,
    pub dispatch: SharedDispatch,
}

impl HandedOver {
    pub(crate) async fn run(mut self, stop: CancellationToken) {
        loop {
            let receiving = receive(&mut self.receiver, &self.leases);
            let Some(Some(loaded)) = stop.run_until_cancelled(receiving).await else {
                break;
            };

            if let Err(error) = loaded.dispatch(&self.dispatch, &mut self.connection).await {
                tracing::error!(%error, "Credentials can't be read; their notifications are put back");
            }
        }

        close(&mut self.receiver, &self.leases);
        // Group commit may end before delivery is stopped.
        stop.cancelled().await;
    }
}

/// Waits for the next group and returns it, with others that are ready, as loaded batches. `None`:
/// group commit has ended.
async fn receive(receiver: &mut HandoffReceiver, leases: &Leases) -> Option<Loaded> {
    let mut loaded = Loaded::default();

    let mut next = Some(receiver.groups.recv().await?);
    while let Some(group) = next {
        for operation in group.operations {
            add(&mut loaded, operation, leases, group.claimed_at);
        }
        loaded.permits.extend(group.permits);
        next = receiver.groups.try_recv().ok();
    }

    Some(loaded)
}

/// Ends the hand-off, and releases the batches that were handed over and not yet received.
fn close(receiver: &mut HandoffReceiver, leases: &Leases) {
    // Closed first: group commit can reserve no place any more, and announces what it stores.
    receiver.groups.close();

    while let Ok(group) = receiver.groups.try_recv() {
        for operation in group.operations {
            // Stored as claimed. Without a release, the batch would wait until its lease runs out.
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
        queue: QueueKey {
            account_id: operation.account_id,
            rank: rank::of_only_batch(operation.message.priority),
        },
        first_position: 0,
        size,
        queued: size,
        planned: None,
    }
}

fn add(loaded: &mut Loaded, operation: Box<NewOperation>, leases: &Leases, claimed_at: Instant) {
    let batch = loaded.batch_guards.len();
    let guard = leases.add(&batch_of(&operation), claimed_at);
    loaded.batch_guards.push(guard);

    // The values that a claim would load: nothing is scheduled, there was no attempt, and the order is that of
    // the request.
    let operation = *operation;
    for (position, new) in (0..).zip(operation.recipients) {
        loaded.notifications.push(DueNotification {
            batch,
            position,
            recipient: Some(new.recipient),
            variables: new.variables,
            badge: new.badge,
            attempts: 0,
            due_in: Duration::ZERO,
            planned: None,
        });
    }

    let time_left = operation.deadline_at - OffsetDateTime::now_utc();
    let due = DueOperation {
        id: operation.id,
        account_id: operation.account_id,
        message: Ok(operation.message),
        senders: operation.senders,
        audience_tags: None,
        audience_predicate: None,
        tags: operation.tags,
        starts_at: operation.id.created_at(),
        time_left: time_left.try_into().unwrap_or_default(),
        deadline_after: time_left.try_into().unwrap_or_default(),
    };
    loaded
        .contents
        .insert(due.id, Arc::new(Content::new(due, Instant::now())));
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use tokio::sync::mpsc;

    use super::*;
    use crate::delivery::queue::lease::Entry;
    use crate::handoff::local::local_handoff;

    const LEASE: Duration = Duration::from_secs(30);

    #[tokio::test]
    async fn a_group_is_received_as_loaded_batches_and_keeps_its_permit() {
        let (handoff, mut receiver) = local_handoff(1_000, LEASE, Arc::default());
        let (recorder, _entries) = mpsc::unbounded_channel();
        let leases = Leases::new(LEASE, recorder, Arc::clone(&receiver.capacity));
        let capacity = Arc::clone(&receiver.capacity);

        let operation = NewOperation::to_devices(400);
        let wanted = HashMap::from([(operation.account_id, 400)]);
        let permit = handoff.reserve(&wanted).unwrap();
        permit.hand_over(vec![Box::new(operation)]);
        let loaded = receive(&mut receiver, &leases).await.unwrap();

        assert_eq!(loaded.batch_guards.len(), 1);
        assert_eq!(loaded.notifications.len(), 400);
        assert_eq!(loaded.contents.len(), 1);
        assert_eq!(capacity.claimed(), 400);
        drop(loaded);
        assert_eq!(capacity.claimed(), 0);
    }

    #[test]
    fn groups_that_were_not_received_are_released_at_the_end() {
        let (handoff, mut receiver) = local_handoff(1_000, LEASE, Arc::default());
        let (recorder, mut entries) = mpsc::unbounded_channel();
        let leases = Leases::new(LEASE, recorder, Arc::clone(&receiver.capacity));

        let operation = NewOperation::to_devices(3);
        let id = operation.id;
        let wanted = HashMap::from([(operation.account_id, 3)]);
        handoff
            .reserve(&wanted)
            .unwrap()
            .hand_over(vec![Box::new(operation)]);
        close(&mut receiver, &leases);

        let Ok((_, Entry::Release(lease))) = entries.try_recv() else {
            panic!("no release")
        };
        assert_eq!(lease.key().operation_id, id);
        assert_eq!(lease.key().claims, 1);
        assert_eq!(lease.due_in(), None);
        assert!(handoff.reserve(&wanted).is_none(), "the hand-off has ended");
    }
}
