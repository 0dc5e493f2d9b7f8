//! Group commit: Operations that arrive while a transaction runs share the next one.
//!
//! An Operation is accepted when [`GroupCommit::submit`] returns `Ok`, and not before. Invariant: the
//! request of one client never makes the request of another fail.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use sqlx::PgConnection;
use time::OffsetDateTime;
use tokio::sync::{Mutex, OwnedSemaphorePermit, Semaphore, mpsc, oneshot};
use tokio::time::Instant;

use crate::handoff::local::{HandoffPermit, LocalHandoff, can_be_handed_over};
use crate::handoff::notifier::Notifiers;
use crate::ingest::commit_plan::{QueuedWork, gather, is_large, is_retried_one_by_one};
use crate::model::id::AccountId;
use crate::model::operation::NewOperation;
use crate::store::announcement::Announcement;
use crate::store::dedicated_connection::DedicatedConnection;
use crate::store::idempotency_keys;
use crate::store::operation_columns::OperationInsert;
use crate::store::operation_insert;
use crate::store::pool::Pool;
use crate::telemetry::metrics;

/// The least time between the starts of two shared transactions. Under load it makes them fewer and
/// larger; an Operation that arrives alone does not wait.
const SHARED_INTERVAL: Duration = Duration::from_millis(2);
/// Transactions of large Operations that run at the same time, beside the shared one.
const LARGE_TRANSACTIONS: usize = 2;
/// How long a shared transaction may take.
const SHARED_TIMEOUT: Duration = Duration::from_secs(20);
/// How long the transaction of a large Operation may take.
const LARGE_TIMEOUT: Duration = Duration::from_secs(30);
/// Recipients that may wait for their transaction, which bounds memory. Further Operations are
/// refused with [`AcceptError::Busy`].
const MAX_WAITING_RECIPIENTS: usize = 1_000_000;

const _: () = assert!(MAX_WAITING_RECIPIENTS <= Semaphore::MAX_PERMITS);

/// Why an Operation was not accepted.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AcceptError {
    /// Too many recipients wait for their transaction; the client should try again.
    #[error("too many notifications are waiting to be stored")]
    Busy,
    /// Another request with the same Idempotency-Key was accepted.
    #[error("the Idempotency-Key has been used")]
    Repeated,
    /// Postgres failed. If the connection broke during the commit, the Operation may be stored
    /// nevertheless.
    #[error("the notifications could not be stored: {0}")]
    Database(Arc<sqlx::Error>),
}

/// An Operation that waits for its transaction.
struct Submission {
    /// Boxed: it moves through queues.
    operation: Box<NewOperation>,
    can_be_handed_over: bool,
    reply: oneshot::Sender<Result<(), AcceptError>>,
    /// Its share of [`MAX_WAITING_RECIPIENTS`].
    _room: OwnedSemaphorePermit,
}

impl Submission {
    fn recipients(&self) -> usize {
        self.operation.recipients.len()
    }

    fn is_handed_over(&self, permit: &HandoffPermit<'_>) -> bool {
        self.can_be_handed_over && permit.has(self.operation.account_id)
    }
}

/// The delivery of this process, as group commit knows it.
#[derive(Clone)]
pub(crate) struct LocalDelivery {
    pub notifiers: Notifiers,
    pub handoff: LocalHandoff,
}

/// A handle on the task that groups Operations; cheap to clone.
///
/// Every HTTP handler owns a clone of the handle, and the task alone owns the queue. A submission
/// wakes the task when it is idle; while a shared transaction runs, submissions wait in the queue.
/// Each transaction runs in a task of its own. The grouping task ends when the last handle is
/// dropped.
#[derive(Clone)]
pub(crate) struct GroupCommit {
    queue: mpsc::UnboundedSender<Submission>,
    room: Arc<Semaphore>,
}

impl GroupCommit {
    /// Starts the task, which stores into the database of `pool`. `delivery` is `None` in a process
    /// that does not deliver.
    pub(crate) fn start(pool: &Pool, delivery: Option<LocalDelivery>) -> Self {
        let (queue, submissions) = mpsc::unbounded_channel();
        let connection = DedicatedConnection::beside(pool);
        let store = Store {
            pool: pool.limited_to(LARGE_TIMEOUT),
            connection: Arc::new(Mutex::new(connection)),
            delivery,
        };
        tokio::spawn(run(store, submissions));

        Self {
            queue,
            room: Arc::new(Semaphore::new(MAX_WAITING_RECIPIENTS)),
        }
    }

    /// Stores `operation` and returns when it is durable.
    pub(crate) async fn submit(&self, operation: Box<NewOperation>) -> Result<(), AcceptError> {
        let recipients =
            u32::try_from(operation.recipients.len()).map_err(|_| AcceptError::Busy)?;
        // Refused and not awaited: a request that waits holds its body in memory.
        let room = Arc::clone(&self.room)
            .try_acquire_many_owned(recipients)
            .map_err(|_| AcceptError::Busy)?;

        let (reply, answer) = oneshot::channel();
        let submission = Submission {
            can_be_handed_over: can_be_handed_over(&operation),
            operation,
            reply,
            _room: room,
        };
        self.queue.send(submission).map_err(|_| AcceptError::Busy)?;

        answer.await.map_err(|_| AcceptError::Busy)?
    }
}

