//! Audiences: which devices of an App's Users are sent to.
//!
//! An audience is a set of devices, and its Users are those with such a device. What a request says is
//! turned into one expression, a jsonpath predicate, which Postgres applies to each device: the fan-out,
//! the estimate and delivery all use the same function, `audience_admits`.

use std::collections::BTreeMap;

use serde_json::Value;
use time::OffsetDateTime;

use crate::model::provider::Provider;

/// Some or all of an App's Users.
#[derive(Debug, Clone, Default)]
pub struct Audience {
    /// Only devices with all of these tags, and Users with such a device; `None`: all.
    pub tags: Option<Value>,
    /// Only devices that fulfil these.
    pub conditions: Conditions,
    /// With more Users than these, nothing is sent; `None`: as many as an Operation takes.
    pub max: Option<u32>,
}

impl Audience {
    /// Whether a release understands it that knows only tags.
    pub fn is_by_tags_alone(&self) -> bool {
        self.conditions.is_empty() && self.max.is_none()
    }
}

/// What a device must fulfil; without conditions, every device does.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Conditions {
    /// Each of these.
    pub all: Vec<Condition>,
    /// At least one of these, unless there are none.
    pub any: Vec<Condition>,
    /// None of these.
    pub none: Vec<Condition>,
}

/// One condition: each part that is there must hold. Of several languages, providers or zones, one is
/// enough.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Condition {
    /// The device has all of these tags.
    pub tags: BTreeMap<String, String>,
    /// The User's language is one of these, or a variety of one, as RFC 4647 filters: `es` is also
    /// `es-MX`. Lower case.
    pub languages: Vec<String>,
    pub providers: Vec<Provider>,
    /// The User's time zone is one of these. Lower case.
    pub timezones: Vec<String>,
    /// It was last seen earlier than this.
    pub last_seen_before: Option<OffsetDateTime>,
    /// It was last seen at this time or later.
    pub last_seen_after: Option<OffsetDateTime>,
}

impl Conditions {
    pub fn is_empty(&self) -> bool {
        self.all.is_empty() && self.any.is_empty() && self.none.is_empty()
    }

    /// The conditions as a jsonpath predicate on a device, as `audience_admits` describes it; `None`:
    /// there are no conditions.
    pub fn predicate(&self) -> Option<String> {
        if self.is_empty() {
            return None;
        }

        let mut parts: Vec<String> = self.all.iter().map(Condition::predicate).collect();
        // Empty parentheses are no jsonpath, and without alternatives every device fulfils them.
        if !self.any.is_empty() {
            parts.push(any_of(self.any.iter().map(Condition::predicate)));
        }
        if !self.none.is_empty() {
            let none = any_of(self.none.iter().map(Condition::predicate));
            parts.push(format!("!{none}"));
        }

        Some(all_of(parts))
    }
}

impl Condition {
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    fn predicate(&self) -> String {
        let mut parts: Vec<String> = self
            .tags
            .iter()
            .map(|(key, value)| format!("$.tags.{} == {}", quoted(key), quoted(value)))
            .collect();

        if !self.languages.is_empty() {
            // A range matches its tag and all longer ones (RFC 4647): en matches en-GB, and not eno.
            let language = |range: &String| {
                let variety = quoted(&format!("{range}-"));
                format!(
                    "($.language == {} || $.language starts with {variety})",
                    quoted(range)
                )
            };
            parts.push(any_of(self.languages.iter().map(language)));
        }
        if !self.providers.is_empty() {
            let provider =
                |provider: &Provider| format!("$.provider == {}", quoted(provider.as_str()));
            parts.push(any_of(self.providers.iter().map(provider)));
        }
        if !self.timezones.is_empty() {
            let timezone = |timezone: &String| format!("$.timezone == {}", quoted(timezone));
            parts.push(any_of(self.timezones.iter().map(timezone)));
        }
        if let Some(before) = self.last_seen_before {
            parts.push(format!("$.seen < {}", microseconds(before)));
        }
        if let Some(after) = self.last_seen_after {
            parts.push(format!("$.seen >= {}", microseconds(after)));
        }

        all_of(parts)
    }
}

fn microseconds(at: OffsetDateTime) -> i128 {
    at.unix_timestamp_nanos() / 1_000
}

/// A string of a jsonpath: its escapes are those of JSON.
fn quoted(string: &str) -> String {
    // Everything between the quotes is escaped, so a tag cannot end the string and add a condition.
    Value::from(string).to_string()
}

fn any_of(parts: impl IntoIterator<Item = String>) -> String {
    joined(parts, " || ")
}

fn all_of(parts: impl IntoIterator<Item = String>) -> String {
    joined(parts, " && ")
}

fn joined(parts: impl IntoIterator<Item = String>, operator: &str) -> String {
    let parts: Vec<String> = parts.into_iter().collect();

    // In jsonpath, `&&` binds more strongly than `||`, and `!` needs parentheses.
    format!("({})", parts.join(operator))
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn conditions_become_one_predicate() {
        let tags = |value: &str| Condition {
            tags: BTreeMap::from([("topic".to_owned(), value.to_owned())]),
            ..Condition::default()
        };

        assert_eq!(Conditions::default().predicate(), None);

        let conditions = Conditions {
            all: vec![Condition {
                languages: vec!["es".to_owned()],
                last_seen_after: Some(datetime!(2026-01-01 00:00 UTC)),
                ..Condition::default()
            }],
            any: vec![tags("news"), tags("sport")],
            none: vec![Condition {
                providers: vec![Provider::Apn],
                timezones: vec!["europe/madrid".to_owned()],
                ..Condition::default()
            }],
        };
        assert_eq!(
            conditions.predicate().unwrap(),
            concat!(
                r#"(((($.language == "es" || $.language starts with "es-")) && $.seen >= 1767225600000000)"#,
                r#" && (($.tags."topic" == "news") || ($.tags."topic" == "sport"))"#,
                r#" && !((($.provider == "APN") && ($.timezone == "europe/madrid"))))"#,
            )
        );
    }
}
