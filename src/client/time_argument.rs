//! Times and durations, as arguments of commands.

use std::time::Duration;

use humantime_serde::re::humantime;
use time::format_description::well_known::Rfc3339;
use time::macros::format_description;
use time::{Date, OffsetDateTime};

/// Reads a duration such as `10m`.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    humantime::parse_duration(text)
        .map_err(|_| "must be a duration such as 90s, 10m, 2h or 7d".to_owned())
}

/// Reads a date or a time, which is passed on as it is, or a duration before now.
pub(super) fn past_time(text: &str) -> Result<String, String> {
    let is_date = Date::parse(text, format_description!("[year]-[month]-[day]")).is_ok();
    if is_date || OffsetDateTime::parse(text, &Rfc3339).is_ok() {
        return Ok(text.to_owned());
    }

    let duration = humantime::parse_duration(text).map_err(|_| {
        "must be a time such as 2026-11-30 or 2026-11-30T09:00:00Z, or a duration before now such as 1h or 7d"
            .to_owned()
    })?;
    let at = time::Duration::try_from(duration)
        .ok()
        .and_then(|duration| OffsetDateTime::now_utc().checked_sub(duration));
    at.and_then(written)
        .ok_or_else(|| "must be a shorter time ago".to_owned())
}

/// Reads a time, or a duration from now, and returns an RFC 3339 time.
pub(super) fn future_time(text: &str) -> Result<String, String> {
    let wrong = || {
        "must be a time such as 2026-11-30T09:00:00Z, or a duration from now such as 2h".to_owned()
    };

    if OffsetDateTime::parse(text, &Rfc3339).is_ok() {
        return Ok(text.to_owned());
    }
    // A duration of humantime may be longer than the calendar, where an unchecked sum panics.
    let duration = humantime::parse_duration(text).map_err(|_| wrong())?;
    let at = time::Duration::try_from(duration)
        .ok()
        .and_then(|duration| OffsetDateTime::now_utc().checked_add(duration));
    at.and_then(written).ok_or_else(wrong)
}

/// In whole seconds. `None`: RFC 3339 can't write its year.
fn written(at: OffsetDateTime) -> Option<String> {
    let at = at.replace_nanosecond(0).unwrap_or(at);

    at.format(&Rfc3339).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds_from_now(text: &str) -> i64 {
        let at = OffsetDateTime::parse(text, &Rfc3339).unwrap();
        (at - OffsetDateTime::now_utc()).whole_seconds()
    }

    #[test]
    fn a_duration_is_a_time_before_or_after_now() {
        let past = seconds_from_now(&past_time("2h").unwrap());
        assert!((-7210..=-7200).contains(&past), "{past}");

        let left = seconds_from_now(&future_time("2h").unwrap());
        assert!((7190..=7200).contains(&left), "{left}");
    }

    #[test]
    fn times_are_passed_on() {
        for text in [
            "2026-11-30",
            "2026-11-30T09:00:00Z",
            "2026-11-30T09:00:00+02:00",
        ] {
            assert_eq!(past_time(text).unwrap(), text);
        }
        for text in ["yesterday", "", "2026-11-31", "2026-11-30T9"] {
            let wrong = past_time(text).unwrap_err();
            assert!(wrong.contains("such as 1h"), "{text}: {wrong}");
        }
        assert!(future_time("2026-11-30T09:00:00Z").is_ok());
    }

    #[test]
    fn a_duration_beyond_the_calendar_is_refused() {
        for text in ["9999999d", "99999999d", "584000000000y"] {
            assert!(past_time(text).is_err(), "{text}");
            assert!(future_time(text).is_err(), "{text}");
        }
        for text in ["", "soon", "tomorrow", "2026-11-30"] {
            assert!(future_time(text).is_err(), "{text}");
        }
        assert!(duration("soon").unwrap_err().contains("such as 90s"));
    }
}
