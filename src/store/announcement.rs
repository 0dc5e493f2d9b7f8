//! What workers of all processes are notified of by `NOTIFY`: which queues have batches that are due.

use crate::model::queue_key::QueueKey;
use crate::store::rank;

/// The channel on which workers learn that batches are due. A payload names their queues, separated by
/// commas; an empty one says that they are to be searched for.
pub(crate) const WAKE_CHANNEL: &str = "batches";
/// Most queues that an announcement names. Postgres takes a payload of less than 8,000 bytes.
const MAX_ANNOUNCED: usize = 150;
/// A UUID, a colon, a rank of two digits and a comma.
const ANNOUNCED_BYTES: usize = 36 + 1 + 2 + 1;

const _: () = assert!(MAX_ANNOUNCED * ANNOUNCED_BYTES < 8_000);
const _: () = assert!(rank::RANKS <= 100, "a rank has two digits");

/// What is announced to the workers of all processes about new batches.
#[derive(Debug, PartialEq)]
pub(crate) struct Announcement(String);

impl Announcement {
    pub(crate) fn of(queues: impl Iterator<Item = QueueKey>) -> Self {
        let names: Vec<String> = queues.map(|queue| queue.to_string()).collect();

        // An empty payload makes all processes search for due queues, which finds these as well.
        if names.len() > MAX_ANNOUNCED {
            return Self(String::new());
        }
        Self(names.join(","))
    }

    pub(super) fn payload(&self) -> &str {
        &self.0
    }

    /// The queues that a payload names. `None`: they are to be searched for.
    pub(crate) fn parse(payload: &str) -> Option<Vec<QueueKey>> {
        // One name that cannot be read is enough for a search: a later release may write names in
        // another form.
        payload.split(',').map(|name| name.parse().ok()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::id::AccountId;

    #[test]
    fn an_announcement_names_queues_as_far_as_they_fit() {
        let queue = |rank| QueueKey {
            account_id: AccountId::generate(),
            rank,
        };

        let queues = [queue(0), queue(21)];
        let announcement = Announcement::of(queues.into_iter());
        assert_eq!(Announcement::parse(&announcement.0), Some(queues.to_vec()));

        let many = Announcement::of((0..=MAX_ANNOUNCED).map(|_| queue(39)));
        assert_eq!(Announcement::parse(&many.0), None);
        assert_eq!(Announcement::parse("of a later release"), None);
    }
}
