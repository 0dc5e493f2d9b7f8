//! Lanes. A lane is a bulkhead: it sends everything of one Credential, with a queue, a concurrency
//! limit, a rate limiter, a circuit breaker and connections of its own, so that a provider that hangs
//! or throttles never slows another.

mod backlog;
mod breaker;
mod concurrency_limit;
pub(super) mod rate_limiter;
pub(super) mod registry;
pub(super) mod retry;
mod send_policy;
mod worker;

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::mpsc;

use crate::delivery::content::RecipientContent;
use crate::delivery::lane::backlog::Backlog;
use crate::delivery::lane::rate_limiter::Quota;
use crate::delivery::lane::retry::RetryPolicy;
use crate::delivery::lane::worker::Worker;
use crate::delivery::settle::dead_tokens::DeadTokenPruner;
use crate::delivery::settle::resolution::DeviceDelivery;
use crate::model::failure::Failure;
use crate::model::id::CredentialId;
use crate::model::provider::Provider;
use crate::provider::Client;

/// A notification on its way to its provider.
pub(super) struct Job {
    pub delivery: DeviceDelivery,
    /// The device token: a secret.
    pub token: String,
    pub content: RecipientContent,
    /// When the delivery fails if it was not sent.
    pub deadline: Instant,
}

/// The handle on a lane. [`registry::LaneRegistry`] alone owns it, and the claim loop submits to it.
///
/// A submitted notification wakes the lane's worker, a task of its own. Dropping the handle ends the
/// lane: the worker gives back what waits, and ends when its requests in flight have ended.
pub(super) struct Lane {
    jobs: mpsc::UnboundedSender<Job>,
    backlog: Arc<Backlog>,
}

/// What a lane is made of.
pub(super) struct LaneParams {
    pub client: Client,
    pub provider: Provider,
    pub credential_id: CredentialId,
    pub retry: RetryPolicy,
    pub quota: Quota,
    pub pruner: DeadTokenPruner,
}

impl Lane {
    pub(super) fn start(params: LaneParams) -> Self {
        let (jobs, queue) = mpsc::unbounded_channel();
        let backlog = Arc::new(Backlog::default());
        let worker = Worker::new(params, Arc::clone(&backlog));
        tokio::spawn(worker.run(queue));

        Self { jobs, backlog }
    }

    /// Whether its worker has panicked, so that it takes nothing any more.
    pub(super) fn is_broken(&self) -> bool {
        self.jobs.is_closed()
    }

    /// How long it takes nothing, because it is tripped or stalled; `None`: it may take something.
    pub(super) fn blocked_for(&self, now: Instant) -> Option<Duration> {
        self.backlog.blocked_for(now)
    }

    /// Queues a notification. One for which there is no room is put back, and one whose deadline is
    /// over fails; its message names the lane's last error.
    pub(super) fn submit(&self, job: Job) {
        let now = Instant::now();
        if job.deadline <= now {
            return job.expire(self.backlog.last_error().as_deref());
        }
        if let Err(delay) = self.backlog.enter(now) {
            return job.postpone(delay);
        }

        // A broken lane drops the job, and its delivery is put back.
        let _ = self.jobs.send(job);
    }
}

impl Job {
    /// Puts it back, but not beyond its deadline, at which it fails.
    fn postpone(self, delay: Duration) {
        self.delivery.postpone(self.deadline, delay);
    }

    fn expire(self, last_error: Option<&str>) {
        self.delivery.fail(Failure::expired(last_error));
    }
}
