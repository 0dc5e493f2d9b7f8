//! The decisions of group commit, without I/O: which Operations share a transaction, and who is notified
//! about new work.

use std::collections::HashMap;
use std::time::Duration;

use time::OffsetDateTime;

use crate::model::operation::{BATCH_SIZE, NewOperation};
use crate::model::queue_key::QueueKey;
use crate::store::rank;

/// An Operation with at least this many recipients has a transaction of its own. Smaller ones share:
/// the more of them share a transaction, the less each costs.
const LARGE_RECIPIENTS: usize = 1_000;
/// A shared transaction takes no further Operation once it has this many recipients.
const GROUP_RECIPIENTS: usize = 20_000;
/// More recipients than this are announced to all processes; this process alone would take too long.
const LOCAL_RECIPIENTS: usize = 1_000;

// A large Operation is never handed over in memory, which takes one batch at most.
const _: () = assert!(LARGE_RECIPIENTS > BATCH_SIZE as usize);
const _: () = assert!(LARGE_RECIPIENTS <= GROUP_RECIPIENTS);

/// Operations taken from the queue together.
#[derive(Debug, PartialEq)]
pub(super) struct Gathered<T> {
    /// They share the next transaction.
    pub shared: Vec<T>,
    /// Each has a transaction of its own.
    pub large: Vec<T>,
}

/// Sorts `first` and what `next` returns, until `next` is empty or the shared transaction is full.
pub(super) fn gather<T>(
    first: T,
    mut next: impl FnMut() -> Option<T>,
    recipients: impl Fn(&T) -> usize,
) -> Gathered<T> {
    let mut gathered = Gathered {
        shared: Vec::new(),
        large: Vec::new(),
    };
    let mut shared_recipients = 0;
    let mut candidate = Some(first);

    while let Some(operation) = candidate {
        let count = recipients(&operation);
        if is_large(count) {
            // It does not fill the group: it has a transaction of its own.
            gathered.large.push(operation);
        } else {
            shared_recipients += count;
            gathered.shared.push(operation);
        }

        candidate = if shared_recipients < GROUP_RECIPIENTS {
            next()
        } else {
            None
        };
    }

    gathered
}

pub(super) fn is_large(recipients: usize) -> bool {
    recipients >= LARGE_RECIPIENTS
}

/// Whether the members of a group are stored one by one after `error`: Postgres refused the
/// statement, so one member is at fault and the others must not fail with it. Most often it is the
/// second of two requests with the same Idempotency-Key.
pub(super) fn is_retried_one_by_one(members: usize, error: &sqlx::Error) -> bool {
    members > 1 && error.as_database_error().is_some()
}

/// The work of a group that delivery finds in Postgres, because it was not handed over in memory.
#[derive(Debug, Default, PartialEq)]
pub(super) struct QueuedWork {
    /// Recipients of the Operations that are due at once.
    due_recipients: usize,
    has_audience: bool,
    has_pace: bool,
    /// The queues that the batches are in, each with its earliest time; `None`: due at once.
    queues: HashMap<QueueKey, Option<OffsetDateTime>>,
}

