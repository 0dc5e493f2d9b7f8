//! The worker of a lane: takes notifications from the lane's queue, sends them, and resolves their
//! deliveries. [`SendPolicy`] decides, this module acts.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use time::OffsetDateTime;
use tokio::sync::mpsc;
use tokio::time::MissedTickBehavior;
use uuid::Uuid;

use crate::delivery::content::ContentProblem;
use crate::delivery::lane::backlog::Backlog;
use crate::delivery::lane::breaker::NO_ANSWER;
use crate::delivery::lane::credential_health::CredentialHealth;
use crate::delivery::lane::report::LaneReports;
use crate::delivery::lane::retry::Next;
use crate::delivery::lane::send_policy::{
    Admission, Candidate, EndedRequest, Finding, INSPECTION_INTERVAL, Intake, Load, SendPolicy,
};
use crate::delivery::lane::{Job, LaneParams};
use crate::delivery::queue::recall::LaneRecall;
use crate::delivery::settle::dead_tokens::DeadTokenPruner;
use crate::delivery::settle::resolution::Resolution;
use crate::handoff::capacity::{AccountCapacity, Exemption};
use crate::model::failure::Failure;
use crate::model::id::CredentialId;
use crate::model::lane_state::LaneError;
use crate::model::outcome::{Answer, NotSent, Outcome};
use crate::model::provider::Provider;
use crate::provider::{Client, Payload, credential_check};
use crate::store::devices::DeadDevice;
use crate::store::outcome_record::Attempt;
use crate::telemetry::metrics::{LaneMetrics, LaneStatus};

/// A template that takes so long to render keeps the thread from other lanes for too long.
const SLOW_RENDERING: Duration = Duration::from_micros(300);
/// How often a lane says that it sends: what a process that crashed has said of it ends with that.
const REPORT_INTERVAL: Duration = Duration::from_secs(60);

/// The task of a lane. It alone sends with the lane's Credential.
///
/// Its handle and its own timer wake it: a notification, an answer, the rate limit, or the next
/// inspection. When the handle is dropped, it gives back what waits, lets the requests in flight end,
/// and ends.
pub(super) struct Worker {
    client: Arc<Client>,
    provider: Provider,
    credential_id: CredentialId,
    policy: SendPolicy,
    backlog: Arc<Backlog>,
    pruner: DeadTokenPruner,
    health: CredentialHealth,
    /// Of the account of the last notification: all those of a lane have the same.
    account: Option<Arc<AccountCapacity>>,
    /// Of the requests in flight, while the lane is stalled.
    exemption: Option<Exemption>,
    /// Whether the last payload took long to render.
    renders_slowly: bool,
    recall: LaneRecall,
    reports: LaneReports,
    app_name: String,
    /// What the lane reported last.
    reported: Option<LaneError>,
    /// When the lane last reported its state after an answer; `None`: it has had none.
    reported_at: Option<Instant>,
    metrics: LaneMetrics,
}

/// A request that has ended.
struct Response {
    job: Job,
    started_at: OffsetDateTime,
    duration: Duration,
    result: Result<Answer, NotSent>,
}

impl Worker {
    pub(super) fn new(params: LaneParams, backlog: Arc<Backlog>) -> Self {
        Self {
            client: Arc::new(params.client),
            provider: params.provider,
            credential_id: params.credential_id,
            policy: SendPolicy::new(params.retry, params.quota, Instant::now()),
            backlog,
            pruner: params.pruner,
            health: CredentialHealth::default(),
            account: None,
            exemption: None,
            renders_slowly: false,
            recall: params.recall,
            reports: params.reports,
            app_name: params.app_name,
            reported: None,
            reported_at: None,
            metrics: LaneMetrics::new(params.provider, params.credential_id),
        }
    }

