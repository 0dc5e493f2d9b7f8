//! Rate limits: requests of an API key, recipients of an account, and receipts of a source. Each process
//! counts by itself.
//!
//! Answers say how much is left of each limit, in the fields of
//! <https://datatracker.ietf.org/doc/draft-ietf-httpapi-ratelimit-headers/>.

use std::hash::Hash;
use std::num::NonZeroU32;
use std::time::{Duration, Instant};

use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use actix_web::{HttpMessage, HttpRequest};
use governor::clock::{Clock, MonotonicClock};
use governor::middleware::{StateInformationMiddleware, StateSnapshot};
use governor::state::keyed::DashMapStateStore;
use governor::{NotUntil, Quota, RateLimiter};

use crate::http::error::ApiError;
use crate::http::server::Source;
use crate::model::id::AccountId;

/// Sources that are remembered.
const MAX_SOURCES: usize = 100_000;

const POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
const LIMIT: HeaderName = HeaderName::from_static("ratelimit");

type Limiter<K> = RateLimiter<K, DashMapStateStore<K>, MonotonicClock, StateInformationMiddleware>;

/// The limits of this process; `None`: no limit.
pub(crate) struct RateLimits {
    requests: Option<Limit<String>>,
    recipients: Option<Limit<AccountId>>,
    receipts: Option<Limit<Source>>,
}

/// A limit of each of many callers.
struct Limit<K: Hash + Eq + Clone> {
    policy: Policy,
    limiter: Limiter<K>,
}

/// How much a caller may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Policy {
    /// What is counted, as answers name it.
    name: &'static str,
    most: NonZeroU32,
    /// In how many seconds.
    window: u32,
}

/// The recipients of a request, for the limit of their account.
pub(crate) struct Recipients {
    pub count: usize,
    /// The field of the request that names them.
    pub field: &'static str,
    /// What to do if no minute has room for them.
    pub advice: &'static str,
}

/// How much of a limit is left for a caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct LimitState {
    policy: Policy,
    left: u32,
    /// Seconds until as much as possible is left again; after a refusal, until the request passes.
    seconds: u64,
}

/// How much is left of each limit that a request counts for.
#[derive(Default)]
struct LimitStates(Vec<LimitState>);

impl RateLimits {
    /// Limits requests of an API key, recipients of an account and receipts of a source; 0: no limit.
    pub(crate) fn new(
        requests_per_second: u32,
        recipients_per_minute: u32,
        receipts_per_second: u32,
    ) -> Self {
        Self {
            requests: Limit::new("requests", requests_per_second, 1),
            recipients: Limit::new("recipients", recipients_per_minute, 60),
            receipts: Limit::new("receipts", receipts_per_second, 1),
        }
    }

    /// Counts a request of `key`, or refuses it with a 429.
    pub(crate) fn check_request(&self, request: &HttpRequest, key: &str) -> Result<(), ApiError> {
        let Some(limit) = &self.requests else {
            return Ok(());
        };

        limit.check_one(&key.to_owned(), request)
    }

    /// How many recipients an account may send to in a minute; `None`: as many as it likes.
    pub(crate) fn most_recipients(&self) -> Option<NonZeroU32> {
        self.recipients.as_ref().map(|limit| limit.policy.most)
    }

    /// Counts the recipients of a send, or refuses it: with a 429, or with a 400 if it has more
    /// recipients than a minute allows. What is counted is not given back, so this is the last check of a
    /// send.
    pub(crate) fn check_recipients(
        &self,
        request: &HttpRequest,
        account_id: AccountId,
        recipients: &Recipients,
    ) -> Result<(), ApiError> {
        let Recipients {
            count,
            field,
            advice,
        } = *recipients;
        // The cast cuts nothing off: an Operation has at most 16,777,215 recipients.
        let (Some(limit), Some(count)) = (&self.recipients, NonZeroU32::new(count as u32)) else {
            return Ok(());
        };

        let most = limit.policy.most;
        // No waiting would make room for it.
        if count > most {
            return Err(ApiError::invalid_field(
                field,
                format!(
                    "must have at most {most} recipients, which is the limit of this account for a minute \
                     (limits.recipients_per_minute); got {count}; {advice}"
                ),
            ));
        }
        limit.check(&account_id, count, request)
    }