async fn run(store: Store, mut submissions: mpsc::UnboundedReceiver<Submission>) {
    let shared_turn = Arc::new(Semaphore::new(1));
    let large_turns = Arc::new(Semaphore::new(LARGE_TRANSACTIONS));
    let mut last_started = Instant::now();

    while let Some(first) = submissions.recv().await {
        // More arrive while the previous shared transaction runs. They are gathered after it has
        // ended, so that each waits for one transaction at most.
        let Ok(turn) = Arc::clone(&shared_turn).acquire_owned().await else {
            return;
        };
        tokio::time::sleep_until(last_started + SHARED_INTERVAL).await;
        last_started = Instant::now();

        let gathered = gather(
            first,
            || submissions.try_recv().ok(),
            Submission::recipients,
        );

        // A large send has a statement of its own, which may take seconds, so that it delays no small send.
        for submission in gathered.large {
            let store = store.clone();
            let turns = Arc::clone(&large_turns);
            tokio::spawn(async move {
                // The semaphore is never closed.
                let Ok(_turn) = turns.acquire().await else {
                    return;
                };
                store.commit(vec![submission]).await;
            });
        }

        if !gathered.shared.is_empty() {
            let store = store.clone();
            tokio::spawn(async move {
                store.commit(gathered.shared).await;
                // The next group is gathered from here on.
                drop(turn);
            });
        }
    }
}

/// Where groups are stored.
#[derive(Clone)]
struct Store {
    /// For large Operations.
    pool: Pool,
    /// For shared transactions, which run one after the other.
    connection: Arc<Mutex<DedicatedConnection>>,
    delivery: Option<LocalDelivery>,
}

impl Store {
    /// Stores a group in one transaction, answers its members, and wakes delivery.
    async fn commit(&self, group: Vec<Submission>) {
        // Reserved before the insert, which stores as claimed what will be handed over.
        let permit = self.reserve_handoff(&group);
        let claim = |submission: &Submission| {
            permit
                .as_ref()
                .filter(|permit| submission.is_handed_over(permit))
                .map(|permit| permit.lease)
        };

        let queued = group
            .iter()
            .filter(|submission| claim(submission).is_none());
        let work = QueuedWork::of(queued.map(|submission| &*submission.operation));
        let announcement = work
            .notifies_all_processes(self.delivery.is_some())
            .then(|| Announcement::of(work.queues()));

        let operations = group.iter().map(|submission| OperationInsert {
            operation: &submission.operation,
            claimed_for: claim(submission),
        });
        let inserted = if group.iter().any(|member| is_large(member.recipients())) {
            operation_insert::insert(&self.pool, operations, announcement.as_ref()).await
        } else {
            let inserting = async |connection: &mut PgConnection| {
                operation_insert::insert(connection, operations, announcement.as_ref()).await
            };
            let mut connection = self.connection.lock().await;
            connection.within(SHARED_TIMEOUT, inserting).await
        };

        match inserted {
            Ok(()) => answer(group, permit, &Ok(())),
            Err(error) => {
                // The room that was reserved is for others now.
                drop(permit);
                if is_retried_one_by_one(group.len(), &error) {
                    self.commit_one_by_one(group).await;
                } else {
                    answer(group, None, &Err(Arc::new(error)));
                }
            }
        }

        // Also after an error: a connection that broke during the commit may have stored the group.
        if let Some(delivery) = &self.delivery {
            wake(&delivery.notifiers, &work);
        }
    }

    /// The right to hand the group's small Operations over, if there are any and delivery has room.
    fn reserve_handoff(&self, group: &[Submission]) -> Option<HandoffPermit<'_>> {
        let mut wanted: HashMap<AccountId, usize> = HashMap::new();
        for submission in group.iter().filter(|member| member.can_be_handed_over) {
            *wanted.entry(submission.operation.account_id).or_default() += submission.recipients();
        }
        let delivery = self.delivery.as_ref().filter(|_| !wanted.is_empty())?;

        delivery.handoff.reserve(&wanted)
    }

    /// Stores each member in a transaction of its own, so that only the refused ones fail. All
    /// processes are notified, because nothing is handed over.
    async fn commit_one_by_one(&self, group: Vec<Submission>) {
        for submission in group {
            let operation = OperationInsert {
                operation: &submission.operation,
                claimed_for: None,
            };
            let queues = QueuedWork::of([&*submission.operation].into_iter());
            let announcement = Announcement::of(queues.queues());
            let inserted =
                operation_insert::insert(&self.pool, [operation], Some(&announcement)).await;
            answer(vec![submission], None, &inserted.map_err(Arc::new));
        }
    }
}

/// Answers the members of a group, and hands over those that were stored as claimed, if there is a
/// `permit` for them.
fn answer(
    group: Vec<Submission>,
    permit: Option<HandoffPermit<'_>>,
    result: &Result<(), Arc<sqlx::Error>>,
) {
    if result.is_ok() {
        let recipients = group.iter().map(Submission::recipients).sum();
        metrics::operations_accepted(group.len(), recipients);
    }

    let mut handed_over = Vec::new();
    for submission in group {
        let is_handed_over = permit
            .as_ref()
            .is_some_and(|permit| submission.is_handed_over(permit));

        // A client that has gone away gets no answer. Its Operation is stored all the same: the
        // client may not send it again.
        let _ = submission
            .reply
            .send(result.clone().map_err(AcceptError::from_database));

        if is_handed_over {
            handed_over.push(submission.operation);
        }
    }

    if let Some(permit) = permit {
        permit.hand_over(handed_over);
    }
}

fn wake(notifiers: &Notifiers, work: &QueuedWork) {
    if work.has_audience() {
        notifiers.fan_out.notify();
    }
    if work.has_pace() {
        notifiers.pacer.notify();
    }

    notifiers
        .queues
        .announce_all(work.due_in(OffsetDateTime::now_utc()));
}

impl AcceptError {
    fn from_database(error: Arc<sqlx::Error>) -> Self {
        if idempotency_keys::is_repeat(&error) {
            Self::Repeated
        } else {
            Self::Database(error)
        }
    }
}
