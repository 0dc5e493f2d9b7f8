//! The decisions of the claim loop, without I/O: how much to claim, by age or by rank, and when to
//! claim again.

use std::time::{Duration, Instant};

use crate::model::operation::BATCH_SIZE;
use crate::store::batches::ClaimedBatch;

/// Notifications of the largest batch.
const LARGEST_BATCH: usize = BATCH_SIZE as usize;
/// Most batches that one statement claims by rank.
pub(crate) const MAX_BATCHES: usize = 200;
/// Batches that a claim by age takes before it continues by rank.
const BATCHES_BY_AGE: usize = 1;
/// The least time between two claims by age.
const BY_AGE_INTERVAL: Duration = Duration::from_millis(100);
/// The least time between the starts of two claims, so that under load single sends are claimed and
/// loaded together.
const CLAIM_INTERVAL: Duration = Duration::from_millis(5);
/// How long the loop waits for the capacity to be half free before it claims for the room there is.
const ROOM_TIMEOUT: Duration = Duration::from_millis(100);

const _: () = assert!(BATCHES_BY_AGE < MAX_BATCHES);
const _: () = assert!(CLAIM_INTERVAL.as_millis() < BY_AGE_INTERVAL.as_millis());
const _: () = assert!(CLAIM_INTERVAL.as_millis() < ROOM_TIMEOUT.as_millis());

/// Decides what the claim loop does next.
///
/// Claims go by rank: `HIGH` before `LOW`, and the first batches of every Operation before the later
/// batches of large ones. Within a rank, batches go in the order in which they came due; accounts
/// have no shares of their own. Against starvation, ranks are not strict: while more is due than
/// there is room for, a claim takes the batch that has been due for longest first, every
/// [`BY_AGE_INTERVAL`].
pub(crate) struct ClaimPolicy {
    /// When a claim last went by age, or left nothing behind.
    last_by_age: Instant,
}

/// How much more the delivery of this process can take.
pub(crate) struct Headroom {
    /// Notifications that may be claimed before the capacity is exhausted.
    pub free: usize,
    /// Whether the recorder cannot write its outcomes.
    pub recorder_stalled: bool,
}

#[derive(Debug, PartialEq)]
pub(crate) enum Step {
    Claim(ClaimPlan),
    Rest(Rest),
}

#[derive(Debug, PartialEq)]
pub(crate) struct ClaimPlan {
    /// Most notifications of the batches that are claimed.
    pub room: usize,
    /// Batches to claim by age, before those by rank.
    pub by_age: usize,
}

/// What a claim brought.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Claimed {
    pub batches: usize,
    pub notifications: usize,
}

/// What the loop waits for before it claims again.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Rest {
    /// Nothing more is due, or nothing may be claimed.
    UntilNotified,
    /// More is due than there is room for.
    UntilRoom,
}

/// The bounds of a [`Rest`].
#[derive(Debug, PartialEq)]
pub(crate) struct RestTimes {
    /// No claim before this time.
    pub earliest: Instant,
    /// The longest wait after that.
    pub longest: Duration,
}

impl ClaimPolicy {
    pub(crate) fn new(now: Instant) -> Self {
        Self { last_by_age: now }
    }

    pub(crate) fn next(&mut self, headroom: &Headroom, now: Instant) -> Step {
        // Outcomes that are not in Postgres stay in memory, so nothing may be added to them.
        if headroom.recorder_stalled {
            return Step::Rest(Rest::UntilNotified);
        }
        if headroom.free < LARGEST_BATCH {
            return Step::Rest(Rest::UntilRoom);
        }

        // A claim by age needs room for other batches beside it.
        let is_by_age = now.saturating_duration_since(self.last_by_age) >= BY_AGE_INTERVAL
            && headroom.free > BATCHES_BY_AGE * LARGEST_BATCH;
        if is_by_age {
            self.last_by_age = now;
        }

        Step::Claim(ClaimPlan {
            room: headroom.free,
            by_age: if is_by_age { BATCHES_BY_AGE } else { 0 },
        })
    }

    /// Whether a claim took all that was due. If it did, no batch waits behind others.
    pub(crate) fn took_all(&mut self, plan: &ClaimPlan, claimed: Claimed, now: Instant) -> bool {
        let took_all =
            claimed.batches < MAX_BATCHES && claimed.notifications + LARGEST_BATCH <= plan.room;
        if took_all {
            self.last_by_age = now;
        }

        took_all
    }
}

impl ClaimPlan {
    /// The room that is left for the claim by rank.
    pub(crate) fn room_beside(&self, by_age: Claimed) -> usize {
        self.room.saturating_sub(by_age.notifications)
    }
}

impl Claimed {
    pub(crate) fn of(batches: &[ClaimedBatch]) -> Self {
        Self {
            batches: batches.len(),
            notifications: batches.iter().map(|batch| batch.queued as usize).sum(),
        }
    }
}

impl Rest {
    /// The rest after a claim. `None`: more is due and there is room for a large claim, so the loop
    /// claims again at once.
    pub(crate) fn after(took_all: bool, is_roomy: bool) -> Option<Self> {
        match (took_all, is_roomy) {
            (true, _) => Some(Self::UntilNotified),
            (false, false) => Some(Self::UntilRoom),
            (false, true) => None,
        }
    }

