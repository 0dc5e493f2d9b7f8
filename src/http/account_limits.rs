//! How much an account may have stored, so that one account can't fill the disk. Off where a limit is
//! 0.
//!
//! What is stored is counted now and then, and what this process adds in between is added to it. So a
//! limit may be exceeded by what other processes add meanwhile. Nothing is refused without a new
//! count.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use sqlx::PgConnection;

use crate::http::error::ApiError;
use crate::model::id::AccountId;
use crate::store::account_counts;
use crate::store::pool::Pool;

/// The least time between two counts.
const LEAST_REST: Duration = Duration::from_secs(60);
/// A count rests this many times as long as it took, so that it takes at most a fiftieth of a
/// connection.
const REST_FACTOR: u32 = 50;
/// How old a count may be to refuse by.
const FRESH: Duration = Duration::from_secs(5);
/// How long a count may take. A longer one refuses nothing.
const COUNT_TIMEOUT: Duration = Duration::from_secs(10);
/// Counts that are remembered, before those that are old are forgotten.
const MANY_COUNTS: usize = 10_000;

/// The limits of every account. 0: no limit.
#[derive(Debug, Clone, Copy)]
pub(crate) struct AccountQuotas {
    pub queued: u64,
    pub users: u64,
    pub devices: u64,
}

/// What a registration adds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct NewRows {
    pub user: bool,
    pub device: bool,
}

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Stored {
    Queued,
    Users,
    Devices,
}

/// Cheap to clone.
#[derive(Clone)]
pub(crate) struct AccountLimits {
    pool: Pool,
    quotas: AccountQuotas,
    counts: Arc<Mutex<HashMap<(AccountId, Stored), Count>>>,
}

/// What is known of how much is stored.
#[derive(Debug, Clone)]
struct Count {
    stored: u64,
    /// What this process added since the count began.
    added: u64,
    counted_at: Instant,
    /// When a count was begun last. While one runs, no request begins another.
    asked_at: Instant,
    /// How long the count took.
    took: Duration,
    /// Held by the request that waits for a count. The others wait for it, and then know too.
    turn: Arc<tokio::sync::Mutex<()>>,
}

/// What to do about something that is to be added.
#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    /// It fits.
    Fits,
    /// It fits as far as is known, which is not new.
    FitsPerhaps,
    /// It does not fit unless a new count says so.
    CountAgain,
    /// It does not fit.
    Exceeds,
}

impl Count {
    /// Before the first count, which is begun now.
    fn unknown(now: Instant) -> Self {
        Self {
            stored: 0,
            added: 0,
            counted_at: now,
            asked_at: now,
            took: Duration::ZERO,
            turn: Arc::default(),
        }
    }

    /// The verdict, upon which the caller begins a count if it is [`Verdict::FitsPerhaps`].
    fn decide(&mut self, more: u64, limit: u64, now: Instant) -> Verdict {
        let verdict = self.verdict(more, limit, now);
        // Under the lock of the map: otherwise every request that arrives while a count runs would
        // begin one of its own. In a benchmark these were 484 counts of 89 ms each.
        if verdict == Verdict::FitsPerhaps {
            self.asked_at = now;
        }

        verdict
    }

    fn verdict(&self, more: u64, limit: u64, now: Instant) -> Verdict {
        let age = now.saturating_duration_since(self.counted_at);

        // What was added may have been refused elsewhere, or counted as stored already.
        if self.stored + more > limit && age < FRESH {
            return Verdict::Exceeds;
        }
        if self.stored + self.added + more > limit {
            return Verdict::CountAgain;
        }

        let rest = LEAST_REST.max(self.took * REST_FACTOR);
        // After this time the count that was begun has ended or its task is lost.
        let is_asked = now.saturating_duration_since(self.asked_at) < COUNT_TIMEOUT;
        match age < rest || is_asked {
            true => Verdict::Fits,
            false => Verdict::FitsPerhaps,
        }
    }
}

