//! `schedule`: when a message is sent. It is stored as the `due_at` of the batches
//! (`store/operation_insert.sql`), and nothing is updated when that moment comes.

use serde_json::Value;
use time::format_description::well_known::Rfc3339;
use time::macros::format_description;
use time::{Duration, OffsetDateTime, PrimitiveDateTime};

use crate::http::validation::{Object, Path, Problems, must_be, shown_string};

/// How far ahead a send may be scheduled.
pub(in crate::http) const MAX_AHEAD: Duration = Duration::days(7);
/// A timestamp that is less than this in the past means now: the client's clock may be off.
const CLOCK_TOLERANCE: Duration = Duration::seconds(30);
const RULE: &str = "an array with one RFC 3339 timestamp, such as 2026-01-31T09:30:00Z";

#[derive(Clone, Copy)]
pub(in crate::http) struct ScheduleBounds {
    pub now: OffsetDateTime,
    pub longest_ahead: Duration,
}

/// How far ahead a send may be scheduled, if records can be read for `retention` after they were
/// accepted: a scheduled send must stay readable, and cancelable, until it is due.
pub(in crate::http) fn longest_ahead(retention: std::time::Duration) -> Duration {
    Duration::try_from(retention)
        .unwrap_or(Duration::MAX)
        .min(MAX_AHEAD)
}

/// Reads `schedule.sendAt`; `None`: at once.
pub(in crate::http) fn send_at(
    body: &mut Object<'_>,
    bounds: ScheduleBounds,
    problems: &mut Problems,
) -> Option<OffsetDateTime> {
    let schedule = body.take("schedule")?;
    let path = body.at("schedule");
    let mut schedule = Object::of(schedule, path, problems)?;

    let value = schedule
        .require("sendAt", RULE, problems)
        .then(|| schedule.take("sendAt"))
        .flatten();
    let path = schedule.at("sendAt");
    let send_at = value.and_then(|value| one_timestamp(&value, &path, bounds, problems));

    schedule.refuse_unknown(problems);
    send_at
}

/// The API has an array here, as Twilio's sibling APIs do, but a push is sent at one time.
fn one_timestamp(
    send_at: &Value,
    path: &Path<'_>,
    bounds: ScheduleBounds,
    problems: &mut Problems,
) -> Option<OffsetDateTime> {
    let Some([value]) = send_at.as_array().map(Vec::as_slice) else {
        let message = match send_at.as_array() {
            Some(elements) => format!("must be {RULE}; got {} elements", elements.len()),
            None => must_be(RULE, send_at),
        };

        problems.push(path, message);
        return None;
    };

    timestamp(value, bounds)
        .map_err(|message| problems.push(&Path::Index(path, 0), message))
        .ok()
}

fn timestamp(value: &Value, bounds: ScheduleBounds) -> Result<OffsetDateTime, String> {
    let rule = "an RFC 3339 timestamp, such as 2026-01-31T09:30:00Z; without a zone it is UTC";
    let string = value.as_str().ok_or_else(|| must_be(rule, value))?;
    let timestamp =
        parse(string).ok_or_else(|| format!("must be {rule}; got {}", shown_string(string)))?;

    let ScheduleBounds { now, longest_ahead } = bounds;
    if timestamp < now - CLOCK_TOLERANCE {
        let seconds = CLOCK_TOLERANCE.whole_seconds();
        return Err(format!(
            "must not be more than {seconds} s in the past; got {}; the server's time is {}",
            shown_string(string),
            shown_time(now)
        ));
    }

    if timestamp > now + longest_ahead {
        let hours = longest_ahead.whole_hours();
        return Err(format!(
            "must be at most {hours} hours ahead; got {}; the server's time is {}",
            shown_string(string),
            shown_time(now)
        ));
    }

    Ok(timestamp)
}

fn parse(string: &str) -> Option<OffsetDateTime> {
    let without_zone = format_description!("[year]-[month]-[day]T[hour]:[minute]:[second]");

    OffsetDateTime::parse(string, &Rfc3339)
        .or_else(|_| {
            PrimitiveDateTime::parse(string, without_zone).map(PrimitiveDateTime::assume_utc)
        })
        .ok()
}

fn shown_time(now: OffsetDateTime) -> String {
    let to_the_second = now.replace_nanosecond(0).unwrap_or(now);

    to_the_second.format(&Rfc3339).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::validation::parse_body;

    fn of(json: &str) -> (Option<i64>, bool) {
        let bounds = ScheduleBounds {
            now: OffsetDateTime::parse("2026-01-30T00:00:00Z", &Rfc3339).unwrap(),
            longest_ahead: Duration::days(7),
        };
        let mut problems = Problems::default();
        let mut body = parse_body(format!(r#"{{"schedule":{json}}}"#).as_bytes()).unwrap();
        let at = send_at(&mut body, bounds, &mut problems);
        (
            at.map(|at| (at - bounds.now).whole_minutes()),
            problems.is_empty(),
        )
    }

    #[test]
    fn zones_count_and_without_one_it_is_utc() {
        for at in [
            "2026-01-30T01:00:00Z",
            "2026-01-30T03:00:00+02:00",
            "2026-01-30T01:00:00",
        ] {
            assert_eq!(of(&format!(r#"{{"sendAt":["{at}"]}}"#)), (Some(60), true));
        }
    }

    #[test]
    fn anything_else_is_a_problem() {
        for bad in [
            "{}",
            r#"{"sendAt":[]}"#,
            r#"{"sendAt":"2026-01-30T01:00:00Z"}"#,
            r#"{"sendAt":["2026-01-30T01:00:00Z","2026-01-30T02:00:00Z"]}"#,
            r#"{"sendAt":["tomorrow"]}"#,
            r#"{"sendAt":["2026-01-29T23:00:00Z"]}"#,
            r#"{"sendAt":["2026-02-06T00:01:00Z"]}"#,
            r#"{"sendAt":["2026-01-30T01:00:00Z"],"at":1}"#,
            "7",
        ] {
            assert!(!of(bad).1, "{bad}");
        }
    }

    #[test]
    fn a_refused_timestamp_is_not_returned() {
        assert_eq!(
            of(r#"{"sendAt":["9999-12-31T23:59:59-01:00"]}"#),
            (None, false)
        );
    }

    #[test]
    fn the_problem_names_the_servers_time() {
        let bounds = ScheduleBounds {
            now: time::macros::datetime!(2026-01-30 00:00:00.5 UTC),
            longest_ahead: Duration::days(7),
        };
        let message = |value: &str| timestamp(&value.into(), bounds).unwrap_err();
        assert_eq!(
            message("2026-01-29T23:00:00Z"),
            "must not be more than 30 s in the past; got '2026-01-29T23:00:00Z'; the server's time is 2026-01-30T00:00:00Z"
        );
        assert_eq!(
            message("2026-02-07T00:00:00Z"),
            "must be at most 168 hours ahead; got '2026-02-07T00:00:00Z'; the server's time is 2026-01-30T00:00:00Z"
        );
    }

    #[test]
    fn a_scheduled_send_can_be_read_until_it_is_due() {
        let ahead = |days: u64| longest_ahead(std::time::Duration::from_hours(24 * days));
        assert_eq!([1, 2, 7, 30].map(ahead), [1, 2, 7, 7].map(Duration::days));
    }
}
