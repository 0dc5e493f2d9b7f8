//! What follows from an attempt to deliver a message: for the message, and for its webhook.

use std::time::Duration;

/// The delays between attempts, with jitter on top: about three days in all.
const RETRIES: [Duration; 11] = [
    Duration::from_secs(5),
    Duration::from_secs(5 * 60),
    Duration::from_secs(30 * 60),
    Duration::from_secs(2 * HOUR),
    Duration::from_secs(5 * HOUR),
    Duration::from_secs(10 * HOUR),
    Duration::from_secs(10 * HOUR),
    Duration::from_secs(10 * HOUR),
    Duration::from_secs(10 * HOUR),
    Duration::from_secs(10 * HOUR),
    Duration::from_secs(10 * HOUR),
];
const HOUR: u64 = 60 * 60;
/// How much a delay varies, up or down, so that messages that failed together do not return together.
const JITTER: f64 = 0.2;

/// How long a webhook rests after its first failure. It doubles with each further failure in a row.
const FIRST_REST: Duration = Duration::from_secs(2);
const LONGEST_REST: Duration = Duration::from_secs(5 * 60);
/// The longest rest that a receiver may ask for.
const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(HOUR);

/// A webhook that has failed for this long, and this often in a row, is disabled.
const DISABLE_AFTER: Duration = Duration::from_secs(5 * 24 * HOUR);
const DISABLE_AFTER_FAILURES: i32 = 12;

/// What came of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Outcome {
    /// The receiver answered with a 2xx.
    Taken,
    /// It answered 410: it wants nothing any more.
    Gone,
    /// What the message reports is no longer stored. It is given up, and the receiver is not at fault.
    ContentGone,
    /// Any other answer, or none.
    Failed { retry_after: Option<Duration> },
}

impl Outcome {
    /// `retry_after` is the header of the answer.
    pub(super) fn of_status(status: u16, retry_after: Option<Duration>) -> Self {
        match status {
            200..=299 => Self::Taken,
            410 => Self::Gone,
            // A redirect too: Bellwire has not checked the address to which it leads.
            _ => Self::Failed { retry_after },
        }
    }

    /// Whether it begins a failure of the webhook, which had `failures` in a row before.
    pub(super) fn begins_failure(&self, failures: i32) -> bool {
        failures == 0 && matches!(self, Self::Failed { .. })
    }

    /// Whether a request was sent.
    pub(super) fn is_of_request(&self) -> bool {
        !matches!(self, Self::ContentGone)
    }
}

/// The state of a message and its webhook before the attempt.
#[derive(Debug, Clone, Copy)]
pub(super) struct Before {
    /// Attempts before this one.
    pub attempts: i16,
    /// The webhook's failures in a row.
    pub failures: i32,
    /// For how long the webhook has failed.
    pub failing_for: Option<Duration>,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) struct Verdict {
    /// When the message is tried again; `None`: it was taken, or is given up.
    pub retry_in: Option<Duration>,
    /// How long nothing is sent to the webhook.
    pub block_for: Option<Duration>,
    /// Why the webhook is disabled.
    pub disable: Option<String>,
}

