//! The push providers: credentials, payloads, requests, and what each answer means.

use std::time::{Duration, SystemTime};

use http::HeaderMap;

mod apns;
mod client;
mod credential;
mod endpoints;
mod fcm;
mod open;
mod payload;
mod preview;

pub use client::{Client, ClientError};
pub use credential::{Credential, FieldProblem};
pub use endpoints::{Endpoint, Endpoints, https_authority};
pub use open::open;
pub use payload::{Payload, PayloadProblem};
pub use preview::RequestPreview;

/// Longest text of a provider that is kept.
const LONGEST_TEXT: usize = 1000;

/// A provider's text as it is kept: bounded, and without NUL, which Postgres can't store.
fn tidy(text: &str) -> String {
    text.chars()
        .filter(|character| *character != '\0')
        .take(LONGEST_TEXT)
        .collect()
}

/// The longest that a provider is left alone for: one that asks for more has made a mistake.
const LONGEST_RETRY_AFTER: Duration = Duration::from_hours(24);

/// What a `Retry-After` header asks for, in seconds or as a date (RFC 9110 section 10.2.3), at most
/// [`LONGEST_RETRY_AFTER`].
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let value = headers
        .get(http::header::RETRY_AFTER)?
        .to_str()
        .ok()?
        .trim();
    let wait = match value.parse() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => httpdate::parse_http_date(value)
            .ok()?
            .duration_since(SystemTime::now())
            .unwrap_or_default(),
    };
    Some(wait.min(LONGEST_RETRY_AFTER))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(value: &str) -> Option<Duration> {
        let mut headers = HeaderMap::new();
        headers.insert(http::header::RETRY_AFTER, value.parse().ok()?);
        retry_after(&headers)
    }

    #[test]
    fn a_wait_is_given_in_seconds_or_as_a_date() {
        assert_eq!(of("120"), Some(Duration::from_secs(120)));
        let date = httpdate::fmt_http_date(SystemTime::now() + Duration::from_secs(90));
        assert!((88..=90).contains(&of(&date).unwrap().as_secs()), "{date}");
        assert_eq!(of("Wed, 21 Oct 2015 07:28:00 GMT"), Some(Duration::ZERO));
        assert_eq!(of("soon"), None);
        assert_eq!(of(&u64::MAX.to_string()), Some(LONGEST_RETRY_AFTER));
    }

    #[test]
    fn what_postgres_cannot_store_is_left_out() {
        assert_eq!(tidy("a\0b"), "ab");
        assert_eq!(tidy(&"é".repeat(2000)).chars().count(), LONGEST_TEXT);
    }
}
