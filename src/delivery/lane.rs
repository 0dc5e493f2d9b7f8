//! A lane: everything that is sent with one Credential, with a window, a breaker and a queue of its own, so that one
//! hanging or throttled provider never slows another.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use time::OffsetDateTime;
use tokio::sync::mpsc;

use crate::delivery::breaker::Breaker;
use crate::delivery::lease::Ticket;
use crate::delivery::retry::{Next, RetryPolicy};
use crate::id::CredentialId;
use crate::provider::{Answer, Client, NotSent, Payload, Provider};
use crate::store::outcomes::{Attempt, NotificationOutcome, Status};

/// Requests under way at the same time. Enough for 10,000 a second at a provider that takes 50 ms.
const WINDOW: usize = 500;
/// How long notifications are put back for that meet a lane with too many waiting.
const CROWDED_DELAY: Duration = Duration::from_secs(1);

/// A notification on its way to its provider.
pub struct Job {
    /// The duty to settle it.
    pub ticket: Ticket,
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
    waiting: Arc<AtomicUsize>,
    most_waiting: usize,
}

impl Lane {
    /// Starts a lane that holds at most `most_waiting` notifications in its queue.
    pub fn start(
        client: Client,
        provider: Provider,
        credential_id: CredentialId,
        policy: RetryPolicy,
        most_waiting: usize,
    ) -> Self {
        let (jobs, queue) = mpsc::unbounded_channel();
        let waiting = Arc::new(AtomicUsize::new(0));
        let worker = Worker {
            client: Arc::new(client),
            provider,
            credential_id,
            policy,
            breaker: Breaker::new(policy),
            waiting: Arc::clone(&waiting),
        };
        tokio::spawn(worker.run(queue));
        Self { jobs, waiting, most_waiting }
    }

    /// Hands over a notification, or puts it back for a while where too many wait already.
    pub fn submit(&self, job: Job) {
        if self.waiting.load(Ordering::Relaxed) >= self.most_waiting {
            return job.ticket.put_back(CROWDED_DELAY);
        }
        self.waiting.fetch_add(1, Ordering::Relaxed);
        // A lane whose task is gone drops the job, whose ticket then goes back.
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
    breaker: Breaker,
    waiting: Arc<AtomicUsize>,
}

impl Worker {
    async fn run(mut self, mut queue: mpsc::UnboundedReceiver<Job>) {
        let mut under_way = FuturesUnordered::new();
        let mut ending = false;
        while !ending || !under_way.is_empty() {
            let window = self.breaker.probes().map_or(WINDOW, |probes| probes as usize);
            tokio::select! {
                biased;
                Some(tried) = under_way.next(), if !under_way.is_empty() => self.settle(tried),
                job = queue.recv(), if !ending && under_way.len() < window => match job {
                    Some(job) => {
                        self.waiting.fetch_sub(1, Ordering::Relaxed);
                        if let Some(job) = self.admit(job) {
                            under_way.push(attempt(Arc::clone(&self.client), job));
                        }
                    }
                    None => ending = true,
                },
            }
        }
    }

    /// Lets a notification pass that may be sent now; any other is settled or put back here.
    fn admit(&mut self, job: Job) -> Option<Job> {
        let now = Instant::now();
        if !job.ticket.lease.is_held() {
            return None;
        }
        if job.deadline <= now {
            expire(job, self.breaker.reason());
            return None;
        }
        if let Some(closed_for) = self.breaker.closed_for(now) {
            job.ticket.put_back(closed_for.min(job.deadline - now));
            return None;
        }
        Some(job)
    }

    fn settle(&mut self, tried: Tried) {
        let now = Instant::now();
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
        match tried.result {
            Err(_) => {
                let delay = self.breaker.closed_for(now).unwrap_or_default();
                tried.job.ticket.put_back(delay.min(time_left));
            }
            Ok(answer) => {
                let ticket = tried.job.ticket;
                let attempts = ticket.attempts_before.saturating_add(1) as u16;
                let next = self.policy.next(&answer.outcome, attempts, time_left, jitter);
                let outcome = NotificationOutcome {
                    batch: ticket.lease.key(),
                    position: ticket.position,
                    attempts_before: ticket.attempts_before,
                    status: match next {
                        Next::Sent => Status::Sent,
                        Next::Failed => Status::Failed,
                        Next::Retry(_) => Status::Queued,
                    },
                    retry_in: match next {
                        Next::Retry(delay) => Some(delay),
                        Next::Sent | Next::Failed => None,
                    },
                    error: (next != Next::Sent).then(|| error_of(&answer)),
                    attempt: Some(Attempt {
                        provider: self.provider,
                        credential_id: self.credential_id,
                        answer,
                        started_at: tried.started_at,
                        duration: tried.duration,
                    }),
                };
                ticket.settle(outcome);
            }
        }
    }
}

async fn attempt(client: Arc<Client>, job: Job) -> Tried {
    let started_at = OffsetDateTime::now_utc();
    let started = Instant::now();
    // The same id on every try, so that Apple and whoever reads the record can tell a repeat from a second message.
    let id = job.ticket.lease.key().operation_id.push_notification(job.ticket.position as u32);
    let result = client.send(&job.payload, &job.token, id.as_uuid()).await;
    Tried { job, started_at, duration: started.elapsed(), result }
}

/// The provider's own code where it has one, else what we make of the answer.
fn error_of(answer: &Answer) -> (String, String) {
    let code = answer.code.clone().unwrap_or_else(|| answer.outcome.as_str().to_owned());
    let message = answer.message.clone().unwrap_or_else(|| "the provider gave no reason".to_owned());
    (code, message)
}

/// Puts back a notification for which there is no lane at the moment.
pub fn wait(job: Job, obstacle: &str, delay: Duration) {
    let time_left = job.deadline.saturating_duration_since(Instant::now());
    if time_left.is_zero() { expire(job, Some(obstacle)) } else { job.ticket.put_back(delay.min(time_left)) }
}

/// Fails a notification whose time is over.
fn expire(job: Job, obstacle: Option<&str>) {
    let mut message = "It was not sent before its deadline".to_owned();
    if let Some(obstacle) = obstacle {
        message.push_str("; the last obstacle: ");
        message.push_str(obstacle);
    }
    fail(job.ticket, "EXPIRED", message);
}

/// Fails a notification without an attempt.
pub fn fail(ticket: Ticket, code: &str, message: String) {
    let outcome = NotificationOutcome {
        batch: ticket.lease.key(),
        position: ticket.position,
        attempts_before: ticket.attempts_before,
        attempt: None,
        status: Status::Failed,
        retry_in: None,
        error: Some((code.to_owned(), message)),
    };
    ticket.settle(outcome);
}
