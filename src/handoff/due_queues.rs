//! Which queues have work due, as far as this process knows: what it accepted itself, what others
//! announced, and what it found in Postgres. Scheduled sends too: their queues are due at the time of
//! the send.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use crate::model::id::AccountId;
use crate::model::queue_key::QueueKey;

/// The queues that have work due or will have, each with the earliest time that is known.
///
/// Group commit, the listener, the recorder and the search for due queues own it and announce; the
/// claim loop owns it too, and alone waits and removes. It has no task of its own. A queue that is
/// missing is found by the next search, so nothing depends on an announcement.
#[derive(Default)]
pub(crate) struct DueQueues {
    state: Mutex<State>,
    announced: Notify,
    /// Notified when there may be work in queues that were not named.
    pub search: Notify,
}

#[derive(Default)]
struct State {
    accounts: HashMap<AccountId, Account>,
    /// Weights other than [`DEFAULT_WEIGHT`].
    weights: HashMap<AccountId, u32>,
    /// Numbers the announcements.
    announcements: u64,
}

/// The queues of an account by rank.
#[derive(Default)]
struct Account(BTreeMap<i16, Entry>);

#[derive(Clone, Copy)]
struct Entry {
    due_at: Instant,
    /// The number of the last announcement.
    announcement: u64,
}

/// An account's weight unless an operator gives it another.
pub(crate) const DEFAULT_WEIGHT: u32 = 1;

/// An account with work due.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct DueAccount {
    pub account_id: AccountId,
    pub weight: u32,
    /// The ranks of its queues that are due, in order.
    pub ranks: Vec<i16>,
    /// The number of the last announcement, which identifies a later one.
    announcement: u64,
}

#[cfg(test)]
impl DueAccount {
    pub(crate) fn new(account_id: AccountId, weight: u32, ranks: Vec<i16>) -> Self {
        Self {
            account_id,
            weight,
            ranks,
            announcement: 0,
        }
    }
}

impl Account {
    fn due_ranks(&self, now: Instant) -> impl Iterator<Item = (i16, Entry)> {
        self.0
            .iter()
            .filter(move |(_, entry)| entry.due_at <= now)
            .map(|(rank, entry)| (*rank, *entry))
    }
}

impl State {
    fn weight(&self, account_id: AccountId) -> u32 {
        self.weights
            .get(&account_id)
            .copied()
            .unwrap_or(DEFAULT_WEIGHT)
    }
}

impl DueQueues {
    /// Notes that work in each of these queues is due after a time, and wakes the claim loop then.
    pub(crate) fn announce_all(&self, queues: impl IntoIterator<Item = (QueueKey, Duration)>) {
        let now = Instant::now();
        let mut state = self.lock();
        let before = state.announcements;

        for (queue, delay) in queues {
            // A time that the clock can't hold is left to the search for due queues.
            let Some(due_at) = now.checked_add(delay) else {
                continue;
            };
            state.announcements += 1;
            let announcement = state.announcements;

            let account = state.accounts.entry(queue.account_id).or_default();
            account
                .0
                .entry(queue.rank)
                .and_modify(|entry| {
                    entry.due_at = entry.due_at.min(due_at);
                    entry.announcement = announcement;
                })
                .or_insert(Entry {
                    due_at,
                    announcement,
                });
        }

        let is_new = state.announcements > before;
        // The claim loop takes the lock as soon as it is woken.
        drop(state);
        if is_new {
            self.announced.notify_one();
        }
    }

    /// Wakes the claim loop although no queue has new work.
    pub(crate) fn wake(&self) {
        self.announced.notify_one();
    }

    /// Takes over the weights that are not the default.
    pub(crate) fn set_weights(&self, weights: HashMap<AccountId, u32>) {
        self.lock().weights = weights;
    }

    pub(crate) fn weight(&self, account_id: AccountId) -> u32 {
        self.lock().weight(account_id)
    }

    /// Whether an account has work due that waits in Postgres.
    pub(crate) fn is_due(&self, account_id: AccountId) -> bool {
        let now = Instant::now();

        self.lock()
            .accounts
            .get(&account_id)
            .is_some_and(|account| account.due_ranks(now).next().is_some())
    }

    /// How much of `room` falls to an account, among the accounts with work due: in proportion to
    /// their weights.
    pub(crate) fn share(&self, account_id: AccountId, room: usize) -> usize {
        let now = Instant::now();
        let state = self.lock();
        let own = state.weight(account_id);

        let others: u64 = state
            .accounts
            .iter()
            .filter(|(id, account)| **id != account_id && account.due_ranks(now).next().is_some())
            .map(|(id, _)| u64::from(state.weight(*id)))
            .sum();

        share(room, own, others + u64::from(own))
    }

