//! Which batches of a paced Operation become due with a turn, and when its next turn is. Decided here,
//! without I/O.

use std::time::Duration;

use time::OffsetDateTime;

use crate::model::pace::Pace;

/// How much of its pace an Operation makes up for when a turn comes late. What is overdue for longer
/// is not sent faster: the rest of the Operation goes later.
const CATCH_UP: Duration = Duration::from_secs(1);
/// How long an Operation rests whose fan-out has made nothing yet.
const WHILE_GROWING: Duration = Duration::from_millis(500);
/// Turns whose notifications may wait in lanes that do not accept them. More of them would go as a
/// burst when the lanes accept again.
const MAX_STUCK: u32 = 2;

/// An Operation whose turn it is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Turn {
    pub pace: Pace,
    /// When its turn was.
    pub next_at: OffsetDateTime,
    /// Of the last batches that became due, how many notifications are unsettled, although they were not
    /// claimed or were put back.
    pub stuck: u32,
    /// Whether its fan-out makes further batches.
    pub is_growing: bool,
    pub now: OffsetDateTime,
}

/// What happens with a turn.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Taken {
    /// How many of the waiting batches become due.
    pub batches: usize,
    /// `None`: nothing is left that waits for a turn.
    pub next_at: Option<OffsetDateTime>,
}

/// `waiting`: how many notifications the first waiting batches have, in order. `has_more`: whether there
/// may be other batches.
pub(super) fn take(turn: Turn, waiting: &[u32], has_more: bool) -> Taken {
    let quantum = turn.pace.quantum();

    if waiting.is_empty() {
        return Taken {
            batches: 0,
            next_at: turn.is_growing.then(|| turn.now + WHILE_GROWING),
        };
    }
    let turn_size = quantum.max(waiting[0]);
    if turn.stuck >= turn_size.saturating_mul(MAX_STUCK) {
        return Taken {
            batches: 0,
            next_at: Some(turn.now + turn.pace.time_of(turn_size)),
        };
    }

    let mut taken = 0;
    let mut batches = 0;
    for notifications in waiting {
        // At least one, and no more than belongs to the turn.
        if batches > 0 && taken + notifications > quantum {
            break;
        }
        taken += notifications;
        batches += 1;
    }

    let is_over = batches == waiting.len() && !has_more && !turn.is_growing;
    // From the time of this turn and not from now, so that small delays do not add up.
    let due = turn.next_at.max(turn.now - CATCH_UP);
    Taken {
        batches,
        next_at: (!is_over).then(|| due + turn.pace.time_of(taken)),
    }
}

/// How many waiting batches a turn may need.
pub(super) fn batches_of(pace: Pace) -> u32 {
    // One more shows whether anything is left. A pace that was raised has batches that are smaller than
    // its turns: then several turns follow each other at once.
    pace.quantum().div_ceil(pace.batch_size(0)).max(50) + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn turn(per_minute: u32, late: Duration) -> Turn {
        let now = OffsetDateTime::now_utc();
        Turn {
            pace: Pace { per_minute },
            next_at: now - late,
            stuck: 0,
            is_growing: false,
            now,
        }
    }

    #[test]
    fn a_turn_takes_a_quantum_in_whole_batches() {
        let turn = turn(6_000, Duration::ZERO);
        let batches = |waiting: &[u32]| take(turn, waiting, false).batches;

        assert_eq!(batches(&[100, 100]), 1);
        assert_eq!(batches(&[30, 70, 1]), 2);
        assert_eq!(batches(&[30, 71]), 1);
        assert_eq!(batches(&[500, 500]), 1, "of a slower time");
        assert_eq!(batches(&[7]), 1);
    }

    #[test]
    fn the_next_turn_follows_by_what_was_taken_whenever_this_one_came() {
        let second = Duration::from_secs(1);
        let on_time = turn(6_000, Duration::ZERO);
        let taken = take(on_time, &[100, 100], false);
        assert_eq!(taken.next_at, Some(on_time.next_at + second));

        let late = turn(6_000, Duration::from_millis(300));
        let taken = take(late, &[100, 100], false);
        assert_eq!(taken.next_at, Some(late.next_at + second), "no drift");

        let large = take(late, &[500, 500], false);
        assert_eq!(large.next_at, Some(late.next_at + 5 * second));
        let small = take(late, &[50], true);
        assert_eq!(small.next_at, Some(late.next_at + second / 2));
    }

    #[test]
    fn what_is_overdue_does_not_burst() {
        let late = turn(6_000, Duration::from_mins(1));
        let mut turn = late;
        let mut turns = 0;
        while turn.next_at <= late.now {
            let taken = take(turn, &[100, 100], false);
            turn.next_at = taken.next_at.unwrap();
            turns += 1;
        }
        assert_eq!(turns, 2, "one that is due, and a second's worth");
    }

    #[test]
    fn what_waits_in_lanes_holds_the_rest_back() {
        let mut turn = turn(6_000, Duration::ZERO);
        turn.stuck = 199;
        assert_eq!(take(turn, &[100, 100], false).batches, 1);

        turn.stuck = 200;
        let held = take(turn, &[100, 100], false);
        assert_eq!(held.batches, 0);
        assert_eq!(held.next_at, Some(turn.now + Duration::from_secs(1)));
        assert_eq!(take(turn, &[500], false).batches, 1);
    }

    #[test]
    fn a_pace_ends_with_the_last_batch_of_a_fan_out_that_is_over() {
        let mut turn = turn(6_000, Duration::ZERO);
        assert_eq!(take(turn, &[100], false).next_at, None);
        assert_eq!(take(turn, &[], false).next_at, None);
        assert!(take(turn, &[100], true).next_at.is_some());
        assert!(take(turn, &[100, 1], false).next_at.is_some());

        turn.is_growing = true;
        assert!(take(turn, &[100], false).next_at.is_some());
        let rest = take(turn, &[], false);
        assert_eq!(rest.next_at, Some(turn.now + WHILE_GROWING));
    }

    #[test]
    fn as_many_batches_are_read_as_a_turn_needs() {
        assert_eq!(batches_of(Pace { per_minute: 6_000 }), 51);
        assert_eq!(
            batches_of(Pace {
                per_minute: 6_000_000
            }),
            201
        );
    }
}
