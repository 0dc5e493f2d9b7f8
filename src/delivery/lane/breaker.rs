//! Whether a lane may send: it closes when its provider is in trouble or asks for a pause, and
//! opens again by a probe.
//!
//! Only failures of the provider count, never those of a token or a message.

use std::time::{Duration, Instant};

use crate::delivery::lane::retry::RetryPolicy;
use crate::model::outcome::{NotSent, Outcome};

/// Failures of the provider in a row that close a lane.
const FAILURES_IN_A_ROW: u32 = 20;
/// What a throttled answer counts: FCM gives the same one for a project, a topic and a single
/// device that had too many, so one alone closes nothing, and three in a row do.
const THROTTLED_WEIGHT: u32 = 7;

/// Requests by which a lane proves itself after failures. Several, because what failed for its own
/// sake comes back together, and a single one of those would tell nothing about the provider.
const PROBES: u32 = 10;
/// The longest that a lane stays closed unless its provider asks for more: one probe in this time
/// does no harm, and whatever waits goes on soon after the trouble is over.
const LONGEST: Duration = Duration::from_secs(30);

/// The state of a lane.
#[derive(Debug)]
pub(crate) struct Breaker {
    policy: RetryPolicy,
    closed_until: Option<Instant>,
    /// How often it has closed since the provider last answered as it should.
    closings: u16,
    failures: u32,
    /// Requests at a time while it has to prove itself.
    probes: u32,
    reason: Option<String>,
}

impl Breaker {
    /// An open one.
    pub(crate) fn new(policy: RetryPolicy) -> Self {
        Self {
            policy,
            closed_until: None,
            closings: 0,
            failures: 0,
            probes: PROBES,
            reason: None,
        }
    }

    /// How long the lane stays closed; `None`: it is open.
    pub(crate) fn closed_for(&self, now: Instant) -> Option<Duration> {
        self.closed_until
            .and_then(|until| until.checked_duration_since(now))
            .filter(|left| !left.is_zero())
    }

    /// How many requests at a time will do while the lane, having been closed, has not proved
    /// itself; `None`: it has.
    pub(crate) fn probes(&self) -> Option<u32> {
        (self.closings > 0).then_some(self.probes)
    }

    /// Why the lane closed last, for people; `None` while the provider answers as it should.
    pub(crate) fn reason(&self) -> Option<&str> {
        self.reason.as_deref()
    }

    /// Notes an attempt's outcome. Returns whether the lane has just closed.
    pub(crate) fn answered(&mut self, outcome: &Outcome, now: Instant, jitter: f64) -> bool {
        match outcome {
            Outcome::Accepted
            | Outcome::TokenDead { .. }
            | Outcome::TokenRefused
            | Outcome::MessageRefused
            | Outcome::Throttled {
                device_only: true, ..
            } => {
                self.recovered(now);
                false
            }
            Outcome::CredentialRefused => {
                self.close(1, None, "the provider refuses the credential", now, jitter)
            }
            Outcome::Throttled {
                retry_after,
                device_only: false,
            } => {
                let pause = self.policy.pause(*retry_after);
                self.failed(
                    THROTTLED_WEIGHT,
                    Some(pause),
                    "the provider asks for a pause",
                    now,
                    jitter,
                )
            }
            Outcome::Unavailable { retry_after } => {
                self.failed(1, *retry_after, "the provider is unavailable", now, jitter)
            }
            Outcome::Ambiguous => self.failed(1, None, "the provider does not answer", now, jitter),
        }
    }

    /// Notes that nothing could be sent. Returns whether the lane has just closed.
    pub(crate) fn not_sent(&mut self, reason: &NotSent, now: Instant, jitter: f64) -> bool {
        let retry_after = match reason {
            NotSent::CredentialUnavailable { retry_after, .. } => *retry_after,
            NotSent::Unreachable { .. } | NotSent::CredentialRefused { .. } => None,
        };
        self.close(1, retry_after, &reason.to_string(), now, jitter)
    }

    /// Answers to requests that were under way when the lane closed don't open it before its time.
    fn recovered(&mut self, now: Instant) {
        self.failures = 0;
        if self.closed_for(now).is_none() {
            self.closed_until = None;
            self.closings = 0;
            self.reason = None;
        }
    }