impl AccountLimits {
    pub(crate) fn new(pool: Pool, quotas: AccountQuotas) -> Self {
        Self {
            pool,
            quotas,
            counts: Arc::default(),
        }
    }

    /// Counts notifications that are to be queued, or refuses them with a 429.
    pub(crate) async fn check_queued(
        &self,
        account_id: AccountId,
        notifications: usize,
    ) -> Result<(), ApiError> {
        self.check(account_id, Stored::Queued, notifications as u64)
            .await
    }

    /// Counts what is to be registered, or refuses it with a 403.
    pub(crate) async fn check_registration(
        &self,
        account_id: AccountId,
        new: NewRows,
    ) -> Result<(), ApiError> {
        if new.user {
            self.check(account_id, Stored::Users, 1).await?;
        }
        if new.device {
            self.check(account_id, Stored::Devices, 1).await?;
        }

        Ok(())
    }

    /// Counts what an import has stored. Its rest is refused with a 403 if that is too much.
    pub(crate) async fn check_imported(
        &self,
        account_id: AccountId,
        users: u64,
        devices: u64,
    ) -> Result<(), ApiError> {
        self.check(account_id, Stored::Users, users).await?;
        self.check(account_id, Stored::Devices, devices).await
    }

    async fn check(&self, account_id: AccountId, what: Stored, more: u64) -> Result<(), ApiError> {
        let limit = self.limit(what);
        if limit == 0 {
            return Ok(());
        }

        let verdict = self.verdict(account_id, what, more);
        // What is added from here on, this one included, need not be stored when it is counted.
        let added = self.added(account_id, what);
        match verdict {
            Verdict::Fits => {}
            Verdict::FitsPerhaps => {
                // In a task of its own, because a count may take as long as COUNT_TIMEOUT.
                let limits = self.clone();
                tokio::spawn(async move { limits.count(account_id, what, added).await });
            }
            Verdict::CountAgain => {
                // Boxed, because few requests get here and the future of every request would hold
                // it.
                Box::pin(self.count_in_turn(account_id, what, more)).await;
            }
            Verdict::Exceeds => return Err(exceeds(what, limit)),
        }

        // Only a new count refuses. A count that failed leaves another verdict, and the request
        // passes.
        if verdict == Verdict::CountAgain
            && self.verdict(account_id, what, more) == Verdict::Exceeds
        {
            return Err(exceeds(what, limit));
        }

        // Added last, so that a request that is refused adds nothing.
        if let Some(count) = self.lock().get_mut(&(account_id, what)) {
            count.added += more;
        }
        Ok(())
    }

    /// What to do about `more` of something.
    fn verdict(&self, account_id: AccountId, what: Stored, more: u64) -> Verdict {
        let now = Instant::now();
        let mut counts = self.lock();

        if counts.len() >= MANY_COUNTS {
            // An account that is forgotten here is counted again when it comes back.
            counts.retain(|_, count| now.duration_since(count.counted_at) < LEAST_REST);
        }

        match counts.get_mut(&(account_id, what)) {
            Some(count) => count.decide(more, self.limit(what), now),
            // No request waits for the first count: an account that has too much is refused a moment
            // later.
            None => {
                counts.insert((account_id, what), Count::unknown(now));
                Verdict::FitsPerhaps
            }
        }
    }

    fn limit(&self, what: Stored) -> u64 {
        match what {
            Stored::Queued => self.quotas.queued,
            Stored::Users => self.quotas.users,
            Stored::Devices => self.quotas.devices,
        }
    }

    /// Counts anew, unless another request that waits for the same has just done so.
    async fn count_in_turn(&self, account_id: AccountId, what: Stored, more: u64) {
        // The lock of the map ends with this block: requests of all accounts need it, and the wait
        // for the turn may be long.
        let turn = {
            let mut counts = self.lock();
            let new = || Count::unknown(Instant::now());
            let count = counts.entry((account_id, what)).or_insert_with(new);
            Arc::clone(&count.turn)
        };
        let _turn = turn.lock().await;

        if self.verdict(account_id, what, more) == Verdict::CountAgain {
            let added = self.added(account_id, what);
            self.count(account_id, what, added).await;
        }
    }

