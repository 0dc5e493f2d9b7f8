//! Where requests become durable: Operations that arrive while a transaction is under way share the
//! next one.
//!
//! An Operation has been accepted when [`GroupCommit::submit`] returns `Ok`, and not before. Invariant:
//! what one client sends never fails another's request.

use std::sync::Arc;
use std::time::Duration;

use sqlx::{PgConnection, PgPool};
use time::OffsetDateTime;
use tokio::sync::{Mutex, OwnedSemaphorePermit, Semaphore, mpsc, oneshot};
use tokio::time::Instant;

use crate::handoff::local::{HandoffPermit, LocalHandoff, can_be_handed_over};
use crate::handoff::notifier::Notifiers;
use crate::model::operation::NewOperation;
use crate::store::dedicated_connection::DedicatedConnection;
use crate::store::idempotency_keys;
use crate::store::operation_insert::{self};
use crate::telemetry::metrics;

/// Operations of fewer recipients share a transaction, one after the other: the more of them share
/// one, the less each costs. A larger one goes alone, beside those.
const LARGE: usize = 1_000;
/// Most recipients that share a transaction.
const GROUP_RECIPIENTS: usize = 20_000;
/// The least time from one shared transaction to the next: in a busy time they become fewer and
/// larger, and who comes alone does not wait.
const SHARED_EVERY: Duration = Duration::from_millis(2);
/// Transactions of large Operations at the same time.
const LARGE_TRANSACTIONS: usize = 2;
/// Up to so many recipients this process delivers by itself before others would have heard of them.
const OWN_RECIPIENTS: usize = 1_000;
/// How long a shared transaction may take.
const LIMIT: Duration = Duration::from_secs(30);
/// Recipients that may wait for their transaction, which bounds memory; more are turned away.
const WAITING_RECIPIENTS: usize = 1_000_000;

/// Why an Operation was not accepted.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AcceptError {
    /// Too many recipients wait for their transaction: try again in a moment.
    #[error("too many notifications are waiting to be stored")]
    Busy,
    /// Another request came under the same Idempotency-Key, and was accepted.
    #[error("the Idempotency-Key has been used")]
    Repeated,
    /// Postgres did not take it. Where the connection broke during the commit, it may have been
    /// stored all the same.
    #[error("the notifications could not be stored: {0}")]
    Database(Arc<sqlx::Error>),
}

struct Waiting {
    operation: NewOperation,
    /// Whether delivery may have it without claiming it.
    is_small: bool,
    reply: oneshot::Sender<Result<(), AcceptError>>,
    /// Its share of [`WAITING_RECIPIENTS`], given back when it is dropped.
    _room: OwnedSemaphorePermit,
}

impl Waiting {
    fn recipients(&self) -> usize {
        self.operation.recipients.len()
    }
}

/// A handle on the accepting task; cheap to clone. The task ends when the last handle is gone.
#[derive(Clone)]
pub(crate) struct GroupCommit {
    queue: mpsc::UnboundedSender<Waiting>,
    room: Arc<Semaphore>,
}

impl GroupCommit {
    /// Starts accepting into the database behind `pool`. This process's own delivery is woken, and
    /// small Operations are handed over to it; `None`: it does not deliver.
    pub(crate) fn start(pool: PgPool, delivery: Option<(Notifiers, LocalHandoff)>) -> Self {
        let (queue, waiting) = mpsc::unbounded_channel();
        let session = Arc::new(Mutex::new(DedicatedConnection::beside(&pool)));
        tokio::spawn(accept(
            Store {
                pool,
                session,
                delivery,
            },
            waiting,
        ));
        Self {
            queue,
            room: Arc::new(Semaphore::new(WAITING_RECIPIENTS)),
        }
    }

    /// Stores `operation` and returns when it is durable.
    pub(crate) async fn submit(&self, operation: NewOperation) -> Result<(), AcceptError> {
        let recipients =
            u32::try_from(operation.recipients.len()).map_err(|_| AcceptError::Busy)?;
        let room = Arc::clone(&self.room)
            .try_acquire_many_owned(recipients)
            .map_err(|_| AcceptError::Busy)?;
        let (reply, answer) = oneshot::channel();
        let is_small = can_be_handed_over(&operation);
        self.queue
            .send(Waiting {
                operation,
                is_small,
                reply,
                _room: room,
            })
            .map_err(|_| AcceptError::Busy)?;
        answer.await.map_err(|_| AcceptError::Busy)?
    }
}

async fn accept(store: Store, mut waiting: mpsc::UnboundedReceiver<Waiting>) {
    let (shared, alone) = (
        Arc::new(Semaphore::new(1)),
        Arc::new(Semaphore::new(LARGE_TRANSACTIONS)),
    );
    let mut last = Instant::now();
    while let Some(first) = waiting.recv().await {
        let (mut recipients, mut group) = (0, Vec::new());
        let mut next = Some(first);
        // More arrive while the transaction before is under way; they are taken once it is over.
        let Ok(turn) = Arc::clone(&shared).acquire_owned().await else {
            return;
        };
        tokio::time::sleep_until(last + SHARED_EVERY).await;
        last = Instant::now();
        while let Some(operation) = next {
            if operation.recipients() >= LARGE {
                let (store, turns) = (store.clone(), Arc::clone(&alone));
                tokio::spawn(async move {
                    // The turns end with the process only.
                    let Ok(_turn) = turns.acquire().await else {
                        return;
                    };
                    store.group(vec![operation]).await;
                });
            } else {
                recipients += operation.recipients();
                group.push(operation);
            }
            next = if recipients < GROUP_RECIPIENTS {
                waiting.try_recv().ok()
            } else {
                None
            };
        }
        if !group.is_empty() {
            let store = store.clone();
            tokio::spawn(async move {
                store.group(group).await;
                drop(turn);
            });
        }
    }
}

