//! The decisions of a lane's worker, without I/O: whether it takes another notification, whether it
//! sends one that it took, what follows from an answer, and whether the lane keeps up.

use std::time::{Duration, Instant};

use crate::delivery::lane::backlog::BreakerStatus;
use crate::delivery::lane::breaker::Breaker;
use crate::delivery::lane::concurrency_limit::ConcurrencyLimit;
use crate::delivery::lane::rate_limiter::{Quota, RateLimiter};
use crate::delivery::lane::retry::{Next, RetryPolicy};
use crate::model::outcome::{Answer, NotSent, Outcome};

/// A lane is stalled if its provider has answered nothing for this long. A stalled lane keeps nothing
/// waiting in memory, and its requests do not count against the process's capacity: its concurrency
/// limit bounds them. Otherwise the outage of one provider, with a dozen Credentials, would stop all
/// lanes.
const STALLED_AFTER: Duration = Duration::from_secs(2);
/// How often the worker inspects its lane.
pub(super) const INSPECTION_INTERVAL: Duration = Duration::from_millis(500);

/// The least time of a request from which a rate is computed, in seconds, so that nothing is divided
/// by 0.
const MIN_ANSWER_TIME: f64 = 0.001;

const _: () = assert!(INSPECTION_INTERVAL.as_millis() < STALLED_AFTER.as_millis());

/// Decides for one lane. The lane's worker alone owns it, and acts on what it says.
pub(super) struct SendPolicy {
    retry: RetryPolicy,
    breaker: Breaker,
    concurrency_limit: ConcurrencyLimit,
    rate_limiter: RateLimiter,
    /// When the lane last had nothing in flight, or an answer.
    last_progress: Instant,
    /// Answers since the last inspection.
    answers: u32,
    /// How long the requests took that were answered since the last inspection, together.
    answer_times: Duration,
    /// Whether notifications waited at the last inspection.
    had_backlog: bool,
}

/// Whether the worker takes the next notification from its queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Intake {
    Now,
    /// The rate limit is reached.
    After(Duration),
    /// As many requests are in flight as may be: the next answer makes room.
    NotNow,
}

/// What happens to a notification that was taken from the queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Admission {
    Send,
    /// Its lease was lost: its delivery belongs to another process now, or was canceled.
    Revoked,
    Expire,
    PutBack(Duration),
}

/// A notification that was taken from the queue.
pub(super) struct Candidate {
    pub deadline: Instant,
    pub is_lease_held: bool,
    /// Requests in flight beside it.
    pub in_flight: usize,
}

pub(super) struct EndedRequest<'a> {
    pub result: &'a Result<Answer, NotSent>,
    pub duration: Duration,
    /// Requests in flight, this one included.
    pub in_flight: usize,
}

/// What a lane has at an inspection.
#[derive(Debug, Clone, Copy)]
pub(super) struct Load {
    pub in_flight: usize,
    /// Notifications that wait in memory.
    pub backlog: usize,
}

/// What an inspection finds.
#[derive(Debug, PartialEq)]
pub(super) enum Finding {
    /// The provider does not answer.
    Stalled,
    /// More waits than the lane sends. It can send `rate` a second.
    Slow { rate: f64 },
    /// Nothing waits.
    KeepsUp,
    /// Notifications have just begun to wait, or no answer has come yet.
    Unclear,
}

impl SendPolicy {
    pub(super) fn new(retry: RetryPolicy, quota: Quota, now: Instant) -> Self {
        Self {
            retry,
            breaker: Breaker::new(retry),
            concurrency_limit: ConcurrencyLimit::new(now),
            rate_limiter: RateLimiter::new(quota, now),
            last_progress: now,
            answers: 0,
            answer_times: Duration::ZERO,
            had_backlog: false,
        }
    }

    /// Requests that may be in flight at a time.
    pub(super) fn request_limit(&self) -> usize {
        self.breaker
            .probes()
            .map_or(self.concurrency_limit.current(), |probes| probes as usize)
    }

    /// Notifications a second that may be sent now; `None`: no limit.
    pub(super) fn rate_limit(&self) -> Option<f64> {
        self.rate_limiter.rate()
    }

