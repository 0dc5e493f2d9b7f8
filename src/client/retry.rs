//! Whether and when a failed request is repeated.

use std::time::Duration;

const FIRST_WAIT: Duration = Duration::from_millis(250);
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// How long requests are repeated while a Bellwire that has answered before can't be reached, such as during its
/// restart.
pub(super) const KNOWN: Duration = Duration::from_secs(120);
/// The same while Bellwire says that the account has reached a limit. A large send waits until there is room
/// in the queue.
pub(super) const THROTTLED: Duration = Duration::from_secs(3600);
/// The same for an address at which nothing has ever answered: it may be wrong.
pub(super) const UNKNOWN: Duration = Duration::from_secs(3);

/// When a request is sent again that failed after `elapsed` since its first attempt.
#[derive(Debug, Clone, Copy)]
pub(super) struct FailedAttempt {
    pub elapsed: Duration,
    /// How many attempts there were, at least 1.
    pub attempts: u32,
    /// What the answer asked for.
    pub retry_after: Option<Duration>,
    /// How long the request may be repeated in all.
    pub give_up_after: Duration,
}

impl FailedAttempt {
    /// How long to wait before the next attempt; `None`: the request is given up. `spread` is from 0 to
    /// 1, random: clients that failed together should not come back together.
    pub(super) fn wait(self, spread: f64) -> Option<Duration> {
        // Ten doublings pass the longest wait by far. A shift by 32 would panic or wrap.
        let doubled = FIRST_WAIT.saturating_mul(1 << (self.attempts - 1).min(10));
        let own = doubled.min(LONGEST_WAIT).mul_f64(0.75 + spread / 2.0);
        // An answer may ask for 0 s, which must not become a loop without a pause.
        let wait = self.retry_after.map_or(own, |asked| asked.max(own));

        // A wait beyond the limit is not begun: the failure is known now.
        (self.elapsed + wait <= self.give_up_after).then_some(wait)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wait(attempts: u32, retry_after: Option<u64>, elapsed: u64) -> Option<u128> {
        let failed = FailedAttempt {
            elapsed: Duration::from_secs(elapsed),
            attempts,
            retry_after: retry_after.map(Duration::from_secs),
            give_up_after: KNOWN,
        };
        failed.wait(0.5).map(|wait| wait.as_millis())
    }

    #[test]
    fn waits_double_up_to_the_longest() {
        assert_eq!(wait(1, None, 0), Some(250));
        assert_eq!(wait(2, None, 1), Some(500));
        assert_eq!(wait(30, None, 100), Some(5000));
    }

    #[test]
    fn the_wait_that_an_answer_asks_for_is_kept() {
        assert_eq!(wait(1, Some(30), 0), Some(30_000));
        assert_eq!(wait(1, Some(0), 0), Some(250));
        assert_eq!(wait(1, Some(121), 0), None);
    }

    #[test]
    fn a_request_is_given_up_when_the_patience_ends() {
        assert_eq!(wait(30, None, 116), None);
    }
}
