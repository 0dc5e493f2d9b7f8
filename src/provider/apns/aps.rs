//! The `aps` dictionary of a payload: the names that iOS reads, and the types of their values.
//! <https://developer.apple.com/documentation/usernotifications/generating-a-remote-notification>
//! <https://developer.apple.com/documentation/activitykit/starting-and-updating-live-activities-with-activitykit-push-notifications>
//!
//! APNs itself does not look into it: a device ignores what it does not understand. So a value of the
//! wrong type is refused here, and so is a misspelled name. A name that is unknown passes, because
//! Apple adds names.

use serde_json::{Map, Value};

use crate::model::quoted::{either, quoted, type_of};
use crate::provider::payload::{PayloadProblem, Stage};

/// The type of a field.
enum Kind {
    String,
    /// An array of strings.
    Strings,
    Integer,
    Number,
    /// A number from 0 to 1.
    Fraction,
    /// 1, or 0.
    Flag,
    Boolean,
    Choice(&'static [&'static str]),
    AnyObject,
    /// An object with these fields.
    Object(&'static [(&'static str, Kind)]),
    /// A string, or an object with these fields.
    StringOr(&'static [(&'static str, Kind)]),
}

/// A text with its localization, as Live Activities have it.
const LOCALIZED: &[(&str, Kind)] = &[("loc-key", Kind::String), ("loc-args", Kind::Strings)];

const ALERT: &[(&str, Kind)] = &[
    ("title", Kind::StringOr(LOCALIZED)),
    ("subtitle", Kind::String),
    ("body", Kind::StringOr(LOCALIZED)),
    ("launch-image", Kind::String),
    ("title-loc-key", Kind::String),
    ("title-loc-args", Kind::Strings),
    ("subtitle-loc-key", Kind::String),
    ("subtitle-loc-args", Kind::Strings),
    ("loc-key", Kind::String),
    ("loc-args", Kind::Strings),
    ("action", Kind::String),
    ("action-loc-key", Kind::String),
    ("summary-arg", Kind::String),
    ("summary-arg-count", Kind::Integer),
    ("sound", Kind::String),
];

const SOUND: &[(&str, Kind)] = &[
    ("critical", Kind::Flag),
    ("name", Kind::String),
    ("volume", Kind::Fraction),
];

const APS: Kind = Kind::Object(&[
    ("alert", Kind::StringOr(ALERT)),
    ("badge", Kind::Integer),
    ("sound", Kind::StringOr(SOUND)),
    ("thread-id", Kind::String),
    ("category", Kind::String),
    ("content-available", Kind::Flag),
    ("mutable-content", Kind::Flag),
    ("target-content-id", Kind::String),
    (
        "interruption-level",
        Kind::Choice(&["passive", "active", "time-sensitive", "critical"]),
    ),
    ("relevance-score", Kind::Number),
    ("filter-criteria", Kind::String),
    ("stale-date", Kind::Integer),
    ("content-state", Kind::AnyObject),
    ("timestamp", Kind::Integer),
    ("event", Kind::Choice(&["start", "update", "end"])),
    ("dismissal-date", Kind::Integer),
    ("attributes-type", Kind::String),
    ("attributes", Kind::AnyObject),
    ("input-push-token", Kind::Flag),
    ("input-push-channel", Kind::String),
    ("content-changed", Kind::Boolean),
    ("url-args", Kind::Strings),
]);

/// The problems of the `aps` of `payload`, which is the value of the field `path`.
pub(in crate::provider) fn check(
    payload: Option<&Value>,
    path: &str,
    stage: Stage,
) -> Vec<PayloadProblem> {
    let mut check = Check {
        stage,
        problems: Vec::new(),
    };
    if let Some(aps) = payload.and_then(|payload| payload.get("aps")) {
        check.value(aps, &format!("{path}.aps"), &APS);
    }

    check.problems
}

/// A check, with the problems that it has found so far.
struct Check {
    stage: Stage,
    problems: Vec<PayloadProblem>,
}

impl Check {
    fn value(&mut self, value: &Value, path: &str, kind: &Kind) {
        // `null` removes the field.
        if value.is_null() || self.stage.is_open_value(value) {
            return;
        }

        if let (Kind::Object(known) | Kind::StringOr(known), Value::Object(fields)) = (kind, value)
        {
            return self.fields(fields, path, known);
        }
        if let (Kind::Strings, Value::Array(elements)) = (kind, value) {
            for (index, element) in elements.iter().enumerate() {
                if !element.is_string() {
                    let message = format!("must be a string; got {}", type_of(element));
                    self.add(format!("{path}[{index}]"), message);
                }
            }
            return;
        }

        if !kind.takes(value) {
            let message = format!("must be {}; got {}", kind.rule(), quoted(value));
            self.add(path, message);
        }
    }

    fn fields(&mut self, fields: &Map<String, Value>, path: &str, known: &[(&str, Kind)]) {
        for (name, value) in fields {
            let field = format!("{path}.{name}");

            if let Some((_, kind)) = known.iter().find(|(known, _)| known == name) {
                self.value(value, &field, kind);
            // A name that differs from a known one by its letter case or hyphens only is a slip:
            // iOS would ignore it without an error. Any other unknown name passes.
            } else if let Some((known, _)) = known
                .iter()
                .find(|(known, _)| letters(known) == letters(name))
            {
                let message = format!("iOS does not know this name; it must be written {known}");
                self.add(field, message);
            }
        }
    }

    fn add(&mut self, field: impl Into<String>, message: String) {
        self.problems.push(PayloadProblem::new(field, message));
    }
}

