//! How many bytes of request bodies the process holds, from before a body is read until its request
//! is answered. Each account has a share, so that one account can't keep the others out.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use crate::http::error::ApiError;
use crate::model::id::AccountId;

/// How long a body waits for room before its request is refused. It waits in the client's socket and
/// takes no memory.
const LONGEST_WAIT: Duration = Duration::from_secs(5);
/// Any body counts as at least this many bytes: what is read of a request takes memory too.
const LEAST: usize = 1024;
/// Accounts that are remembered, before those that hold nothing are forgotten.
const MANY_ACCOUNTS: usize = 1_000;

/// The budget of the process.
pub(crate) struct BodyBudget {
    process: Arc<Semaphore>,
    accounts: Mutex<HashMap<AccountId, Arc<Semaphore>>>,
    sizes: BodyBudgetSizes,
}

/// In bytes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct BodyBudgetSizes {
    pub process: usize,
    pub account: usize,
}

/// Bytes that are held until this is dropped.
pub(crate) struct HeldBytes {
    account: OwnedSemaphorePermit,
    process: OwnedSemaphorePermit,
    bytes: usize,
}

impl BodyBudget {
    pub(crate) fn new(sizes: BodyBudgetSizes) -> Self {
        Self {
            // `Semaphore::new` panics above this number.
            process: Arc::new(Semaphore::new(sizes.process.min(Semaphore::MAX_PERMITS))),
            accounts: Mutex::default(),
            sizes,
        }
    }

    /// Waits until there is room for `bytes` of the account, or refuses with a 503.
    pub(crate) async fn admit(
        &self,
        account_id: AccountId,
        bytes: usize,
    ) -> Result<HeldBytes, ApiError> {
        let bytes = bytes.max(LEAST);
        let account = self.of_account(account_id);

        // The account's share comes first: what waits for it holds nothing of the process's.
        let account = acquire(account, bytes).await.ok_or_else(|| {
            ApiError::busy(format!(
                "Concurrent request bodies of this account exceed {} bytes \
                 (limits.body_bytes_per_account)",
                self.sizes.account
            ))
        })?;
        let process = acquire(Arc::clone(&self.process), bytes)
            .await
            .ok_or_else(|| {
                ApiError::busy(format!(
                    "Concurrent request bodies in this process exceed {} bytes (limits.body_bytes)",
                    self.sizes.process
                ))
            })?;

        Ok(HeldBytes {
            account,
            process,
            bytes,
        })
    }

    fn of_account(&self, account_id: AccountId) -> Arc<Semaphore> {
        let mut accounts = self.accounts.lock().unwrap_or_else(PoisonError::into_inner);

        if accounts.len() >= MANY_ACCOUNTS {
            // A permit holds its semaphore too.
            accounts.retain(|_, semaphore| Arc::strong_count(semaphore) > 1);
        }

        let new = || {
            Arc::new(Semaphore::new(
                self.sizes.account.min(Semaphore::MAX_PERMITS),
            ))
        };
        Arc::clone(accounts.entry(account_id).or_insert_with(new))
    }
}

async fn acquire(semaphore: Arc<Semaphore>, bytes: usize) -> Option<OwnedSemaphorePermit> {
    let permits = u32::try_from(bytes).ok()?;

    // Nearly always there is room. No request overtakes another, because those that wait come first.
    if let Ok(permit) = Arc::clone(&semaphore).try_acquire_many_owned(permits) {
        return Some(permit);
    }
    timeout(LONGEST_WAIT, semaphore.acquire_many_owned(permits))
        .await
        .ok()?
        .ok()
}

impl HeldBytes {
    /// Makes room for `bytes` in all, without waiting: a body that is being read must not wait for
    /// another one that is. Refuses with a 503 if there is no room.
    pub(crate) fn grow_to(&mut self, bytes: usize) -> Result<(), ApiError> {
        let Some(more) = bytes.checked_sub(self.bytes).filter(|more| *more > 0) else {
            return Ok(());
        };

        let more_permits = |held: &OwnedSemaphorePermit| {
            let permits = u32::try_from(more).ok()?;
            Arc::clone(held.semaphore())
                .try_acquire_many_owned(permits)
                .ok()
        };
        let account = more_permits(&self.account);
        // Without room in the account's share nothing is taken of the process's, not even briefly:
        // another account could be refused in that moment.
        let process = account.as_ref().and_then(|_| more_permits(&self.process));

        match account.zip(process) {
            Some((account, process)) => {
                self.account.merge(account);
                self.process.merge(process);
                self.bytes = bytes;
                Ok(())
            }
            None => Err(ApiError::busy(
                "There is no room for the rest of this body. Send its length in Content-Length, so \
                 that it can wait for room (limits.body_bytes, limits.body_bytes_per_account)",
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: usize = 1024 * 1024;

    fn budget() -> BodyBudget {
        BodyBudget::new(BodyBudgetSizes {
            process: 3 * MIB,
            account: 2 * MIB,
        })
    }

    #[tokio::test(start_paused = true)]
    async fn an_account_has_its_share_and_no_more() {
        let budget = budget();
        let busy = AccountId::generate();
        let other = AccountId::generate();

        let held = budget.admit(busy, 2 * MIB).await.unwrap();
        let refused = budget.admit(busy, MIB).await.err().unwrap();
        assert!(refused.to_string().contains("body_bytes_per_account"));
        let others = budget.admit(other, MIB).await.unwrap();
        let refused = budget.admit(other, MIB).await.err().unwrap();
        assert!(refused.to_string().contains("(limits.body_bytes)"));

        drop(held);
        assert!(budget.admit(busy, MIB).await.is_ok());
        drop(others);
        assert!(budget.admit(busy, 2 * MIB).await.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_waits_for_room() {
        let budget = budget();
        let account_id = AccountId::generate();
        let held = budget.admit(account_id, 2 * MIB).await.unwrap();

        let mut waiting = Box::pin(budget.admit(account_id, MIB));
        assert!(futures_util::poll!(&mut waiting).is_pending());
        drop(held);

        assert!(waiting.await.is_ok());
    }

    #[tokio::test]
    async fn a_body_of_unknown_length_grows_while_there_is_room() {
        let budget = budget();
        let account_id = AccountId::generate();

        let mut held = budget.admit(account_id, 0).await.unwrap();
        held.grow_to(10).unwrap();
        held.grow_to(2 * MIB).unwrap();
        assert!(held.grow_to(2 * MIB + 1).is_err());

        drop(held);
        assert!(budget.admit(account_id, 2 * MIB).await.is_ok());
    }
}
