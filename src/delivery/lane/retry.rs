//! What follows from an outcome: a pure function of the outcome, the number of attempts and the time
//! that is left.

use std::time::Duration;

use crate::model::outcome::Outcome;

/// How retries are spaced and limited, for all providers alike.
///
/// Apple's page asks for 15 minutes after a 5xx
/// (<https://developer.apple.com/documentation/usernotifications/handling-notification-responses-from-apns>).
/// With a deadline of an hour that would be four attempts, so APNs is retried like FCM.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RetryPolicy {
    /// The delay before the first retry.
    pub base: Duration,
    /// The longest delay between two attempts, unless a provider asks for a longer one.
    pub max: Duration,
    /// A notification that its provider keeps failing is given up after this many attempts.
    pub max_attempts: u16,
}

/// What to do with a notification after an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Next {
    /// The provider accepted it.
    Sent,
    /// Another attempt cannot succeed, or enough of them have failed.
    Failed,
    /// Another attempt is due after this delay.
    Retry(Duration),
}

/// A provider that throttles without a Retry-After gets a pause of this many times the base delay:
/// 60 s by default, as FCM asks for
/// (<https://firebase.google.com/docs/cloud-messaging/scale-fcm>).
const THROTTLED_FACTOR: u32 = 6;
/// Delays double at most this often, so that the factor fits a `u32`.
const MAX_DOUBLINGS: u32 = 20;

const _: () = assert!(MAX_DOUBLINGS < u32::BITS);

impl RetryPolicy {
    /// What follows from `outcome`, the result of the `attempts`-th attempt (1-based), with
    /// `time_left` until the deadline. `jitter` (0 to 1) spreads retries, so that notifications that
    /// failed together do not come back together.
    pub(crate) fn next(
        &self,
        outcome: &Outcome,
        attempts: u16,
        time_left: Duration,
        jitter: f64,
    ) -> Next {
        let (least_delay, is_limited) = match *outcome {
            Outcome::Accepted => return Next::Sent,
            Outcome::TokenDead { .. } | Outcome::TokenRefused | Outcome::MessageRefused => {
                return Next::Failed;
            }
            // Nothing is wrong with the notification: it uses up no attempts, and waits until the
            // Credential is fixed or its deadline is over.
            Outcome::CredentialRefused => (Duration::ZERO, false),
            Outcome::Throttled {
                retry_after,
                device_only: false,
            } => (self.throttled_pause(retry_after), false),
            Outcome::Throttled {
                retry_after,
                device_only: true,
            }
            | Outcome::Unavailable { retry_after } => (retry_after.unwrap_or_default(), true),
            Outcome::Ambiguous => (Duration::ZERO, true),
        };

        if (is_limited && attempts >= self.max_attempts) || time_left.is_zero() {
            return Next::Failed;
        }

        // A delay that the provider asked for is never shortened, only spread.
        let spread = least_delay + least_delay.mul_f64(jitter / 5.0);
        let delay = self.back_off(attempts, jitter).max(spread);

        // Not beyond the deadline, so that it fails as expired then, not when the next attempt would
        // have come.
        Next::Retry(delay.min(time_left))
    }

    /// The delay after `attempts` attempts: doubled with each of them, plus up to half of it.
    pub(crate) fn back_off(&self, attempts: u16, jitter: f64) -> Duration {
        let doublings = u32::from(attempts.saturating_sub(1)).min(MAX_DOUBLINGS);
        let delay = self.base.saturating_mul(1 << doublings).min(self.max);

        delay + delay.mul_f64(jitter / 2.0)
    }

    /// How long a provider that throttles is left alone.
    pub(crate) fn throttled_pause(&self, retry_after: Option<Duration>) -> Duration {
        retry_after.unwrap_or(self.base.saturating_mul(THROTTLED_FACTOR))
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
    fn an_attempt_that_cannot_succeed_is_not_made() {
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
    fn delays_double_up_to_the_longest() {
        let delay =
            |attempts| seconds(POLICY.next(&Outcome::CredentialRefused, attempts, HOUR, 0.0));

        assert_eq!([1, 2, 3, 4, 50].map(delay), [10, 20, 40, 80, 900]);
    }

    #[test]
    fn jitter_only_lengthens() {
        assert_eq!(seconds(POLICY.next(&Outcome::Ambiguous, 1, HOUR, 1.0)), 15);
    }

    #[test]
    fn a_provider_that_asks_for_a_delay_gets_it() {
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
    fn no_delay_reaches_beyond_the_deadline() {
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