impl QueuedWork {
    pub(super) fn of<'a>(operations: impl Iterator<Item = &'a NewOperation>) -> Self {
        let mut work = Self::default();

        for operation in operations {
            work.has_pace |= operation.pace.is_some();
            if operation.send_at.is_none() && operation.pace.is_none() {
                work.due_recipients += operation.recipients.len();
            }

            match operation.audience {
                Some(_) => work.has_audience = true,
                // What waits for its turn is in no queue yet.
                None if operation.pace.is_some() => {}
                None => work.note_queues(operation),
            }
        }

        work
    }

    fn note_queues(&mut self, operation: &NewOperation) {
        let batches = (operation.recipients.len() as u32).div_ceil(BATCH_SIZE);

        for rank in rank::of_batches(operation.message.priority, batches) {
            let queue = QueueKey {
                account_id: operation.account_id,
                rank,
            };
            // `None`, which is at once, orders before every time.
            self.queues
                .entry(queue)
                .and_modify(|earliest| *earliest = operation.send_at.min(*earliest))
                .or_insert(operation.send_at);
        }
    }

    /// Whether the transaction also notifies all processes, by Postgres `NOTIFY`.
    ///
    /// Small work wakes only the local delivery: a transaction with `NOTIFY` commits under a lock of
    /// the whole database, so such commits cannot share a flush. Other replicas poll every second
    /// anyway.
    pub(super) fn notifies_all_processes(&self, delivers_here: bool) -> bool {
        !delivers_here || self.has_audience || self.due_recipients > LOCAL_RECIPIENTS
    }

    /// Whether the fan-out of this process is woken.
    pub(super) fn has_audience(&self) -> bool {
        self.has_audience
    }

    /// Whether the pacer of this process is woken.
    pub(super) fn has_pace(&self) -> bool {
        self.has_pace
    }

    /// The queues with new work.
    pub(super) fn queues(&self) -> impl Iterator<Item = QueueKey> {
        self.queues.keys().copied()
    }

    /// The queues with new work, each with the time until it is due.
    pub(super) fn due_in(&self, now: OffsetDateTime) -> Vec<(QueueKey, Duration)> {
        let due_in = |at: OffsetDateTime| Duration::try_from(at - now).unwrap_or_default();

        self.queues
            .iter()
            .map(|(queue, at)| (*queue, at.map_or(Duration::ZERO, due_in)))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::audience::Audience;
    use crate::model::pace::Pace;

    fn gather_counts(counts: &[usize]) -> (Gathered<usize>, usize) {
        let mut left = counts[1..].iter().copied();
        let gathered = gather(counts[0], || left.next(), |count| *count);

        (gathered, left.count())
    }

    #[test]
    fn small_operations_share_a_transaction_and_large_ones_have_their_own() {
        let (gathered, left) = gather_counts(&[1, LARGE_RECIPIENTS, 500, 10_000, 999]);

        assert_eq!(gathered.shared, [1, 500, 999]);
        assert_eq!(gathered.large, [LARGE_RECIPIENTS, 10_000]);
        assert_eq!(left, 0);
    }

    #[test]
    fn a_full_group_leaves_the_rest_for_the_next() {
        let counts = [500; 50];
        let (gathered, left) = gather_counts(&counts);

        assert_eq!(gathered.shared.len(), GROUP_RECIPIENTS / 500);
        assert_eq!(left, counts.len() - gathered.shared.len());
    }

    #[test]
    fn only_a_group_that_postgres_refused_is_retried_one_by_one() {
        // A connection that broke says nothing about the members; they are not stored twice.
        assert!(!is_retried_one_by_one(2, &sqlx::Error::PoolTimedOut));
    }

    #[test]
    fn small_work_wakes_only_the_local_delivery() {
        let now = OffsetDateTime::now_utc();
        let small = NewOperation::to_devices(400);
        let work = QueuedWork::of([small.clone(), NewOperation::to_devices(600)].iter());

        assert!(!work.notifies_all_processes(true));
        assert!(work.notifies_all_processes(false), "no delivery here");
        let only = QueueKey {
            account_id: small.account_id,
            rank: 0,
        };
        assert!(work.due_in(now).contains(&(only, Duration::ZERO)));
        assert_eq!(work.queues().count(), 3, "the second has two batches");

        let large = QueuedWork::of([NewOperation::to_devices(LOCAL_RECIPIENTS + 1)].iter());
        assert!(large.notifies_all_processes(true));
    }

    #[test]
    fn a_paced_operation_wakes_the_pacer_and_no_queue() {
        let paced = NewOperation {
            pace: Some(Pace { per_minute: 60 }),
            ..NewOperation::to_devices(LOCAL_RECIPIENTS + 1)
        };
        let work = QueuedWork::of([paced].iter());

        assert!(work.has_pace());
        assert!(!work.notifies_all_processes(true));
        assert_eq!(work.queues().count(), 0);
    }

    #[test]
    fn an_audience_wakes_the_fan_out_of_all_processes() {
        let broadcast = NewOperation {
            audience: Some(Audience::default()),
            ..NewOperation::to_devices(0)
        };
        let work = QueuedWork::of([broadcast].iter());

        assert!(work.notifies_all_processes(true));
        assert!(work.has_audience());
        assert_eq!(work.queues().count(), 0, "it has no batches yet");
    }

    #[test]
    fn a_queue_is_due_with_the_earliest_of_its_operations() {
        let now = OffsetDateTime::now_utc();
        let account_id = NewOperation::to_devices(1).account_id;
        let scheduled = |seconds| NewOperation {
            account_id,
            send_at: Some(now + time::Duration::seconds(seconds)),
            ..NewOperation::to_devices(1)
        };
        let operations = [90, 30, 60].map(scheduled);
        let work = QueuedWork::of(operations.iter());

        assert!(!work.notifies_all_processes(true), "it is not due");
        let queue = QueueKey {
            account_id,
            rank: 0,
        };
        assert_eq!(work.due_in(now), [(queue, Duration::from_secs(30))]);

        let later = now + time::Duration::MINUTE;
        assert_eq!(work.due_in(later), [(queue, Duration::ZERO)]);

        let at_once = NewOperation {
            send_at: None,
            ..scheduled(0)
        };
        let work = QueuedWork::of(operations.iter().chain([&at_once]));
        assert_eq!(work.due_in(now), [(queue, Duration::ZERO)]);
    }

    #[test]
    fn no_work_wakes_no_task() {
        let work = QueuedWork::of(std::iter::empty());

        assert!(!work.notifies_all_processes(true));
        assert_eq!(work, QueuedWork::default());
    }
}