    /// `began`: when the claims before this rest began; `random`: from 0 to 1.
    pub(crate) fn times(self, began: Instant, poll_interval: Duration, random: f64) -> RestTimes {
        let longest = match self {
            // Replicas that started together should not poll together.
            Self::UntilNotified => poll_interval.mul_f64(0.75 + random / 2.0),
            Self::UntilRoom => ROOM_TIMEOUT,
        };

        RestTimes {
            earliest: began + CLAIM_INTERVAL,
            longest,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BY_RANK: usize = 0;

    fn headroom(free: usize) -> Headroom {
        Headroom {
            free,
            recorder_stalled: false,
        }
    }

    fn claim(room: usize, by_age: usize) -> Step {
        Step::Claim(ClaimPlan { room, by_age })
    }

    fn claimed(batches: usize, notifications: usize) -> Claimed {
        Claimed {
            batches,
            notifications,
        }
    }

    #[test]
    fn nothing_is_claimed_without_room_for_the_largest_batch() {
        let now = Instant::now();
        let mut policy = ClaimPolicy::new(now);

        let step = policy.next(&headroom(LARGEST_BATCH - 1), now);
        assert_eq!(step, Step::Rest(Rest::UntilRoom));

        let step = policy.next(&headroom(LARGEST_BATCH), now);
        assert_eq!(step, claim(LARGEST_BATCH, BY_RANK));
    }

    #[test]
    fn nothing_is_claimed_while_the_recorder_is_stalled() {
        let now = Instant::now();
        let stalled = Headroom {
            free: 10_000,
            recorder_stalled: true,
        };

        let step = ClaimPolicy::new(now).next(&stalled, now);
        assert_eq!(step, Step::Rest(Rest::UntilNotified));
    }

    #[test]
    fn a_backlog_is_claimed_by_age_once_in_an_interval() {
        let start = Instant::now();
        let later = start + BY_AGE_INTERVAL;
        let mut policy = ClaimPolicy::new(start);

        assert_eq!(
            policy.next(&headroom(10_000), start),
            claim(10_000, BY_RANK)
        );
        assert_eq!(
            policy.next(&headroom(10_000), later),
            claim(10_000, BATCHES_BY_AGE)
        );
        assert_eq!(
            policy.next(&headroom(10_000), later),
            claim(10_000, BY_RANK)
        );
    }

    #[test]
    fn a_claim_by_age_needs_room_for_others() {
        let start = Instant::now();
        let later = start + BY_AGE_INTERVAL;
        let mut policy = ClaimPolicy::new(start);

        let room = BATCHES_BY_AGE * LARGEST_BATCH;
        assert_eq!(policy.next(&headroom(room), later), claim(room, BY_RANK));

        // It is still owed.
        let room = room + 1;
        assert_eq!(
            policy.next(&headroom(room), later),
            claim(room, BATCHES_BY_AGE)
        );
    }

    #[test]
    fn a_claim_that_took_all_postpones_the_next_by_age() {
        let start = Instant::now();
        let later = start + BY_AGE_INTERVAL;
        let mut policy = ClaimPolicy::new(start);
        let plan = ClaimPlan {
            room: 10_000,
            by_age: 0,
        };

        assert!(policy.took_all(&plan, claimed(3, 900), later));
        assert_eq!(
            policy.next(&headroom(10_000), later),
            claim(10_000, BY_RANK)
        );
    }

    #[test]
    fn a_claim_took_all_if_neither_of_its_limits_was_reached() {
        let now = Instant::now();
        let mut policy = ClaimPolicy::new(now);
        let plan = ClaimPlan {
            room: 10_000,
            by_age: 0,
        };

        assert!(policy.took_all(&plan, claimed(0, 0), now));
        assert!(policy.took_all(&plan, claimed(MAX_BATCHES - 1, 9_500), now));
        assert!(!policy.took_all(&plan, claimed(MAX_BATCHES, 200), now));
        // Another batch might not have fitted.
        assert!(!policy.took_all(&plan, claimed(20, 9_501), now));
    }

    #[test]
    fn the_loop_rests_unless_more_is_due_and_there_is_room() {
        assert_eq!(Rest::after(true, true), Some(Rest::UntilNotified));
        assert_eq!(Rest::after(true, false), Some(Rest::UntilNotified));
        assert_eq!(Rest::after(false, false), Some(Rest::UntilRoom));
        assert_eq!(Rest::after(false, true), None);
    }

    #[test]
    fn polls_are_spread_and_waits_for_room_are_short() {
        let began = Instant::now();
        let poll_interval = Duration::from_secs(4);
        let earliest = began + CLAIM_INTERVAL;

        for (random, seconds) in [(0.0, 3), (0.5, 4), (1.0, 5)] {
            assert_eq!(
                Rest::UntilNotified.times(began, poll_interval, random),
                RestTimes {
                    earliest,
                    longest: Duration::from_secs(seconds)
                }
            );
        }
        assert_eq!(
            Rest::UntilRoom.times(began, poll_interval, 0.5),
            RestTimes {
                earliest,
                longest: ROOM_TIMEOUT
            }
        );
    }

    #[test]
    fn what_was_claimed_by_age_takes_its_room() {
        let plan = ClaimPlan {
            room: 700,
            by_age: 1,
        };

        assert_eq!(plan.room_beside(claimed(1, 500)), 200);
    }
}
