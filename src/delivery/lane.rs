//! A lane: everything that is sent with one Credential, with a window, a breaker and a queue of its own, so that one
//! hanging or throttled provider never slows another.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use time::OffsetDateTime;
use tokio::sync::mpsc;
use tokio::time::MissedTickBehavior;
use uuid::Uuid;

use crate::delivery::breaker::Breaker;
use crate::delivery::duty::{Duty, Ending};
use crate::delivery::removal::Removal;
use crate::delivery::retry::{Next, RetryPolicy};
use crate::id::CredentialId;
use crate::provider::{Answer, Client, NotSent, Outcome, Payload, Provider};
use crate::store::devices::DeadDevice;
use crate::store::outcomes::Attempt;
use crate::telemetry::metrics::LaneMetrics;

/// Requests under way at the same time. Enough for 10,000 a second at a provider that takes 50 ms.
const WINDOW: usize = 500;
/// A lane whose provider has answered nothing for this long is stalled: it keeps nothing waiting in memory, so that it
/// leaves room for the others.
const STALLED_AFTER: Duration = Duration::from_secs(2);
/// How long notifications are put back for that meet a stalled lane.
const STALLED_DELAY: Duration = Duration::from_secs(5);
/// How often a lane looks whether it is stalled.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// A notification on its way to its provider.
pub struct Job {
    /// The duty to bring it to its end.
    pub duty: Duty,
    /// The device token: a secret.
    pub token: String,
    /// What is sent; the same for all that share an Operation and a provider.
    pub payload: Arc<Payload>,
    /// Until when it may be sent.
    pub deadline: Instant,
}

/// A handle on a lane. The lane ends when this is dropped and what it had under way is done.
pub struct Lane {
    jobs: mpsc::UnboundedSender<Job>,
    stalled: Arc<AtomicBool>,
}

impl Lane {
    /// Starts a lane.
    pub fn start(client: Client, credential: (Provider, CredentialId), policy: RetryPolicy, removal: Removal) -> Self {
        let (provider, credential_id) = credential;
        let (jobs, queue) = mpsc::unbounded_channel();
        let stalled = Arc::new(AtomicBool::new(false));
        let worker = Worker {
            client: Arc::new(client),
            provider,
            credential_id,
            policy,
            removal,
            breaker: Breaker::new(policy),
            stalled: Arc::clone(&stalled),
            progress: Instant::now(),
            metrics: LaneMetrics::new(provider, credential_id),
        };
        tokio::spawn(worker.run(queue));
        Self { jobs, stalled }
    }

    /// Hands over a notification, or puts it back for a while where the lane is stalled.
    pub fn submit(&self, job: Job) {
        if self.stalled.load(Ordering::Relaxed) {
            return job.postpone(STALLED_DELAY);
        }
        // A lane whose task is gone drops the job, whose duty then goes back.
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
    removal: Removal,
    breaker: Breaker,
    stalled: Arc<AtomicBool>,
    /// When the lane last had nothing under way, or an answer.
    progress: Instant,
    metrics: LaneMetrics,
}

impl Worker {
    async fn run(mut self, mut queue: mpsc::UnboundedReceiver<Job>) {
        let mut under_way = FuturesUnordered::new();
        let mut ending = false;
        let mut looks = tokio::time::interval(LOOK_EVERY);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while !ending || !under_way.is_empty() {
            let window = self.window();
            tokio::select! {
                biased;
                Some(tried) = under_way.next(), if !under_way.is_empty() => self.settle(tried),
                job = queue.recv(), if !ending && under_way.len() < window => match job {
                    Some(job) => if let Some(job) = self.admit(job) {
                        if under_way.is_empty() {
                            self.progress = Instant::now();
                        }
                        under_way.push(attempt(Arc::clone(&self.client), job));
                    },
                    None => ending = true,
                },
                _ = looks.tick() => {
                    if !under_way.is_empty() {
                        self.look_for_stall(&mut queue);
                    }
                    self.report(under_way.len());
                }
            }
        }
        self.report(0);
    }

    /// Puts back whatever waits in a lane whose provider has gone silent.
    fn look_for_stall(&mut self, queue: &mut mpsc::UnboundedReceiver<Job>) {
        if self.progress.elapsed() < STALLED_AFTER {
            return;
        }
        if !self.stalled.swap(true, Ordering::Relaxed) {
            tracing::warn!(credential_id = %self.credential_id, provider = %self.provider, "lane stalled");
        }
        while let Ok(job) = queue.try_recv() {
            job.postpone(STALLED_DELAY);
        }
    }

    fn report(&self, in_flight: usize) {
        let is_open = !self.stalled.load(Ordering::Relaxed) && self.breaker.closed_for(Instant::now()).is_none();
        self.metrics.stands(in_flight, self.window(), self.client.connections(), is_open);
    }

