//! `deadline`: for how long Bellwire goes on trying to deliver a notification.
//!
//! It is not `ttl`, which is how long the provider keeps a message that it has accepted. But a message
//! whose `ttl` is over is of no use to its recipient, so Bellwire gives it up then.

use time::{Duration, OffsetDateTime};

use crate::http::validation::{Object, Problems};

/// Longest `deadline`, in seconds: 7 days.
pub(in crate::http) const MAX_DEADLINE: u32 = 604_800;
/// A message with a shorter `ttl` is tried for this long all the same.
const SHORTEST_BY_TTL: Duration = Duration::seconds(30);

/// What decides for how long a notification is tried.
pub(super) struct Deadline {
    /// As the client asks for it.
    pub asked: Option<Duration>,
    /// If the client does not ask, as the operator configured it.
    pub default: std::time::Duration,
    /// Of the message, in seconds.
    pub ttl: Option<u32>,
}

impl Deadline {
    /// When a notification is given up that may be sent from `starts_at` on.
    pub(super) fn after(&self, starts_at: OffsetDateTime) -> OffsetDateTime {
        let default = Duration::try_from(self.default).unwrap_or(Duration::WEEK);
        let longest = self.asked.unwrap_or(default);
        // A `ttl` of 0 means one attempt of the provider (`apns-expiration: 0`), and Bellwire needs
        // a moment to get the message there.
        let ttl = self
            .ttl
            .map(|ttl| Duration::seconds(ttl.into()).max(SHORTEST_BY_TTL));

        starts_at + ttl.map_or(longest, |ttl| ttl.min(longest))
    }
}

/// Reads `deadline`, in seconds: at most `longest`, and at most [`MAX_DEADLINE`].
pub(super) fn read(
    body: &mut Object<'_>,
    longest: Duration,
    problems: &mut Problems,
) -> Option<Duration> {
    let longest = u32::try_from(longest.whole_seconds()).unwrap_or(MAX_DEADLINE);
    let range = 1..=longest.min(MAX_DEADLINE);

    body.seconds("deadline", range, problems)
        .map(|seconds| Duration::seconds(seconds.into()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::validation::parse_body;

    #[test]
    fn a_message_is_given_up_at_the_earlier_of_its_deadline_and_its_ttl() {
        let now = OffsetDateTime::now_utc();
        let after = |asked: Option<i64>, ttl| {
            let deadline = Deadline {
                asked: asked.map(Duration::seconds),
                default: std::time::Duration::from_hours(1),
                ttl,
            };
            (deadline.after(now) - now).whole_seconds()
        };

        assert_eq!(after(None, None), 3600);
        assert_eq!(after(None, Some(600)), 600);
        assert_eq!(after(None, Some(0)), 30, "one attempt needs some time");
        assert_eq!(after(None, Some(86_400)), 3600);
        assert_eq!(after(Some(604_800), None), 604_800);
        assert_eq!(after(Some(604_800), Some(86_400)), 86_400);
        assert_eq!(after(Some(5), Some(86_400)), 5);
        assert_eq!(after(Some(5), Some(0)), 5);
    }

    fn read_from(json: &str, longest: Duration) -> (Option<i64>, bool) {
        let mut problems = Problems::default();
        let mut body = parse_body(json.as_bytes()).unwrap();
        let deadline = read(&mut body, longest, &mut problems);

        (deadline.map(Duration::whole_seconds), problems.is_empty())
    }

    #[test]
    fn a_deadline_is_one_second_to_seven_days() {
        let week = Duration::WEEK;
        assert_eq!(read_from("{}", week), (None, true));
        assert_eq!(read_from(r#"{"deadline":null}"#, week), (None, true));
        assert_eq!(read_from(r#"{"deadline":1}"#, week), (Some(1), true));
        assert_eq!(
            read_from(r#"{"deadline":604800}"#, week),
            (Some(604_800), true)
        );

        for bad in ["0", "-1", "604801", "1.5", "\"60\"", "1e99", "[60]", "true"] {
            let body = format!(r#"{{"deadline":{bad}}}"#);
            assert_eq!(read_from(&body, week), (None, false), "{bad}");
        }
    }

    #[test]
    fn no_deadline_is_later_than_the_end_of_the_records() {
        let day = Duration::DAY;
        assert!(read_from(r#"{"deadline":86400}"#, day).1);
        assert!(!read_from(r#"{"deadline":86401}"#, day).1);
        assert!(!read_from(r#"{"deadline":604801}"#, Duration::days(30)).1);
    }
}
