//! Where requests become durable: Operations that arrive while a transaction is under way share the next one.
//!
//! An Operation has been accepted when [`Intake::submit`] returns `Ok`, and not before.
//! Invariant: what one client sends never fails another's request.

use std::sync::Arc;
use std::time::Duration;

use sqlx::PgPool;
use time::OffsetDateTime;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};
use tokio::time::Instant;

use crate::delivery::Bell;
use crate::store::idempotency_keys;
use crate::store::operations::{self, NewOperation};
use crate::telemetry::metrics;

/// Operations of fewer recipients share a transaction, one after the other: the more of them share one, the less each costs.
/// A larger one goes alone, beside those.
const LARGE: usize = 1_000;
/// Most recipients that share a transaction.
const GROUP_RECIPIENTS: usize = 20_000;
/// The least time from one shared transaction to the next: in a busy time they become fewer and larger, and who comes alone
/// does not wait.
const SHARED_EVERY: Duration = Duration::from_millis(2);
/// Transactions of large Operations at the same time.
const LARGE_TRANSACTIONS: usize = 2;
/// Up to so many recipients this process delivers by itself before others would have heard of them.
const OWN_RECIPIENTS: usize = 1_000;
/// Recipients that may wait for their transaction, which bounds memory; more are turned away.
const WAITING_RECIPIENTS: usize = 1_000_000;

/// Why an Operation was not accepted.
#[derive(Debug, thiserror::Error)]
pub enum AcceptError {
    /// Too many recipients wait for their transaction: try again in a moment.
    #[error("too many notifications are waiting to be stored")]
    Busy,
    /// Another request came under the same Idempotency-Key, and was accepted.
    #[error("the Idempotency-Key has been used")]
    Repeated,
    /// Postgres did not take it. Where the connection broke during the commit, it may have been stored all the same.
    #[error("the notifications could not be stored: {0}")]
    Database(Arc<sqlx::Error>),
}

struct Waiting {
    operation: NewOperation,
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
pub struct Intake {
    queue: mpsc::UnboundedSender<Waiting>,
    room: Arc<Semaphore>,
}

impl Intake {
    /// Starts accepting into the database behind `pool`. `bell` wakes this process's own delivery; `None`: it does not
    /// deliver.
    pub fn start(pool: PgPool, bell: Option<Bell>) -> Self {
        let (queue, waiting) = mpsc::unbounded_channel();
        tokio::spawn(accept(pool, bell, waiting));
        Self { queue, room: Arc::new(Semaphore::new(WAITING_RECIPIENTS)) }
    }

    /// Stores `operation` and returns when it is durable.
    pub async fn submit(&self, operation: NewOperation) -> Result<(), AcceptError> {
        let recipients = u32::try_from(operation.recipients.len()).map_err(|_| AcceptError::Busy)?;
        let room = Arc::clone(&self.room).try_acquire_many_owned(recipients).map_err(|_| AcceptError::Busy)?;
        let (reply, answer) = oneshot::channel();
        self.queue.send(Waiting { operation, reply, _room: room }).map_err(|_| AcceptError::Busy)?;
        answer.await.map_err(|_| AcceptError::Busy)?
    }
}

async fn accept(pool: PgPool, bell: Option<Bell>, mut waiting: mpsc::UnboundedReceiver<Waiting>) {
    let (shared, alone) = (Arc::new(Semaphore::new(1)), Arc::new(Semaphore::new(LARGE_TRANSACTIONS)));
    let mut last = Instant::now();
    while let Some(first) = waiting.recv().await {
        let (mut recipients, mut group) = (0, Vec::new());
        let mut next = Some(first);
        // More arrive while the transaction before is under way; they are taken once it is over.
        let Ok(turn) = Arc::clone(&shared).acquire_owned().await else { return };
        tokio::time::sleep_until(last + SHARED_EVERY).await;
        last = Instant::now();
        while let Some(operation) = next {
            if operation.recipients() >= LARGE {
                tokio::spawn(store_in_turn(pool.clone(), bell.clone(), vec![operation], Arc::clone(&alone)));
            } else {
                recipients += operation.recipients();
                group.push(operation);
            }
            next = if recipients < GROUP_RECIPIENTS { waiting.try_recv().ok() } else { None };
        }
        if !group.is_empty() {
            let (pool, bell) = (pool.clone(), bell.clone());
            tokio::spawn(async move {
                store(&pool, bell.as_ref(), group).await;
                drop(turn);
            });
        }
    }
}

async fn store_in_turn(pool: PgPool, bell: Option<Bell>, group: Vec<Waiting>, turns: Arc<Semaphore>) {
    // The turns end with the process only.
    let Ok(_turn) = turns.acquire().await else { return };
    store(&pool, bell.as_ref(), group).await;
}

async fn store(pool: &PgPool, bell: Option<&Bell>, group: Vec<Waiting>) {
    let news = News::of(&group);
    // Clients that went away get no answer, but what they sent is stored all the same: they may have sent it once only.
    match operations::insert(pool, group.iter().map(|waiting| &waiting.operation), news.is_for_all(bell)).await {
        Err(error) if group.len() > 1 && error.as_database_error().is_some() => store_one_by_one(pool, group).await,
        result => {
            let result = result.map_err(Arc::new);
            if result.is_ok() {
                metrics::accepted(group.len(), group.iter().map(Waiting::recipients).sum());
            }
            for waiting in group {
                let _ = waiting.reply.send(result.clone().map_err(refusal));
            }
        }
    }
    if let Some(bell) = bell {
        news.ring(bell);
    }
}

/// What delivery should hear of a group.
struct News {
    /// Recipients of what is due at once.
    recipients: usize,
    /// Whether any of it is for an audience.
    audience: bool,
    /// When the first of the rest is due.
    later: Option<OffsetDateTime>,
}

impl News {
    fn of(group: &[Waiting]) -> Self {
        let mut news = Self { recipients: 0, audience: false, later: None };
        for operation in group.iter().map(|waiting| &waiting.operation) {
            match operation.send_at {
                None => news.recipients += operation.recipients.len(),
                Some(at) => news.later = Some(news.later.map_or(at, |later| later.min(at))),
            }
            news.audience |= operation.audience.is_some();
        }
        news
    }

    /// Whether every process should hear of it, by Postgres: where this one does not deliver, or should not alone.
    fn is_for_all(&self, bell: Option<&Bell>) -> bool {
        bell.is_none() || self.audience || self.recipients > OWN_RECIPIENTS
    }

    fn ring(&self, bell: &Bell) {
        if self.audience {
            bell.fanouts.now();
        }
        if self.recipients > 0 {
            bell.batches.now();
        }
        if let Some(at) = self.later {
            bell.batches.after((at - OffsetDateTime::now_utc()).try_into().unwrap_or_default());
        }
    }
}

/// After Postgres refused a group: finds out whose fault it was, so that the others are stored.
async fn store_one_by_one(pool: &PgPool, group: Vec<Waiting>) {
    for waiting in group {
        let result = operations::insert(pool, [&waiting.operation], true).await;
        if result.is_ok() {
            metrics::accepted(1, waiting.recipients());
        }
        let _ = waiting.reply.send(result.map_err(|error| refusal(Arc::new(error))));
    }
}

fn refusal(error: Arc<sqlx::Error>) -> AcceptError {
    if idempotency_keys::is_repeat(&error) { AcceptError::Repeated } else { AcceptError::Database(error) }
}
