//! From acceptance to delivery within a process: a small Operation is stored as already claimed,
//! and handed over in memory with all that delivery would have loaded. Should the process end in
//! between, the lease runs out like any other.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use time::OffsetDateTime;
use tokio::sync::mpsc;

use crate::delivery::content::Content;
use crate::delivery::lease::{Capacity, Held, Leases};
use crate::delivery::load::Loaded;
use crate::provider::Priority;
use crate::store::batches::{BatchKey, ClaimedBatch};
use crate::store::due::{DueNotification, DueOperation};
use crate::store::operations::{BATCH_SIZE, NewOperation};
use crate::store::recipients::Recipient;

/// Groups that may be on their way at a time.
const GROUPS: usize = 4;

/// Where accepted Operations are handed over; cheap to clone.
#[derive(Clone)]
pub struct Handover {
    groups: mpsc::Sender<Group>,
    capacity: Arc<Capacity>,
    stalled: Arc<AtomicBool>,
    lease: Duration,
}

/// Where they arrive.
pub struct Handed {
    groups: mpsc::Receiver<Group>,
    pub(super) capacity: Arc<Capacity>,
    /// Whether Postgres is refusing what the recorder has; nothing more is taken in hand then.
    pub(super) stalled: Arc<AtomicBool>,
}

/// Operations that were stored together as claimed.
struct Group {
    operations: Vec<NewOperation>,
    /// Before the statement that stored them.
    claimed_at: Instant,
    held: Held,
}

/// The right to hand one group over.
pub struct Place<'a> {
    permit: mpsc::Permit<'a, Group>,
    /// How long what is handed over is claimed for.
    pub lease: Duration,
    claimed_at: Instant,
    held: Held,
}

/// Both ends, for a process that has up to `max_in_flight` notifications in hand and claims them
/// for `lease`.
pub fn handover(max_in_flight: usize, lease: Duration) -> (Handover, Handed) {
    let (sender, receiver) = mpsc::channel(GROUPS);
    let (capacity, stalled) = (
        Capacity::new(max_in_flight),
        Arc::new(AtomicBool::new(false)),
    );
    let handed = Handed {
        groups: receiver,
        capacity: Arc::clone(&capacity),
        stalled: Arc::clone(&stalled),
    };
    (
        Handover {
            groups: sender,
            capacity,
            stalled,
            lease,
        },
        handed,
    )
}

/// Whether an Operation is small enough for this: due now, urgent, of one batch, and nothing has to
/// be looked up for it.
pub fn can_be_handed_over(operation: &NewOperation) -> bool {
    operation.send_at.is_none()
        && operation.audience.is_none()
        && operation.message.priority == Priority::High
        && operation.recipients.len() <= BATCH_SIZE as usize
        && operation
            .recipients
            .iter()
            .all(|new| matches!(new.recipient, Recipient::Device { .. }))
}

impl Handover {
    /// A place for a group of so many notifications, to be asked for before it is stored. `None`:
    /// delivery has enough to do, and takes it from Postgres in its turn.
    pub fn place(&self, notifications: usize) -> Option<Place<'_>> {
        let has_room = self.capacity.is_roomy() && self.capacity.free() >= notifications;
        if !has_room || self.stalled.load(Ordering::Relaxed) {
            return None;
        }
        let permit = self.groups.try_reserve().ok()?;
        let held = self.capacity.hold(notifications);
        Some(Place {
            permit,
            lease: self.lease,
            claimed_at: Instant::now(),
            held,
        })
    }
}

impl Place<'_> {
    /// Hands them over.
    pub fn fill(self, operations: Vec<NewOperation>) {
        self.permit.send(Group {
            operations,
            claimed_at: self.claimed_at,
            held: self.held,
        });
    }
}

impl Handed {
    /// What has been handed over, in hand by now; waits until there is something. `None`: nothing
    /// more will be.
    pub async fn next(&mut self, leases: &Leases) -> Option<Loaded> {
        let mut loaded = Loaded::default();
        let mut next = Some(self.groups.recv().await?);
        while let Some(group) = next {
            for operation in group.operations {
                add(&mut loaded, operation, leases, group.claimed_at);
            }
            loaded.held.push(group.held);
            next = self.groups.try_recv().ok();
        }
        Some(loaded)
    }

    /// Takes nothing more, and gives back what is on its way.
    pub fn close(&mut self, leases: &Leases) {
        self.groups.close();
        while let Ok(group) = self.groups.try_recv() {
            for operation in group.operations {
                drop(leases.open(&batch_of(&operation), group.claimed_at));
            }
        }
    }
}

