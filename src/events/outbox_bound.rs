//! The time from which the planner reads the outbox. All earlier events, as far as it knows, are taken.
//!
//! While any transaction in the database is older, vacuum keeps the index entries of events that were
//! taken, and a look from the beginning passes all of them: 200,000 took 40 ms. A look at the whole
//! outbox comes now and then. It finds what was committed late, or left by a process that crashed.

use std::time::{Duration, Instant};

use time::OffsetDateTime;

use crate::store::events::Event;

/// Longer than most statements that write events take. An event has the time at which its statement
/// began, so it lies that far in the past when it is committed.
const MARGIN: Duration = Duration::from_secs(5);
/// After a look at the whole outbox, the next one waits for this many times its duration.
const REST_FACTOR: u32 = 50;
/// The longest wait, so that what is behind the bound is not reported much later.
const LONGEST_REST: Duration = Duration::from_secs(10);

/// The planner alone owns it. All its times of events are by the database's clock.
#[derive(Default)]
pub(super) struct OutboxBound {
    /// `None`: nothing was taken yet.
    since: Option<OffsetDateTime>,
    /// No look at the whole outbox before this time.
    rests_until: Option<Instant>,
}

/// A look into the outbox.
pub(super) struct Look<'a> {
    /// What [`OutboxBound::since`] returned.
    pub since: OffsetDateTime,
    pub took: Duration,
    /// In the order of their times.
    pub taken: &'a [Event],
    /// Whether more may be due.
    pub is_full: bool,
}

impl OutboxBound {
    /// The time from which to read.
    pub(super) fn since(&self, now: Instant) -> OffsetDateTime {
        let is_resting = self.rests_until.is_some_and(|until| now < until);

        self.since
            .filter(|_| is_resting)
            .unwrap_or(OffsetDateTime::UNIX_EPOCH)
    }

    /// Notes a look that ended at `now`.
    pub(super) fn note(&mut self, look: &Look<'_>, now: Instant) {
        if look.since == OffsetDateTime::UNIX_EPOCH {
            self.rests_until = Some(now + (look.took * REST_FACTOR).min(LONGEST_REST));
        }

        let Some(last) = look.taken.last() else {
            return;
        };
        let reached = last.due_at - MARGIN;
        self.since = match self.since {
            // One event that lay behind the bound does not move it back.
            Some(since) if !look.is_full => Some(since.max(reached)),
            // What is left came due after what was taken, perhaps far behind the bound.
            _ => Some(reached),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::id::AccountId;

    const MINUTE: Duration = Duration::from_secs(60);
    const EPOCH: OffsetDateTime = OffsetDateTime::UNIX_EPOCH;

    fn event(due_at: OffsetDateTime) -> Event {
        Event {
            id: 1,
            account_id: AccountId::generate(),
            kind: "operation".to_owned(),
            operation_id: None,
            batch_number: None,
            data: None,
            due_at,
        }
    }

    struct Outbox {
        bound: OutboxBound,
        now: Instant,
    }

    impl Outbox {
        /// A look that takes `took` and finds events that were due at these times.
        fn look(&mut self, due: &[OffsetDateTime], took: Duration, is_full: bool) {
            let taken: Vec<Event> = due.iter().copied().map(event).collect();
            let look = Look {
                since: self.bound.since(self.now),
                took,
                taken: &taken,
                is_full,
            };
            self.bound.note(&look, self.now);
        }

        fn since(&self) -> OffsetDateTime {
            self.bound.since(self.now)
        }
    }

    fn outbox() -> Outbox {
        Outbox {
            bound: OutboxBound::default(),
            now: Instant::now(),
        }
    }

    #[test]
    fn what_was_taken_is_passed_once_and_what_commits_late_is_in_sight() {
        let mut outbox = outbox();
        let due = OffsetDateTime::now_utc();
        assert_eq!(outbox.since(), EPOCH);

        outbox.look(&[due - MINUTE, due], MINUTE, false);
        assert!(outbox.since() <= due - Duration::from_secs(4));
        assert!(outbox.since() >= due - Duration::from_secs(10));

        outbox.look(&[], MINUTE, false);
        assert_eq!(outbox.since(), due - MARGIN, "nothing new");
    }

    #[test]
    fn the_whole_outbox_is_read_now_and_then() {
        let mut outbox = outbox();
        let due = OffsetDateTime::now_utc();
        outbox.look(&[due], Duration::from_millis(40), false);
        assert_ne!(outbox.since(), EPOCH);

        outbox.now += Duration::from_secs(2);
        assert_eq!(outbox.since(), EPOCH, "50 times 40 ms are over");

        outbox.look(&[], MINUTE, false);
        assert_ne!(outbox.since(), EPOCH);
        outbox.now += LONGEST_REST;
        assert_eq!(outbox.since(), EPOCH, "however long a look takes");
    }

    #[test]
    fn a_backlog_behind_the_bound_moves_it_back_and_a_single_event_does_not() {
        let mut outbox = outbox();
        let due = OffsetDateTime::now_utc();
        outbox.look(&[due], MINUTE, false);

        outbox.now += MINUTE;
        outbox.look(&[due - 9 * MINUTE], MINUTE, false);
        assert_eq!(outbox.since(), due - MARGIN);

        outbox.now += MINUTE;
        outbox.look(&[due - 9 * MINUTE], MINUTE, true);
        assert_eq!(outbox.since(), due - 9 * MINUTE - MARGIN);
    }
}