    pub(super) fn tripped_for(&self, now: Instant) -> Option<Duration> {
        self.breaker.tripped_for(now)
    }

    /// The delay for a notification whose stored message can't be read.
    pub(super) fn delay_of_unreadable(&self) -> Duration {
        self.retry.base
    }

    /// Whether the breaker has tripped, and no request has succeeded since.
    pub(super) fn is_tripped(&self) -> bool {
        self.breaker.probes().is_some()
    }

    /// Whether the provider has answered, and well since the breaker last tripped.
    pub(super) fn is_sending(&self) -> bool {
        self.concurrency_limit.has_answered() && self.breaker.probes().is_none()
    }

    /// For people.
    pub(super) fn last_error(&self) -> Option<&str> {
        self.breaker.last_error().map(AsRef::as_ref)
    }

    pub(super) fn breaker_status(&self, now: Instant) -> BreakerStatus {
        BreakerStatus {
            tripped_until: self.breaker.tripped_for(now).map(|left| now + left),
            last_error: self.breaker.last_error().cloned(),
        }
    }

    pub(super) fn intake(&mut self, in_flight: usize, now: Instant) -> Intake {
        // Before the rate limit: a full lane waits for an answer, and a timer would wake it in
        // vain.
        if in_flight >= self.request_limit() {
            return Intake::NotNow;
        }

        self.rate_limiter
            .wait(now)
            .map_or(Intake::Now, Intake::After)
    }

    pub(super) fn admit(&mut self, candidate: &Candidate, now: Instant) -> Admission {
        // First, because an expiry or a delay would be recorded about a delivery of another
        // process.
        if !candidate.is_lease_held {
            return Admission::Revoked;
        }
        if candidate.deadline <= now {
            return Admission::Expire;
        }

        // It tripped after the notification had entered the backlog.
        if let Some(left) = self.breaker.tripped_for(now) {
            return Admission::PutBack(left);
        }

        self.rate_limiter.spend();

        // The time without a request is not a silence of the provider.
        if candidate.in_flight == 0 {
            self.last_progress = now;
        }

        Admission::Send
    }

    /// Notes a request that has ended. Returns whether the breaker has just tripped. `jitter` (0 to 1)
    /// makes its pause longer.
    pub(super) fn note_result(
        &mut self,
        request: &EndedRequest<'_>,
        now: Instant,
        jitter: f64,
    ) -> bool {
        // A request that was not sent counts too: its failure to connect is no silence of the
        // provider.
        self.last_progress = now;
        self.answers += 1;
        self.answer_times += request.duration;
        self.concurrency_limit.note_answer(request.in_flight, now);

        match request.result {
            Ok(answer) => self.breaker.note_outcome(&answer.outcome, now, jitter),
            Err(reason) => self.breaker.note_not_sent(reason, now, jitter),
        }
    }

    /// What follows for a notification after an attempt: see [`RetryPolicy::next`].
    pub(super) fn next(
        &self,
        outcome: &Outcome,
        attempts: u16,
        time_left: Duration,
        jitter: f64,
    ) -> Next {
        self.retry.next(outcome, attempts, time_left, jitter)
    }

    /// The delay for a notification whose request certainly did not reach the provider. Its result
    /// has been noted before.
    pub(super) fn delay_of_unsent(&self, time_left: Duration, now: Instant) -> Duration {
        self.breaker
            .tripped_for(now)
            .unwrap_or_default()
            .min(time_left)
    }

    /// Notifications a second that the lane can send. The rate so far is too low while the concurrency limit
    /// still grows, as after the first answer of a distant provider.
    fn possible_rate(&self, answers: u32, answer_times: Duration) -> f64 {
        let possible = rate_at(self.request_limit(), answers, answer_times);

        self.rate_limit()
            .map_or(possible, |pace| pace.min(possible))
    }

