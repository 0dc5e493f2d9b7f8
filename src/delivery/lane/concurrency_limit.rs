//! How many requests a lane has under way at a time: as many as bring more answers.
//!
//! A provider that is far away takes as many requests a second as one next door, only more of them
//! are on their way. So a full window grows as long as that brings more answers a second, and falls
//! back when it is not used up.

use std::time::{Duration, Instant};

/// For a provider that has not answered yet: little, so that one that never does holds up little.
const UNKNOWN: usize = 50;
/// Enough for all that one machine can do next door, and for 10,000 a second at a provider that
/// takes 50 ms.
const LEAST: f64 = 500.0;
/// What a crash may leave unknown is bounded by this.
const MOST: f64 = 4_000.0;
/// How much larger the next size to be tried is.
const GROWTH: f64 = 2.0;
/// A larger size stays if it brings so much more.
const WORTHWHILE: f64 = 1.15;
/// How long a size that was not worth growing stays before growing is tried again: not long, since
/// the connections that a larger one needs may have been opening.
const CONTENT: Duration = Duration::from_secs(1);
/// How long answers are counted for a rate.
const ROUND: Duration = Duration::from_millis(75);

/// The window of a lane.
pub(crate) struct ConcurrencyLimit {
    size: f64,
    /// Whether there has been an answer.
    answered: bool,
    /// Answers a second at the size before the last growth, and that size; `None`: nothing is being
    /// tried.
    before: Option<(f64, f64)>,
    /// Not to be tried before this.
    content_until: Option<Instant>,
    round: Round,
}

/// What is counted for a rate.
struct Round {
    began: Instant,
    answers: u32,
    /// Whether the window was ever full.
    full: bool,
    /// Whether answers to requests of another size are among them.
    mixed: bool,
}

impl Round {
    fn new(now: Instant, mixed: bool) -> Self {
        Self {
            began: now,
            answers: 0,
            full: false,
            mixed,
        }
    }
}

impl ConcurrencyLimit {
    /// The smallest.
    pub(crate) fn new(now: Instant) -> Self {
        Self {
            size: LEAST,
            answered: false,
            before: None,
            content_until: None,
            round: Round::new(now, true),
        }
    }

    /// Requests that may be under way at a time.
    pub(crate) fn size(&self) -> usize {
        if self.answered {
            self.size as usize
        } else {
            UNKNOWN
        }
    }

    /// Notes an answer that came when `under_way` requests were.
    pub(crate) fn answered(&mut self, under_way: usize, now: Instant) {
        self.answered = true;
        self.round.answers += 1;
        self.round.full |= under_way >= self.size();
        let lasted = now.duration_since(self.round.began);
        if lasted >= ROUND && f64::from(self.round.answers) >= self.size {
            let rate = f64::from(self.round.answers) / lasted.as_secs_f64();
            let changed = !self.round.mixed && self.judge(rate, now);
            self.round = Round::new(now, changed);
        }
    }

    /// Changes the size by what the round brought. Returns whether it did.
    fn judge(&mut self, rate: f64, now: Instant) -> bool {
        if !self.round.full {
            self.before = None;
            let smaller = (self.size / GROWTH).max(LEAST);
            return std::mem::replace(&mut self.size, smaller) > smaller;
        }
        if let Some((rate_before, size_before)) = self.before.take()
            && rate < rate_before * WORTHWHILE
        {
            self.size = size_before;
            self.content_until = Some(now + CONTENT);
            return true;
        }
        if self.size >= MOST || self.content_until.is_some_and(|until| now < until) {
            return false;
        }
        self.before = Some((rate, self.size));
        self.size = (self.size * GROWTH).min(MOST);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A provider that answers so many a second at most, each after this time, to a lane that
    /// always has more to send.
    fn run(
        window: &mut ConcurrencyLimit,
        now: &mut Instant,
        most: f64,
        latency: Duration,
        seconds: u32,
    ) {
        let until = *now + Duration::from_secs(seconds.into());
        while *now < until {
            let rate = most.min(window.size / latency.as_secs_f64());
            *now += Duration::from_secs_f64(1.0 / rate);
            window.answered(window.size(), *now);
        }
    }

    #[test]
    fn it_grows_for_a_provider_that_is_far_away() {
        let mut now = Instant::now();
        let mut window = ConcurrencyLimit::new(now);
        run(&mut window, &mut now, 1e6, Duration::from_millis(50), 3);
        assert_eq!(window.size(), MOST as usize);
    }

    #[test]
    fn it_does_not_grow_where_that_brings_nothing() {
        let mut now = Instant::now();
        let mut window = ConcurrencyLimit::new(now);
        run(&mut window, &mut now, 20_000.0, Duration::from_millis(1), 3);
        assert_eq!(window.size(), LEAST as usize);
    }

    #[test]
    fn it_stops_at_what_the_provider_takes() {
        let mut now = Instant::now();
        let mut window = ConcurrencyLimit::new(now);
        run(
            &mut window,
            &mut now,
            16_000.0,
            Duration::from_millis(50),
            4,
        );
        assert!((700..1200).contains(&window.size()), "{}", window.size());
    }

    #[test]
    fn it_is_small_until_the_provider_has_answered() {
        let now = Instant::now();
        let mut window = ConcurrencyLimit::new(now);
        assert_eq!(window.size(), UNKNOWN);
        window.answered(1, now);
        assert_eq!(window.size(), LEAST as usize);
    }

    #[test]
    fn it_falls_back_when_it_is_not_used_up() {
        let mut now = Instant::now();
        let mut window = ConcurrencyLimit::new(now);
        run(&mut window, &mut now, 1e6, Duration::from_millis(50), 3);
        for _ in 0..50_000 {
            now += Duration::from_millis(1);
            window.answered(10, now);
        }
        assert_eq!(window.size(), LEAST as usize);
    }
}