    /// The accounts with work due.
    pub(crate) fn due(&self) -> Vec<DueAccount> {
        let now = Instant::now();
        let state = self.lock();

        let due = state.accounts.iter().filter_map(|(account_id, account)| {
            let mut ranks = Vec::new();
            let mut announcement = 0;
            for (rank, entry) in account.due_ranks(now) {
                ranks.push(rank);
                announcement = entry.announcement.max(announcement);
            }

            (!ranks.is_empty()).then(|| DueAccount {
                account_id: *account_id,
                weight: state.weight(*account_id),
                ranks,
                announcement,
            })
        });
        due.collect()
    }

    /// Removes the queues of `account`, of which a claim took all that was due, except those that were
    /// announced again since [`Self::due`] returned it.
    pub(crate) fn remove(&self, account: &DueAccount) {
        let mut state = self.lock();
        let Some(queues) = state.accounts.get_mut(&account.account_id) else {
            return;
        };

        for rank in &account.ranks {
            let is_unchanged = queues
                .0
                .get(rank)
                .is_some_and(|entry| entry.announcement <= account.announcement);
            if is_unchanged {
                queues.0.remove(rank);
            }
        }

        if queues.0.is_empty() {
            state.accounts.remove(&account.account_id);
        }
    }

    /// Waits until a queue is announced or comes due, at most `longest`.
    pub(crate) async fn wait(&self, longest: Duration) {
        let now = Instant::now();
        let until = self
            .next_due(now)
            .map_or(now + longest, |due_at| due_at.min(now + longest));

        tokio::select! {
            () = self.announced.notified() => {}
            () = tokio::time::sleep_until(until) => {}
        }
    }

    /// When the next queue comes due that is not yet.
    fn next_due(&self, now: Instant) -> Option<Instant> {
        let state = self.lock();

        state
            .accounts
            .values()
            .flat_map(|account| account.0.values())
            .map(|entry| entry.due_at)
            // A queue that is due stays until a claim removes it, and would end every wait at once.
            .filter(|due_at| *due_at > now)
            .min()
    }

    /// No code panics while it holds the lock, so a poisoned one is still consistent.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The share of `room` of an account with `weight` among accounts with `weights` together.
pub(crate) fn share(room: usize, weight: u32, weights: u64) -> usize {
    let share = room as u128 * u128::from(weight) / u128::from(weights.max(1));

    usize::try_from(share).unwrap_or(room).min(room)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);
    const HOUR: Duration = Duration::from_secs(3600);

    fn queue(rank: i16) -> QueueKey {
        QueueKey {
            account_id: AccountId::generate(),
            rank,
        }
    }

    fn announce(queues: &DueQueues, queue: QueueKey, delay: Duration) {
        queues.announce_all([(queue, delay)]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_queue_is_due_from_its_earliest_time_on() {
        let queues = DueQueues::default();
        let queue = queue(3);
        announce(&queues, queue, 9 * SECOND);
        announce(&queues, queue, 5 * SECOND);
        announce(&queues, queue, 7 * SECOND);
        assert!(!queues.is_due(queue.account_id));

        // Woken by the announcements, and then by the time.
        queues.wait(HOUR).await;
        let before = Instant::now();
        queues.wait(HOUR).await;
        assert_eq!(before.elapsed(), 5 * SECOND);

        assert!(queues.is_due(queue.account_id));
        assert_eq!(queues.due()[0].ranks, [3]);

        // What is due already does not end a wait: there may be no room for it.
        queues.wait(60 * SECOND).await;
        assert_eq!(before.elapsed(), 65 * SECOND);
    }

    #[tokio::test(start_paused = true)]
    async fn an_announcement_before_the_wait_is_not_lost() {
        let queues = DueQueues::default();
        announce(&queues, queue(0), Duration::ZERO);

        let before = Instant::now();
        queues.wait(HOUR).await;
        assert_eq!(before.elapsed(), Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn a_queue_that_is_announced_during_its_claim_stays() {
        let queues = DueQueues::default();
        let queue = queue(0);
        let later = QueueKey { rank: 1, ..queue };
        queues.announce_all([(queue, Duration::ZERO), (later, Duration::ZERO)]);

        let due = queues.due();
        assert_eq!(due[0].ranks, [0, 1]);
        announce(&queues, queue, Duration::ZERO);
        queues.remove(&due[0]);
        assert_eq!(queues.due()[0].ranks, [0]);

        queues.remove(&queues.due()[0]);
        assert!(queues.due().is_empty());
        assert!(!queues.is_due(queue.account_id));
    }

    #[tokio::test(start_paused = true)]
    async fn an_account_shares_with_those_that_have_work_due() {
        let queues = DueQueues::default();
        let [one, other, later] = [queue(0), queue(0), queue(0)];
        assert_eq!(queues.share(one.account_id, 900), 900, "alone");

        announce(&queues, later, HOUR);
        announce(&queues, other, Duration::ZERO);
        assert_eq!(queues.share(one.account_id, 900), 450);

        queues.set_weights(HashMap::from([(one.account_id, 2)]));
        assert_eq!(queues.share(one.account_id, 900), 600);
        assert_eq!(queues.share(other.account_id, 900), 900, "alone");

        announce(&queues, one, Duration::ZERO);
        assert_eq!(queues.share(other.account_id, 900), 300);
    }
}
