//! How many notifications a process may have claimed at a time, which bounds the memory of
//! delivery, and how many of them each account has. `ingest/group_commit.rs` bounds the memory of
//! what is being accepted, and `http/body_budget.rs` that of the bodies of requests.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tokio::sync::Notify;

use crate::model::id::AccountId;
use crate::model::operation::BATCH_SIZE;

/// Beyond its limit, a process may claim this share of it, in percent, for accounts that have claimed
/// next to nothing. So an account that comes late does not wait for the notifications of another.
const RESERVE_PERCENT: usize = 50;

/// Counts the notifications that this process has claimed, from claim to record.
///
/// Group commit, which hands small Operations over, the claim loop and the lanes own it together.
/// The claim loop alone waits on [`Self::freed`]. It lives as long as its owners and permits.
pub(crate) struct Capacity {
    limit: usize,
    claimed: AtomicUsize,
    /// Requests of stalled lanes, which do not count against the limit: their concurrency limits
    /// bound them, and one provider's outage must not stop the others.
    exempt: AtomicUsize,
    /// Accounts that have claimed something, and some that had.
    accounts: Mutex<HashMap<AccountId, Weak<AccountCapacity>>>,
    /// Notified when the process has room again.
    pub freed: Notify,
}

/// The part of [`Capacity`] that one account has claimed. Its permits own it.
pub(crate) struct AccountCapacity {
    capacity: Arc<Capacity>,
    claimed: AtomicUsize,
    /// As in [`Capacity`].
    exempt: AtomicUsize,
}

impl Capacity {
    pub(crate) fn new(limit: usize) -> Arc<Self> {
        Arc::new(Self {
            limit,
            claimed: AtomicUsize::new(0),
            exempt: AtomicUsize::new(0),
            accounts: Mutex::default(),
            freed: Notify::new(),
        })
    }

    pub(crate) fn limit(&self) -> usize {
        self.limit
    }

    /// How many more notifications may be claimed.
    pub(crate) fn free(&self) -> usize {
        (self.limit + self.exempt.load(Ordering::Relaxed)).saturating_sub(self.claimed())
    }

    /// How many more may be claimed for accounts that have claimed next to nothing.
    pub(crate) fn free_with_reserve(&self) -> usize {
        // A batch at least, because a claim takes whole batches.
        let reserve = (self.limit * RESERVE_PERCENT / 100).max(BATCH_SIZE as usize);

        (self.limit + reserve + self.exempt.load(Ordering::Relaxed)).saturating_sub(self.claimed())
    }

    /// Whether at least half of the capacity is free, so that a large claim is worth its cost.
    pub(crate) fn is_roomy(&self) -> bool {
        self.free() >= self.limit / 2
    }

    /// How many notifications are claimed.
    pub(crate) fn claimed(&self) -> usize {
        self.claimed.load(Ordering::Relaxed)
    }

    /// How many notifications an account has claimed, without those that are exempt.
    pub(crate) fn claimed_by(&self, account_id: AccountId) -> usize {
        let accounts = self.accounts.lock().unwrap_or_else(PoisonError::into_inner);

        accounts
            .get(&account_id)
            .and_then(Weak::upgrade)
            .map_or(0, |account| account.claimed())
    }

    /// The part of an account, under which its notifications are counted.
    pub(crate) fn of(self: &Arc<Self>, account_id: AccountId) -> Arc<AccountCapacity> {
        let mut accounts = self.accounts.lock().unwrap_or_else(PoisonError::into_inner);

        if let Some(account) = accounts.get(&account_id).and_then(Weak::upgrade) {
            return account;
        }

        let account = Arc::new(AccountCapacity {
            capacity: Arc::clone(self),
            claimed: AtomicUsize::new(0),
            exempt: AtomicUsize::new(0),
        });
        accounts.insert(account_id, Arc::downgrade(&account));

        account
    }

    /// Forgets the accounts that have claimed nothing.
    pub(crate) fn forget_idle(&self) {
        self.accounts
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .retain(|_, account| account.strong_count() > 0);
    }

