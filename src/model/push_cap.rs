//! The cap of an account: how many pushes each of its Users gets within a rolling time.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use time::Duration;
use uuid::Uuid;

/// Most pushes that a cap allows.
pub const MAX_PUSHES: u32 = 1_000;
/// The longest time that a cap is about, in seconds: 30 days.
pub const LONGEST_PER: u64 = 30 * 86_400;
/// The rule for the time, as an error states it.
pub const PER_RULE: &str = "a time from 1s to 30d, such as \"24h\", or a number of seconds";

/// A cap, as the account's client gave it. It is stored in this form, in `accounts.push_cap`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PushCap {
    /// 1 to [`MAX_PUSHES`].
    pub max: u32,
    /// As it was given: `"24h"`, or seconds.
    pub per: Value,
}

impl PushCap {
    /// The time that the cap is about.
    pub fn period(&self) -> Option<Duration> {
        period(&self.per)
    }
}

/// Reads a time: a string such as `90s`, `15m`, `24h` or `7d`, or a number of seconds.
pub fn period(value: &Value) -> Option<Duration> {
    let seconds = match value {
        Value::Number(seconds) => seconds.as_u64()?,
        Value::String(text) => seconds(text)?,
        _ => return None,
    };

    (1..=LONGEST_PER)
        .contains(&seconds)
        .then(|| Duration::seconds(seconds.cast_signed()))
}

fn seconds(text: &str) -> Option<u64> {
    // The last byte may be a part of a character, where a string cannot be split.
    let unit_at = text.len().checked_sub(1)?;
    let (number, unit) = text.split_at_checked(unit_at)?;
    // `parse` would also take a plus sign.
    if number.is_empty() || !number.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }

    let unit: u64 = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(unit)
}

/// A push that counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct CountedPush {
    /// The notification's id.
    pub id: Uuid,
    /// When it was let through, in seconds since 1970.
    pub at: i64,
}

/// The pushes that count for one User.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CountedPushes(pub Vec<CountedPush>);

impl CountedPushes {
    /// Forgets what has become too old to count at `now`, in seconds since 1970.
    pub fn forget_old(&mut self, period: Duration, now: i64) {
        self.0.retain(|push| push.at > now - period.whole_seconds());
    }

    /// Lets the notification `id` through at `now`, if fewer than `max` pushes count. One that was let
    /// through before is let through again and counts once.
    pub fn admit(&mut self, id: Uuid, max: u32, now: i64) -> bool {
        // A retry, or a batch whose lease ran out, asks again for the same notification.
        if self.0.iter().any(|push| push.id == id) {
            return true;
        }
        if self.0.len() >= max as usize {
            return false;
        }

        self.0.push(CountedPush { id, at: now });
        true
    }

    /// Forgets notifications that came to nothing: they failed, or were canceled.
    pub fn forget(&mut self, ids: &[Uuid]) {
        self.0.retain(|push| !ids.contains(&push.id));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn a_period_is_a_number_with_a_unit_or_seconds() {
        for (value, expected) in [
            (json!("24h"), Some(86_400)),
            (json!("90s"), Some(90)),
            (json!("15m"), Some(900)),
            (json!("7d"), Some(604_800)),
            (json!("30d"), Some(2_592_000)),
            (json!(3600), Some(3_600)),
            (json!("31d"), None),
            (json!("0s"), None),
            (json!(0), None),
            (json!(-1), None),
            (json!(1.5), None),
            (json!("h"), None),
            (json!(""), None),
            (json!("-1h"), None),
            (json!("+1h"), None),
            (json!("1.5h"), None),
            (json!("24"), None),
            (json!("1w"), None),
            (json!("1é"), None),
            (json!("99999999999999999999h"), None),
            (json!(null), None),
            (json!(["24h"]), None),
        ] {
            let seconds = period(&value).map(Duration::whole_seconds);
            assert_eq!(seconds, expected, "{value}");
        }
    }

    #[test]
    fn a_notification_counts_once_and_what_came_to_nothing_does_not() {
        let [first, second, third] = [1, 2, 3].map(Uuid::from_u128);
        let mut pushes = CountedPushes::default();

        assert!(pushes.admit(first, 2, 100));
        assert!(pushes.admit(first, 2, 101), "it is tried again");
        assert!(pushes.admit(second, 2, 110));
        assert!(!pushes.admit(third, 2, 120));

        pushes.forget(&[first]);
        assert!(pushes.admit(third, 2, 120));

        pushes.forget_old(Duration::seconds(60), 169);
        assert!(!pushes.admit(first, 2, 169));
        pushes.forget_old(Duration::seconds(60), 170);
        assert!(pushes.admit(first, 2, 170), "the window rolls");
    }

    proptest! {
        #[test]
        fn no_window_has_more_than_the_cap(
            steps in prop::collection::vec(0i64..30, 1..60),
            max in 1u32..5,
            period in 1i64..40,
        ) {
            let mut pushes = CountedPushes::default();
            let mut admitted: Vec<i64> = Vec::new();
            let mut now = 0;

            for (index, step) in steps.into_iter().enumerate() {
                now += step;
                pushes.forget_old(Duration::seconds(period), now);
                if pushes.admit(Uuid::from_u128(index as u128), max, now) {
                    admitted.push(now);
                }

                let within = admitted.iter().filter(|at| **at > now - period).count();
                prop_assert!(within <= max as usize);
            }
        }
    }
}
