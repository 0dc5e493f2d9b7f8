//! The names of the queues: all batches of one account with one rank are one queue.

use std::fmt;
use std::str::FromStr;

use uuid::Uuid;

use crate::model::id::AccountId;

/// The queue of the batches of one account that have one rank. Queues order by account, and within an
/// account by rank.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct QueueKey {
    pub account_id: AccountId,
    /// A lower rank is claimed first.
    pub rank: i16,
}

/// Written as `account:rank`, the account as a UUID: the form in which processes name queues to each
/// other.
impl fmt::Display for QueueKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}", self.account_id.as_uuid(), self.rank)
    }
}

/// A text that is not `account:rank`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be an account's UUID, a colon and a rank")]
pub struct ParseQueueError;

impl FromStr for QueueKey {
    type Err = ParseQueueError;

    fn from_str(text: &str) -> Result<Self, ParseQueueError> {
        let (account_id, rank) = text.split_once(':').ok_or(ParseQueueError)?;
        let account_id: Uuid = account_id.parse().map_err(|_| ParseQueueError)?;

        Ok(Self {
            account_id: account_id.into(),
            rank: rank.parse().map_err(|_| ParseQueueError)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_queue_is_named_as_it_is_read() {
        let queue = QueueKey {
            account_id: AccountId::generate(),
            rank: 21,
        };

        assert_eq!(queue.to_string().parse(), Ok(queue));
        for text in ["", "1", "x:1", "00000000-0000-0000-0000-000000000000:x"] {
            assert_eq!(text.parse::<QueueKey>(), Err(ParseQueueError), "{text}");
        }
    }
}