    /// Counts receipts from `source`, or refuses them with a 429.
    pub(crate) fn check_receipts(
        &self,
        request: &HttpRequest,
        source: Source,
        receipts: usize,
    ) -> Result<(), ApiError> {
        let Some(limit) = &self.receipts else {
            return Ok(());
        };
        // A request has up to 100, which may be more than a second allows.
        let most = limit.policy.most;
        let count = NonZeroU32::new(receipts as u32).map_or(most, |count| count.min(most));

        // Sources that have been quiet since are forgotten, which bounds memory.
        if limit.limiter.len() > MAX_SOURCES {
            limit.limiter.retain_recent();
        }

        limit.check(&source, count, request)
    }
}

impl<K: Hash + Eq + Clone> Limit<K> {
    /// `most` in `window` seconds; 0: no limit.
    fn new(name: &'static str, most: u32, window: u32) -> Option<Self> {
        let most = NonZeroU32::new(most)?;
        let quota = match window {
            1 => Quota::per_second(most),
            _ => Quota::per_minute(most),
        };
        let limiter = RateLimiter::new(quota, DashMapStateStore::default(), MonotonicClock);

        Some(Self {
            policy: Policy { name, most, window },
            limiter,
        })
    }

    fn check_one(&self, key: &K, request: &HttpRequest) -> Result<(), ApiError> {
        self.check(key, NonZeroU32::MIN, request)
    }

    /// Counts `count`, which is at most what the limit allows, or refuses it. The answer to `request`
    /// says how the caller stands.
    fn check(&self, key: &K, count: NonZeroU32, request: &HttpRequest) -> Result<(), ApiError> {
        // An error would mean that no wait is long enough, but `count` is at most what is allowed.
        let Ok(passed) = self.limiter.check_key_n(key, count) else {
            return Ok(());
        };

        let (state, result) = match passed {
            Ok(state) => (self.policy.after(&state), Ok(())),
            Err(not_until) => {
                let wait = wait(&not_until);
                let refused = ApiError::too_many_requests(wait);
                (self.policy.refused(wait), Err(refused))
            }
        };
        note(request, state);
        result
    }
}

impl Policy {
    fn after(self, state: &StateSnapshot) -> LimitState {
        self.with_left(state.remaining_burst_capacity())
    }

    fn with_left(self, left: u32) -> LimitState {
        let used = u64::from(self.most.get().saturating_sub(left));
        // Rounded up, as `Retry-After` is.
        let seconds = (used * u64::from(self.window)).div_ceil(u64::from(self.most.get()));

        LimitState {
            policy: self,
            left,
            seconds,
        }
    }

    fn refused(self, wait: Duration) -> LimitState {
        LimitState {
            policy: self,
            left: 0,
            // As `Retry-After` has it.
            seconds: wait.as_secs() + u64::from(wait.subsec_nanos() > 0),
        }
    }

    /// A Quota Policy Item.
    fn item(self) -> String {
        let Self { name, most, window } = self;
        // What is counted is a unit of its own, unless it is the default one.
        let unit = match name {
            "requests" => String::new(),
            name => format!(";qu=\"{name}\""),
        };

        format!("\"{name}\";q={most}{unit};w={window}")
    }
}

impl LimitState {
    /// A Service Limit Item.
    fn item(self) -> String {
        let Self {
            policy,
            left,
            seconds,
        } = self;

        format!("\"{}\";r={left};t={seconds}", policy.name)
    }
}

/// Remembers the state of a limit for the answer to `request`.
fn note(request: &HttpRequest, state: LimitState) {
    let mut extensions = request.extensions_mut();
    match extensions.get_mut::<LimitStates>() {
        Some(states) => states.0.push(state),
        None => {
            extensions.insert(LimitStates(vec![state]));
        }
    }
}

/// Adds the states of the limits that `request` counted for to the headers of its answer.
pub(super) fn add_headers(request: &HttpRequest, headers: &mut HeaderMap) {
    let extensions = request.extensions();
    let Some(LimitStates(states)) = extensions.get::<LimitStates>() else {
        return;
    };

    let list = |item: fn(&LimitState) -> String| {
        let items: Vec<String> = states.iter().map(item).collect();
        HeaderValue::try_from(items.join(", "))
    };
    if let Ok(policies) = list(|state| state.policy.item()) {
        headers.insert(POLICY, policies);
    }
    if let Ok(limits) = list(|state| state.item()) {
        headers.insert(LIMIT, limits);
    }
}

