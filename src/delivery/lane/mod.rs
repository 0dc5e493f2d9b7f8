//! Lanes. A lane is a bulkhead: it sends everything of one Credential, with a queue, a concurrency
//! limit, a rate limiter, a circuit breaker and connections of its own, so that a provider that hangs
//! or throttles never slows another.

mod backlog;
mod breaker;
mod concurrency_limit;
mod credential_health;
pub(super) mod rate_limiter;
pub(super) mod registry;
pub(super) mod report;
pub(super) mod retry;
mod send_policy;
mod worker;

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::mpsc;

use crate::delivery::content::RecipientContent;
use crate::delivery::lane::backlog::Backlog;
use crate::delivery::lane::rate_limiter::Quota;
use crate::delivery::lane::report::LaneReports;
use crate::delivery::lane::retry::RetryPolicy;
use crate::delivery::lane::worker::Worker;
use crate::delivery::queue::recall::LaneRecall;
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
    credential_id: CredentialId,
    jobs: mpsc::UnboundedSender<Job>,
    backlog: Arc<Backlog>,
    recall: LaneRecall,
}

/// What a lane is made of.
pub(super) struct LaneParams {
    pub client: Client,
    pub provider: Provider,
    pub credential_id: CredentialId,
    pub retry: RetryPolicy,
    pub quota: Quota,
    pub pruner: DeadTokenPruner,
    pub recall: LaneRecall,
    pub reports: LaneReports,
    /// The Credential's App, for the log.
    pub app_name: String,
}

impl Lane {
    pub(super) fn start(params: LaneParams) -> Self {
        // Unbounded: the backlog is asked before each job is sent, and it alone limits the queue.
        let (jobs, queue) = mpsc::unbounded_channel();
        let now = Instant::now();
        let pace = rate_limiter::cold_rate(params.quota, now);
        let backlog = Arc::new(Backlog::new(pace, now));
        let credential_id = params.credential_id;
        let recall = params.recall.clone();
        let worker = Worker::new(params, Arc::clone(&backlog));
        tokio::spawn(worker.run(queue));

        Self {
            credential_id,
            jobs,
            backlog,
            recall,
        }
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
        // Before the room is asked for: a lane that takes nothing would put it back again and
        // again.
        if job.deadline <= now {
            return job.expire(self.backlog.last_error().as_deref());
        }
        if let Err(delay) = self.backlog.enter(now) {
            self.recall.note_put_back();
            return job.wait_for_lane(self.credential_id, delay);
        }

        // A broken lane drops the job, and its delivery is put back.
        let _ = self.jobs.send(job);
    }
}

impl Job {
    /// Puts it back until its lane recalls it, but not for longer than `delay`, and not beyond its
    /// deadline, at which it fails.
    fn wait_for_lane(self, credential_id: CredentialId, delay: Duration) {
        self.delivery.lease().wait_for_lane(credential_id);
        self.delivery.postpone(self.deadline, delay);
    }

    fn expire(self, last_error: Option<&str>) {
        self.delivery.fail(Failure::expired(last_error));
    }
}
