//! How delivery stands, for those who watch.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::delivery::lease::Capacity;

/// A view of the running delivery; cheap to clone.
#[derive(Clone)]
pub struct Standing {
    pub(super) capacity: Arc<Capacity>,
    pub(super) lag: Arc<Lag>,
}

impl Standing {
    /// Notifications in this process, from claim to record.
    pub fn in_hand(&self) -> usize {
        self.capacity.taken()
    }

    /// How long the oldest outcome that is not durable has been waiting for that.
    pub fn recorder_lag(&self) -> Duration {
        self.lag.get()
    }
}

/// Since when outcomes wait to be durable.
pub struct Lag {
    epoch: Instant,
    /// Milliseconds after `epoch`, and 1; 0: none waits.
    since: AtomicU64,
}

impl Lag {
    /// Nothing waits.
    pub fn new() -> Self {
        Self {
            epoch: Instant::now(),
            since: AtomicU64::new(0),
        }
    }

    /// The oldest that waits has done so since then.
    pub fn begins(&self, since: Instant) {
        let since = since.saturating_duration_since(self.epoch).as_millis() as u64 + 1;
        self.since.store(since, Ordering::Relaxed);
    }

    /// Nothing waits any more.
    pub fn ends(&self) {
        self.since.store(0, Ordering::Relaxed);
    }

    fn get(&self) -> Duration {
        match self.since.load(Ordering::Relaxed) {
            0 => Duration::ZERO,
            since => self
                .epoch
                .elapsed()
                .saturating_sub(Duration::from_millis(since - 1)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lag_is_that_of_the_oldest_outcome_that_waits() {
        let lag = Lag::new();
        assert_eq!(lag.get(), Duration::ZERO);
        let second = Duration::from_secs(1);
        let lag = Lag {
            epoch: Instant::now().checked_sub(9 * second).unwrap(),
            since: AtomicU64::new(0),
        };
        lag.begins(lag.epoch + 4 * second);
        assert_eq!(lag.get().as_secs(), 5);
        lag.begins(lag.epoch + 7 * second);
        assert_eq!(lag.get().as_secs(), 2);
        lag.ends();
        assert_eq!(lag.get(), Duration::ZERO);
    }
}
