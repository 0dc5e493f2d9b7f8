//! `schedule`: when a message is sent. A time with a zone is stored as the `due_at` of the batches
//! (`store/operation_insert.sql`), and nothing is updated when that moment comes. A time without one, and
//! a window, are of each recipient's clock: see [`LocalSchedule`].

use serde_json::Value;
use time::format_description::well_known::Rfc3339;
use time::{Duration, OffsetDateTime};

use crate::http::validation::{Object, Path, Problems, must_be, quoted_string};
use crate::model::local_time::{
    CLOCK_TOLERANCE, Day, FURTHEST_BEHIND, IfPassed, LocalDateTime, LocalSchedule, TimeOfDay,
    Window,
};
use crate::model::quoted::quoted;

/// How far ahead a send may be scheduled.
pub(in crate::http) const MAX_AHEAD: Duration = Duration::days(7);
const RULE: &str = "an array with one RFC 3339 timestamp, such as 2026-01-31T09:30:00Z";
const TIME_RULE: &str = "a time of day, such as 09:00";

#[derive(Clone, Copy)]
pub(in crate::http) struct ScheduleBounds {
    pub now: OffsetDateTime,
    pub longest_ahead: Duration,
}

/// When a message is sent, as the request says it.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Schedule {
    /// The same moment for all; `None`: at once, or at a local time.
    pub send_at: Option<OffsetDateTime>,
    /// What depends on the recipient's clock; `None`: nothing does.
    pub local: Option<LocalSchedule>,
}

/// `sendAt`, with or without a zone.
#[derive(Debug, Clone, Copy, PartialEq)]
enum SendAt {
    Timestamp(OffsetDateTime),
    Local(LocalDateTime),
}

/// How far ahead a send may be scheduled, if records can be read for `retention` after they were
/// accepted: a scheduled send must stay readable, and cancelable, until it is due.
pub(in crate::http) fn longest_ahead(retention: std::time::Duration) -> Duration {
    Duration::try_from(retention)
        .unwrap_or(Duration::MAX)
        .min(MAX_AHEAD)
}

/// Reads `schedule` with a time that is the same for all.
pub(in crate::http) fn send_at(
    body: &mut Object<'_>,
    bounds: ScheduleBounds,
    problems: &mut Problems,
) -> Option<OffsetDateTime> {
    // `ignoreWindow` is a field of sends alone: here it is not read, and is refused as unknown.
    let schedule = schedule(body, false, bounds, problems);

    if schedule.local.is_some() {
        problems.push(
            &body.at("schedule"),
            "must have a sendAt with a zone, and no window: only a new send can use local times",
        );
    }
    schedule.send_at
}

/// Reads `schedule`, and `ignoreWindow` beside it.
pub(super) fn read(
    body: &mut Object<'_>,
    bounds: ScheduleBounds,
    problems: &mut Problems,
) -> Schedule {
    let ignores_window = body.boolean("ignoreWindow", problems).unwrap_or(false);

    schedule(body, ignores_window, bounds, problems)
}

fn schedule(
    body: &mut Object<'_>,
    ignores_window: bool,
    bounds: ScheduleBounds,
    problems: &mut Problems,
) -> Schedule {
    let Some(schedule) = body.take("schedule") else {
        return Schedule::default();
    };
    let path = body.at("schedule");
    let Some(mut schedule) = Object::of(schedule, path, problems) else {
        return Schedule::default();
    };

    let value = schedule.take("sendAt");
    let path = schedule.at("sendAt");
    let send_at = value
        .as_ref()
        .and_then(|value| one_timestamp(value, &path, bounds, problems));
    let window = window(&mut schedule, problems);
    let if_passed = schedule.one_of("ifPassed", &IfPassed::ALL, problems);
    let ignores_window =
        schedule.boolean("ignoreWindow", problems).unwrap_or(false) || ignores_window;

    // If there is a problem, the missing field may be one that was refused.
    if value.is_none() && window.is_none() && problems.is_empty() {
        problems.push(
            &schedule.at("sendAt"),
            format!("this field is required and must be {RULE}, unless there is a window"),
        );
    }
    if let Some(SendAt::Timestamp(_)) = send_at
        && if_passed.is_some()
    {
        problems.push(
            &schedule.at("ifPassed"),
            "must be absent, because sendAt has a zone: ifPassed applies only to local times",
        );
    }
    schedule.refuse_unknown(problems);

    let local = LocalSchedule {
        send_at: match send_at {
            Some(SendAt::Local(local)) => Some(local),
            Some(SendAt::Timestamp(_)) | None => None,
        },
        window: window.filter(|_| !ignores_window),
        if_passed: if_passed.unwrap_or_default(),
        // It follows from the deadline and the `ttl` of the send (`timing.rs`).
        max_window_wait: None,
    };
    Schedule {
        send_at: match send_at {
            Some(SendAt::Timestamp(at)) => Some(at),
            Some(SendAt::Local(_)) | None => None,
        },
        local: (local.send_at.is_some() || local.window.is_some()).then_some(local),
    }
}