    /// To be called every [`INSPECTION_INTERVAL`].
    pub(super) fn inspect(&mut self, load: Load, now: Instant) -> Finding {
        let answers = std::mem::take(&mut self.answers);
        let answer_times = std::mem::take(&mut self.answer_times);
        let has_backlog = load.backlog > 0;
        let had_backlog = std::mem::replace(&mut self.had_backlog, has_backlog);

        let silence = now.saturating_duration_since(self.last_progress);

        if load.in_flight > 0 && silence >= STALLED_AFTER {
            Finding::Stalled
        } else if had_backlog && has_backlog && answers > 0 {
            // Only a lane that had enough to send all the time shows how fast it can be.
            let measured = f64::from(answers) / INSPECTION_INTERVAL.as_secs_f64();
            let possible = self.possible_rate(answers, answer_times);
            Finding::Slow {
                rate: measured.max(possible),
            }
        } else if has_backlog {
            Finding::Unclear
        } else {
            Finding::KeepsUp
        }
    }
}

/// Requests a second that can be answered while `limit` of them are in flight all the time, if each
/// takes as long as those did that were answered last (Little's law).
fn rate_at(limit: usize, answers: u32, answer_times: Duration) -> f64 {
    let mean = answer_times.as_secs_f64() / f64::from(answers.max(1));

    f64::from(limit as u32) / mean.max(MIN_ANSWER_TIME)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);
    const HOUR: Duration = Duration::from_secs(3_600);
    const RETRY: RetryPolicy = RetryPolicy {
        base: Duration::from_secs(10),
        max: Duration::from_secs(900),
        max_attempts: 5,
    };

    fn policy(per_minute: u32, now: Instant) -> SendPolicy {
        let quota = Quota {
            per_minute,
            warm_up: 60 * SECOND,
        };

        SendPolicy::new(RETRY, quota, now)
    }

    /// Notes an answer. Returns whether it tripped the breaker.
    fn note_answer(policy: &mut SendPolicy, outcome: Outcome, now: Instant) -> bool {
        let answer = Answer {
            outcome,
            http_status: None,
            code: None,
            message: None,
            message_id: None,
        };

        let request = EndedRequest {
            result: &Ok(answer),
            duration: 5 * SECOND,
            in_flight: 1,
        };
        policy.note_result(&request, now, 0.0)
    }

    /// Notes a request that did not reach the provider. Returns whether it tripped the breaker.
    fn note_unreachable(policy: &mut SendPolicy, now: Instant) -> bool {
        let reason = NotSent::Unreachable {
            reason: "connection refused".to_owned(),
        };

        let request = EndedRequest {
            result: &Err(reason),
            duration: SECOND,
            in_flight: 1,
        };
        policy.note_result(&request, now, 0.0)
    }

    fn candidate(now: Instant) -> Candidate {
        Candidate {
            deadline: now + HOUR,
            is_lease_held: true,
            in_flight: 0,
        }
    }

    fn load(in_flight: usize, backlog: usize) -> Load {
        Load { in_flight, backlog }
    }

    #[test]
    fn the_concurrency_limit_bounds_the_intake() {
        let now = Instant::now();
        let mut policy = policy(0, now);

        assert_eq!(policy.intake(49, now), Intake::Now);
        assert_eq!(policy.intake(50, now), Intake::NotNow);

        note_answer(&mut policy, Outcome::Accepted, now);
        assert_eq!(policy.intake(50, now), Intake::Now);
        assert_eq!(policy.intake(500, now), Intake::NotNow);
    }

    #[test]
    fn the_rate_limit_bounds_the_intake() {
        let now = Instant::now();
        // One a second, cold: a tenth of that.
        let mut policy = policy(60, now);

        assert_eq!(policy.intake(0, now), Intake::Now);
        assert_eq!(policy.admit(&candidate(now), now), Admission::Send);
        assert_eq!(policy.intake(0, now), Intake::After(10 * SECOND));
    }

    #[test]
    fn only_a_notification_that_may_be_sent_now_is_admitted() {
        let now = Instant::now();
        let mut policy = policy(0, now);

        assert_eq!(policy.admit(&candidate(now), now), Admission::Send);

        let lost = Candidate {
            is_lease_held: false,
            deadline: now,
            ..candidate(now)
        };
        assert_eq!(policy.admit(&lost, now), Admission::Revoked);

        let late = Candidate {
            deadline: now,
            ..candidate(now)
        };
        assert_eq!(policy.admit(&late, now), Admission::Expire);

        note_unreachable(&mut policy, now);
        let admission = policy.admit(&candidate(now), now + SECOND);
        assert_eq!(admission, Admission::PutBack(9 * SECOND));
        assert_eq!(policy.admit(&late, now), Admission::Expire);
    }

    #[test]
    fn after_a_trip_one_probe_is_sent_at_a_time() {
        let now = Instant::now();
        let mut policy = policy(0, now);

        assert!(!note_answer(&mut policy, Outcome::Accepted, now));
        assert!(note_answer(&mut policy, Outcome::CredentialRefused, now));
        assert_eq!(policy.request_limit(), 1);

        let later = now + 11 * SECOND;
        assert_eq!(policy.intake(0, later), Intake::Now);
        assert_eq!(policy.intake(1, later), Intake::NotNow);

        note_answer(&mut policy, Outcome::Accepted, later);
        assert_eq!(policy.intake(1, later), Intake::Now);
    }

    #[test]
    fn a_notification_that_was_not_sent_waits_for_the_breaker() {
        let now = Instant::now();
        let mut policy = policy(0, now);

        assert!(note_unreachable(&mut policy, now));
        assert!(!note_unreachable(&mut policy, now), "once");
        assert_eq!(policy.delay_of_unsent(HOUR, now), 10 * SECOND);
        assert_eq!(policy.delay_of_unsent(3 * SECOND, now), 3 * SECOND);

        let status = policy.breaker_status(now);
        assert_eq!(status.tripped_until, Some(now + 10 * SECOND));
        assert_eq!(
            status.last_error.as_deref(),
            Some("the provider can't be reached: connection refused")
        );
    }

    #[test]
    fn a_lane_is_stalled_when_its_requests_get_no_answer() {
        let now = Instant::now();
        let mut policy = policy(0, now);

        let later = now + STALLED_AFTER;
        assert_eq!(policy.inspect(load(0, 0), later), Finding::KeepsUp);

        policy.admit(&candidate(later), later);
        let inspection = policy.inspect(load(1, 9), later + SECOND);
        assert_eq!(inspection, Finding::Unclear);
        let inspection = policy.inspect(load(1, 9), later + STALLED_AFTER);
        assert_eq!(inspection, Finding::Stalled);

        note_unreachable(&mut policy, later + STALLED_AFTER);
        let inspection = policy.inspect(load(1, 0), later + STALLED_AFTER);
        assert_eq!(inspection, Finding::KeepsUp);
    }

    #[test]
    fn a_lane_is_slow_when_notifications_wait_at_two_inspections() {
        let now = Instant::now();
        let mut policy = policy(0, now);

        for _ in 0..100 {
            note_answer(&mut policy, Outcome::Accepted, now);
        }
        assert_eq!(policy.inspect(load(1, 9), now), Finding::Unclear);

        for _ in 0..100 {
            note_answer(&mut policy, Outcome::Accepted, now);
        }
        let slow = Finding::Slow { rate: 200.0 };
        assert_eq!(policy.inspect(load(1, 9), now), slow);

        assert_eq!(policy.inspect(load(1, 9), now), Finding::Unclear);
        assert_eq!(policy.inspect(load(1, 0), now), Finding::KeepsUp);
    }

    #[test]
    fn the_first_answers_from_far_away_do_not_make_a_lane_slow() {
        // 50 requests in 500 ms, and 500 may be in flight from now on.
        let rate = rate_at(500, 50, Duration::from_millis(500) * 50);
        assert!((999.0..1001.0).contains(&rate), "{rate}");

        assert!(rate_at(500, 0, Duration::ZERO).is_finite());
    }

    #[test]
    fn a_lane_can_send_no_more_than_its_rate_limit_allows() {
        let now = Instant::now();
        let mut policy = policy(60_000, now);

        for _ in 0..10 {
            note_answer(&mut policy, Outcome::Accepted, now);
        }
        policy.inspect(load(1, 9), now);
        note_answer(&mut policy, Outcome::Accepted, now);

        // Cold: a tenth of 1,000 a second.
        let slow = Finding::Slow { rate: 100.0 };
        assert_eq!(policy.inspect(load(1, 9), now), slow);
    }
}