    /// Requests that may be under way at a time.
    fn window(&self) -> usize {
        self.breaker.probes().map_or(WINDOW, |probes| probes as usize)
    }

    /// Lets a notification pass that may be sent now; any other is settled or put back here.
    fn admit(&mut self, job: Job) -> Option<Job> {
        let now = Instant::now();
        if !job.duty.lease().is_held() {
            return None;
        }
        if job.deadline <= now {
            expire(job.duty, self.breaker.reason());
            return None;
        }
        if let Some(closed_for) = self.breaker.closed_for(now) {
            job.postpone(closed_for);
            return None;
        }
        Some(job)
    }

    fn settle(&mut self, tried: Tried) {
        let now = Instant::now();
        self.progress = now;
        self.stalled.store(false, Ordering::Relaxed);
        let jitter = rand::random::<f64>();
        let time_left = tried.job.deadline.saturating_duration_since(now);
        let closed = match &tried.result {
            Ok(answer) => self.breaker.answered(&answer.outcome, now, jitter),
            Err(reason) => self.breaker.not_sent(reason, now, jitter),
        };
        if closed {
            tracing::warn!(
                credential_id = %self.credential_id,
                provider = %self.provider,
                reason = self.breaker.reason(),
                seconds = self.breaker.closed_for(now).unwrap_or_default().as_secs_f64(),
                "lane closed",
            );
        }
        let Tried { job, started_at, duration, result } = tried;
        let ending = match result {
            Err(_) => Ending::PutBack(self.breaker.closed_for(now).unwrap_or_default().min(time_left)),
            Ok(answer) => {
                self.metrics.tried(answer.outcome.as_str(), duration);
                let attempts = job.duty.tries().saturating_add(1);
                let next = self.policy.next(&answer.outcome, attempts, time_left, jitter);
                let error = (next != Next::Sent).then(|| error_of(&answer));
                let (provider, credential_id) = (self.provider, self.credential_id);
                let device = job.duty.device().cloned();
                if let Some(device) = &device {
                    let dead = dead_device(&answer.outcome, device.id, started_at);
                    self.removal.tried(job.duty.lease().key().operation_id, dead);
                }
                let attempt = Attempt { provider, credential_id, device, answer, started_at, duration };
                Ending::Tried { attempt, next, error }
            }
        };
        job.duty.end(ending);
    }
}

async fn attempt(client: Arc<Client>, job: Job) -> Tried {
    let started_at = OffsetDateTime::now_utc();
    let started = Instant::now();
    let result = client.send(&job.payload, &job.token, job.duty.message_id()).await;
    Tried { job, started_at, duration: started.elapsed(), result }
}

/// The device with `id`, if `outcome` says that its token is dead: since when APNs says, or since it was tried.
fn dead_device(outcome: &Outcome, id: Uuid, tried_at: OffsetDateTime) -> Option<DeadDevice> {
    match outcome {
        Outcome::TokenDead { since } => Some(DeadDevice { id, since: since.unwrap_or(tried_at) }),
        _ => None,
    }
}

/// The provider's own code where it has one, else what we make of the answer.
fn error_of(answer: &Answer) -> (String, String) {
    let code = answer.code.clone().unwrap_or_else(|| answer.outcome.as_str().to_owned());
    let message = answer.message.clone().unwrap_or_else(|| "the provider gave no reason".to_owned());
    (code, message)
}

impl Job {
    /// Puts it back, but not beyond its deadline, at which it fails.
    fn postpone(self, delay: Duration) {
        postpone(self.duty, self.deadline, delay);
    }
}

/// Puts back what can't be sent at the moment because of `obstacle`, which somebody can mend; it fails at its deadline.
pub fn wait(duty: Duty, deadline: Instant, obstacle: &str, delay: Duration) {
    if deadline <= Instant::now() { expire(duty, Some(obstacle)) } else { postpone(duty, deadline, delay) }
}

fn postpone(duty: Duty, deadline: Instant, delay: Duration) {
    let time_left = deadline.saturating_duration_since(Instant::now());
    duty.end(Ending::PutBack(delay.min(time_left)));
}

/// Fails what it is too late for.
fn expire(duty: Duty, obstacle: Option<&str>) {
    let mut message = "It was not sent before its deadline".to_owned();
    if let Some(obstacle) = obstacle {
        message.push_str("; the last obstacle: ");
        message.push_str(obstacle);
    }
    duty.end(Ending::GivenUp("EXPIRED".to_owned(), message));
}

/// Gives up what can't ever be sent.
pub fn fail(duty: Duty, code: &str, message: String) {
    duty.end(Ending::GivenUp(code.to_owned(), message));
}