fn window(schedule: &mut Object<'_>, problems: &mut Problems) -> Option<Window> {
    let value = schedule.take("window")?;
    let mut window = Object::of(value, schedule.at("window"), problems)?;

    let from = time_of_day(&mut window, "from", problems);
    let until = time_of_day(&mut window, "until", problems);
    let days = days(&mut window, problems);

    if let Some(from) = from
        && from.is_end()
    {
        problems.push(&window.at("from"), "must be before 24:00");
    }
    if let (Some(from), Some(until)) = (from, until)
        && from == until
    {
        problems.push(
            &window.at("until"),
            "must differ from from; for a whole day, use from 00:00 and until 24:00",
        );
    }
    window.refuse_unknown(problems);

    Some(Window {
        from: from?,
        until: until?,
        days,
    })
}

fn time_of_day(
    window: &mut Object<'_>,
    name: &'static str,
    problems: &mut Problems,
) -> Option<TimeOfDay> {
    if !window.require(name, TIME_RULE, problems) {
        return None;
    }
    let text = window.string(name, problems)?;

    let time = text.parse().ok();
    if time.is_none() {
        problems.push(
            &window.at(name),
            format!("must be {TIME_RULE}; got {}", quoted_string(&text)),
        );
    }
    time
}

/// Each day counts once.
fn days(window: &mut Object<'_>, problems: &mut Problems) -> Option<Vec<Day>> {
    let value = window.take("days")?;
    let path = window.at("days");
    let names = Day::ALL.map(|(name, _)| name).join(", ");
    let rule = format!("an array of 1 to {} of {names}", Day::ALL.len());

    let Value::Array(values) = value else {
        problems.push(&path, must_be(&rule, &value));
        return None;
    };
    if values.is_empty() || values.len() > Day::ALL.len() {
        problems.push(&path, format!("must be {rule}; got {}", values.len()));
        return None;
    }

    let known = |value: &Value| {
        let name = value.as_str()?;
        let found = Day::ALL.iter().find(|(known, _)| *known == name)?;
        Some(found.1)
    };
    let mut days = Vec::with_capacity(values.len());
    for (index, value) in values.iter().enumerate() {
        match known(value) {
            Some(day) => days.push(day),
            None => problems.push(
                &Path::Index(&path, index),
                format!("must be one of {names}; got {}", quoted(value)),
            ),
        }
    }

    // A day may be named twice: a window only asks whether a day is among them.
    (days.len() == values.len()).then_some(days)
}

