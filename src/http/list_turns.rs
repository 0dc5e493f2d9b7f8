//! Turns for reading lists. A list may read thousands of rows, so an account reads few at a time,
//! on connections that nothing else uses: neither other accounts nor single reads, sends and changes
//! wait behind them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use crate::http::error::ApiError;
use crate::model::id::AccountId;
use crate::store::pool::Pool;

/// Lists of an account that are read at the same time.
const MAX_READ: usize = 2;
/// Lists of an account that are read or wait for their turn.
const MAX_WAITING: usize = 16;
/// How long a list waits for its turn.
const TURN_TIMEOUT: Duration = Duration::from_secs(5);
/// From this many known accounts on, those that read nothing are forgotten.
const FORGET_FROM: usize = 1_000;

/// The turns of this process.
pub(crate) struct ListTurns {
    pool: Pool,
    accounts: Mutex<HashMap<AccountId, Weak<Semaphore>>>,
}

/// The right to read a list. It ends when it is dropped.
pub(crate) struct ListTurn<'a> {
    pub pool: &'a Pool,
    _turn: OwnedSemaphorePermit,
}

impl ListTurns {
    /// Lists are read from `pool`.
    pub(crate) fn new(pool: Pool) -> Self {
        Self {
            pool,
            accounts: Mutex::default(),
        }
    }

    /// Waits for a turn of the account, or refuses the list with a 429.
    pub(crate) async fn next(&self, account_id: AccountId) -> Result<ListTurn<'_>, ApiError> {
        let turns = self.turns_of(account_id);
        // Every list that is read or waits holds the account's semaphore.
        if Arc::strong_count(&turns) > MAX_WAITING {
            return Err(ApiError::too_many_lists(MAX_WAITING));
        }

        match timeout(TURN_TIMEOUT, turns.acquire_owned()).await {
            Ok(Ok(turn)) => Ok(ListTurn {
                pool: &self.pool,
                _turn: turn,
            }),
            _ => Err(ApiError::too_many_lists(MAX_READ)),
        }
    }

    fn turns_of(&self, account_id: AccountId) -> Arc<Semaphore> {
        let mut accounts = self.accounts.lock().unwrap_or_else(PoisonError::into_inner);

        if let Some(turns) = accounts.get(&account_id).and_then(Weak::upgrade) {
            return turns;
        }

        if accounts.len() >= FORGET_FROM {
            // A list that waits or is read holds its semaphore, so only those of idle accounts go.
            accounts.retain(|_, turns| turns.strong_count() > 0);
        }
        let turns = Arc::new(Semaphore::new(MAX_READ));
        accounts.insert(account_id, Arc::downgrade(&turns));
        turns
    }
}

#[cfg(test)]
mod tests {
    use std::str::FromStr;

    use futures_util::FutureExt;
    use sqlx::postgres::PgConnectOptions;

    use super::*;
    use crate::store::pool::PoolParams;

    fn turns() -> ListTurns {
        ListTurns::new(Pool::new(PoolParams {
            options: PgConnectOptions::from_str("postgres://nowhere/nothing").unwrap(),
            max_connections: 1,
            acquire_timeout: Duration::from_secs(1),
            limit: Duration::from_secs(1),
            statement_timeout: Duration::from_secs(1),
        }))
    }

    #[tokio::test(start_paused = true)]
    async fn an_account_reads_few_lists_at_a_time_and_others_are_not_affected() {
        let turns = turns();
        let busy = AccountId::generate();
        let first = turns.next(busy).await.unwrap();
        let _second = turns.next(busy).await.unwrap();

        // The third gets its turn when one ends, and is refused if none does.
        let mut third = Box::pin(turns.next(busy));
        assert!(third.as_mut().now_or_never().is_none());
        assert!(turns.next(AccountId::generate()).await.is_ok());
        drop(first);
        let third = third.await.unwrap();
        assert!(turns.next(busy).await.is_err());
        drop(third);
        assert!(turns.next(busy).await.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn an_account_with_too_many_waiting_lists_is_refused_at_once() {
        let turns = turns();
        let busy = AccountId::generate();
        let mut waiting = Vec::new();
        for _ in 0..MAX_WAITING {
            let mut turn = Box::pin(turns.next(busy));
            let ready = turn.as_mut().now_or_never();
            waiting.push((turn, ready));
        }

        assert!(matches!(turns.next(busy).now_or_never(), Some(Err(_))));

        drop(waiting);
        assert!(turns.next(busy).await.is_ok());
    }
}