    pub(super) async fn run(mut self, mut queue: mpsc::UnboundedReceiver<Job>) {
        let mut in_flight = FuturesUnordered::new();
        let mut is_drained = false;
        let mut inspections = tokio::time::interval(INSPECTION_INTERVAL);
        // Missed ticks are not made up for: an inspection takes its answers for those of a whole
        // interval.
        inspections.set_missed_tick_behavior(MissedTickBehavior::Delay);

        while !is_drained || !in_flight.is_empty() {
            let intake = if is_drained {
                Intake::NotNow
            } else if queue.is_closed() {
                // The handle is gone: all that waits is given back at once.
                Intake::Now
            } else {
                self.policy.intake(in_flight.len(), Instant::now())
            };

            let pause = match intake {
                Intake::After(pause) => Some(pause),
                Intake::Now | Intake::NotNow => None,
            };

            // Answers first: each of them makes room, and its outcome waits to be recorded.
            tokio::select! {
                biased;
                Some(response) = in_flight.next(), if !in_flight.is_empty() => {
                    self.finish(response, in_flight.len() + 1);
                    self.recall(&queue);
                }
                job = queue.recv(), if intake == Intake::Now => match job {
                    Some(job) if queue.is_closed() => self.give_back(job),
                    Some(job) => {
                        if let Some((job, payload)) = self.admit(job, in_flight.len()) {
                            in_flight.push(send(Arc::clone(&self.client), job, payload));
                        }
                        // Slow templates must not keep the thread from its other lanes.
                        if self.renders_slowly {
                            tokio::task::yield_now().await;
                        }
                    }
                    None => is_drained = true,
                },
                () = tokio::time::sleep(pause.unwrap_or_default()), if pause.is_some() => {}
                _ = inspections.tick() => {
                    self.inspect(&mut queue, in_flight.len());
                    self.recall(&queue);
                }
            }
        }

        // The gauges of a lane that has ended would keep their last values.
        self.metrics.set(LaneStatus::default());
    }

    /// Puts back a notification of a lane that ends. The next claim sends it, in another process or
    /// with the Credential's new content.
    fn give_back(&self, job: Job) {
        self.backlog.leave();

        let delay = self.policy.tripped_for(Instant::now());
        self.put_back(job, delay.unwrap_or_default());
    }

    fn put_back(&self, job: Job, delay: Duration) {
        self.recall.note_put_back();
        job.wait_for_lane(self.credential_id, delay);
    }

    /// Asks for what was put back, if there is room for it and the provider answers.
    fn recall(&self, queue: &mpsc::UnboundedReceiver<Job>) {
        if queue.is_closed() || !self.policy.is_sending() {
            return;
        }

        if let Some(room) = self.backlog.room_to_recall(Instant::now()) {
            self.recall.ask(room);
        }
    }

    /// Returns the notification with its payload if it is to be sent now; otherwise resolves it.
    fn admit(&mut self, job: Job, in_flight: usize) -> Option<(Job, Arc<Payload>)> {
        self.backlog.leave();
        self.note_account(job.delivery.lease().account());

        let candidate = Candidate {
            deadline: job.deadline,
            is_lease_held: job.delivery.lease().is_held(),
            in_flight,
        };

        match self.policy.admit(&candidate, Instant::now()) {
            Admission::Send => return self.with_payload(job),
            Admission::Revoked => drop(job),
            Admission::Expire => job.expire(self.backlog.last_error().as_deref()),
            Admission::PutBack(delay) => self.put_back(job, delay),
        }

        None
    }

    /// Renders the payload of a notification; resolves it if that is impossible.
    fn with_payload(&mut self, job: Job) -> Option<(Job, Arc<Payload>)> {
        let began = Instant::now();
        let render = || job.content.payload(self.provider);
        // Other lanes' tasks are moved to another thread meanwhile.
        let rendered = if self.renders_slowly {
            tokio::task::block_in_place(render)
        } else {
            render()
        };
        self.renders_slowly = began.elapsed() >= SLOW_RENDERING;

        match rendered {
            Ok(payload) => return Some((job, payload)),
            Err(ContentProblem::Invalid(failure)) => job.delivery.fail(failure),
            Err(ContentProblem::Withheld(failure)) => {
                job.delivery.resolve(Resolution::Withheld(failure));
            }
            Err(ContentProblem::Unreadable(reason)) => {
                let delay = self.policy.delay_of_unreadable();
                job.delivery
                    .postpone_or_expire(job.deadline, delay, &reason);
            }
        }

        None
    }

