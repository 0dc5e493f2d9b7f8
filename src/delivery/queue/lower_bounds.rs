//! The time from which a claim reads a queue. All earlier batches are done.
//!
//! While any transaction in the database is older, vacuum keeps the index entries of batches that are
//! done or were moved, and a search from the beginning of a queue passes all of them. A lower bound
//! spares that. It is never past the oldest batch that is left, as far as this process can know, and a
//! search of all queues, which has no bounds, corrects it within a second or a little more.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use time::OffsetDateTime;

use crate::model::queue_key::QueueKey;
use crate::store::batches::Claim;
use crate::store::queue_search::SearchResult;

/// Longer than a statement that makes batches due takes. Its `now()` is the time when it began, so its batches
/// lie that far in the past when it commits. A batch that lies further back waits for the next search. Each
/// claim passes the dead index entries of this time, so it must be short: with 30 s and 500 single sends a
/// second, they were about 20,000.
const MARGIN: Duration = Duration::from_secs(5);
/// Queues that are remembered. One that is forgotten is searched from its beginning, once.
const MAX_QUEUES: usize = 100_000;

/// The lower bounds of all queues, by the database's clock.
///
/// The claim loop and the search own it together. Nothing waits for it. It must be forgotten when the
/// claim loop connects anew: another Postgres may have another clock.
#[derive(Default)]
pub(crate) struct LowerBounds(Mutex<HashMap<QueueKey, OffsetDateTime>>);

impl LowerBounds {
    /// The time from which a claim reads `queue`.
    pub(crate) fn since(&self, queue: QueueKey) -> OffsetDateTime {
        self.lock()
            .get(&queue)
            .copied()
            .unwrap_or(OffsetDateTime::UNIX_EPOCH)
    }

    /// Notes a claim. `is_taken`: whether it took all that was due in a queue.
    pub(crate) fn note_claim(
        &self,
        claim: &Claim,
        queues: impl IntoIterator<Item = QueueKey>,
        is_taken: impl Fn(QueueKey) -> bool,
    ) {
        let latest = claim.at - MARGIN;
        let mut bounds = self.lock();
        if bounds.len() > MAX_QUEUES {
            // All of them, because nothing says which are in use. The next search notes those with
            // work.
            bounds.clear();
        }

        for queue in queues {
            let reached = if is_taken(queue) {
                Some(latest)
            } else {
                // What is left came due after what was taken.
                claim.reached.get(&queue).map(|at| latest.min(*at))
            };

            if let Some(reached) = reached {
                bounds
                    .entry(queue)
                    // The search may have noted a later time since the claim began.
                    .and_modify(|bound| *bound = reached.max(*bound))
                    .or_insert(reached);
            }
        }
    }

    /// Notes a step of a search: where the oldest batch of a queue really is. Of queues that it did not
    /// find, it says nothing.
    pub(crate) fn note_found(&self, found: &SearchResult) {
        let latest = found.at - MARGIN;
        let mut bounds = self.lock();

        for queue in &found.queues {
            // It may move a bound back: the search has read the queue from its beginning.
            bounds.insert(queue.queue, latest.min(queue.earliest));
        }
    }

    pub(crate) fn forget(&self) {
        self.lock().clear();
    }

    /// No code panics while it holds the lock, so a poisoned one is still consistent.
    fn lock(&self) -> MutexGuard<'_, HashMap<QueueKey, OffsetDateTime>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::id::AccountId;
    use crate::store::queue_search::FoundQueue;

    const MINUTE: Duration = Duration::from_secs(60);

    fn queue() -> QueueKey {
        QueueKey {
            account_id: AccountId::generate(),
            rank: 0,
        }
    }

    fn claim(at: OffsetDateTime, reached: &[(QueueKey, OffsetDateTime)]) -> Claim {
        Claim {
            at,
            batches: Vec::new(),
            reached: reached.iter().copied().collect(),
        }
    }

    fn found(at: OffsetDateTime, queue: QueueKey, earliest: OffsetDateTime) -> SearchResult {
        SearchResult {
            at,
            queues: vec![FoundQueue {
                queue,
                earliest,
                due_in: Duration::ZERO,
            }],
        }
    }

    #[test]
    fn a_queue_that_was_taken_is_searched_from_a_little_before_on() {
        let bounds = LowerBounds::default();
        let now = OffsetDateTime::now_utc();
        let queue = queue();
        assert_eq!(bounds.since(queue), OffsetDateTime::UNIX_EPOCH);

        bounds.note_claim(&claim(now, &[]), [queue], |_| true);
        assert_eq!(bounds.since(queue), now - MARGIN);

        bounds.note_claim(&claim(now - MINUTE, &[]), [queue], |_| true);
        assert_eq!(bounds.since(queue), now - MARGIN, "it does not go back");

        bounds.forget();
        assert_eq!(bounds.since(queue), OffsetDateTime::UNIX_EPOCH);
    }

    #[test]
    fn what_commits_late_is_in_sight_and_few_dead_entries_are_passed() {
        let bounds = LowerBounds::default();
        let now = OffsetDateTime::now_utc();
        let [taken, found] = [queue(), queue()];
        bounds.note_claim(&claim(now, &[(taken, now)]), [taken], |_| true);
        bounds.note_found(&self::found(now, found, now));

        // A statement that began 4 s ago makes batches due at that time, and commits after the
        // claim.
        let committed_late = now - Duration::from_secs(4);
        // At 500 single sends a second, the last 10 s have about 7,000 dead entries.
        let passed_each_time = now - Duration::from_secs(10);
        for queue in [taken, found] {
            assert!(bounds.since(queue) <= committed_late, "{queue:?}");
            assert!(bounds.since(queue) >= passed_each_time, "{queue:?}");
        }
    }

    #[test]
    fn a_backlog_stays_in_sight() {
        let bounds = LowerBounds::default();
        let now = OffsetDateTime::now_utc();
        let [backlog, untouched, recent] = [queue(), queue(), queue()];
        let reached = [(backlog, now - 9 * MINUTE), (recent, now)];

        let queues = [backlog, untouched, recent];
        bounds.note_claim(&claim(now, &reached), queues, |_| false);
        assert_eq!(bounds.since(backlog), now - 9 * MINUTE);
        assert_eq!(bounds.since(untouched), OffsetDateTime::UNIX_EPOCH);
        assert_eq!(bounds.since(recent), now - MARGIN);
    }

    #[test]
    fn a_search_finds_what_was_passed_over() {
        let bounds = LowerBounds::default();
        let now = OffsetDateTime::now_utc();
        let queue = queue();
        bounds.note_claim(&claim(now, &[]), [queue], |_| true);

        bounds.note_found(&found(now, queue, now - 9 * MINUTE));
        assert_eq!(bounds.since(queue), now - 9 * MINUTE);

        // What is left is claimed, and its lease runs out later.
        bounds.note_found(&found(now, queue, now + MINUTE));
        assert_eq!(bounds.since(queue), now - MARGIN);
    }
}
