//! The pace of an Operation: how many of its notifications become due in a minute.

use std::time::Duration;

use crate::model::operation::BATCH_SIZE;

/// Highest pace that can be asked for.
pub const MAX_PER_MINUTE: u32 = 10_000_000;

/// The numbers from which on batches stand for a longer time. So an Operation that is paced over 7 days
/// has some 20,000 batches; each read adds them up.
pub const STARTS: [i32; 2] = [10_000, 12_000];
/// How long a batch is before the first of [`STARTS`], between them, and after the last, in seconds.
pub const SECONDS: [i32; 3] = [1, 10, 60];

/// Notifications of an Operation that become due in a minute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// 1 to [`MAX_PER_MINUTE`].
    pub per_minute: u32,
}

impl Pace {
    /// How many notifications become due together at least: those of a second.
    pub fn quantum(self) -> u32 {
        self.notifications_of(1)
    }

    /// The size of the batch with this number (0-based), in positions.
    pub fn batch_size(self, number: u32) -> u32 {
        let passed = STARTS.partition_point(|start| start.unsigned_abs() <= number);
        let seconds = SECONDS
            .get(passed)
            .map_or(1, |seconds| seconds.unsigned_abs());

        // A row of the queue stands for at most this many, also at a pace with more in a second.
        self.notifications_of(seconds).min(BATCH_SIZE)
    }

    /// At least one.
    fn notifications_of(self, seconds: u32) -> u32 {
        let notifications = u64::from(self.per_minute) * u64::from(seconds);

        // At most those of a minute at the highest pace, so it fits.
        // Rounded down, a pace of 61 in a minute would become one of 60.
        notifications.div_ceil(60).max(1) as u32
    }

    /// How long this many notifications take at the pace.
    pub fn time_of(self, notifications: u32) -> Duration {
        Duration::from_mins(1).mul_f64(f64::from(notifications) / f64::from(self.per_minute))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pace(per_minute: u32) -> Pace {
        Pace { per_minute }
    }

    #[test]
    fn a_quantum_stands_for_a_second_at_least() {
        for (per_minute, notifications) in [(1, 1), (59, 1), (61, 2), (6_000, 100), (6_001, 101)] {
            let pace = pace(per_minute);
            let quantum = pace.quantum();
            assert_eq!(quantum, notifications);
            assert_eq!(pace.batch_size(0), quantum);
            assert!(pace.time_of(quantum) >= Duration::from_secs(1));
        }
        assert_eq!(pace(MAX_PER_MINUTE).batch_size(0), BATCH_SIZE);
    }

    #[test]
    fn an_operation_over_seven_days_has_some_20_000_batches() {
        let week = Duration::from_hours(7 * 24);
        for per_minute in [1, 59, 60, 499] {
            let pace = pace(per_minute);
            let mut batches = 0;
            let mut notifications = 0;
            while pace.time_of(notifications) < week {
                notifications += pace.batch_size(batches);
                batches += 1;
            }
            assert!(batches < 25_000, "{per_minute}: {batches}");
        }
    }

    #[test]
    fn the_time_of_a_minutes_notifications_is_a_minute() {
        assert_eq!(pace(7).time_of(7), Duration::from_mins(1));
        assert_eq!(pace(6_000).time_of(100), Duration::from_secs(1));
        assert_eq!(pace(1).time_of(10), Duration::from_mins(10));
    }
}
