//! `Retry-After`: how long a peer asks to be left alone.

use std::time::{Duration, SystemTime};

use http::HeaderMap;

/// The longest wait that is honoured. A peer that asks for more has made a mistake.
pub const MAX_RETRY_AFTER: Duration = Duration::from_hours(24);

/// The wait that a `Retry-After` header asks for, at most [`MAX_RETRY_AFTER`]. The header holds
/// seconds or a date:
/// <https://www.rfc-editor.org/rfc/rfc9110#section-10.2.3>.
pub fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let value = headers
        .get(http::header::RETRY_AFTER)?
        .to_str()
        .ok()?
        .trim();

    let wait = match value.parse() {
        Ok(seconds) => Duration::from_secs(seconds),
        // A date in the past means that there is nothing left to wait for.
        Err(_) => httpdate::parse_http_date(value)
            .ok()?
            .duration_since(SystemTime::now())
            .unwrap_or_default(),
    };

    Some(wait.min(MAX_RETRY_AFTER))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(value: &str) -> Option<Duration> {
        let mut headers = HeaderMap::new();
        headers.insert(http::header::RETRY_AFTER, value.parse().ok()?);
        retry_after(&headers)
    }

    #[test]
    fn a_wait_is_given_in_seconds_or_as_a_date() {
        assert_eq!(parsed("120"), Some(Duration::from_secs(120)));
        assert_eq!(parsed("soon"), None);

        let date = httpdate::fmt_http_date(SystemTime::now() + Duration::from_secs(90));
        let wait = parsed(&date).unwrap().as_secs();

        assert!((85..=90).contains(&wait), "{date}");
    }

    #[test]
    fn a_wait_is_never_negative_and_never_longer_than_the_longest() {
        assert_eq!(
            parsed("Wed, 21 Oct 2015 07:28:00 GMT"),
            Some(Duration::ZERO)
        );
        assert_eq!(parsed(&u64::MAX.to_string()), Some(MAX_RETRY_AFTER));
    }
}
