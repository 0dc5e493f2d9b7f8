//! A lane: everything that is sent with one Credential, with a window, a breaker and a queue of its
//! own, so that one hanging or throttled provider never slows another.

pub(super) mod backlog;
pub(super) mod breaker;
pub(super) mod concurrency_limit;
pub(super) mod rate_limiter;
pub(super) mod registry;
pub(super) mod retry;

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use time::OffsetDateTime;
use tokio::sync::mpsc;
use tokio::time::MissedTickBehavior;
use uuid::Uuid;

use crate::delivery::lane::backlog::Backlog;
use crate::delivery::lane::breaker::Breaker;
use crate::delivery::lane::concurrency_limit::ConcurrencyLimit;
use crate::delivery::lane::rate_limiter::{Quota, RateLimiter};
use crate::delivery::lane::retry::{Next, RetryPolicy};
use crate::delivery::settle::dead_tokens::DeadTokenPruner;
use crate::delivery::settle::resolution::{DeviceDelivery, Resolution};
use crate::handoff::capacity::{Capacity, Exemption};
use crate::model::failure::Failure;
use crate::model::id::CredentialId;
use crate::model::outcome::{Answer, NotSent, Outcome};
use crate::model::provider::Provider;
use crate::provider::{Client, Payload};
use crate::store::devices::DeadDevice;
use crate::store::outcome_record::Attempt;
use crate::telemetry::metrics::{LaneMetrics, LaneStatus};

/// A lane whose provider has answered nothing for this long is stalled: it keeps nothing waiting in
/// memory.
const STALLED_AFTER: Duration = Duration::from_secs(2);
/// How often a lane looks whether it is stalled, and how fast it is.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// A notification on its way to its provider.
pub(super) struct Job {
    pub delivery: DeviceDelivery,
    /// The device token: a secret.
    pub token: String,
    /// What is sent; the same for all that share an Operation and a provider.
    pub payload: Arc<Payload>,
    /// Until when it may be sent.
    pub deadline: Instant,
}

/// A handle on a lane. When this is dropped, the lane gives back what waits, and ends when what it
/// had under way is done.
pub(super) struct Lane {
    jobs: mpsc::UnboundedSender<Job>,
    backlog: Arc<Backlog>,
}

impl Lane {
    /// Starts a lane.
    pub(super) fn start(
        client: Client,
        (provider, credential_id): (Provider, CredentialId),
        (policy, quota): (RetryPolicy, Quota),
        (removal, capacity): (DeadTokenPruner, Arc<Capacity>),
    ) -> Self {
        let (jobs, queue) = mpsc::unbounded_channel();
        let (backlog, now) = (Arc::new(Backlog::default()), Instant::now());
        let worker = Worker {
            client: Arc::new(client),
            provider,
            credential_id,
            policy,
            removal,
            capacity,
            exemption: None,
            breaker: Breaker::new(policy),
            window: ConcurrencyLimit::new(now),
            pace: RateLimiter::new(quota, now),
            backlog: Arc::clone(&backlog),
            progress: now,
            answers: 0,
            kept_up: true,
            metrics: LaneMetrics::new(provider, credential_id),
        };
        tokio::spawn(worker.run(queue));
        Self { jobs, backlog }
    }

    /// Whether it broke: it takes nothing any more.
    pub(super) fn is_gone(&self) -> bool {
        self.jobs.is_closed()
    }

    /// For how long it takes nothing; `None`: it takes something.
    pub(super) fn blocked_for(&self, now: Instant) -> Option<Duration> {
        self.backlog.closed_for(now)
    }

    /// Hands over a notification, or puts it back for a while where the lane has no room for it.
    pub(super) fn submit(&self, job: Job) {
        let now = Instant::now();
        if job.deadline <= now {
            return job
                .delivery
                .fail(Failure::expired(self.backlog.obstacle().as_deref()));
        }
        if let Err(delay) = self.backlog.enter(now) {
            return job.postpone(delay);
        }
        // A lane whose task is gone drops the job, whose delivery then goes back.
        let _ = self.jobs.send(job);
    }
}

