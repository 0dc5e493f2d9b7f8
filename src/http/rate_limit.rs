//! Rate limits: requests of an API key and recipients of an account, each counted by this process
//! alone. Off by default.

use std::num::NonZeroU32;
use std::time::{Duration, Instant};

use governor::clock::{Clock, MonotonicClock};
use governor::state::keyed::DashMapStateStore;
use governor::{NotUntil, Quota, RateLimiter};

use crate::http::error::ApiError;
use crate::model::id::AccountId;

type Limiter<K> = RateLimiter<K, DashMapStateStore<K>, MonotonicClock>;

/// The limits of this process.
pub(crate) struct Limits {
    requests: Option<Limiter<String>>,
    recipients: Option<(NonZeroU32, Limiter<AccountId>)>,
}

impl Limits {
    /// At most so many requests a second of one key, and recipients a minute of one account; 0: no
    /// limit.
    pub(crate) fn new(requests_per_second: u32, recipients_per_minute: u32) -> Self {
        let requests = NonZeroU32::new(requests_per_second).map(Quota::per_second);
        let recipients =
            NonZeroU32::new(recipients_per_minute).map(|most| (most, Quota::per_minute(most)));
        Self {
            requests: requests.map(limiter),
            recipients: recipients.map(|(most, quota)| (most, limiter(quota))),
        }
    }

    /// Counts a request of `key`.
    pub(crate) fn request(&self, key: &str) -> Result<(), ApiError> {
        match &self.requests {
            Some(limiter) => limiter
                .check_key(&key.to_owned())
                .map_err(|not_until| too_many(&not_until)),
            None => Ok(()),
        }
    }

    /// Counts the recipients of a send.
    pub(crate) fn recipients(
        &self,
        account_id: AccountId,
        recipients: usize,
    ) -> Result<(), ApiError> {
        let (Some((most, limiter)), Some(count)) =
            (&self.recipients, NonZeroU32::new(recipients as u32))
        else {
            return Ok(());
        };
        match limiter.check_key_n(&account_id, count) {
            Ok(fits) => fits.map_err(|not_until| too_many(&not_until)),
            // More than a whole minute's: waiting would not help.
            Err(_) => Err(ApiError::invalid_field(
                "to",
                format!(
                    "has {count} recipients; this account may send to {most} a minute: split the request"
                ),
            )),
        }
    }
}

fn limiter<K: std::hash::Hash + Eq + Clone>(quota: Quota) -> Limiter<K> {
    RateLimiter::new(quota, DashMapStateStore::default(), MonotonicClock)
}

fn too_many(not_until: &NotUntil<Instant>) -> ApiError {
    ApiError::too_many_requests(
        not_until
            .wait_time_from(MonotonicClock.now())
            .max(Duration::from_millis(1)),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_each_callers_own() {
        let limits = Limits::new(2, 100);
        assert!(
            limits.request("a").is_ok()
                && limits.request("a").is_ok()
                && limits.request("a").is_err()
        );
        assert!(limits.request("b").is_ok());
        let (one, other) = (AccountId::generate(), AccountId::generate());
        assert!(limits.recipients(one, 60).is_ok() && limits.recipients(one, 60).is_err());
        assert!(limits.recipients(other, 100).is_ok() && limits.recipients(other, 101).is_err());
    }

    #[test]
    fn without_a_limit_everything_passes() {
        let limits = Limits::new(0, 0);
        assert!((0..1000).all(|_| limits.request("a").is_ok()));
        assert!(limits.recipients(AccountId::generate(), 10_000).is_ok());
    }
}
