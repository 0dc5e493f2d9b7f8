//! What metrics read from the running delivery.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::handoff::capacity::Capacity;

/// A read-only view of the running delivery; cheap to clone.
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

    /// How long the oldest outcome that is not yet in Postgres has been waiting.
    pub(crate) fn recorder_lag(&self) -> Duration {
        self.lag.get()
    }
}

/// Since when outcomes have been waiting to be written. The recorder alone sets it; metrics read it.
pub(crate) struct RecorderLag {
    epoch: Instant,
    /// Milliseconds after `epoch`, plus 1; 0: no outcome is waiting.
    oldest: AtomicU64,
}

impl RecorderLag {
    pub(crate) fn new() -> Self {
        Self {
            epoch: Instant::now(),
            oldest: AtomicU64::new(0),
        }
    }

    /// The oldest outcome has been waiting since `since`.
    pub(crate) fn set_oldest(&self, since: Instant) {
        let millis = since.saturating_duration_since(self.epoch).as_millis() as u64;
        self.oldest.store(millis + 1, Ordering::Relaxed);
    }

    /// No outcome is waiting any more.
    pub(crate) fn clear(&self) {
        self.oldest.store(0, Ordering::Relaxed);
    }

    fn get(&self) -> Duration {
        match self.oldest.load(Ordering::Relaxed) {
            0 => Duration::ZERO,
            oldest => self
                .epoch
                .elapsed()
                .saturating_sub(Duration::from_millis(oldest - 1)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lag_is_the_age_of_the_oldest_outcome() {
        let lag = RecorderLag::new();
        assert_eq!(lag.get(), Duration::ZERO);

        // Minutes, so that the time that the test itself takes does not matter.
        let minute = Duration::from_secs(60);
        let lag = RecorderLag {
            epoch: Instant::now().checked_sub(9 * minute).unwrap(),
            oldest: AtomicU64::new(0),
        };
        lag.set_oldest(lag.epoch + 4 * minute);
        assert_eq!(lag.get().as_secs() / 60, 5);

        lag.set_oldest(lag.epoch + 7 * minute);
        assert_eq!(lag.get().as_secs() / 60, 2);

        lag.clear();
        assert_eq!(lag.get(), Duration::ZERO);
    }
}
