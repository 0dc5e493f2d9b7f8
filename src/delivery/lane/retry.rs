//! What follows from an outcome: a pure function of what happened, how often, and how much time is
//! left.

use std::time::Duration;

use crate::model::outcome::Outcome;

/// The rules by which retries are spaced and limited.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RetryPolicy {
    /// The wait before the first retry.
    pub base: Duration,
    /// The longest wait between two tries, unless a provider asks for a longer one.
    pub max: Duration,
    /// Attempts after which a notification that its provider keeps failing is given up.
    pub max_attempts: u16,
}

/// What to do with a notification after an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Next {
    /// The provider accepted it.
    Sent,
    /// Trying again can't help, or has not helped.
    Failed,
    /// Try again after this wait.
    Retry(Duration),
}

/// A provider that throttles without saying for how long is left alone for this many times the base
/// wait: 60 s by default, as FCM's documents ask.
const THROTTLED_FACTOR: u32 = 6;

impl RetryPolicy {
    /// What follows from `outcome`, the notification's `attempts`-th (1-based), with `time_left`
    /// until its deadline. `jitter` (0 to 1) spreads retries, so that what failed together does not
    /// come back together.
    pub(crate) fn next(
        &self,
        outcome: &Outcome,
        attempts: u16,
        time_left: Duration,
        jitter: f64,
    ) -> Next {
        let (delay, counted) = match *outcome {
            Outcome::Accepted => return Next::Sent,
            Outcome::TokenDead { .. } | Outcome::TokenRefused | Outcome::MessageRefused => {
                return Next::Failed;
            }
            // Nothing is wrong with the notification: it waits until the credential is mended or
            // its time is over.
            Outcome::CredentialRefused => (self.back_off(attempts, jitter), false),
            Outcome::Throttled {
                retry_after,
                device_only,
            } => {
                let least = if device_only {
                    retry_after.unwrap_or_default()
                } else {
                    self.pause(retry_after)
                };
                (self.at_least(least, attempts, jitter), device_only)
            }
            Outcome::Unavailable { retry_after } => (
                self.at_least(retry_after.unwrap_or_default(), attempts, jitter),
                true,
            ),
            Outcome::Ambiguous => (self.back_off(attempts, jitter), true),
        };
        if (counted && attempts >= self.max_attempts) || time_left.is_zero() {
            return Next::Failed;
        }
        // Not beyond the deadline: it fails as expired then, not when the next try would have come.
        Next::Retry(delay.min(time_left))
    }

    /// The wait before the try after `attempts` ones: doubled each time, plus up to half of it.
    pub(crate) fn back_off(&self, attempts: u16, jitter: f64) -> Duration {
        let doublings = u32::from(attempts.saturating_sub(1)).min(20);
        let wait = self.base.saturating_mul(1 << doublings).min(self.max);
        wait + wait.mul_f64(jitter / 2.0)
    }

    /// How long a provider that throttles is left alone: what it asked for, else six times the base
    /// wait.
    pub(crate) fn pause(&self, retry_after: Option<Duration>) -> Duration {
        retry_after.unwrap_or(self.base.saturating_mul(THROTTLED_FACTOR))
    }

    /// What the provider asked for is never shortened, only spread.
    fn at_least(&self, least: Duration, attempts: u16, jitter: f64) -> Duration {
        self.back_off(attempts, jitter)
            .max(least + least.mul_f64(jitter / 5.0))
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
    const HOUR: Duration = Duration::from_secs(3600);

    fn seconds(next: Next) -> u64 {
        match next {
            Next::Retry(delay) => delay.as_secs(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_cannot_succeed_is_not_tried_again() {
        for outcome in [
            Outcome::TokenDead { since: None },
            Outcome::TokenRefused,
            Outcome::MessageRefused,
        ] {
            assert_eq!(
                POLICY.next(&outcome, 1, HOUR, 0.5),
                Next::Failed,
                "{outcome:?}"
            );
        }
        assert_eq!(POLICY.next(&Outcome::Accepted, 1, HOUR, 0.5), Next::Sent);
    }

    #[test]
    fn waits_double_up_to_the_longest() {
        let wait =
            |attempts| seconds(POLICY.next(&Outcome::CredentialRefused, attempts, HOUR, 0.0));
        assert_eq!([1, 2, 3, 4, 50].map(wait), [10, 20, 40, 80, 900]);
    }

    #[test]
    fn jitter_only_lengthens() {
        assert_eq!(seconds(POLICY.next(&Outcome::Ambiguous, 1, HOUR, 1.0)), 15);
    }

    #[test]
    fn a_provider_that_names_a_wait_gets_it() {
        let unavailable = Outcome::Unavailable {
            retry_after: Some(Duration::from_secs(120)),
        };
        assert_eq!(seconds(POLICY.next(&unavailable, 1, HOUR, 0.0)), 120);
        let throttled = Outcome::Throttled {
            retry_after: None,
            device_only: false,
        };
        assert_eq!(seconds(POLICY.next(&throttled, 1, HOUR, 0.0)), 60);
    }

    #[test]
    fn failures_of_the_provider_are_given_up_after_the_last_attempt() {
        let unavailable = Outcome::Unavailable { retry_after: None };
        assert!(matches!(
            POLICY.next(&unavailable, 4, HOUR, 0.0),
            Next::Retry(_)
        ));
        assert_eq!(POLICY.next(&unavailable, 5, HOUR, 0.0), Next::Failed);
    }

    #[test]
    fn a_refused_credential_uses_up_no_attempts() {
        assert!(matches!(
            POLICY.next(&Outcome::CredentialRefused, 500, HOUR, 0.0),
            Next::Retry(_)
        ));
    }

    #[test]
    fn no_wait_reaches_beyond_the_deadline() {
        let left = Duration::from_secs(3);
        assert_eq!(
            POLICY.next(&Outcome::Ambiguous, 1, left, 0.0),
            Next::Retry(left)
        );
        assert_eq!(
            POLICY.next(&Outcome::Ambiguous, 1, Duration::ZERO, 0.0),
            Next::Failed
        );
    }
}