    /// Counts anew what had been `added_before`. If that fails, nothing is refused for a while.
    async fn count(&self, account_id: AccountId, what: Stored, added_before: u64) {
        let began = Instant::now();
        // One more than the limit shows that the limit is exceeded. Each queued batch has at least
        // one notification, so this bounds the rows of that count too.
        let most =
            i64::try_from(self.limit(what)).map_or(i64::MAX, |limit| limit.saturating_add(1));

        let stored = self.read(account_id, what, most).await;
        if let Err(error) = &stored {
            tracing::debug!(%error, ?what, "what an account has stored can't be counted");
        }

        let now = Instant::now();
        let mut counts = self.lock();
        let count = counts
            .entry((account_id, what))
            .or_insert_with(|| Count::unknown(now));
        count.stored = stored.map_or(0, |stored| u64::try_from(stored).unwrap_or_default());
        // What was added while the count ran may be missing in it, so it stays added.
        count.added = count.added.saturating_sub(added_before);
        count.counted_at = now;
        count.took = now.duration_since(began);
    }

    fn added(&self, account_id: AccountId, what: Stored) -> u64 {
        let counts = self.lock();
        counts
            .get(&(account_id, what))
            .map_or(0, |count| count.added)
    }

    async fn read(&self, account_id: AccountId, what: Stored, most: i64) -> sqlx::Result<i64> {
        let counting = async |connection: &mut PgConnection| match what {
            Stored::Queued => account_counts::queued(connection, account_id, most).await,
            Stored::Users => account_counts::users(connection, account_id, most).await,
            Stored::Devices => account_counts::devices(connection, account_id, most).await,
        };

        self.pool.limited_to(COUNT_TIMEOUT).within(counting).await
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<(AccountId, Stored), Count>> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn exceeds(what: Stored, limit: u64) -> ApiError {
    let (name, key) = match what {
        Stored::Queued => {
            return ApiError::queue_full(format!(
                "This request would exceed {limit} queued notifications, the limit of the account \
                 (limits.queued_per_account). Wait until some are sent, or cancel some"
            ));
        }
        Stored::Users => ("Users", "limits.users_per_account"),
        Stored::Devices => ("devices", "limits.devices_per_account"),
    };

    ApiError::quota_reached(format!(
        "The account has {limit} {name}, which is its limit ({key}). Delete unused {name}, or ask \
         the operator to raise the limit"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_refused_by_an_old_count() {
        let now = Instant::now();
        let count = Count {
            stored: 90,
            added: 9,
            took: Duration::from_secs(2),
            ..Count::unknown(now)
        };

        assert_eq!(count.verdict(1, 100, now), Verdict::Fits);
        assert_eq!(count.verdict(2, 100, now), Verdict::CountAgain);
        assert_eq!(count.verdict(11, 100, now), Verdict::Exceeds);
        assert_eq!(count.verdict(11, 100, now + FRESH), Verdict::CountAgain);
        // It rests fifty times as long as it took.
        assert_eq!(count.verdict(1, 100, now + LEAST_REST), Verdict::Fits);
        assert_eq!(
            count.verdict(1, 100, now + Duration::from_secs(100)),
            Verdict::FitsPerhaps
        );
    }

    #[test]
    fn while_a_count_runs_no_other_is_begun() {
        let began = Instant::now();
        let later = began + LEAST_REST;
        let mut count = Count::unknown(began);

        assert_eq!(count.decide(1, 100, later), Verdict::FitsPerhaps);
        assert_eq!(count.decide(1, 100, later), Verdict::Fits);
        // One that did not end is begun again.
        assert_eq!(
            count.decide(1, 100, later + COUNT_TIMEOUT),
            Verdict::FitsPerhaps
        );
    }
}
