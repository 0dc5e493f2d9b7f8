//! The circuit breaker of a lane.
//!
//! ```text
//!    ┌──────────── a good answer ─────────────┐
//!    ▼                                        │
//! Sending ── failures ──▶ Tripped ─────▶ Probing
//!                            ▲   the pause    │
//!                            │   is over      │
//!                            └─── failures ───┘
//! ```
//!
//! Only failures of the provider count, never those of a token or a message.

use std::borrow::Cow;
use std::time::{Duration, Instant};

use crate::delivery::lane::retry::RetryPolicy;
use crate::model::outcome::{NotSent, Outcome};

/// Failures in a row that trip the breaker of a lane that sends.
const FAILURES_IN_A_ROW: u32 = 20;
/// A throttled answer counts for this many failures. FCM gives the same answer for a project, a topic
/// and a single device that got too many messages. So one such answer trips nothing, and three in a
/// row do.
const THROTTLED_WEIGHT: u32 = 7;
/// Requests in flight at a time while a lane probes its provider after failures. Several, because
/// requests that failed for a reason of their own come back together: a single one of them would
/// say nothing about the provider.
const PROBES: u32 = 10;
/// Requests in flight at a time while a lane probes a provider that refused its Credential, or that
/// could not be reached: any request would meet the same.
const PROBES_AFTER_REFUSAL: u32 = 1;
/// The longest pause, unless the provider asks for a longer one. A probe in this time does no harm,
/// and notifications that wait are sent soon after the outage is over.
const MAX_PAUSE: Duration = Duration::from_secs(30);

const _: () = assert!(2 * THROTTLED_WEIGHT < FAILURES_IN_A_ROW);
const _: () = assert!(3 * THROTTLED_WEIGHT >= FAILURES_IN_A_ROW);
const _: () = assert!(PROBES <= FAILURES_IN_A_ROW);

/// What a provider that gives no answer is said to do.
pub(crate) const NO_ANSWER: &str = "the provider does not answer";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    /// Requests pass.
    Sending,
    /// No request passes before `until`.
    Tripped { until: Instant },
    /// A few requests pass: see [`Breaker::probes`].
    Probing,
}

/// Decides whether a lane may send. The lane's worker alone owns it.
#[derive(Debug)]
pub(crate) struct Breaker {
    retry: RetryPolicy,
    /// As of the last result; [`Self::state`] gives the state at a time.
    state: State,
    /// Trips since the lane last was sending. Each one makes the pause longer.
    trips: u16,
    /// Failures since the last good answer or trip, by weight.
    failures: u32,
    /// Requests that may be in flight at a time after the last trip.
    probes: u32,
    /// Why the breaker tripped, or will if it goes on. `None` once the provider has given a good
    /// answer.
    last_error: Option<Cow<'static, str>>,
}

/// What the result of a request says about the provider.
enum Signal {
    /// It works, even if it refused this token or this message.
    Good,
    /// It failed; several failures in a row trip the breaker.
    Failure {
        weight: u32,
        retry_after: Option<Duration>,
        reason: &'static str,
    },
    /// It refused or could not be reached; this trips the breaker at once.
    Refusal {
        retry_after: Option<Duration>,
        reason: Cow<'static, str>,
    },
}

impl Breaker {
    pub(crate) fn new(retry: RetryPolicy) -> Self {
        Self {
            retry,
            state: State::Sending,
            trips: 0,
            failures: 0,
            probes: PROBES,
            last_error: None,
        }
    }

    pub(crate) fn state(&self, now: Instant) -> State {
        match self.state {
            State::Tripped { until } if until <= now => State::Probing,
            state => state,
        }
    }

    /// The time that is left of the pause; `None`: the breaker is not tripped.
    pub(crate) fn tripped_for(&self, now: Instant) -> Option<Duration> {
        match self.state(now) {
            State::Tripped { until } => Some(until - now),
            State::Sending | State::Probing => None,
        }
    }

    /// Requests that may be in flight at a time until the provider gives a good answer. `None`: it
    /// gave one since the last trip, so other limits decide.
    pub(crate) fn probes(&self) -> Option<u32> {
        (self.state != State::Sending).then_some(self.probes)
    }

