//! Slows down who fails to log in again and again.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::http::server::Source;

/// Failures of a source that are answered at once.
const FREE: u32 = 10;
/// How long it takes until one of them is free again, and how far the answers to the others are apart.
const INTERVAL: Duration = Duration::from_secs(1);
/// The longest time that an answer is held back.
const LONGEST_DELAY: Duration = Duration::from_secs(5);
/// Sources that are remembered, before those that failed long ago are forgotten.
const MANY_SOURCES: usize = 10_000;

/// Which sources failed lately. Each process counts by itself.
#[derive(Default)]
pub(crate) struct FailedLogins(Mutex<HashMap<Source, Failures>>);

/// The failures of a source: each lasts an [`INTERVAL`], one after the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Failures {
    last_until: Instant,
}

/// What to do about a failure.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Consequence {
    /// How long its answer is held back.
    pub delay: Duration,
    /// Whether the source did not fail lately, or is slowed down from now on: then it is worth a line
    /// in the log.
    pub is_news: bool,
}

impl Failures {
    /// One more failure.
    fn add(earlier: Option<Self>, now: Instant) -> (Self, Consequence) {
        let free = INTERVAL * FREE;
        let from = earlier.map_or(now, |earlier| earlier.last_until.max(now));
        // Bounded, so that a source is free again 15 s after its last failure, however many it had.
        let ahead = (from + INTERVAL - now).min(free + LONGEST_DELAY);
        let was_slowed = from + INTERVAL - now > free + INTERVAL;
        let delay = ahead.saturating_sub(free);

        let failures = Self {
            last_until: now + ahead,
        };
        let consequence = Consequence {
            delay,
            is_news: from == now || (!delay.is_zero() && !was_slowed),
        };
        (failures, consequence)
    }
}

impl FailedLogins {
    /// Counts a failure of `source`.
    pub(super) fn failed(&self, source: Source) -> Consequence {
        let now = Instant::now();
        let mut sources = self.0.lock().unwrap_or_else(PoisonError::into_inner);

        if sources.len() >= MANY_SOURCES {
            // Nothing is lost with these: a source whose failures have run out is treated as a new
            // one.
            sources.retain(|_, failures| failures.last_until > now);
        }

        let (failures, consequence) = Failures::add(sources.get(&source).copied(), now);
        sources.insert(source, failures);
        consequence
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The delays of failures at these seconds, and whether each is news.
    fn after(seconds: &[u64]) -> Vec<(u64, bool)> {
        let began = Instant::now();
        let mut failures = None;

        seconds
            .iter()
            .map(|second| {
                let now = began + Duration::from_secs(*second);
                let (next, consequence) = Failures::add(failures, now);
                failures = Some(next);
                (consequence.delay.as_secs(), consequence.is_news)
            })
            .collect()
    }

    #[test]
    fn a_few_failures_cost_nothing_and_more_cost_more() {
        let all_at_once = after(&[0; 20]);

        assert_eq!(all_at_once[0], (0, true));
        assert!(all_at_once[1..10].iter().all(|it| *it == (0, false)));
        assert_eq!(all_at_once[10], (1, true));
        assert_eq!(all_at_once[11], (2, false));
        assert!(all_at_once[14..].iter().all(|it| *it == (5, false)));
    }

    #[test]
    fn it_is_forgotten_in_time() {
        let mut seconds = vec![0; 15];
        seconds.push(7);
        seconds.push(60);
        let delays = after(&seconds);

        assert_eq!(delays[15], (0, false), "some are free again");
        assert_eq!(delays[16], (0, true));
    }
}
