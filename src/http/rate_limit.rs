//! Rate limits: requests of an API key, recipients of an account, and receipts of a source. Each process
//! counts by itself.

use std::num::NonZeroU32;
use std::time::{Duration, Instant};

use governor::clock::{Clock, MonotonicClock};
use governor::state::keyed::DashMapStateStore;
use governor::{NotUntil, Quota, RateLimiter};

use crate::http::error::ApiError;
use crate::http::server::Source;
use crate::model::id::AccountId;

/// Sources that are remembered.
const MAX_SOURCES: usize = 100_000;

type Limiter<K> = RateLimiter<K, DashMapStateStore<K>, MonotonicClock>;

/// The limits of this process; `None`: no limit.
pub(crate) struct RateLimits {
    requests: Option<Limiter<String>>,
    /// The limiter, and how many recipients a minute it allows.
    recipients: Option<(NonZeroU32, Limiter<AccountId>)>,
    /// The limiter, and how many receipts a second it allows.
    receipts: Option<(NonZeroU32, Limiter<Source>)>,
}

impl RateLimits {
    /// Limits requests of an API key, recipients of an account and receipts of a source; 0: no limit.
    pub(crate) fn new(
        requests_per_second: u32,
        recipients_per_minute: u32,
        receipts_per_second: u32,
    ) -> Self {
        let requests = NonZeroU32::new(requests_per_second).map(Quota::per_second);
        let recipients =
            NonZeroU32::new(recipients_per_minute).map(|most| (most, Quota::per_minute(most)));
        let receipts =
            NonZeroU32::new(receipts_per_second).map(|most| (most, Quota::per_second(most)));

        Self {
            requests: requests.map(limiter),
            recipients: recipients.map(|(most, quota)| (most, limiter(quota))),
            receipts: receipts.map(|(most, quota)| (most, limiter(quota))),
        }
    }

    /// Counts a request of `key`, or refuses it with a 429.
    pub(crate) fn check_request(&self, key: &str) -> Result<(), ApiError> {
        match &self.requests {
            Some(limiter) => limiter
                .check_key(&key.to_owned())
                .map_err(|not_until| too_many(&not_until)),
            None => Ok(()),
        }
    }

    /// How many recipients an account may send to in a minute; `None`: as many as it likes.
    pub(crate) fn most_recipients(&self) -> Option<NonZeroU32> {
        self.recipients.as_ref().map(|(most, _)| *most)
    }

    /// Counts the recipients of a send, or refuses it: with a 429, or with a 400 if it has more
    /// recipients than a minute allows.
    pub(crate) fn check_recipients(
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
            // No waiting would make room for it.
            Err(_) => Err(ApiError::invalid_field(
                "to",
                format!(
                    "must have at most {most} recipients, the rate limit of this account for a minute \
                     (limits.recipients_per_minute); got {count}; split the request, or narrow the \
                     audience by tags"
                ),
            )),
        }
    }

    /// Counts receipts from `source`, or refuses them with a 429.
    pub(crate) fn check_receipts(&self, source: Source, receipts: usize) -> Result<(), ApiError> {
        let Some((most, limiter)) = &self.receipts else {
            return Ok(());
        };
        // A request has up to 100, which may be more than a second allows.
        let count = NonZeroU32::new(receipts as u32).map_or(*most, |count| count.min(*most));

        // Sources that have been quiet since are forgotten, which bounds memory.
        if limiter.len() > MAX_SOURCES {
            limiter.retain_recent();
        }

        match limiter.check_key_n(&source, count) {
            Ok(fits) => fits.map_err(|not_until| too_many(&not_until)),
            // Not so: `count` is at most what the limiter allows.
            Err(_) => Ok(()),
        }
    }
}

fn limiter<K: std::hash::Hash + Eq + Clone>(quota: Quota) -> Limiter<K> {
    RateLimiter::new(quota, DashMapStateStore::default(), MonotonicClock)
}

fn too_many(not_until: &NotUntil<Instant>) -> ApiError {
    let wait = not_until.wait_time_from(MonotonicClock.now());

    // A wait of zero would round to "retry at once".
    ApiError::too_many_requests(wait.max(Duration::from_millis(1)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::server::TrustedProxies;

    #[test]
    fn each_source_has_its_own_limit_of_receipts() {
        let limits = RateLimits::new(0, 0, 150);
        let source =
            |text: &str| TrustedProxies::default().source_of_request(text.parse().unwrap(), None);

        assert!(limits.check_receipts(source("192.0.2.1"), 100).is_ok());
        assert!(limits.check_receipts(source("192.0.2.1"), 100).is_err());
        assert!(
            limits
                .check_receipts(source("::ffff:192.0.2.1"), 100)
                .is_err()
        );
        assert!(limits.check_receipts(source("192.0.2.2"), 100).is_ok());

        assert!(limits.check_receipts(source("2001:db8::1"), 100).is_ok());
        assert!(limits.check_receipts(source("2001:db8::2"), 100).is_err());
        assert!(
            limits
                .check_receipts(source("2001:db8:0:1::1"), 100)
                .is_ok()
        );
    }

    #[test]
    fn a_limit_below_one_request_lets_one_through() {
        let limits = RateLimits::new(0, 0, 10);
        let source = TrustedProxies::default().source_of_request([192, 0, 2, 1].into(), None);

        assert!(limits.check_receipts(source, 100).is_ok());
        assert!(limits.check_receipts(source, 1).is_err());
    }

    #[test]
    fn each_caller_has_its_own_limits() {
        let limits = RateLimits::new(2, 100, 0);

        assert!(limits.check_request("a").is_ok());
        assert!(limits.check_request("a").is_ok());
        assert!(limits.check_request("a").is_err());
        assert!(limits.check_request("b").is_ok());

        let one = AccountId::generate();
        assert!(limits.check_recipients(one, 60).is_ok());
        assert!(limits.check_recipients(one, 60).is_err());

        let other = AccountId::generate();
        assert!(limits.check_recipients(other, 100).is_ok());
        assert!(limits.check_recipients(other, 101).is_err());
    }

    #[test]
    fn without_limits_everything_passes() {
        let limits = RateLimits::new(0, 0, 0);

        assert!((0..1000).all(|_| limits.check_request("a").is_ok()));
        let account_id = AccountId::generate();
        assert!(limits.check_recipients(account_id, 10_000).is_ok());
    }
}