/// One try, done.
struct Tried {
    job: Job,
    started_at: OffsetDateTime,
    duration: Duration,
    result: Result<Answer, NotSent>,
}

struct Worker {
    client: Arc<Client>,
    provider: Provider,
    credential_id: CredentialId,
    policy: RetryPolicy,
    removal: DeadTokenPruner,
    capacity: Arc<Capacity>,
    /// Room for others beside what is under way in a lane that is stalled.
    exemption: Option<Exemption>,
    breaker: Breaker,
    window: ConcurrencyLimit,
    pace: RateLimiter,
    backlog: Arc<Backlog>,
    /// When the lane last had nothing under way, or an answer.
    progress: Instant,
    /// Since the last look.
    answers: u32,
    /// Whether nothing waited at the last look.
    kept_up: bool,
    metrics: LaneMetrics,
}

impl Worker {
    async fn run(mut self, mut queue: mpsc::UnboundedReceiver<Job>) {
        let mut under_way = FuturesUnordered::new();
        let mut ending = false;
        let mut looks = tokio::time::interval(LOOK_EVERY);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while !ending || !under_way.is_empty() {
            let takes = !ending && (queue.is_closed() || under_way.len() < self.window());
            let pause = if takes && !queue.is_closed() {
                self.pace.wait(Instant::now())
            } else {
                None
            };
            tokio::select! {
                biased;
                Some(tried) = under_way.next(), if !under_way.is_empty() => self.settle(tried, under_way.len() + 1),
                job = queue.recv(), if takes && pause.is_none() => match job {
                    // Whoever claims it next sends it: another process, or the lane of the
                    // Credential's new content.
                    Some(job) if queue.is_closed() => self.give_back(job),
                    Some(job) => if let Some(job) = self.admit(job) {
                        self.pace.sent();
                        if under_way.is_empty() {
                            self.progress = Instant::now();
                        }
                        under_way.push(attempt(Arc::clone(&self.client), job));
                    },
                    None => ending = true,
                },
                () = tokio::time::sleep(pause.unwrap_or_default()), if pause.is_some() => {}
                _ = looks.tick() => self.look(&mut queue, under_way.len()),
            }
        }
        self.metrics.set(LaneStatus::default());
    }

    /// Puts back whatever waits in a lane whose provider has gone silent, and what is too much for
    /// a slow one.
    fn look(&mut self, queue: &mut mpsc::UnboundedReceiver<Job>, under_way: usize) {
        let (answers, keeps_up) = (
            std::mem::take(&mut self.answers),
            self.backlog.waiting() == 0,
        );
        let had_work = !std::mem::replace(&mut self.kept_up, keeps_up) && !keeps_up;
        if under_way > 0 && self.progress.elapsed() >= STALLED_AFTER {
            if self.backlog.stall() {
                self.exemption = Some(self.capacity.exempt(under_way));
                tracing::warn!(credential_id = %self.credential_id, provider = %self.provider, "lane stalled");
            }
            self.put_back(queue, usize::MAX);
        } else if had_work && answers > 0 {
            let surplus = self.backlog.narrow(
                f64::from(answers) / LOOK_EVERY.as_secs_f64(),
                Instant::now(),
            );
            self.put_back(queue, surplus);
        } else if keeps_up {
            self.backlog.open();
        }
        self.report(under_way);
    }

    fn put_back(&self, queue: &mut mpsc::UnboundedReceiver<Job>, most: usize) {
        for _ in 0..most {
            let Ok(job) = queue.try_recv() else { return };
            let delay = self.backlog.turn_out(Instant::now());
            job.postpone(delay);
        }
    }

    fn report(&self, in_flight: usize) {
        let is_tripped =
            self.backlog.is_stalled() || self.breaker.closed_for(Instant::now()).is_some();
        self.metrics.set(LaneStatus {
            in_flight,
            concurrency_limit: self.window(),
            connections: self.client.connections(),
            backlog: self.backlog.waiting(),
            rate_limit: self.pace.rate(),
            is_tripped,
        });
    }

