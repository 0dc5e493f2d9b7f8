//! What waits in a lane: little where the lane is slow, so that it leaves the memory, and thereby
//! the claims, to others. What there is no room for is put back until about when its turn comes.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// A lane keeps what it sends in this time, in seconds.
const KEPT: f64 = 0.5;
/// But always so many, so that it does not run dry between two claims.
const LEAST: usize = 100;
/// The longest that something is put back for: the lane may become faster.
const LONGEST: Duration = Duration::from_secs(30);
/// How long notifications are put back for that meet a stalled lane.
const STALLED_DELAY: Duration = Duration::from_secs(5);

/// What waits in a lane, and how much may.
pub(crate) struct Backlog {
    waiting: AtomicUsize,
    state: Mutex<State>,
}

/// What decides whether there is room.
struct State {
    room: Room,
    /// Until when the breaker lets nothing pass, and why.
    closed: Option<(Instant, String)>,
}

impl State {
    /// How long nothing is taken at all.
    fn closed_for(&self, now: Instant) -> Option<Duration> {
        let closed = self
            .closed
            .as_ref()
            .map(|(until, _)| until.saturating_duration_since(now));
        let closed = closed.filter(|left| !left.is_zero());
        if matches!(self.room, Room::Stalled) {
            closed.max(Some(STALLED_DELAY))
        } else {
            closed
        }
    }
}

/// How much may wait.
enum Room {
    /// Whatever comes: the lane keeps up.
    Any,
    /// The lane sends `rate` a second; whatever is put back comes again from `next` on, at that
    /// rate.
    For {
        limit: usize,
        rate: f64,
        next: Instant,
    },
    /// Nothing: the lane's provider is silent.
    Stalled,
}

impl Room {
    fn is_full(&self, waiting: usize) -> bool {
        match self {
            Self::Any => false,
            Self::For { limit, .. } => waiting >= *limit,
            Self::Stalled => true,
        }
    }

    /// How long to put the next notification back that has no place.
    fn delay(&mut self, waiting: usize, now: Instant) -> Duration {
        match self {
            Self::Any => Duration::ZERO,
            Self::For { rate, next, .. } => {
                // A little early, so that the lane does not run dry.
                let drained =
                    now + Duration::from_secs_f64(0.8 * f64::from(waiting as u32) / *rate);
                let turn = (*next).max(drained).min(now + LONGEST);
                *next = turn + Duration::from_secs_f64(1.0 / *rate);
                turn.saturating_duration_since(now)
            }
            Self::Stalled => STALLED_DELAY,
        }
    }
}

impl Default for Backlog {
    fn default() -> Self {
        Self {
            waiting: AtomicUsize::new(0),
            state: Mutex::new(State {
                room: Room::Any,
                closed: None,
            }),
        }
    }
}

impl Backlog {
    /// Takes a place; else says how long to put the notification back.
    pub(crate) fn enter(&self, now: Instant) -> Result<(), Duration> {
        let mut state = self.lock();
        if let Some(delay) = state.closed_for(now) {
            return Err(delay);
        }
        if state.room.is_full(self.waiting()) {
            return Err(state.room.delay(self.waiting(), now));
        }
        self.waiting.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    /// Gives a place back for which there is no room any more. Returns how long to put the
    /// notification back.
    pub(crate) fn turn_out(&self, now: Instant) -> Duration {
        self.leave();
        self.lock().room.delay(self.waiting(), now)
    }

    /// For how long nothing is taken at all: the provider is silent, or the lane is closed. `None`:
    /// something may be.
    pub(crate) fn closed_for(&self, now: Instant) -> Option<Duration> {
        self.lock().closed_for(now)
    }

    /// Takes nothing until then, because of `reason`.
    pub(crate) fn close(&self, until: Instant, reason: &str) {
        self.lock().closed = Some((until, reason.to_owned()));
    }

    /// The breaker lets pass what comes.
    pub(crate) fn reopen(&self) {
        self.lock().closed = None;
    }

    /// What keeps the lane from sending, for people.
    pub(crate) fn obstacle(&self) -> Option<String> {
        let state = self.lock();
        let silent = || {
            matches!(state.room, Room::Stalled).then(|| "the provider does not answer".to_owned())
        };
        state
            .closed
            .as_ref()
            .map(|(_, reason)| reason.clone())
            .or_else(silent)
    }

    /// Gives a place back.
    pub(crate) fn leave(&self) {
        self.waiting.fetch_sub(1, Ordering::Relaxed);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many wait.
    pub(crate) fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }

    /// The provider is silent: nothing waits for it. Returns whether that is news.
    pub(crate) fn stall(&self) -> bool {
        !matches!(
            std::mem::replace(&mut self.lock().room, Room::Stalled),
            Room::Stalled
        )
    }

    /// Whether the provider is silent.
    pub(crate) fn is_stalled(&self) -> bool {
        matches!(self.lock().room, Room::Stalled)
    }

    /// The lane keeps up, or is not known to be slow.
    pub(crate) fn open(&self) {
        self.lock().room = Room::Any;
    }

    /// The lane has more than it can send, which is `rate` a second, more than 0. Returns how many
    /// too many wait.
    pub(crate) fn narrow(&self, rate: f64, now: Instant) -> usize {
        let room = &mut self.lock().room;
        let next = match *room {
            Room::For { next, .. } => next,
            Room::Any | Room::Stalled => now,
        };
        let limit = ((rate * KEPT) as usize).max(LEAST);
        *room = Room::For { limit, rate, next };
        self.waiting().saturating_sub(limit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slow_lane_takes_a_little_and_spreads_the_rest() {
        let (backlog, now) = (Backlog::default(), Instant::now());
        backlog.narrow(1_000.0, now);
        let entered = (0..2_000).filter(|_| backlog.enter(now).is_ok()).count();
        assert_eq!(entered, 500);
        let put_back = backlog.enter(now).unwrap_err();
        assert!(
            (1..3).contains(&put_back.as_secs()),
            "after those that were put back before: {put_back:?}"
        );
    }

    #[test]
    fn nothing_is_put_back_for_long() {
        let (backlog, now) = (Backlog::default(), Instant::now());
        backlog.narrow(1.0, now);
        let longest = (0..10_000).filter_map(|_| backlog.enter(now).err()).max();
        assert_eq!(longest, Some(LONGEST));
    }

    #[test]
    fn a_lane_that_keeps_up_takes_whatever_comes() {
        let (backlog, now) = (Backlog::default(), Instant::now());
        assert!((0..100_000).all(|_| backlog.enter(now).is_ok()));
        assert_eq!(backlog.narrow(10_000.0, now), 95_000);
        assert!(backlog.stall());
        assert!(!backlog.stall(), "once");
        assert_eq!(backlog.enter(now), Err(STALLED_DELAY));
        backlog.open();
        assert_eq!(backlog.enter(now), Ok(()));
    }

    #[test]
    fn a_closed_lane_takes_nothing_until_it_opens() {
        let (backlog, now) = (Backlog::default(), Instant::now());
        let until = now + Duration::from_secs(9);
        backlog.close(until, "a pause");
        assert_eq!(
            backlog.enter(now + Duration::from_secs(2)),
            Err(Duration::from_secs(7))
        );
        assert_eq!(backlog.obstacle().as_deref(), Some("a pause"));
        assert_eq!(backlog.enter(until), Ok(()));
    }
}
