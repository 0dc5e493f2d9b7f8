//! From acceptance to delivery within a process: a small Operation is stored as already claimed, and handed over in memory
//! with all that delivery would have loaded. Should the process end in between, the lease runs out like any other.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use time::OffsetDateTime;
use tokio::sync::mpsc;

use crate::delivery::content::Content;
use crate::delivery::lease::{Capacity, Leases};
use crate::delivery::load::Loaded;
use crate::id::OperationId;
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
    lease: Duration,
}

/// Where they arrive.
pub struct Handed {
    groups: mpsc::Receiver<Group>,
    pub(super) capacity: Arc<Capacity>,
}

/// Operations that were stored together as claimed.
struct Group {
    operations: Vec<NewOperation>,
    /// Before the statement that stored them.
    claimed_at: Instant,
}

/// The right to hand one group over.
pub struct Place<'a> {
    permit: mpsc::Permit<'a, Group>,
    /// How long what is handed over is claimed for.
    pub lease: Duration,
    claimed_at: Instant,
}

/// Both ends, for a process that has up to `max_in_flight` notifications in hand and claims them for `lease`.
pub fn handover(max_in_flight: usize, lease: Duration) -> (Handover, Handed) {
    let (sender, receiver) = mpsc::channel(GROUPS);
    let capacity = Capacity::new(max_in_flight);
    (Handover { groups: sender, capacity: Arc::clone(&capacity), lease }, Handed { groups: receiver, capacity })
}

/// Whether it may be handed over: it is due now, urgent, of one batch, and nothing has to be looked up for it.
pub fn is_small(operation: &NewOperation) -> bool {
    operation.send_at.is_none()
        && operation.audience.is_none()
        && operation.message.priority == Priority::High
        && operation.recipients.len() <= BATCH_SIZE as usize
        && operation.recipients.iter().all(|new| matches!(new.recipient, Recipient::Device { .. }))
}

impl Handover {
    /// A place for a group of so many notifications, to be asked for before it is stored. `None`: delivery has enough to
    /// do, and takes it from Postgres in its turn.
    pub fn place(&self, notifications: usize) -> Option<Place<'_>> {
        let has_room = self.capacity.is_roomy() && self.capacity.free() >= notifications;
        let permit = has_room.then(|| self.groups.try_reserve().ok()).flatten()?;
        Some(Place { permit, lease: self.lease, claimed_at: Instant::now() })
    }
}

impl Place<'_> {
    /// Hands them over.
    pub fn fill(self, operations: Vec<NewOperation>) {
        self.permit.send(Group { operations, claimed_at: self.claimed_at });
    }
}

impl Handed {
    /// What has been handed over, in hand by now; waits until there is something. `None`: nothing more will be.
    pub async fn next(&mut self, leases: &Leases) -> Option<Loaded> {
        let mut loaded = Loaded::default();
        let mut next = Some(self.groups.recv().await?);
        while let Some(group) = next {
            for operation in group.operations {
                add(&mut loaded, operation, leases, group.claimed_at);
            }
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
    let key = BatchKey { operation_id: operation.id, number: 0, claims: 1 };
    let size = operation.recipients.len() as i32;
    ClaimedBatch { key, first_position: 0, size, queued: size }
}

fn add(loaded: &mut Loaded, operation: NewOperation, leases: &Leases, claimed_at: Instant) {
    let batch = loaded.openings.len();
    loaded.openings.push(leases.open(&batch_of(&operation), claimed_at));
    let NewOperation { id, account_id, message, senders, deadline_at, recipients, .. } = operation;
    for (position, new) in (0..).zip(recipients) {
        let (recipient, variables) = (Some(new.recipient), new.variables);
        let due_in = Duration::ZERO;
        loaded.notifications.push(DueNotification { batch, position, recipient, variables, attempts: 0, due_in });
    }
    let operation = DueOperation {
        id,
        account_id,
        message: Ok(message),
        senders,
        audience_tags: None,
        starts_at: id.created_at(),
        time_left: (deadline_at - OffsetDateTime::now_utc()).try_into().unwrap_or_default(),
    };
    let contents: &mut HashMap<OperationId, Content> = &mut loaded.contents;
    contents.insert(id, Content::new(operation, Instant::now()));
}