    fn note_account(&mut self, account: &Arc<AccountCapacity>) {
        let is_known = self
            .account
            .as_ref()
            .is_some_and(|known| Arc::ptr_eq(known, account));
        if !is_known {
            self.account = Some(Arc::clone(account));
        }
    }

    /// Resolves the delivery of a request that has ended. `in_flight` counts it too.
    fn finish(&mut self, response: Response, in_flight: usize) {
        let now = Instant::now();
        let jitter = rand::random::<f64>();
        let request = EndedRequest {
            result: &response.result,
            duration: response.duration,
            in_flight,
        };
        self.policy.note_result(&request, now, jitter);

        if let Some(check) = self.health.note(credential_check(&response.result), now) {
            self.reports.credential(self.credential_id, check);
        }

        // From here on, dispatch sees what the breaker says.
        if self.backlog.answered(self.policy.breaker_status(now), now) {
            self.exemption = None;
        }
        self.report_state(Some(&response.result), now);

        let Response {
            job,
            started_at,
            duration,
            result,
        } = response;
        let time_left = job.deadline.saturating_duration_since(now);

        let Ok(answer) = result else {
            let delay = self.policy.delay_of_unsent(time_left, now);
            self.recall.note_put_back();
            job.delivery.lease().wait_for_lane(self.credential_id);
            return job.delivery.resolve(Resolution::PutBack(delay));
        };

        // A request that reached the provider is an attempt, whatever the answer was.
        let attempts = job.delivery.attempts().saturating_add(1);
        let next = self
            .policy
            .next(&answer.outcome, attempts, time_left, jitter);

        self.metrics.attempted(answer.outcome.kind(), duration);

        // Only registered devices can be pruned: the token of a direct delivery is the caller's own.
        let device = job.delivery.device().cloned();
        if let Some(device) = &device {
            let dead = dead_device(&answer.outcome, device.id, started_at);
            let operation_id = job.delivery.lease().key().operation_id;
            self.pruner.note_attempt(operation_id, dead);
        }

        job.delivery.resolve(Resolution::Attempted {
            failure: (next != Next::Sent).then(|| Failure::from(&answer)),
            attempt: Attempt {
                provider: self.provider,
                credential_id: self.credential_id,
                device,
                answer,
                started_at,
                duration,
            },
            next,
        });
    }

    /// Why the lane sends nothing at present; `None`: it sends. `result`: of the last request.
    fn lane_error(
        &self,
        result: Option<&Result<Answer, NotSent>>,
        now: Instant,
    ) -> Option<LaneError> {
        let is_tripped = self.policy.is_tripped();
        if !is_tripped && !self.backlog.is_stalled() {
            return None;
        }

        let pause = self.policy.tripped_for(now);
        let earlier = self.reported.as_ref();
        if let Some(earlier) = earlier
            && pause.is_none()
        {
            // It probes, or it has been stalled before.
            return Some(earlier.clone());
        }

        let last_error = self.policy.last_error().unwrap_or(NO_ANSWER);
        let code = match result {
            Some(Ok(answer)) if is_tripped => answer.code.as_deref(),
            _ => None,
        };
        let now_utc = OffsetDateTime::now_utc();
        Some(LaneError {
            reason: match code {
                Some(code) => format!("{last_error}: {code}"),
                None => last_error.to_owned(),
            },
            since: earlier.map_or(now_utc, |earlier| earlier.since),
            next_try_at: pause.map(|pause| now_utc + pause),
        })
    }

