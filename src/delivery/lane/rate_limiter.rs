//! How fast a lane may send: a token bucket whose rate warms up to the provider's quota, like Guava's
//! `SmoothWarmingUp`. FCM asks for both: 600,000 a minute for each project, and no jump to that from
//! nothing (<https://firebase.google.com/docs/cloud-messaging/scale-fcm>).
//!
//! Each process limits itself, for each Credential. Replicas that share one quota should each be
//! given a part of it: a replica that knew of the others would need a lock.

use std::time::{Duration, Instant};

/// The rate after a rest, as a share of the quota.
const COLD_SHARE: f64 = 0.1;
/// What may be sent at once after a rest, in seconds of the rate.
const BURST_SECONDS: f64 = 0.5;
/// The least time of a warm-up, in seconds, so that nothing is divided by 0.
const MIN_WARM_UP: f64 = 0.001;
/// The least rate from which a wait is computed, so that nothing is divided by 0.
const MIN_RATE: f64 = 0.1;

const _: () = assert!(0.0 < COLD_SHARE && COLD_SHARE < 1.0);

/// A provider's quota for one Credential.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Quota {
    /// Notifications a minute; 0: no limit.
    pub per_minute: u32,
    /// How long it takes from the cold rate to the whole quota.
    pub warm_up: Duration,
}

/// The rate limiter of a lane. The lane's worker alone owns it.
pub(crate) struct RateLimiter {
    quota: Quota,
    /// Notifications a second, now.
    rate: f64,
    /// Notifications that may be sent at once.
    tokens: f64,
    refilled_at: Instant,
}

impl RateLimiter {
    /// A cold one.
    pub(crate) fn new(quota: Quota, now: Instant) -> Self {
        let rate = full_rate(quota) * COLD_SHARE;

        Self {
            quota,
            rate,
            tokens: bucket_size(rate),
            refilled_at: now,
        }
    }

    /// Notifications a second that may be sent now, more than 0; `None`: no limit.
    pub(crate) fn rate(&self) -> Option<f64> {
        (self.quota.per_minute > 0).then_some(self.rate.max(MIN_RATE))
    }

    /// How long to wait until there is a token; `None`: there is one.
    pub(crate) fn wait(&mut self, now: Instant) -> Option<Duration> {
        if self.quota.per_minute == 0 {
            return None;
        }

        self.refill(now);

        let missing = 1.0 - self.tokens;
        (missing > 0.0).then(|| Duration::from_secs_f64(missing / self.rate.max(MIN_RATE)))
    }

    /// Spends a token, for a notification that is sent.
    pub(crate) fn spend(&mut self) {
        self.tokens -= 1.0;
    }

    fn refill(&mut self, now: Instant) {
        let seconds = now.duration_since(self.refilled_at).as_secs_f64();
        self.refilled_at = now;
        // At the rate of the time that is over. The new rate holds from now on.
        self.tokens += self.rate * seconds;

        let full = full_rate(self.quota);
        let warm_up = self.quota.warm_up.as_secs_f64().max(MIN_WARM_UP);
        let change = full * (1.0 - COLD_SHARE) * (seconds / warm_up);

        // A bucket that runs over belongs to a lane that sends less than it may: it cools down.
        let size = bucket_size(self.rate);
        if self.tokens > size {
            self.tokens = size;
            self.rate = (self.rate - change).max(full * COLD_SHARE);
        } else {
            self.rate = (self.rate + change).min(full);
        }
    }
}

/// Notifications a second.
fn full_rate(quota: Quota) -> f64 {
    f64::from(quota.per_minute) / 60.0
}

/// At least one token, or nothing could ever be sent.
fn bucket_size(rate: f64) -> f64 {
    (rate * BURST_SECONDS).max(1.0)
}

/// Notifications a second that a lane with `quota` may send at its start; `None`: no limit.
pub(crate) fn cold_rate(quota: Quota, now: Instant) -> Option<f64> {
    RateLimiter::new(quota, now).rate()
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUOTA: Quota = Quota {
        per_minute: 600_000,
        warm_up: Duration::from_secs(60),
    };
    const TICK: Duration = Duration::from_millis(1);

    /// How many notifications a lane sends in `seconds` that sends all it may.
    fn sent(limiter: &mut RateLimiter, now: &mut Instant, seconds: u32) -> u32 {
        let mut sent = 0;
        for _ in 0..seconds * 1000 {
            *now += TICK;
            while limiter.wait(*now).is_none() {
                limiter.spend();
                sent += 1;
            }
        }
        sent
    }

    #[test]
    fn it_warms_up_to_the_quota_and_keeps_it() {
        let mut now = Instant::now();
        let mut limiter = RateLimiter::new(QUOTA, now);

        let first = sent(&mut limiter, &mut now, 1);
        assert!((1_000..2_000).contains(&first), "{first}");

        sent(&mut limiter, &mut now, 60);
        let full = sent(&mut limiter, &mut now, 10);
        assert!((99_000..=101_000).contains(&full), "{full}");
    }

    #[test]
    fn a_rest_cools_it_down() {
        let mut now = Instant::now();
        let mut limiter = RateLimiter::new(QUOTA, now);
        sent(&mut limiter, &mut now, 70);

        for _ in 0..70 {
            now += Duration::from_secs(1);
            assert_eq!(limiter.wait(now), None);
        }
        let first = sent(&mut limiter, &mut now, 1);
        assert!(first < 2_000, "{first}");
    }

    #[test]
    fn without_a_quota_nothing_waits() {
        let now = Instant::now();
        let unlimited = Quota {
            per_minute: 0,
            warm_up: Duration::ZERO,
        };
        let mut limiter = RateLimiter::new(unlimited, now);

        for _ in 0..1_000_000 {
            limiter.spend();
        }
        assert_eq!(limiter.wait(now), None);
        assert_eq!(limiter.rate(), None);
    }

    #[test]
    fn a_small_quota_is_kept_too() {
        let mut now = Instant::now();
        let one_a_second = Quota {
            per_minute: 60,
            warm_up: Duration::from_secs(1),
        };
        let mut limiter = RateLimiter::new(one_a_second, now);

        let sent = sent(&mut limiter, &mut now, 20);
        assert!((18..=21).contains(&sent), "{sent}");
    }
}