    fn failed(
        &mut self,
        weight: u32,
        retry_after: Option<Duration>,
        reason: &str,
        now: Instant,
        jitter: f64,
    ) -> bool {
        self.failures += weight;
        if self.failures < self.probes().unwrap_or(FAILURES_IN_A_ROW) {
            return false;
        }
        self.close(PROBES, retry_after, reason, now, jitter)
    }

    fn close(
        &mut self,
        probes: u32,
        retry_after: Option<Duration>,
        reason: &str,
        now: Instant,
        jitter: f64,
    ) -> bool {
        let was_closed = self.closed_for(now).is_some();
        // What was under way when it closed says the same thing again: it counts once.
        if !was_closed {
            self.closings = self.closings.saturating_add(1);
            self.probes = probes;
            self.reason = Some(reason.to_owned());
        }
        let wait = self
            .policy
            .back_off(self.closings, jitter)
            .min(LONGEST)
            .max(retry_after.unwrap_or_default());
        if !was_closed || retry_after.is_some() {
            self.closed_until = self.closed_until.max(now.checked_add(wait));
        }
        self.failures = 0;
        !was_closed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLICY: RetryPolicy = RetryPolicy {
        base: Duration::from_secs(10),
        max: Duration::from_secs(900),
        max_attempts: 5,
    };
    const UNAVAILABLE: Outcome = Outcome::Unavailable { retry_after: None };

    fn closed_seconds(breaker: &Breaker, now: Instant) -> u64 {
        breaker.closed_for(now).map_or(0, |left| left.as_secs())
    }

    #[test]
    fn bad_tokens_and_messages_never_close_a_lane() {
        let (mut breaker, now) = (Breaker::new(POLICY), Instant::now());
        for _ in 0..1000 {
            for outcome in [
                Outcome::TokenDead { since: None },
                Outcome::TokenRefused,
                Outcome::MessageRefused,
            ] {
                assert!(!breaker.answered(&outcome, now, 0.0));
            }
        }
        assert_eq!(breaker.closed_for(now), None);
    }

    #[test]
    fn failures_between_successes_never_close_a_lane() {
        let (mut breaker, now) = (Breaker::new(POLICY), Instant::now());
        for _ in 0..100 {
            for _ in 0..FAILURES_IN_A_ROW - 1 {
                assert!(!breaker.answered(&UNAVAILABLE, now, 0.0));
            }
            breaker.answered(&Outcome::Accepted, now, 0.0);
        }
    }

    #[test]
    fn a_failing_provider_is_left_alone_for_longer_and_longer() {
        let (mut breaker, mut now) = (Breaker::new(POLICY), Instant::now());
        for _ in 0..FAILURES_IN_A_ROW {
            breaker.answered(&UNAVAILABLE, now, 0.0);
        }
        assert_eq!(closed_seconds(&breaker, now), 10);
        now += Duration::from_secs(11);
        assert_eq!(breaker.probes(), Some(PROBES));
        let closed: Vec<_> = (0..PROBES)
            .map(|_| breaker.answered(&UNAVAILABLE, now, 0.0))
            .collect();
        assert_eq!(
            closed.iter().position(|closed| *closed),
            Some(PROBES as usize - 1),
            "all probes must fail"
        );
        assert_eq!(closed_seconds(&breaker, now), 20);
        now += Duration::from_secs(21);
        breaker.answered(&Outcome::Accepted, now, 0.0);
        assert_eq!(breaker.probes(), None);
    }

    #[test]
    fn late_answers_do_not_open_a_lane_that_was_told_to_wait() {
        let (mut breaker, now) = (Breaker::new(POLICY), Instant::now());
        let throttled = Outcome::Throttled {
            retry_after: Some(Duration::from_secs(60)),
            device_only: false,
        };
        let closed: Vec<_> = (0..3)
            .map(|_| breaker.answered(&throttled, now, 0.0))
            .collect();
        assert_eq!(closed, [false, false, true]);
        breaker.answered(&Outcome::Accepted, now, 0.0);
        assert_eq!(closed_seconds(&breaker, now), 60);
    }

    #[test]
    fn what_was_under_way_when_it_closed_does_not_lengthen_the_wait() {
        let (mut breaker, now) = (Breaker::new(POLICY), Instant::now());
        for _ in 0..50 {
            breaker.answered(&Outcome::CredentialRefused, now, 0.0);
        }
        assert_eq!(closed_seconds(&breaker, now), 10);
    }
}