    /// Reports the lane's state at a change, and now and then after an answer. Logs a change once.
    fn report_state(&mut self, result: Option<&Result<Answer, NotSent>>, now: Instant) {
        let is_due = result.is_some()
            && self
                .reported_at
                .is_none_or(|at| now.saturating_duration_since(at) >= REPORT_INTERVAL);
        if !is_due
            && self.reported.is_none()
            && !self.policy.is_tripped()
            && !self.backlog.is_stalled()
        {
            return;
        }

        let error = self.lane_error(result, now);
        if !is_due && error == self.reported {
            return;
        }

        self.log_change(error.as_ref());
        if result.is_some() {
            self.reported_at = Some(now);
        }
        self.reports.lane(self.credential_id, error.clone());
        self.reported = error;
    }

    fn log_change(&self, error: Option<&LaneError>) {
        let app_name = &self.app_name;
        let credential_id = self.credential_id;
        let provider = self.provider;
        let before = self.reported.as_ref().map(|before| &before.reason);

        match error {
            Some(error) if before != Some(&error.reason) => {
                let what = if self.policy.is_tripped() {
                    "lane tripped"
                } else {
                    "lane stalled"
                };
                tracing::warn!(app_name, %credential_id, %provider, reason = error.reason, "{what}");
            }
            None if before.is_some() => {
                tracing::info!(app_name, %credential_id, %provider, "lane sends again");
            }
            _ => {}
        }
    }

    fn inspect(&mut self, queue: &mut mpsc::UnboundedReceiver<Job>, in_flight: usize) {
        let now = Instant::now();
        let load = Load {
            in_flight,
            backlog: self.backlog.len(),
        };

        match self.policy.inspect(load, now) {
            Finding::Stalled => {
                if self.backlog.stall() {
                    self.exemption = self
                        .account
                        .as_ref()
                        .map(|account| account.exempt(in_flight));
                    self.report_state(None, now);
                }
                self.evict(queue, usize::MAX);
            }
            Finding::Slow { rate } => {
                let surplus = self.backlog.narrow(rate, now);
                self.evict(queue, surplus);
            }
            Finding::KeepsUp => self.backlog.widen(self.policy.rate_limit(), now),
            Finding::Unclear => {}
        }

        self.report(in_flight);
    }

    /// Puts back up to `count` notifications that wait.
    fn evict(&self, queue: &mut mpsc::UnboundedReceiver<Job>, count: usize) {
        for _ in 0..count {
            let Ok(job) = queue.try_recv() else {
                return;
            };

            let delay = self.backlog.evict(Instant::now());
            self.put_back(job, delay);
        }
    }

    fn report(&self, in_flight: usize) {
        let is_tripped = self.policy.tripped_for(Instant::now()).is_some();

        self.metrics.set(LaneStatus {
            in_flight,
            concurrency_limit: self.policy.request_limit(),
            connections: self.client.connections(),
            backlog: self.backlog.len(),
            rate_limit: self.policy.rate_limit(),
            is_tripped: is_tripped || self.backlog.is_stalled(),
        });
    }
}

async fn send(client: Arc<Client>, job: Job, payload: Arc<Payload>) -> Response {
    // Two clocks: the record needs a date, and a correction of the date must not change a duration.
    let started_at = OffsetDateTime::now_utc();
    let started = Instant::now();
    let result = client
        .send(&payload, &job.token, job.delivery.message_id())
        .await;

    Response {
        job,
        started_at,
        duration: started.elapsed(),
        result,
    }
}

/// The device with `id`, if `outcome` says that its token is dead: since the time that APNs gives, or
/// since the attempt.
fn dead_device(outcome: &Outcome, id: Uuid, attempted_at: OffsetDateTime) -> Option<DeadDevice> {
    match outcome {
        Outcome::TokenDead { since } => Some(DeadDevice {
            id,
            since: since.unwrap_or(attempted_at),
        }),
        _ => None,
    }
}