/// The only batch of a small Operation, under the claim with which it was stored.
fn batch_of(operation: &NewOperation) -> ClaimedBatch {
    let key = BatchKey {
        operation_id: operation.id,
        number: 0,
        claims: 1,
    };
    let size = operation.recipients.len() as i32;
    ClaimedBatch {
        key,
        first_position: 0,
        size,
        queued: size,
    }
}

fn add(loaded: &mut Loaded, operation: NewOperation, leases: &Leases, claimed_at: Instant) {
    let batch = loaded.openings.len();
    loaded
        .openings
        .push(leases.open(&batch_of(&operation), claimed_at));
    let NewOperation {
        id,
        account_id,
        message,
        senders,
        deadline_at,
        recipients,
        ..
    } = operation;
    for (position, new) in (0..).zip(recipients) {
        let (recipient, variables) = (Some(new.recipient), new.variables);
        let due_in = Duration::ZERO;
        loaded.notifications.push(DueNotification {
            batch,
            position,
            recipient,
            variables,
            attempts: 0,
            due_in,
        });
    }
    let operation = DueOperation {
        id,
        account_id,
        message: Ok(message),
        senders,
        audience_tags: None,
        starts_at: id.created_at(),
        time_left: (deadline_at - OffsetDateTime::now_utc())
            .try_into()
            .unwrap_or_default(),
    };
    loaded
        .contents
        .insert(id, Content::new(operation, Instant::now()));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::delivery::lease::Entry;
    use crate::id::{AccountId, CredentialId, OperationId};
    use crate::provider::{Message, Provider};
    use crate::store::operations::{NewRecipient, UserSenders};

    const LEASE: Duration = Duration::from_secs(30);

    fn operation(recipients: usize) -> NewOperation {
        let (provider, credential_id, token) =
            (Provider::Fcm, CredentialId::generate(), b"sealed".to_vec());
        let recipient = NewRecipient {
            recipient: Recipient::Device {
                provider,
                credential_id,
                token,
            },
            variables: None,
        };
        NewOperation {
            id: OperationId::generate(),
            account_id: AccountId::generate(),
            message: Message::default(),
            sender: None,
            senders: UserSenders::default(),
            request: None,
            tags: None,
            send_at: None,
            deadline_at: OffsetDateTime::now_utc() + time::Duration::HOUR,
            recipients: vec![recipient; recipients],
            audience: None,
        }
    }

    fn leases() -> (Leases, mpsc::UnboundedReceiver<(Instant, Entry)>) {
        let (recorder, entries) = mpsc::unbounded_channel();
        (Leases::new(LEASE, recorder), entries)
    }

    #[test]
    fn only_what_is_small_urgent_and_due_now_is_handed_over() {
        assert!(can_be_handed_over(&operation(500)));
        assert!(!can_be_handed_over(&operation(501)));
        let later = NewOperation {
            send_at: Some(OffsetDateTime::now_utc()),
            ..operation(1)
        };
        assert!(!can_be_handed_over(&later));
        let low = Message {
            priority: Priority::Low,
            ..Message::default()
        };
        assert!(!can_be_handed_over(&NewOperation {
            message: low,
            ..operation(1)
        }));
    }

    #[tokio::test]
    async fn there_are_as_many_places_as_delivery_has_room_for() {
        let (handover, mut handed) = handover(1_000, LEASE);
        let (leases, _entries) = leases();
        let place = handover.place(400).unwrap();
        assert!(
            handover.place(601).is_none(),
            "the first ones have taken their room"
        );
        place.fill(vec![operation(400)]);
        let loaded = handed.next(&leases).await.unwrap();
        assert_eq!(
            (
                loaded.openings.len(),
                loaded.notifications.len(),
                loaded.contents.len()
            ),
            (1, 400, 1)
        );
        assert!(handover.place(601).is_none(), "they still hold it");
        drop(loaded);
        assert!(handover.place(601).is_some());
        let waiting: Vec<_> = (0..GROUPS).map(|_| handover.place(1).unwrap()).collect();
        assert!(handover.place(1).is_none(), "so many groups, and no more");
        drop(waiting);
        handed.stalled.store(true, Ordering::Relaxed);
        assert!(
            handover.place(1).is_none(),
            "nothing while outcomes can't be recorded"
        );
    }

    #[test]
    fn what_is_on_its_way_at_the_end_goes_back() {
        let (handover, mut handed) = handover(1_000, LEASE);
        let (leases, mut entries) = leases();
        let operation = operation(3);
        let id = operation.id;
        handover.place(3).unwrap().fill(vec![operation]);
        handed.close(&leases);
        let Ok((_, Entry::Release(lease))) = entries.try_recv() else {
            panic!("no release")
        };
        assert_eq!(
            (lease.key().operation_id, lease.key().claims, lease.due_in()),
            (id, 1, None)
        );
        assert!(
            handover.place(1).is_none(),
            "nobody takes anything any more"
        );
    }
}