    /// Requests that may be under way at a time.
    fn window(&self) -> usize {
        self.breaker
            .probes()
            .map_or(self.window.size(), |probes| probes as usize)
    }

    fn give_back(&self, job: Job) {
        self.backlog.leave();
        job.postpone(self.breaker.closed_for(Instant::now()).unwrap_or_default());
    }

    /// Lets a notification pass that may be sent now; any other is settled or put back here.
    fn admit(&mut self, job: Job) -> Option<Job> {
        self.backlog.leave();
        let now = Instant::now();
        if !job.delivery.lease().is_held() {
            return None;
        }
        if job.deadline <= now {
            job.delivery.fail(Failure::expired(self.breaker.reason()));
            return None;
        }
        if let Some(closed_for) = self.breaker.closed_for(now) {
            job.postpone(closed_for);
            return None;
        }
        Some(job)
    }

    fn settle(&mut self, tried: Tried, under_way: usize) {
        let now = Instant::now();
        self.progress = now;
        self.answers += 1;
        if self.backlog.is_stalled() {
            self.backlog.open();
            self.exemption = None;
        }
        self.window.answered(under_way, now);
        let jitter = rand::random::<f64>();
        let time_left = tried.job.deadline.saturating_duration_since(now);
        let closed = match &tried.result {
            Ok(answer) => self.breaker.answered(&answer.outcome, now, jitter),
            Err(reason) => self.breaker.not_sent(reason, now, jitter),
        };
        match self.breaker.closed_for(now) {
            Some(left) => self
                .backlog
                .close(now + left, self.breaker.reason().unwrap_or_default()),
            None => self.backlog.reopen(),
        }
        if closed {
            tracing::warn!(
                credential_id = %self.credential_id,
                provider = %self.provider,
                reason = self.breaker.reason(),
                seconds = self.breaker.closed_for(now).unwrap_or_default().as_secs_f64(),
                "lane tripped",
            );
        }
        let Tried {
            job,
            started_at,
            duration,
            result,
        } = tried;
        let resolution = match result {
            Err(_) => Resolution::PutBack(
                self.breaker
                    .closed_for(now)
                    .unwrap_or_default()
                    .min(time_left),
            ),
            Ok(answer) => {
                self.metrics.attempted(answer.outcome.kind(), duration);
                let attempts = job.delivery.attempts().saturating_add(1);
                let next = self
                    .policy
                    .next(&answer.outcome, attempts, time_left, jitter);
                let failure = (next != Next::Sent).then(|| Failure::from(&answer));
                let (provider, credential_id) = (self.provider, self.credential_id);
                let device = job.delivery.device().cloned();
                if let Some(device) = &device {
                    let dead = dead_device(&answer.outcome, device.id, started_at);
                    self.removal
                        .tried(job.delivery.lease().key().operation_id, dead);
                }
                let attempt = Attempt {
                    provider,
                    credential_id,
                    device,
                    answer,
                    started_at,
                    duration,
                };
                Resolution::Attempted {
                    attempt,
                    next,
                    failure,
                }
            }
        };
        job.delivery.resolve(resolution);
    }
}

async fn attempt(client: Arc<Client>, job: Job) -> Tried {
    let started_at = OffsetDateTime::now_utc();
    let started = Instant::now();
    let result = client
        .send(&job.payload, &job.token, job.delivery.message_id())
        .await;
    Tried {
        job,
        started_at,
        duration: started.elapsed(),
        result,
    }
}

/// The device with `id`, if `outcome` says that its token is dead: since when APNs says, or since
/// it was tried.
fn dead_device(outcome: &Outcome, id: Uuid, tried_at: OffsetDateTime) -> Option<DeadDevice> {
    match outcome {
        Outcome::TokenDead { since } => Some(DeadDevice {
            id,
            since: since.unwrap_or(tried_at),
        }),
        _ => None,
    }
}

impl Job {
    /// Puts it back, but not beyond its deadline, at which it fails.
    fn postpone(self, delay: Duration) {
        self.delivery.postpone(self.deadline, delay);
    }
}