/// The API has an array here, as Twilio's sibling APIs do, but a push is sent at one time.
fn one_timestamp(
    send_at: &Value,
    path: &Path<'_>,
    bounds: ScheduleBounds,
    problems: &mut Problems,
) -> Option<SendAt> {
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

fn timestamp(value: &Value, bounds: ScheduleBounds) -> Result<SendAt, String> {
    let rule = "an RFC 3339 timestamp, such as 2026-01-31T09:30:00Z; without a zone it is each recipient's local time";
    let string = value.as_str().ok_or_else(|| must_be(rule, value))?;
    let send_at =
        parse(string).ok_or_else(|| format!("must be {rule}; got {}", quoted_string(string)))?;

    let ScheduleBounds { now, longest_ahead } = bounds;
    // A local time has passed once it has passed everywhere.
    let (latest, in_utc) = match send_at {
        SendAt::Timestamp(at) => (at, at),
        SendAt::Local(local) => {
            let in_utc = local.in_utc().ok_or_else(|| format!("must be {rule}"))?;
            let latest = in_utc.checked_add(FURTHEST_BEHIND).unwrap_or(in_utc);
            (latest, in_utc)
        }
    };
    if latest < now - CLOCK_TOLERANCE {
        let seconds = CLOCK_TOLERANCE.whole_seconds();
        return Err(format!(
            "must not be more than {seconds} s in the past; got {}; the server's time is {}",
            quoted_string(string),
            shown_time(now)
        ));
    }

    // By UTC, which is the clock of devices and of Users without a time zone.
    if in_utc > now + longest_ahead {
        let hours = longest_ahead.whole_hours();
        return Err(format!(
            "must be at most {hours} hours ahead; got {}; the server's time is {}",
            quoted_string(string),
            shown_time(now)
        ));
    }

    Ok(send_at)
}

fn parse(string: &str) -> Option<SendAt> {
    OffsetDateTime::parse(string, &Rfc3339)
        .map(SendAt::Timestamp)
        .ok()
        .or_else(|| string.parse().map(SendAt::Local).ok())
}

fn shown_time(now: OffsetDateTime) -> String {
    let to_the_second = now.replace_nanosecond(0).unwrap_or(now);

    to_the_second.format(&Rfc3339).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::validation::parse_body;

    fn bounds() -> ScheduleBounds {
        ScheduleBounds {
            now: OffsetDateTime::parse("2026-01-30T00:00:00Z", &Rfc3339).unwrap(),
            longest_ahead: Duration::days(7),
        }
    }

    fn schedule_of(body: &str) -> Result<Schedule, String> {
        let mut problems = Problems::default();
        let mut body = parse_body(body.as_bytes()).unwrap();
        let schedule = read(&mut body, bounds(), &mut problems);

        problems
            .check_some(Some(schedule))
            .map_err(|error| error.to_string())
    }

    fn of(json: &str) -> (Option<i64>, bool) {
        let mut problems = Problems::default();
        let mut body = parse_body(format!(r#"{{"schedule":{json}}}"#).as_bytes()).unwrap();
        let at = read(&mut body, bounds(), &mut problems).send_at;
        (
            at.map(|at| (at - bounds().now).whole_minutes()),
            problems.is_empty(),
        )
    }

    #[test]
    fn a_zone_counts_and_without_one_it_is_the_recipients_time() {
        for at in ["2026-01-30T01:00:00Z", "2026-01-30T03:00:00+02:00"] {
            assert_eq!(of(&format!(r#"{{"sendAt":["{at}"]}}"#)), (Some(60), true));
        }

        let schedule = schedule_of(r#"{"schedule":{"sendAt":["2026-01-30T01:00:00"]}}"#).unwrap();
        assert_eq!(schedule.send_at, None);
        let local = schedule.local.unwrap();
        assert_eq!(local.send_at, "2026-01-30T01:00:00".parse().ok());
        assert_eq!(local.if_passed, IfPassed::Send);

        // It has not passed everywhere.
        assert!(schedule_of(r#"{"schedule":{"sendAt":["2026-01-29T13:00:00"]}}"#).is_ok());
    }

    #[test]
    fn a_window_is_read_and_may_be_ignored() {
        let window = r#"{"from":"22:00","until":"06:30","days":["FRI","SAT"]}"#;
        let schedule = schedule_of(&format!(r#"{{"schedule":{{"window":{window}}}}}"#)).unwrap();
        assert_eq!(schedule.send_at, None);
        let read = schedule.local.unwrap().window.unwrap();
        assert_eq!(read.days, Some(vec![Day::Friday, Day::Saturday]));
        assert_eq!(read.until.to_string(), "06:30");

        for ignored in [
            format!(r#"{{"schedule":{{"window":{window},"ignoreWindow":true}}}}"#),
            format!(r#"{{"schedule":{{"window":{window}}},"ignoreWindow":true}}"#),
        ] {
            assert_eq!(schedule_of(&ignored), Ok(Schedule::default()), "{ignored}");
        }
    }

    #[test]
    fn a_wrong_window_names_its_field() {
        for (schedule, field) in [
            (r#"{"window":7}"#, "schedule.window"),
            (r#"{"window":{}}"#, "schedule.window.from"),
            (
                r#"{"window":{"from":"9:00","until":"21:00"}}"#,
                "schedule.window.from",
            ),
            (
                r#"{"window":{"from":"24:00","until":"21:00"}}"#,
                "schedule.window.from",
            ),
            (
                r#"{"window":{"from":"09:00","until":"25:00"}}"#,
                "schedule.window.until",
            ),
            (
                r#"{"window":{"from":"09:00","until":"09:00"}}"#,
                "schedule.window.until",
            ),
            (
                r#"{"window":{"from":"09:00","until":"21:00","days":[]}}"#,
                "schedule.window.days",
            ),
            (
                r#"{"window":{"from":"09:00","until":"21:00","days":["Monday"]}}"#,
                "schedule.window.days[0]",
            ),
            (
                r#"{"window":{"from":"09:00","until":"21:00","zone":"UTC"}}"#,
                "schedule.window.zone",
            ),
            (
                r#"{"sendAt":["2026-01-30T01:00:00"],"ifPassed":"LATER"}"#,
                "schedule.ifPassed",
            ),
            (
                r#"{"sendAt":["2026-01-30T01:00:00Z"],"ifPassed":"SKIP"}"#,
                "schedule.ifPassed",
            ),
            (r#"{"ignoreWindow":true}"#, "schedule.sendAt"),
        ] {
            let error = schedule_of(&format!(r#"{{"schedule":{schedule}}}"#)).unwrap_err();
            assert!(
                error.contains(&format!(" {field}: ")),
                "{schedule}: {error}"
            );
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
            r#"{"sendAt":["2026-01-29T11:59:00"]}"#,
            r#"{"sendAt":["2026-02-06T00:01:00"]}"#,
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