/// The letters of a name, by which a misspelled one is recognised: `threadId` for `thread-id`.
fn letters(name: &str) -> String {
    name.chars()
        .filter(char::is_ascii_alphanumeric)
        .map(|letter| letter.to_ascii_lowercase())
        .collect()
}

impl Kind {
    fn takes(&self, value: &Value) -> bool {
        match self {
            Self::String | Self::StringOr(_) => value.is_string(),
            Self::Strings => value.is_array(),
            Self::Integer => value.as_u64().is_some(),
            Self::Number => value.is_number(),
            Self::Fraction => value
                .as_f64()
                .is_some_and(|number| (0.0..=1.0).contains(&number)),
            Self::Flag => matches!(value.as_u64(), Some(0 | 1)),
            Self::Boolean => value.is_boolean(),
            Self::Choice(names) => value.as_str().is_some_and(|name| names.contains(&name)),
            Self::AnyObject | Self::Object(_) => value.is_object(),
        }
    }

    fn rule(&self) -> String {
        match self {
            Self::String => "a string".to_owned(),
            Self::StringOr(_) => "a string or an object".to_owned(),
            Self::Strings => "an array of strings".to_owned(),
            Self::Integer => "an integer of at least 0".to_owned(),
            Self::Number => "a number".to_owned(),
            Self::Fraction => "a number from 0 to 1".to_owned(),
            Self::Flag => "the number 1, or 0".to_owned(),
            Self::Boolean => "true or false".to_owned(),
            Self::Choice(names) => either(names),
            Self::AnyObject | Self::Object(_) => "an object".to_owned(),
        }
    }

    fn is_numeric(&self) -> bool {
        matches!(
            self,
            Self::Integer | Self::Number | Self::Fraction | Self::Flag
        )
    }
}

/// Makes numbers of the strings that templates gave for numbers.
pub(in crate::provider) fn read_numbers(payload: Option<&mut Value>) {
    if let Some(aps) = payload.and_then(|payload| payload.get_mut("aps")) {
        read_number(aps, &APS);
    }
}

fn read_number(value: &mut Value, kind: &Kind) {
    match (kind, &mut *value) {
        (Kind::Object(known) | Kind::StringOr(known), Value::Object(fields)) => {
            for (name, kind) in *known {
                if let Some(value) = fields.get_mut(*name) {
                    read_number(value, kind);
                }
            }
        }
        (kind, Value::String(text)) if kind.is_numeric() => {
            // A string that is not a number stays, so that `check` names it.
            if let Ok(number @ Value::Number(_)) = serde_json::from_str(text.trim()) {
                *value = number;
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const REQUEST: Stage = Stage::Request { templates: true };

    fn problems(aps: &Value) -> Vec<String> {
        let payload = json!({ "aps": aps });

        check(Some(&payload), "apn.payload", REQUEST)
            .into_iter()
            .map(|problem| problem.to_string())
            .collect()
    }

    #[test]
    fn what_apple_documents_passes() {
        for aps in [
            json!({"alert": "A", "badge": 0, "sound": "default", "thread-id": "t", "category": "c"}),
            json!({"alert": {"title": "T", "subtitle": "S", "loc-key": "K", "loc-args": ["a"]},
                "sound": {"critical": 1, "name": "s", "volume": 0.5}, "interruption-level": "time-sensitive",
                "relevance-score": 0.7, "mutable-content": 1, "content-available": 1}),
            json!({"timestamp": 1_700_000_000, "event": "update", "content-state": {"a": 1},
                "alert": {"title": {"loc-key": "K", "loc-args": ["a"]}, "sound": "s"}}),
            json!({"a-name-of-next-year": [1]}),
            json!({"badge": "{{ n }}", "alert": {"title": null}, "interruption-level": "{{ l }}"}),
        ] {
            assert_eq!(problems(&aps), Vec::<String>::new(), "{aps}");
        }
    }

    #[test]
    fn a_wrong_type_and_a_misspelled_name_are_named() {
        for (aps, expected) in [
            (
                json!({"badge": "3"}),
                "apn.payload.aps.badge: must be an integer of at least 0; got '3'",
            ),
            (
                json!({"alert": {"title": 7}}),
                "apn.payload.aps.alert.title: must be a string or an object; got 7",
            ),
            (
                json!({"alert": {"loc-args": ["a", 1]}}),
                "apn.payload.aps.alert.loc-args[1]: must be a string; got a number",
            ),
            (
                json!({"sound": {"volume": 2}}),
                "apn.payload.aps.sound.volume: must be a number from 0 to 1; got 2",
            ),
            (
                json!({"interruption-level": "loud"}),
                "apn.payload.aps.interruption-level: must be passive, active, time-sensitive or critical; got 'loud'",
            ),
            (
                json!({"content-available": true}),
                "apn.payload.aps.content-available: must be the number 1, or 0; got true",
            ),
            (
                json!({"threadId": "t"}),
                "apn.payload.aps.threadId: iOS does not know this name; it must be written thread-id",
            ),
            (json!(7), "apn.payload.aps: must be an object; got 7"),
        ] {
            assert_eq!(problems(&aps), [expected]);
        }
    }

    #[test]
    fn a_template_may_give_a_number() {
        let mut payload = json!({"aps": {"badge": " 3", "relevance-score": "0.5", "category": "7", "timestamp": "soon"}});
        read_numbers(Some(&mut payload));

        assert_eq!(
            payload,
            json!({"aps": {"badge": 3, "relevance-score": 0.5, "category": "7", "timestamp": "soon"}})
        );
    }
}
