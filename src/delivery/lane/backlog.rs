//! The notifications that wait in a lane's memory, and how many may.
//!
//! A lane that keeps up takes any number. A slow lane, and one with a rate limit, keeps what it sends
//! in half a second. Otherwise it would use up the process's capacity, and other lanes would wait for
//! it. A stalled or tripped lane keeps nothing. A notification without room is put back by its batch's
//! `due_at` alone: a `next_attempt_at` in each row would cost an update each and say nothing new.
//!
//! The delay of what is put back is a guess, from the rate of that moment. The lane recalls it earlier
//! if it has room earlier: see [`Backlog::room_to_recall`].

use std::borrow::Cow;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::delivery::lane::breaker::NO_ANSWER;

/// A slow lane keeps what it sends in this time, in seconds.
const KEPT_SECONDS: f64 = 0.5;
/// A slow lane may keep at least this many, so that it does not run dry between two claims.
const MIN_LIMIT: usize = 100;
/// What a lane without a limit recalls at a time.
const UNLIMITED_RECALL: usize = 2_000;
/// The longest delay for a notification that finds no room: the lane may become faster, and a process
/// that recalls may be gone.
const MAX_DELAY: Duration = Duration::from_secs(30);
/// The delay for a notification that finds the lane stalled.
const STALLED_DELAY: Duration = Duration::from_secs(5);
/// A notification that finds no room comes back after this share of the time that the lane needs for
/// its backlog, so that the lane does not run dry.
const EARLY: f64 = 0.8;

const _: () = assert!(STALLED_DELAY.as_millis() <= MAX_DELAY.as_millis());
const _: () = assert!(EARLY <= 1.0);

/// Counts the notifications that wait in a lane, and decides whether another one may.
///
/// The lane's handle and its worker share it. The handle enters notifications, from the claim loop;
/// the worker takes them out and sets the room. Neither waits for the other, and it ends with both.
pub(crate) struct Backlog {
    len: AtomicUsize,
    state: Mutex<State>,
}

struct State {
    room: Room,
    /// Notifications a second that the rate limit allows; `None`: there is no rate limit.
    pace: Option<f64>,
    /// When the breaker lets requests pass again.
    tripped_until: Option<Instant>,
    /// Why notifications are not sent, for people. `None` once the provider has given a good answer.
    last_error: Option<Cow<'static, str>>,
}

enum Room {
    Unlimited,
    Limited {
        limit: usize,
        /// Notifications that the lane sends in a second: more than 0.
        rate: f64,
        /// When the next notification that is put back comes again.
        next_turn: Instant,
    },
    /// The provider does not answer, so there is no rate.
    Stalled,
}

/// What the breaker says after an answer.
pub(crate) struct BreakerStatus {
    pub tripped_until: Option<Instant>,
    pub last_error: Option<Cow<'static, str>>,
}

impl State {
    /// How long the lane takes nothing at all; `None`: it may have room.
    fn blocked_for(&self, now: Instant) -> Option<Duration> {
        let tripped_for = self
            .tripped_until
            .map(|until| until.saturating_duration_since(now))
            .filter(|left| !left.is_zero());

        match self.room {
            // `None` is less than any delay, so a lane that is stalled alone has the delay of a
            // stall.
            Room::Stalled => tripped_for.max(Some(STALLED_DELAY)),
            Room::Unlimited | Room::Limited { .. } => tripped_for,
        }
    }

    /// Leaves as much room as the rate limit does.
    fn widen(&mut self, now: Instant) {
        self.room = match self.pace {
            Some(pace) => self.room.at_rate(pace, now),
            None => Room::Unlimited,
        };
    }
}

impl Room {
    /// The room of a lane that sends `rate` a second.
    fn at_rate(&self, rate: f64, now: Instant) -> Self {
        // What was put back at an earlier rate has its turns already: new ones come after those.
        let next_turn = match self {
            Self::Limited { next_turn, .. } => *next_turn,
            Self::Unlimited | Self::Stalled => now,
        };

        Self::Limited {
            limit: ((rate * KEPT_SECONDS) as usize).max(MIN_LIMIT),
            rate,
            next_turn,
        }
    }

    fn is_full(&self, len: usize) -> bool {
        match self {
            Self::Unlimited => false,
            Self::Limited { limit, .. } => len >= *limit,
            Self::Stalled => true,
        }
    }