fn wait(not_until: &NotUntil<Instant>) -> Duration {
    let wait = not_until.wait_time_from(MonotonicClock.now());

    // A wait of zero would round to "retry at once".
    wait.max(Duration::from_millis(1))
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;
    use crate::http::server::TrustedProxies;

    fn recipients(count: usize) -> Recipients {
        Recipients {
            count,
            field: "to",
            advice: "send fewer",
        }
    }

    fn request() -> HttpRequest {
        TestRequest::default().to_http_request()
    }

    #[test]
    fn an_answer_says_how_its_caller_stands() {
        let shown = |request: &HttpRequest| {
            let mut headers = HeaderMap::new();
            add_headers(request, &mut headers);
            [POLICY, LIMIT].map(|name| {
                let value = headers.get(name)?;
                Some(value.to_str().unwrap().to_owned())
            })
        };
        let both =
            |policies: &str, limits: &str| [policies, limits].map(|text| Some(text.to_owned()));
        let limits = RateLimits::new(2, 100, 0);
        let account_id = AccountId::generate();

        let first = request();
        assert_eq!(shown(&first), [None, None]);
        limits.check_request(&first, "a").unwrap();
        assert_eq!(
            shown(&first),
            both(r#""requests";q=2;w=1"#, r#""requests";r=1;t=1"#)
        );

        limits
            .check_recipients(&first, account_id, &recipients(60))
            .unwrap();
        assert_eq!(
            shown(&first),
            both(
                r#""requests";q=2;w=1, "recipients";q=100;qu="recipients";w=60"#,
                r#""requests";r=1;t=1, "recipients";r=40;t=36"#
            )
        );

        let second = request();
        let refused = limits.check_recipients(&second, account_id, &recipients(60));
        assert!(refused.is_err());
        assert_eq!(
            shown(&second)[1].as_deref(),
            Some(r#""recipients";r=0;t=12"#)
        );
    }

    #[test]
    fn each_source_has_its_own_limit_of_receipts() {
        let request = request();
        let limits = RateLimits::new(0, 0, 150);
        let source =
            |text: &str| TrustedProxies::default().source_of_request(text.parse().unwrap(), None);

        assert!(
            limits
                .check_receipts(&request, source("192.0.2.1"), 100)
                .is_ok()
        );
        assert!(
            limits
                .check_receipts(&request, source("192.0.2.1"), 100)
                .is_err()
        );
        assert!(
            limits
                .check_receipts(&request, source("::ffff:192.0.2.1"), 100)
                .is_err()
        );
        assert!(
            limits
                .check_receipts(&request, source("192.0.2.2"), 100)
                .is_ok()
        );

        assert!(
            limits
                .check_receipts(&request, source("2001:db8::1"), 100)
                .is_ok()
        );
        assert!(
            limits
                .check_receipts(&request, source("2001:db8::2"), 100)
                .is_err()
        );
        assert!(
            limits
                .check_receipts(&request, source("2001:db8:0:1::1"), 100)
                .is_ok()
        );
    }

    #[test]
    fn a_limit_below_one_request_lets_one_through() {
        let request = request();
        let limits = RateLimits::new(0, 0, 10);
        let source = TrustedProxies::default().source_of_request([192, 0, 2, 1].into(), None);

        assert!(limits.check_receipts(&request, source, 100).is_ok());
        assert!(limits.check_receipts(&request, source, 1).is_err());
    }

    #[test]
    fn each_caller_has_its_own_limits() {
        let request = request();
        let limits = RateLimits::new(2, 100, 0);

        assert!(limits.check_request(&request, "a").is_ok());
        assert!(limits.check_request(&request, "a").is_ok());
        assert!(limits.check_request(&request, "a").is_err());
        assert!(limits.check_request(&request, "b").is_ok());

        let one = AccountId::generate();
        assert!(
            limits
                .check_recipients(&request, one, &recipients(60))
                .is_ok()
        );
        assert!(
            limits
                .check_recipients(&request, one, &recipients(60))
                .is_err()
        );

        let other = AccountId::generate();
        assert!(
            limits
                .check_recipients(&request, other, &recipients(100))
                .is_ok()
        );
        assert!(
            limits
                .check_recipients(&request, other, &recipients(101))
                .is_err()
        );
    }

    #[test]
    fn without_limits_everything_passes() {
        let request = request();
        let limits = RateLimits::new(0, 0, 0);

        assert!((0..1000).all(|_| limits.check_request(&request, "a").is_ok()));
        let account_id = AccountId::generate();
        assert!(
            limits
                .check_recipients(&request, account_id, &recipients(10_000))
                .is_ok()
        );
    }
}
