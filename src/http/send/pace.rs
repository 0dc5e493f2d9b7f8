//! `pace`: how many notifications of an Operation are sent in a minute.

use time::{Duration, OffsetDateTime};

use crate::http::validation::{Object, Problems};
use crate::model::pace::{MAX_PER_MINUTE, Pace};

/// Reads `pace` of a send or of a change.
pub(in crate::http) fn read(body: &mut Object<'_>, problems: &mut Problems) -> Option<Pace> {
    let pace = body.take("pace")?;
    let path = body.at("pace");
    let mut pace = Object::of(pace, path, problems)?;

    let rule = format!("an integer from 1 to {MAX_PER_MINUTE}");
    let per_minute = pace
        .require("perMinute", rule, problems)
        .then(|| pace.integer_in("perMinute", 1..=MAX_PER_MINUTE, problems))
        .flatten();
    pace.refuse_unknown(problems);

    Some(Pace {
        per_minute: per_minute?,
    })
}

/// How an Operation is to be sent.
pub(in crate::http) struct Plan {
    pub pace: Pace,
    pub notifications: u32,
    /// When it begins.
    pub starts_at: OffsetDateTime,
    /// Until when its records can be read.
    pub kept_until: OffsetDateTime,
}

impl Plan {
    /// The last notification must go while the Operation can be read and canceled.
    pub(in crate::http) fn check(&self, problems: &mut Problems) {
        // A send may start at the end of its retention. A second keeps `least` finite then.
        let room = (self.kept_until - self.starts_at).max(Duration::SECOND);
        let minutes = room.as_seconds_f64() / 60.0;
        if self.pace.time_of(self.notifications).as_secs_f64() <= room.as_seconds_f64() {
            return;
        }

        let least = (f64::from(self.notifications) / minutes).ceil();
        problems.push_at(
            "pace.perMinute",
            format!(
                "must be at least {least} for {} notifications, so that the last one is sent \
                 within the retention of the Operation; got {}",
                self.notifications, self.pace.per_minute
            ),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::validation::parse_body;

    #[test]
    fn a_pace_is_a_positive_integer() {
        let read_from = |json: &str| {
            let mut problems = Problems::default();
            let mut body = parse_body(json.as_bytes()).unwrap();
            let pace = read(&mut body, &mut problems);
            (pace.map(|pace| pace.per_minute), problems.is_empty())
        };

        assert_eq!(read_from("{}"), (None, true));
        assert_eq!(read_from(r#"{"pace":{"perMinute":1}}"#), (Some(1), true));
        for bad in ["0", "-1", "1.5", "\"60\"", "10000001", "null", "[1]"] {
            let body = format!(r#"{{"pace":{{"perMinute":{bad}}}}}"#);
            assert_eq!(read_from(&body), (None, false), "{bad}");
        }
        for bad in ["60", "{}", r#"{"perHour":1}"#] {
            assert!(!read_from(&format!(r#"{{"pace":{bad}}}"#)).1, "{bad}");
        }
    }

    #[test]
    fn a_pace_must_end_while_the_operation_is_kept() {
        let now = OffsetDateTime::now_utc();
        let is_fine = |per_minute, notifications, starts_in: Duration| {
            let mut problems = Problems::default();
            Plan {
                pace: Pace { per_minute },
                notifications,
                starts_at: now + starts_in,
                kept_until: now + Duration::WEEK,
            }
            .check(&mut problems);
            problems.is_empty()
        };

        assert!(is_fine(1, 10_000, Duration::ZERO));
        assert!(is_fine(1, 10_080, Duration::ZERO));
        assert!(!is_fine(1, 10_081, Duration::ZERO));
        assert!(!is_fine(1, 10_000, Duration::DAY));
    }
}