    /// The delay for the next notification that is put back: one after the other, as fast as the lane
    /// sends, from the time on at which its backlog of `len` is nearly sent. What is above the limit is
    /// being put back as well, and does not count.
    fn next_delay(&mut self, len: usize, now: Instant) -> Duration {
        match self {
            Self::Unlimited => Duration::ZERO,
            Self::Limited {
                limit,
                rate,
                next_turn,
            } => {
                let seconds = EARLY * f64::from(len.min(*limit) as u32) / *rate;
                let drained = now + Duration::from_secs_f64(seconds);
                let turn = (*next_turn).max(drained).min(now + MAX_DELAY);

                *next_turn = turn + Duration::from_secs_f64(1.0 / *rate);
                turn.saturating_duration_since(now)
            }
            Self::Stalled => STALLED_DELAY,
        }
    }
}

impl Backlog {
    /// `pace`: notifications a second that the rate limit allows at the start; `None`: there is no rate
    /// limit.
    pub(crate) fn new(pace: Option<f64>, now: Instant) -> Self {
        let mut state = State {
            room: Room::Unlimited,
            pace,
            tripped_until: None,
            last_error: None,
        };
        state.widen(now);

        Self {
            len: AtomicUsize::new(0),
            state: Mutex::new(state),
        }
    }

    /// Counts one more notification. An error: there is no room; it is to be put back for this delay.
    pub(crate) fn enter(&self, now: Instant) -> Result<(), Duration> {
        let mut state = self.lock();

        if let Some(delay) = state.blocked_for(now) {
            return Err(delay);
        }
        if state.room.is_full(self.len()) {
            return Err(state.room.next_delay(self.len(), now));
        }

        self.len.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    /// Counts one notification less.
    pub(crate) fn leave(&self) {
        self.len.fetch_sub(1, Ordering::Relaxed);
    }

    /// Counts one notification less, for which there is no room any more. Returns the delay for which
    /// it is to be put back.
    pub(crate) fn evict(&self, now: Instant) -> Duration {
        self.leave();

        self.lock().room.next_delay(self.len(), now)
    }

    pub(crate) fn len(&self) -> usize {
        self.len.load(Ordering::Relaxed)
    }

    /// How long the lane takes nothing at all, because it is tripped or stalled; `None`: it may have
    /// room.
    pub(crate) fn blocked_for(&self, now: Instant) -> Option<Duration> {
        self.lock().blocked_for(now)
    }

    /// How many notifications that were put back the lane can take now; `None`: none, because it keeps
    /// enough, or takes nothing at all.
    pub(crate) fn room_to_recall(&self, now: Instant) -> Option<usize> {
        let state = self.lock();
        if state.blocked_for(now).is_some() {
            return None;
        }

        let wanted = match state.room {
            Room::Unlimited => UNLIMITED_RECALL,
            Room::Limited { limit, .. } => limit,
            Room::Stalled => return None,
        };
        let len = self.len();

        // Not before half is gone, so that a recall brings whole batches.
        (len <= wanted / 2).then(|| wanted - len)
    }

    pub(crate) fn last_error(&self) -> Option<Cow<'static, str>> {
        self.lock().last_error.clone()
    }

    /// Takes over what the breaker says after an answer, and ends a stall. Returns whether there was
    /// one.
    pub(crate) fn answered(&self, breaker: BreakerStatus, now: Instant) -> bool {
        let mut state = self.lock();
        state.tripped_until = breaker.tripped_until;
        state.last_error = breaker.last_error;

        // Any result ends a stall, a failed connect too: from here on the breaker decides.
        let was_stalled = matches!(state.room, Room::Stalled);
        if was_stalled {
            state.widen(now);
        }

        was_stalled
    }

    /// Leaves no room, because the provider does not answer. Returns whether there was any.
    pub(crate) fn stall(&self) -> bool {
        let mut state = self.lock();
        let was_stalled = matches!(state.room, Room::Stalled);
        state.room = Room::Stalled;

        // A lane that was tripped before knows a better reason.
        state.last_error.get_or_insert(Cow::Borrowed(NO_ANSWER));

        !was_stalled
    }

    pub(crate) fn is_stalled(&self) -> bool {
        matches!(self.lock().room, Room::Stalled)
    }

    /// Leaves room for any number, or for as much as the rate limit allows at present: `pace` a second.
    pub(crate) fn widen(&self, pace: Option<f64>, now: Instant) {
        let mut state = self.lock();
        state.pace = pace;
        state.widen(now);
    }

