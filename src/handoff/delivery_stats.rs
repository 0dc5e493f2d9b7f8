//! What metrics read of the running delivery.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::handoff::capacity::Capacity;

/// A view of the running delivery; cheap to clone.
#[derive(Clone)]
pub(crate) struct DeliveryStats {
    pub capacity: Arc<Capacity>,
    pub lag: Arc<RecorderLag>,
}

impl DeliveryStats {
    /// Notifications that this process has claimed and not yet recorded.
    pub(crate) fn claimed(&self) -> usize {
        self.capacity.claimed()
    }

    /// How long the oldest outcome that is not yet written has been waiting.
    pub(crate) fn recorder_lag(&self) -> Duration {
        self.lag.get()
    }
}

/// Since when outcomes wait to be written. The recorder alone sets it; metrics read it.
pub(crate) struct RecorderLag {
    epoch: Instant,
    /// Milliseconds after `epoch`, and 1; 0: none waits.
    since: AtomicU64,
}

impl RecorderLag {
    pub(crate) fn new() -> Self {
        Self {
            epoch: Instant::now(),
            since: AtomicU64::new(0),
        }
    }

    /// The oldest that waits has done so since then.
    pub(crate) fn begins(&self, since: Instant) {
        let since = since.saturating_duration_since(self.epoch).as_millis() as u64 + 1;
        self.since.store(since, Ordering::Relaxed);
    }

    /// Nothing waits any more.
    pub(crate) fn ends(&self) {
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
        let lag = RecorderLag::new();
        assert_eq!(lag.get(), Duration::ZERO);
        let second = Duration::from_secs(1);
        let lag = RecorderLag {
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
