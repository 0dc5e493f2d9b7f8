//! `schedule`: when a message is sent.

use serde_json::Value;
use time::format_description::well_known::Rfc3339;
use time::macros::format_description;
use time::{Duration, OffsetDateTime, PrimitiveDateTime};

use crate::http::validation::{Object, Path, Problems};

/// How far ahead a send may lie.
const LONGEST_AHEAD: Duration = Duration::days(7);
/// A moment this long past is a clock that is a little off, and means now.
const CLOCK_TOLERANCE: Duration = Duration::seconds(30);

/// How far ahead a send may lie where records can be read for `retention` after their acceptance:
/// until it is due, it can be read, and canceled.
pub(super) fn longest_ahead(retention: std::time::Duration) -> Duration {
    Duration::try_from(retention)
        .unwrap_or(Duration::MAX)
        .min(LONGEST_AHEAD)
}

/// Reads `schedule.sendAt`, which may lie `longest` after `now`; `None`: at once.
pub(super) fn send_at(
    body: &mut Object<'_>,
    now: OffsetDateTime,
    longest: Duration,
    problems: &mut Problems,
) -> Option<OffsetDateTime> {
    let schedule = body.take("schedule")?;
    let path = body.at("schedule");
    let mut schedule = Object::of(schedule, path, problems)?;
    let moments = schedule.take("sendAt");
    let path = schedule.at("sendAt");
    let moment = match moments.as_ref().map(Value::as_array) {
        Some(Some(moments)) if moments.len() == 1 => {
            parse(&moments[0], &Path::Index(&path, 0), now, longest, problems)
        }
        _ => {
            problems.push(
                &path,
                "must be an array of one date-time, such as [\"2026-01-31T09:30:00Z\"]",
            );
            None
        }
    };
    schedule.finish(problems);
    moment
}

fn parse(
    value: &Value,
    path: &Path<'_>,
    now: OffsetDateTime,
    longest: Duration,
    problems: &mut Problems,
) -> Option<OffsetDateTime> {
    let without_zone = format_description!("[year]-[month]-[day]T[hour]:[minute]:[second]");
    let moment = value.as_str().and_then(|text| {
        let with_zone = OffsetDateTime::parse(text, &Rfc3339).ok();
        with_zone.or_else(|| {
            Some(
                PrimitiveDateTime::parse(text, without_zone)
                    .ok()?
                    .assume_utc(),
            )
        })
    });
    match moment {
        None => problems.push(
            path,
            "must be an RFC 3339 date-time; without a zone it is UTC",
        ),
        Some(moment) if moment < now - CLOCK_TOLERANCE => {
            problems.push(path, "must not lie in the past");
        }
        Some(moment) if moment > now + longest => {
            let hours = longest.whole_hours();
            problems.push(path, format!("must be at most {hours} hours ahead"));
        }
        Some(moment) => return Some(moment),
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::validation::parse_body;

    fn of(json: &str) -> (Option<i64>, bool) {
        let now = OffsetDateTime::parse("2026-01-30T00:00:00Z", &Rfc3339).unwrap();
        let mut problems = Problems::default();
        let mut body = parse_body(format!(r#"{{"schedule":{json}}}"#).as_bytes()).unwrap();
        let at = send_at(&mut body, now, Duration::days(7), &mut problems);
        (at.map(|at| (at - now).whole_minutes()), problems.is_empty())
    }

    #[test]
    fn zones_count_and_none_is_utc() {
        assert_eq!(
            of(r#"{"sendAt":["2026-01-30T01:00:00Z"]}"#),
            (Some(60), true)
        );
        assert_eq!(
            of(r#"{"sendAt":["2026-01-30T03:00:00+02:00"]}"#),
            (Some(60), true)
        );
        assert_eq!(
            of(r#"{"sendAt":["2026-01-30T01:00:00"]}"#),
            (Some(60), true)
        );
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
    fn a_moment_that_is_a_problem_is_none_to_reckon_with() {
        assert_eq!(
            of(r#"{"sendAt":["9999-12-31T23:59:59-01:00"]}"#),
            (None, false)
        );
    }

    #[test]
    fn what_is_scheduled_can_be_read_until_it_is_due() {
        let ahead = |days: u64| longest_ahead(std::time::Duration::from_hours(24 * days));
        assert_eq!([1, 2, 7, 30].map(ahead), [1, 2, 7, 7].map(Duration::days));
    }
}