    /// Leaves room for what a lane that sends `rate` a second (more than 0) needs. Returns how many
    /// notifications are too many.
    pub(crate) fn narrow(&self, rate: f64, now: Instant) -> usize {
        let mut state = self.lock();
        state.room = state.room.at_rate(rate, now);

        match state.room {
            Room::Limited { limit, .. } => self.len().saturating_sub(limit),
            Room::Unlimited | Room::Stalled => 0,
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn working() -> BreakerStatus {
        BreakerStatus {
            tripped_until: None,
            last_error: None,
        }
    }

    fn unlimited(now: Instant) -> Backlog {
        Backlog::new(None, now)
    }

    #[test]
    fn a_slow_lane_takes_a_little_and_spreads_the_rest() {
        let now = Instant::now();
        let backlog = unlimited(now);
        backlog.narrow(1_000.0, now);

        let entered = (0..2_000).filter(|_| backlog.enter(now).is_ok()).count();
        assert_eq!(entered, 500);

        let delay = backlog.enter(now).unwrap_err();
        assert!(
            (1..3).contains(&delay.as_secs()),
            "after those that were put back before: {delay:?}"
        );
    }

    #[test]
    fn what_is_too_much_comes_back_when_the_rest_is_sent() {
        let now = Instant::now();
        let backlog = unlimited(now);
        assert!((0..10_000).all(|_| backlog.enter(now).is_ok()));

        let surplus = backlog.narrow(1_000.0, now);
        assert_eq!(surplus, 9_500);

        // 500 are left, which are sent in half a second.
        let first = backlog.evict(now);
        assert_eq!(first, Duration::from_millis(400));
    }

    #[test]
    fn a_lane_with_a_rate_limit_keeps_what_it_sends_in_half_a_second() {
        let now = Instant::now();
        let backlog = Backlog::new(Some(1_000.0), now);
        let entered = || (0..20_000).filter(|_| backlog.enter(now).is_ok()).count();
        assert_eq!(entered(), 500);

        backlog.widen(Some(10_000.0), now);
        assert_eq!(entered(), 4_500, "the rate limit has grown");

        backlog.stall();
        backlog.answered(working(), now);
        assert_eq!(entered(), 0, "a stall changes nothing");
    }

    #[test]
    fn a_lane_recalls_what_it_has_room_for() {
        let now = Instant::now();
        let backlog = unlimited(now);
        assert_eq!(backlog.room_to_recall(now), Some(UNLIMITED_RECALL));

        backlog.narrow(1_000.0, now);
        assert_eq!(backlog.room_to_recall(now), Some(500));
        assert!((0..250).all(|_| backlog.enter(now).is_ok()));
        assert_eq!(backlog.room_to_recall(now), Some(250));
        backlog.enter(now).unwrap();
        assert_eq!(backlog.room_to_recall(now), None, "it keeps enough");

        backlog.stall();
        assert_eq!(backlog.room_to_recall(now), None);

        let until = now + 9 * SECOND;
        let tripped = BreakerStatus {
            tripped_until: Some(until),
            last_error: None,
        };
        backlog.answered(tripped, now);
        assert_eq!(backlog.room_to_recall(now), None);
        assert_eq!(backlog.room_to_recall(until), Some(UNLIMITED_RECALL - 251));
    }

    #[test]
    fn nothing_is_put_back_for_long() {
        let now = Instant::now();
        let backlog = unlimited(now);
        backlog.narrow(1.0, now);

        let longest = (0..10_000).filter_map(|_| backlog.enter(now).err()).max();
        assert_eq!(longest, Some(MAX_DELAY));
    }

    #[test]
    fn a_lane_that_keeps_up_takes_any_number() {
        let now = Instant::now();
        let backlog = unlimited(now);

        assert!((0..100_000).all(|_| backlog.enter(now).is_ok()));
        assert_eq!(backlog.narrow(10_000.0, now), 95_000);
    }

    #[test]
    fn a_stalled_lane_takes_nothing_until_its_provider_answers() {
        let now = Instant::now();
        let backlog = unlimited(now);

        assert!(backlog.stall());
        assert!(!backlog.stall(), "once");
        assert_eq!(backlog.enter(now), Err(STALLED_DELAY));
        assert_eq!(backlog.last_error().as_deref(), Some(NO_ANSWER));

        assert!(backlog.answered(working(), now));
        assert!(!backlog.answered(working(), now), "once");
        assert_eq!(backlog.enter(now), Ok(()));
        assert_eq!(backlog.last_error(), None);
    }

    #[test]
    fn a_tripped_lane_takes_nothing_until_its_pause_is_over() {
        let now = Instant::now();
        let backlog = unlimited(now);
        let until = now + 9 * SECOND;
        let tripped = BreakerStatus {
            tripped_until: Some(until),
            last_error: Some("a pause".into()),
        };
        backlog.answered(tripped, now);

        assert_eq!(backlog.enter(now + 2 * SECOND), Err(7 * SECOND));
        assert_eq!(backlog.enter(until), Ok(()));
        assert_eq!(backlog.last_error().as_deref(), Some("a pause"));
    }
}