/// Where groups are stored.
#[derive(Clone)]
struct Store {
    /// For large ones.
    pool: PgPool,
    /// For those that share a transaction, one after the other.
    session: Arc<Mutex<DedicatedConnection>>,
    /// This process's own delivery.
    delivery: Option<(Notifiers, LocalHandoff)>,
}

impl Store {
    async fn group(&self, group: Vec<Waiting>) {
        let small = group
            .iter()
            .filter(|waiting| waiting.is_small)
            .map(Waiting::recipients)
            .sum();
        let handoff = self.delivery.as_ref().map(|(_, handoff)| handoff);
        let permit = handoff
            .filter(|_| small > 0)
            .and_then(|handoff| handoff.reserve(small));
        let claim = |waiting: &Waiting| {
            permit
                .as_ref()
                .filter(|_| waiting.is_small)
                .map(|permit| permit.lease)
        };
        let notifiers = self.delivery.as_ref().map(|(notifiers, _)| notifiers);
        let left = group.iter().filter(|waiting| claim(waiting).is_none());
        let news = News::of(left.map(|waiting| &waiting.operation));
        let operations = group
            .iter()
            .map(|waiting| (&waiting.operation, claim(waiting)));
        let is_for_all = news.is_for_all(notifiers);
        let inserted = if group.iter().any(|waiting| waiting.recipients() >= LARGE) {
            operation_insert::insert(&self.pool, operations, is_for_all).await
        } else {
            let inserting = async |connection: &mut PgConnection| {
                operation_insert::insert(connection, operations, is_for_all).await
            };
            self.session.lock().await.within(LIMIT, inserting).await
        };
        match inserted {
            Err(error) if group.len() > 1 && error.as_database_error().is_some() => {
                drop(permit);
                self.one_by_one(group).await;
            }
            result => answer(
                group,
                permit.filter(|_| result.is_ok()),
                &result.map_err(Arc::new),
            ),
        }
        if let Some(notifiers) = notifiers {
            news.ring(notifiers);
        }
    }

    /// After Postgres refused a group: finds out whose fault it was, so that the others are stored.
    async fn one_by_one(&self, group: Vec<Waiting>) {
        for waiting in group {
            let result =
                operation_insert::insert(&self.pool, [(&waiting.operation, None)], true).await;
            answer(vec![waiting], None, &result.map_err(Arc::new));
        }
    }
}

/// Tells everybody of a group what became of it, and hands over what was stored as claimed, if
/// there is a `permit` for it.
fn answer(
    group: Vec<Waiting>,
    permit: Option<HandoffPermit<'_>>,
    result: &Result<(), Arc<sqlx::Error>>,
) {
    if result.is_ok() {
        metrics::accepted(group.len(), group.iter().map(Waiting::recipients).sum());
    }
    let mut small = Vec::new();
    for Waiting {
        operation,
        is_small,
        reply,
        _room,
    } in group
    {
        // Clients that went away get no answer, but what they sent is stored all the same: they may
        // have sent it once only.
        let _ = reply.send(result.clone().map_err(refusal));
        if permit.is_some() && is_small {
            small.push(operation);
        }
    }
    if let Some(permit) = permit {
        permit.hand_over(small);
    }
}

/// What delivery should hear of what it was not handed.
struct News {
    /// Recipients of what is due at once.
    recipients: usize,
    /// Whether any of it is for an audience.
    audience: bool,
    /// When the first of the rest is due.
    later: Option<OffsetDateTime>,
}

impl News {
    fn of<'a>(operations: impl Iterator<Item = &'a NewOperation>) -> Self {
        let mut news = Self {
            recipients: 0,
            audience: false,
            later: None,
        };
        for operation in operations {
            match operation.send_at {
                None => news.recipients += operation.recipients.len(),
                Some(at) => news.later = Some(news.later.map_or(at, |later| later.min(at))),
            }
            news.audience |= operation.audience.is_some();
        }
        news
    }

    /// Whether every process should hear of it, by Postgres: where this one does not deliver, or
    /// should not alone.
    fn is_for_all(&self, notifiers: Option<&Notifiers>) -> bool {
        notifiers.is_none() || self.audience || self.recipients > OWN_RECIPIENTS
    }

    fn ring(&self, notifiers: &Notifiers) {
        if self.audience {
            notifiers.fan_out.notify();
        }
        if self.recipients > 0 {
            notifiers.batches.notify();
        }
        if let Some(at) = self.later {
            notifiers.batches.notify_after(
                (at - OffsetDateTime::now_utc())
                    .try_into()
                    .unwrap_or_default(),
            );
        }
    }
}

fn refusal(error: Arc<sqlx::Error>) -> AcceptError {
    if idempotency_keys::is_repeat(&error) {
        AcceptError::Repeated
    } else {
        AcceptError::Database(error)
    }
}
