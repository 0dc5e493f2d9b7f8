//! How many requests a lane has under way at a time: as many as its provider answers without making them wait longer.
//!
//! A provider that is far away takes as many requests a second as one next door, only more of them are on their way. So the
//! window grows while the answers take hardly longer than the quickest ones, and shrinks when they come to wait: for the
//! provider, for a free stream, or for this machine.

use std::time::{Duration, Instant};

/// Enough for all that one machine can do next door, and for 10,000 a second at a provider that takes 50 ms.
const LEAST: f64 = 500.0;
/// What a crash may leave unknown is bounded by this.
const MOST: f64 = 4_000.0;
/// How much of a full window more may be tried in each round.
const GROWTH: f64 = 1.25;
const SHRINKAGE: f64 = 0.9;
/// Up to this many times the quickest answer is no waiting.
const SWIFT: f64 = 1.5;
/// Beyond this many times it is.
const SLOW: f64 = 2.5;
/// How long the quickest answer counts: the way to a provider changes.
const REMEMBERED: Duration = Duration::from_secs(10);

/// The window of a lane.
pub struct Window {
    size: f64,
    /// The quickest answers of this period and of the one before.
    quickest: [Duration; 2],
    period_began: Instant,
    round: Round,
}

/// About as many answers as fit into the window.
#[derive(Default)]
struct Round {
    answers: u32,
    took: Duration,
    /// Whether the window was ever full.
    full: bool,
}

impl Window {
    /// The smallest.
    pub fn new(now: Instant) -> Self {
        Self { size: LEAST, quickest: [Duration::MAX; 2], period_began: now, round: Round::default() }
    }

    /// Requests that may be under way at a time.
    pub fn size(&self) -> usize {
        self.size as usize
    }

    /// Notes an answer that took so long, when `under_way` requests were.
    pub fn answered(&mut self, took: Duration, under_way: usize, now: Instant) {
        if now.duration_since(self.period_began) >= REMEMBERED {
            self.quickest = [Duration::MAX, self.quickest[0]];
            self.period_began = now;
        }
        self.quickest[0] = self.quickest[0].min(took);
        self.round.answers += 1;
        self.round.took += took;
        self.round.full |= under_way >= self.size();
        if f64::from(self.round.answers) >= self.size {
            self.end_round();
        }
    }

    fn end_round(&mut self) {
        let Round { answers, took, full } = std::mem::take(&mut self.round);
        let quickest = self.quickest[0].min(self.quickest[1]);
        let slowness = (took / answers.max(1)).as_secs_f64() / quickest.as_secs_f64().max(1e-6);
        if slowness <= SWIFT && full {
            self.size = (self.size * GROWTH).min(MOST);
        } else if slowness > SLOW {
            self.size = (self.size * SHRINKAGE).max(LEAST);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FAR: Duration = Duration::from_millis(50);

    fn answer(window: &mut Window, took: Duration, under_way: usize, rounds: usize, now: Instant) {
        for _ in 0..rounds {
            for _ in 0..window.size() {
                window.answered(took, under_way, now);
            }
        }
    }

    #[test]
    fn it_grows_while_full_and_swift() {
        let now = Instant::now();
        let mut window = Window::new(now);
        answer(&mut window, FAR, 10_000, 20, now);
        assert_eq!(window.size(), MOST as usize);
    }

    #[test]
    fn it_stays_where_it_is_not_used_up() {
        let now = Instant::now();
        let mut window = Window::new(now);
        answer(&mut window, FAR, 10, 20, now);
        assert_eq!(window.size(), LEAST as usize);
    }

    #[test]
    fn it_shrinks_when_answers_come_to_wait() {
        let now = Instant::now();
        let mut window = Window::new(now);
        answer(&mut window, FAR, 10_000, 20, now);
        answer(&mut window, FAR * 3, 10_000, 30, now);
        assert_eq!(window.size(), LEAST as usize);
    }

    #[test]
    fn a_way_that_has_become_longer_is_no_waiting_for_ever() {
        let mut now = Instant::now();
        let mut window = Window::new(now);
        answer(&mut window, Duration::from_millis(5), 10_000, 1, now);
        for _ in 0..3 {
            now += REMEMBERED;
            answer(&mut window, FAR, 10_000, 1, now);
        }
        answer(&mut window, FAR, 10_000, 20, now);
        assert_eq!(window.size(), MOST as usize);
    }
}