    fn release(&self, count: usize) {
        let before = self.claimed.fetch_sub(count, Ordering::Relaxed);
        let after = before - count;

        // A claim is worth its cost when half of the capacity is free. The last release wakes the
        // claim loop too, because with a small limit the count may never cross the half.
        let half = self.limit / 2;
        let crossed_half = before > half && after <= half;
        if crossed_half || (count > 0 && after == 0) {
            self.freed.notify_one();
        }
    }
}

impl AccountCapacity {
    fn claimed(&self) -> usize {
        let claimed = self.claimed.load(Ordering::Relaxed);

        claimed.saturating_sub(self.exempt.load(Ordering::Relaxed))
    }

    /// Counts `count` notifications as claimed until the permit is dropped. It does not wait and may
    /// exceed the limit: callers ask how much is free before they claim.
    pub(crate) fn permit(self: &Arc<Self>, count: usize) -> Permit {
        // Relaxed, here and below: the counters guard no other memory.
        self.capacity.claimed.fetch_add(count, Ordering::Relaxed);
        self.claimed.fetch_add(count, Ordering::Relaxed);

        Permit {
            account: Arc::clone(self),
            count,
        }
    }

    /// Exempts `count` requests of a stalled lane from the limit until the exemption is dropped.
    pub(crate) fn exempt(self: &Arc<Self>, count: usize) -> Exemption {
        self.capacity.exempt.fetch_add(count, Ordering::Relaxed);
        self.exempt.fetch_add(count, Ordering::Relaxed);
        self.capacity.freed.notify_one();

        Exemption {
            account: Arc::clone(self),
            count,
        }
    }
}

/// Claimed notifications in [`Capacity`]; dropping it returns them.
pub(crate) struct Permit {
    account: Arc<AccountCapacity>,
    count: usize,
}

impl Drop for Permit {
    fn drop(&mut self) {
        let before = self
            .account
            .claimed
            .fetch_sub(self.count, Ordering::Relaxed);
        self.account.capacity.release(self.count);

        // The account may be waiting for its share while others fill the capacity.
        if before == self.count && self.count > 0 {
            self.account.capacity.freed.notify_one();
        }
    }
}

/// Requests of a stalled lane that do not count against [`Capacity`] while this lives.
pub(crate) struct Exemption {
    account: Arc<AccountCapacity>,
    count: usize,
}

impl Drop for Exemption {
    fn drop(&mut self) {
        self.account.exempt.fetch_sub(self.count, Ordering::Relaxed);
        self.account
            .capacity
            .exempt
            .fetch_sub(self.count, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_of_stalled_lanes_leave_room_for_others() {
        let capacity = Capacity::new(10);
        let account_id = AccountId::generate();
        let account = capacity.of(account_id);
        let permits: Vec<Permit> = (0..10).map(|_| account.permit(1)).collect();
        assert_eq!(capacity.free(), 0);

        let exemption = account.exempt(6);
        assert_eq!(capacity.free(), 6);
        assert_eq!(capacity.claimed_by(account_id), 4);

        drop(permits);
        drop(exemption);
        assert_eq!(capacity.free(), 10);
        assert_eq!(capacity.claimed(), 0);
    }

    #[test]
    fn each_account_has_its_own_count() {
        let capacity = Capacity::new(1_000);
        let [one, other] = [AccountId::generate(), AccountId::generate()];

        let permit = capacity.of(one).permit(900);
        let _other = capacity.of(other).permit(50);
        assert_eq!(capacity.claimed_by(one), 900);
        assert_eq!(capacity.claimed_by(other), 50);
        assert_eq!(capacity.free(), 50);
        assert_eq!(capacity.free_with_reserve(), 550);

        drop(permit);
        assert_eq!(capacity.claimed_by(one), 0);
        capacity.forget_idle();
        assert_eq!(capacity.accounts.lock().unwrap().len(), 1);
    }
}
