//! How fast a lane may send: up to a quota, which is approached slowly. FCM asks for both: 600,000
//! a minute for each project, and no jump to that from nothing
//! (<https://firebase.google.com/docs/cloud-messaging/scale-fcm>).

use std::time::{Duration, Instant};

/// Where a lane begins that has rested, as a share of its quota.
const START: f64 = 0.1;
/// What may be sent at once after a rest, in seconds of the rate.
const BURST: f64 = 0.5;

/// A provider's quota for one Credential.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Quota {
    /// Notifications a minute; 0: any number.
    pub per_minute: u32,
    /// How long the way from rest to the whole quota takes.
    pub ramp: Duration,
}

/// The pace of a lane.
pub(crate) struct RateLimiter {
    quota: Quota,
    /// Notifications a second, now.
    rate: f64,
    /// Notifications that may be sent at once.
    allowance: f64,
    counted_at: Instant,
}

impl RateLimiter {
    /// That of a lane that has rested.
    pub(crate) fn new(quota: Quota, now: Instant) -> Self {
        let rate = f64::from(quota.per_minute) / 60.0 * START;
        Self {
            quota,
            rate,
            allowance: (rate * BURST).max(1.0),
            counted_at: now,
        }
    }

    /// Notifications a second that may be sent now; `None`: any number.
    pub(crate) fn rate(&self) -> Option<f64> {
        (self.quota.per_minute > 0).then_some(self.rate)
    }

    /// How long to wait before the next notification; `None`: it may go.
    pub(crate) fn wait(&mut self, now: Instant) -> Option<Duration> {
        if self.quota.per_minute == 0 {
            return None;
        }
        self.count(now);
        (self.allowance < 1.0)
            .then(|| Duration::from_secs_f64((1.0 - self.allowance) / self.rate.max(0.1)))
    }

    /// Notes that one is sent.
    pub(crate) fn sent(&mut self) {
        self.allowance -= 1.0;
    }

    fn count(&mut self, now: Instant) {
        let seconds = now.duration_since(self.counted_at).as_secs_f64();
        self.counted_at = now;
        let full = f64::from(self.quota.per_minute) / 60.0;
        let change = full * (1.0 - START) * (seconds / self.quota.ramp.as_secs_f64().max(0.001));
        self.allowance += self.rate * seconds;
        let burst = (self.rate * BURST).max(1.0);
        if self.allowance > burst {
            // It could have sent more than it did.
            self.allowance = burst;
            self.rate = (self.rate - change).max(full * START);
        } else {
            self.rate = (self.rate + change).min(full);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUOTA: Quota = Quota {
        per_minute: 600_000,
        ramp: Duration::from_secs(60),
    };
    const TICK: Duration = Duration::from_millis(1);

    /// How many are sent in `seconds` by a lane that sends whatever it may.
    fn sent(pace: &mut RateLimiter, now: &mut Instant, seconds: u32) -> u32 {
        let mut sent = 0;
        for _ in 0..seconds * 1000 {
            *now += TICK;
            while pace.wait(*now).is_none() {
                pace.sent();
                sent += 1;
            }
        }
        sent
    }

    #[test]
    fn it_approaches_the_quota_and_keeps_it() {
        let mut now = Instant::now();
        let mut pace = RateLimiter::new(QUOTA, now);
        let first = sent(&mut pace, &mut now, 1);
        assert!((1_000..2_000).contains(&first), "{first}");
        sent(&mut pace, &mut now, 60);
        let full = sent(&mut pace, &mut now, 10);
        assert!((99_000..=101_000).contains(&full), "{full}");
    }

    #[test]
    fn a_rest_takes_it_back_to_the_start() {
        let mut now = Instant::now();
        let mut pace = RateLimiter::new(QUOTA, now);
        sent(&mut pace, &mut now, 70);
        for _ in 0..70 {
            now += Duration::from_secs(1);
            assert_eq!(pace.wait(now), None);
        }
        let first = sent(&mut pace, &mut now, 1);
        assert!(first < 2_000, "{first}");
    }

    #[test]
    fn without_a_quota_nothing_waits() {
        let now = Instant::now();
        let mut pace = RateLimiter::new(
            Quota {
                per_minute: 0,
                ramp: Duration::ZERO,
            },
            now,
        );
        (0..1_000_000).for_each(|_| pace.sent());
        assert_eq!((pace.wait(now), pace.rate()), (None, None));
    }

    #[test]
    fn a_small_quota_is_kept_too() {
        let mut now = Instant::now();
        let mut pace = RateLimiter::new(
            Quota {
                per_minute: 60,
                ramp: Duration::from_secs(1),
            },
            now,
        );
        let sent = sent(&mut pace, &mut now, 20);
        assert!((18..=21).contains(&sent), "{sent}");
    }
}
