//! How many requests a lane may have in flight: as many as bring more answers.
//!
//! A provider far away takes as many requests a second as one in the same data center, with more of
//! them on their way. So the limit climbs the hill of throughput, as .NET's thread pool does (J.
//! Hellerstein, "Optimizing concurrency levels in the .NET `ThreadPool`", 2008): it doubles while a
//! doubling brings more answers a second, and goes back when it does not.
//!
//! The gradient limits of Netflix' concurrency-limits and TCP Vegas compare latencies instead. Here,
//! the least latency changes with the route to the provider, and a busy machine is slow by itself.
//! AIMD waits for losses, and a provider that throttles has its own rules: see the breaker.

use std::time::{Duration, Instant};

/// The limit until the provider's first answer: low, so that a provider that never answers holds few
/// notifications.
const BEFORE_FIRST_ANSWER: f64 = 50.0;
/// Enough for everything that one machine can do with a provider in the same data center, and for
/// 10,000 a second with a provider that takes 50 ms.
const MIN: f64 = 500.0;
/// A crash leaves the results of at most this many requests unknown.
const MAX: f64 = 4_000.0;
/// Each growth multiplies the limit by this factor, and each fall divides it.
const GROWTH_FACTOR: f64 = 2.0;
/// A growth is kept if it multiplies the rate of answers by at least this factor.
const WORTHWHILE_GAIN: f64 = 1.15;
/// How long the limit rests after a growth that was not kept. Not long: the connections that a higher
/// limit needs may have been opening at that time.
const REST: Duration = Duration::from_secs(1);
/// The least time over which a rate is measured.
const MEASUREMENT: Duration = Duration::from_millis(75);

const _: () = assert!(BEFORE_FIRST_ANSWER <= MIN && MIN <= MAX);
const _: () = assert!(WORTHWHILE_GAIN < GROWTH_FACTOR);
const _: () = assert!(MEASUREMENT.as_millis() < REST.as_millis());

/// The adaptive concurrency limit of a lane. The lane's worker alone owns it.
pub(crate) struct ConcurrencyLimit {
    limit: f64,
    has_answered: bool,
    /// The limit and the rate before the growth that is on trial.
    before_growth: Option<Trial>,
    /// No growth before this time.
    rests_until: Option<Instant>,
    measurement: Measurement,
}

struct Trial {
    limit: f64,
    /// Answers a second.
    rate: f64,
}

/// The answers of one period.
struct Measurement {
    began: Instant,
    answers: u32,
    /// Whether the limit was ever reached.
    was_full: bool,
    /// Whether it has answers to requests that were sent under another limit.
    is_mixed: bool,
}

impl Measurement {
    fn new(began: Instant, is_mixed: bool) -> Self {
        Self {
            began,
            answers: 0,
            was_full: false,
            is_mixed,
        }
    }
}

impl ConcurrencyLimit {
    pub(crate) fn new(now: Instant) -> Self {
        Self {
            limit: MIN,
            has_answered: false,
            before_growth: None,
            rests_until: None,
            measurement: Measurement::new(now, true),
        }
    }

    pub(crate) fn current(&self) -> usize {
        let limit = if self.has_answered {
            self.limit
        } else {
            BEFORE_FIRST_ANSWER
        };

        limit as usize
    }

    pub(crate) fn has_answered(&self) -> bool {
        self.has_answered
    }

    /// Notes an answer. `in_flight`: how many requests were in flight when it came, its own included.
    pub(crate) fn note_answer(&mut self, in_flight: usize, now: Instant) {
        self.has_answered = true;
        self.measurement.answers += 1;
        self.measurement.was_full |= in_flight >= self.current();

        let lasted = now.duration_since(self.measurement.began);
        let answers = f64::from(self.measurement.answers);
        // Up to as many answers as the limit may be to requests that were sent before the period
        // began. Fewer answers may say nothing about the period.
        if lasted < MEASUREMENT || answers < self.limit {
            return;
        }

        // A measurement that saw two limits can't judge either.
        let rate = answers / lasted.as_secs_f64();
        let has_changed = !self.measurement.is_mixed && self.adjust(rate, now);
        self.measurement = Measurement::new(now, has_changed);
    }

    /// Changes the limit after a period with `rate` answers a second. Returns whether it changed.
    fn adjust(&mut self, rate: f64, now: Instant) -> bool {
        // The lane has less to send than it may, so the rate says nothing about the limit.
        if !self.measurement.was_full {
            self.before_growth = None;
            let lower = (self.limit / GROWTH_FACTOR).max(MIN);

            return std::mem::replace(&mut self.limit, lower) > lower;
        }

        if let Some(before) = self.before_growth.take()
            && rate < before.rate * WORTHWHILE_GAIN
        {
            self.limit = before.limit;
            self.rests_until = Some(now + REST);

            return true;
        }

        if self.limit >= MAX || self.rests_until.is_some_and(|until| now < until) {
            return false;
        }

        self.before_growth = Some(Trial {
            limit: self.limit,
            rate,
        });
        self.limit = (self.limit * GROWTH_FACTOR).min(MAX);

        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Provider {
        /// The most answers a second.
        max_rate: f64,
        latency: Duration,
    }

    impl Provider {
        /// Answers a lane that always has more to send. Returns the limit after `seconds`.
        fn answer(&self, limit: &mut ConcurrencyLimit, now: &mut Instant, seconds: u64) -> usize {
            let until = *now + Duration::from_secs(seconds);
            while *now < until {
                let rate = self.max_rate.min(limit.limit / self.latency.as_secs_f64());
                *now += Duration::from_secs_f64(1.0 / rate);
                limit.note_answer(limit.current(), *now);
            }

            limit.current()
        }
    }

    const FAR_AWAY: Provider = Provider {
        max_rate: 1e6,
        latency: Duration::from_millis(50),
    };

    #[test]
    fn it_grows_for_a_provider_that_is_far_away() {
        let mut now = Instant::now();
        let mut limit = ConcurrencyLimit::new(now);

        assert_eq!(FAR_AWAY.answer(&mut limit, &mut now, 3), MAX as usize);
    }

    #[test]
    fn it_does_not_grow_where_that_brings_nothing() {
        let mut now = Instant::now();
        let mut limit = ConcurrencyLimit::new(now);
        let nearby = Provider {
            max_rate: 20_000.0,
            latency: Duration::from_millis(1),
        };

        assert_eq!(nearby.answer(&mut limit, &mut now, 3), MIN as usize);
    }

    #[test]
    fn it_stops_at_the_rate_that_the_provider_takes() {
        let mut now = Instant::now();
        let mut limit = ConcurrencyLimit::new(now);
        let slow = Provider {
            max_rate: 16_000.0,
            ..FAR_AWAY
        };

        let reached = slow.answer(&mut limit, &mut now, 4);
        assert!((700..1_200).contains(&reached), "{reached}");
    }

    #[test]
    fn it_is_low_until_the_provider_has_answered() {
        let now = Instant::now();
        let mut limit = ConcurrencyLimit::new(now);
        assert_eq!(limit.current(), BEFORE_FIRST_ANSWER as usize);

        limit.note_answer(1, now);
        assert_eq!(limit.current(), MIN as usize);
    }

    #[test]
    fn it_falls_when_it_is_not_reached() {
        let mut now = Instant::now();
        let mut limit = ConcurrencyLimit::new(now);
        FAR_AWAY.answer(&mut limit, &mut now, 3);

        for _ in 0..50_000 {
            now += Duration::from_millis(1);
            limit.note_answer(10, now);
        }
        assert_eq!(limit.current(), MIN as usize);
    }
}