    /// For people.
    pub(crate) fn last_error(&self) -> Option<&Cow<'static, str>> {
        self.last_error.as_ref()
    }

    /// Notes the outcome of an attempt. Returns whether the breaker has just tripped. `jitter` (0 to
    /// 1) makes the pause longer.
    pub(crate) fn note_outcome(&mut self, outcome: &Outcome, now: Instant, jitter: f64) -> bool {
        self.note(self.signal_of(outcome), now, jitter)
    }

    /// Notes a request that certainly did not reach the provider; otherwise like
    /// [`Self::note_outcome`].
    pub(crate) fn note_not_sent(&mut self, reason: &NotSent, now: Instant, jitter: f64) -> bool {
        let retry_after = match reason {
            NotSent::CredentialUnavailable { retry_after, .. } => *retry_after,
            NotSent::Unreachable { .. } | NotSent::CredentialRefused { .. } => None,
        };
        let signal = Signal::Refusal {
            retry_after,
            reason: reason.to_string().into(),
        };

        self.note(signal, now, jitter)
    }

    fn signal_of(&self, outcome: &Outcome) -> Signal {
        match *outcome {
            // The limit of a single device says nothing about the others.
            Outcome::Accepted
            | Outcome::TokenDead { .. }
            | Outcome::TokenRefused
            | Outcome::MessageRefused
            | Outcome::Throttled {
                device_only: true, ..
            } => Signal::Good,
            Outcome::CredentialRefused => Signal::Refusal {
                retry_after: None,
                reason: "the provider refuses the Credential".into(),
            },
            Outcome::Throttled {
                retry_after,
                device_only: false,
            } => Signal::Failure {
                weight: THROTTLED_WEIGHT,
                retry_after: Some(self.retry.throttled_pause(retry_after)),
                reason: "the provider asks for a pause",
            },
            Outcome::Unavailable { retry_after } => Signal::Failure {
                weight: 1,
                retry_after,
                reason: "the provider is unavailable",
            },
            Outcome::Ambiguous => Signal::Failure {
                weight: 1,
                retry_after: None,
                reason: NO_ANSWER,
            },
        }
    }

    fn note(&mut self, signal: Signal, now: Instant, jitter: f64) -> bool {
        // A pause that is over must end before the result is judged, or a failed probe would not
        // count as a new trip.
        self.state = self.state(now);

        match signal {
            Signal::Good => {
                self.recover();

                false
            }
            Signal::Failure {
                weight,
                retry_after,
                reason,
            } => {
                self.note_error(reason.into());
                self.failures += weight;

                // While it probes, all probes must fail: one good answer is enough to go on.
                let is_enough = self.failures >= self.probes().unwrap_or(FAILURES_IN_A_ROW);
                is_enough && self.trip(PROBES, retry_after, now, jitter)
            }
            Signal::Refusal {
                retry_after,
                reason,
            } => {
                self.note_error(reason);

                self.trip(PROBES_AFTER_REFUSAL, retry_after, now, jitter)
            }
        }
    }

    fn is_tripped(&self) -> bool {
        matches!(self.state, State::Tripped { .. })
    }

    fn recover(&mut self) {
        self.failures = 0;

        // A request that was in flight when the breaker tripped does not end the pause early.
        if !self.is_tripped() {
            self.state = State::Sending;
            self.trips = 0;
            self.last_error = None;
        }
    }

    /// The reason of a trip stands until its pause is over.
    fn note_error(&mut self, reason: Cow<'static, str>) {
        if !self.is_tripped() {
            self.last_error = Some(reason);
        }
    }

    /// Starts a pause, or prolongs the current one. Returns whether it has just tripped.
    fn trip(
        &mut self,
        probes: u32,
        retry_after: Option<Duration>,
        now: Instant,
        jitter: f64,
    ) -> bool {
        let was_tripped = self.is_tripped();
        if !was_tripped {
            self.trips = self.trips.saturating_add(1);
            self.probes = probes;
        }
        self.failures = 0;

        let pause = self
            .retry
            .back_off(self.trips, jitter)
            .min(MAX_PAUSE)
            .max(retry_after.unwrap_or_default());

        // A Retry-After beyond the range of `Instant` is ignored: the lane probes at once.
        let until = now.checked_add(pause).unwrap_or(now);

        self.state = match self.state {
            // Requests that were in flight when it tripped fail for the same reason: they count once.
            State::Tripped { until: before } if retry_after.is_none() => {
                State::Tripped { until: before }
            }
            State::Tripped { until: before } => State::Tripped {
                until: before.max(until),
            },
            State::Sending | State::Probing => State::Tripped { until },
        };

        !was_tripped
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RETRY: RetryPolicy = RetryPolicy {
        base: Duration::from_secs(10),
        max: Duration::from_secs(900),
        max_attempts: 5,
    };
    const SECOND: Duration = Duration::from_secs(1);
    const UNAVAILABLE: Outcome = Outcome::Unavailable { retry_after: None };

    /// What became of `count` equal outcomes: whether each of them tripped the breaker.
    fn note(breaker: &mut Breaker, outcome: &Outcome, count: u32, now: Instant) -> Vec<bool> {
        (0..count)
            .map(|_| breaker.note_outcome(outcome, now, 0.0))
            .collect()
    }

    #[test]
    fn bad_tokens_and_messages_never_trip_it() {
        let now = Instant::now();
        let mut breaker = Breaker::new(RETRY);

        for outcome in [
            Outcome::TokenDead { since: None },
            Outcome::TokenRefused,
            Outcome::MessageRefused,
        ] {
            note(&mut breaker, &outcome, 1_000, now);
            assert_eq!(breaker.state(now), State::Sending);
        }
    }

    #[test]
    fn failures_between_good_answers_never_trip_it() {
        let now = Instant::now();
        let mut breaker = Breaker::new(RETRY);

        for _ in 0..100 {
            note(&mut breaker, &UNAVAILABLE, FAILURES_IN_A_ROW - 1, now);
            assert_eq!(
                breaker.last_error().map(Cow::as_ref),
                Some("the provider is unavailable")
            );

            note(&mut breaker, &Outcome::Accepted, 1, now);
            assert_eq!(breaker.state(now), State::Sending);
            assert_eq!(breaker.last_error(), None);
        }
    }

    #[test]
    fn a_failing_provider_gets_longer_and_longer_pauses() {
        let mut now = Instant::now();
        let mut breaker = Breaker::new(RETRY);

        note(&mut breaker, &UNAVAILABLE, FAILURES_IN_A_ROW, now);
        assert_eq!(breaker.tripped_for(now), Some(10 * SECOND));

        now += 11 * SECOND;
        assert_eq!(breaker.state(now), State::Probing);
        assert_eq!(breaker.probes(), Some(PROBES));

        let tripped = note(&mut breaker, &UNAVAILABLE, PROBES, now);
        let first = tripped.iter().position(|tripped| *tripped);
        assert_eq!(first, Some(PROBES as usize - 1), "all probes must fail");
        assert_eq!(breaker.tripped_for(now), Some(20 * SECOND));

        now += 21 * SECOND;
        note(&mut breaker, &Outcome::Accepted, 1, now);
        assert_eq!(breaker.state(now), State::Sending);
        assert_eq!(breaker.probes(), None);
    }

    #[test]
    fn the_pause_is_bounded_unless_the_provider_asks_for_more() {
        let mut now = Instant::now();
        let mut breaker = Breaker::new(RETRY);

        for _ in 0..9 {
            breaker.note_outcome(&Outcome::CredentialRefused, now, 1.0);
            now += breaker.tripped_for(now).unwrap();
        }
        breaker.note_outcome(&Outcome::CredentialRefused, now, 1.0);
        assert_eq!(breaker.tripped_for(now), Some(MAX_PAUSE));

        let reason = NotSent::CredentialUnavailable {
            reason: "503".to_owned(),
            retry_after: Some(3 * MAX_PAUSE),
        };
        breaker.note_not_sent(&reason, now, 1.0);
        assert_eq!(breaker.tripped_for(now), Some(3 * MAX_PAUSE));
    }

    #[test]
    fn late_answers_do_not_end_a_pause() {
        let now = Instant::now();
        let mut breaker = Breaker::new(RETRY);
        let throttled = Outcome::Throttled {
            retry_after: Some(60 * SECOND),
            device_only: false,
        };

        let tripped = note(&mut breaker, &throttled, 3, now);
        assert_eq!(tripped, [false, false, true]);

        note(&mut breaker, &Outcome::Accepted, 1, now);
        assert_eq!(breaker.tripped_for(now), Some(60 * SECOND));
    }

    #[test]
    fn requests_in_flight_when_it_trips_do_not_lengthen_the_pause() {
        let now = Instant::now();
        let mut breaker = Breaker::new(RETRY);

        note(&mut breaker, &Outcome::CredentialRefused, 50, now);
        assert_eq!(breaker.tripped_for(now), Some(10 * SECOND));
        assert_eq!(breaker.probes(), Some(PROBES_AFTER_REFUSAL));
    }
}