/// Decides. `jitter`: 0 to 1.
pub(super) fn decide(outcome: &Outcome, before: Before, jitter: f64) -> Verdict {
    let retry_after = match outcome {
        Outcome::Taken | Outcome::ContentGone => {
            return Verdict {
                retry_in: None,
                block_for: None,
                disable: None,
            };
        }
        Outcome::Gone => {
            return Verdict {
                retry_in: None,
                block_for: None,
                disable: Some("the receiver answered 410 Gone".to_owned()),
            };
        }
        Outcome::Failed { retry_after } => retry_after.map(|asked| asked.min(LONGEST_RETRY_AFTER)),
    };

    let varied = |delay: Duration| delay.mul_f64(1.0 - JITTER + 2.0 * JITTER * jitter);
    // After the last delay of the list, the message is given up.
    let retry_in = RETRIES
        .get(before.attempts.max(0) as usize)
        .map(|delay| varied(*delay).max(retry_after.unwrap_or_default()));

    // The exponent is clamped, so that the power can't overflow.
    let doublings = before.failures.clamp(0, 16).cast_unsigned();
    let rest = (FIRST_REST * 2u32.pow(doublings)).min(LONGEST_REST);
    let block_for = varied(rest).max(retry_after.unwrap_or_default());

    // Both conditions: a webhook with few messages fails rarely, and one with many fails often in an hour.
    let is_hopeless = before.failures + 1 >= DISABLE_AFTER_FAILURES
        && before
            .failing_for
            .is_some_and(|failing_for| failing_for >= DISABLE_AFTER);
    let disable = is_hopeless.then(|| {
        format!(
            "every request to it has failed for {} days",
            DISABLE_AFTER.as_secs() / (24 * HOUR)
        )
    });

    Verdict {
        retry_in,
        block_for: Some(block_for),
        disable,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FRESH: Before = Before {
        attempts: 0,
        failures: 0,
        failing_for: None,
    };
    const FAILED: Outcome = Outcome::Failed { retry_after: None };

    #[test]
    fn a_status_says_what_came_of_it() {
        for (status, outcome) in [
            (200, Outcome::Taken),
            (204, Outcome::Taken),
            (299, Outcome::Taken),
            (302, FAILED),
            (400, FAILED),
            (404, FAILED),
            (410, Outcome::Gone),
            (429, FAILED),
            (503, FAILED),
        ] {
            assert_eq!(Outcome::of_status(status, None), outcome, "{status}");
        }
    }

    #[test]
    fn a_message_whose_content_is_gone_is_no_failure_of_its_webhook() {
        assert!(FAILED.begins_failure(0));
        assert!(!FAILED.begins_failure(1), "only the first is logged");
        assert!(FAILED.is_of_request());

        for outcome in [Outcome::Taken, Outcome::Gone] {
            assert!(!outcome.begins_failure(0), "{outcome:?}");
            assert!(outcome.is_of_request(), "{outcome:?}");
        }
        assert!(!Outcome::ContentGone.begins_failure(0));
        assert!(!Outcome::ContentGone.is_of_request());
    }

    #[test]
    fn a_message_is_tried_for_about_three_days() {
        let delays: Vec<Duration> = (0..)
            .map_while(|attempts| decide(&FAILED, Before { attempts, ..FRESH }, 0.5).retry_in)
            .collect();

        assert_eq!(delays.first(), Some(&Duration::from_secs(5)));
        assert_eq!(delays.last(), Some(&Duration::from_secs(10 * HOUR)));
        assert!(delays.is_sorted());
        let days = delays.iter().sum::<Duration>().as_secs_f64() / (24.0 * 3600.0);
        assert!((2.5..3.5).contains(&days), "{days}");
    }

    #[test]
    fn delays_vary_by_a_fifth() {
        let delay = |jitter| decide(&FAILED, FRESH, jitter).retry_in.unwrap();

        assert_eq!(delay(0.0), Duration::from_secs(4));
        assert_eq!(delay(1.0), Duration::from_secs(6));
    }

    #[test]
    fn retry_after_is_obeyed_up_to_an_hour() {
        for (asked, expected) in [(1, 5), (90, 90), (90_000, 3600)] {
            let outcome = Outcome::Failed {
                retry_after: Some(Duration::from_secs(asked)),
            };
            let verdict = decide(&outcome, FRESH, 0.5);
            assert_eq!(verdict.retry_in, Some(Duration::from_secs(expected)));
            assert!(verdict.block_for >= Some(Duration::from_secs(asked.min(3600))));
        }
    }

    #[test]
    fn a_webhook_that_fails_rests_for_longer_and_longer() {
        let rest = |failures| {
            let before = Before { failures, ..FRESH };
            decide(&FAILED, before, 0.5).block_for.unwrap().as_secs()
        };

        assert_eq!([rest(0), rest(1), rest(2)], [2, 4, 8]);
        assert_eq!(rest(i32::MAX - 1), 300);
    }

    #[test]
    fn a_webhook_is_disabled_by_410_or_by_days_of_failure() {
        assert!(decide(&Outcome::Gone, FRESH, 0.5).disable.is_some());
        assert_eq!(decide(&Outcome::Gone, FRESH, 0.5).retry_in, None);

        let day = 24 * HOUR;
        for (failures, failing_for, is_disabled) in [
            (100, 4 * day, false),
            (100, 5 * day, true),
            (3, 6 * day, false),
        ] {
            let before = Before {
                failures,
                failing_for: Some(Duration::from_secs(failing_for)),
                ..FRESH
            };
            assert_eq!(decide(&FAILED, before, 0.5).disable.is_some(), is_disabled);
            assert_eq!(decide(&Outcome::Taken, before, 0.5).disable, None);
        }
    }
}
