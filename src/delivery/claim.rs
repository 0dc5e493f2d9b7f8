//! The claiming loop: takes due batches in hand as far as there is room, and loads what they have to send.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use sqlx::PgPool;
use tokio_util::sync::CancellationToken;

use crate::delivery::lane::{self, Job};
use crate::delivery::lanes::Lanes;
use crate::delivery::lease::{Capacity, Leases, Opening, Ticket};
use crate::delivery::wake::Wake;
use crate::id::OperationId;
use crate::provider::{Payload, PayloadProblem, Provider};
use crate::store::batches::{self, ClaimedBatch};
use crate::store::due::{self, DueNotification, DueOperation};

/// Most batches that one statement claims.
const MOST_BATCHES: i64 = 200;
/// How long the loop rests after Postgres refused it.
const AFTER_ERROR: Duration = Duration::from_secs(1);

/// What the claiming loop works with.
pub struct Claimer {
    pub(super) pool: PgPool,
    pub(super) leases: Arc<Leases>,
    pub(super) capacity: Arc<Capacity>,
    pub(super) lanes: Lanes,
    pub(super) wake: Arc<Wake>,
    /// Whether the recorder can't write: nothing more is claimed then.
    pub(super) stalled: Arc<AtomicBool>,
    /// The longest time between two looks; the safety net for a ring that got lost.
    pub(super) poll_interval: Duration,
}

/// What an Operation sends by each provider, rendered when first needed.
struct Content {
    operation: DueOperation,
    deadline: Instant,
    payloads: HashMap<Provider, Result<Arc<Payload>, PayloadProblem>>,
}

impl Claimer {
    /// Runs until `stop`.
    pub async fn run(mut self, stop: CancellationToken) {
        while !stop.is_cancelled() {
            let full = match self.claim().await {
                Ok(full) => full,
                Err(error) => {
                    tracing::error!(%error, "due batches can't be claimed; trying again");
                    let _ = tokio::time::timeout(AFTER_ERROR, stop.cancelled()).await;
                    continue;
                }
            };
            tokio::select! {
                () = stop.cancelled() => return,
                // More is due than there was room for: go on as soon as there is, not when somebody rings.
                () = self.capacity.freed.notified(), if full => {}
                () = self.wake.wait(self.jittered_poll_interval()), if !full => {}
            }
        }
    }

    /// Replicas that started together should not look together.
    fn jittered_poll_interval(&self) -> Duration {
        self.poll_interval.mul_f64(0.75 + rand::random::<f64>() / 2.0)
    }

    /// Claims and loads until nothing more is due (`false`) or there is no room (`true`).
    async fn claim(&mut self) -> sqlx::Result<bool> {
        loop {
            if self.stalled.load(Ordering::Relaxed) {
                return Ok(false);
            }
            let room = self.capacity.free();
            if room == 0 {
                return Ok(true);
            }
            // Before the statement, so that the lease that is counted here ends before the one in the database.
            let claimed_at = Instant::now();
            let claimed = batches::claim(&self.pool, MOST_BATCHES, room as i64, self.leases.term()).await?;
            if claimed.is_empty() {
                return Ok(false);
            }
            self.load(&claimed, claimed_at).await?;
            if !self.capacity.is_roomy() {
                return Ok(true);
            }
        }
    }

    /// Hands what claimed batches have to send to its lanes. On an error the leases go back at once.
    async fn load(&mut self, claimed: &[ClaimedBatch], claimed_at: Instant) -> sqlx::Result<()> {
        let openings: Vec<Opening> = claimed.iter().map(|batch| self.leases.open(batch, claimed_at)).collect();
        let notifications = due::notifications(&self.pool, claimed).await?;
        let mut contents = self.contents(claimed).await?;
        self.lanes.refresh(notifications.iter().map(|notification| notification.credential_id)).await?;
        for notification in notifications {
            let opening = &openings[notification.batch];
            if !notification.due_in.is_zero() {
                opening.lease().due_again_in(notification.due_in);
                continue;
            }
            let ticket = opening.ticket(notification.position, notification.attempts, &self.capacity);
            let operation_id = claimed[notification.batch].key.operation_id;
            match contents.get_mut(&operation_id) {
                Some(content) => self.send(notification, ticket, content),
                None => lane::fail(ticket, "OPERATION_GONE", "Its Operation is no longer on record".to_owned()),
            }
        }
        Ok(())
    }

    async fn contents(&self, claimed: &[ClaimedBatch]) -> sqlx::Result<HashMap<OperationId, Content>> {
        let mut ids: Vec<OperationId> = claimed.iter().map(|batch| batch.key.operation_id).collect();
        ids.sort_unstable();
        ids.dedup();
        let operations = due::operations(&self.pool, &ids).await?;
        let now = Instant::now();
        let content = |operation: DueOperation| Content {
            deadline: now + operation.time_left,
            payloads: HashMap::new(),
            operation,
        };
        Ok(operations.into_iter().map(|operation| (operation.id, content(operation))).collect())
    }

    fn send(&self, notification: DueNotification, ticket: Ticket, content: &mut Content) {
        match content.payload(notification.provider) {
            Err(problem) => lane::fail(ticket, "INVALID_CONTENT", format!("{}: {}", problem.field, problem.message)),
            Ok(payload) => {
                let job = Job { ticket, token: notification.token, payload, deadline: content.deadline };
                self.lanes.submit(notification.credential_id, job);
            }
        }
    }
}

impl Content {
    fn payload(&mut self, provider: Provider) -> Result<Arc<Payload>, &PayloadProblem> {
        let operation = &self.operation;
        let payload = self.payloads.entry(provider).or_insert_with(|| {
            let expires_at = operation.message.expires_at(operation.starts_at);
            Payload::render(provider, &operation.message, expires_at).map(Arc::new)
        });
        payload.as_ref().map(Arc::clone)
    }
}
