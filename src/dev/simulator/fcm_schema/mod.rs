//! The schema of an FCM message: its fields, their types, and the rules that FCM's reference states.
//! <https://firebase.google.com/docs/reference/fcm/rest/v1/projects.messages#Message>
//!
//! Messages are read as proto3 JSON (<https://protobuf.dev/programming-guides/json/>): names in
//! lowerCamelCase or `snake_case`, null as absent, integers and enums also in their other forms.

use serde_json::{Map, Value};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::dev::simulator::topic_condition;

/// A fault of a message for which FCM refuses it.
#[derive(Debug)]
pub(super) struct Violation {
    /// The path of the field: `message.token`.
    pub field: String,
    pub description: String,
}

impl Violation {
    pub(super) fn new(field: impl Into<String>, description: impl Into<String>) -> Self {
        Self {
            field: field.into(),
            description: description.into(),
        }
    }
}

/// The type of a field, and the rule for its value.
enum Type {
    String,
    Boolean,
    /// 32 bits.
    Integer,
    /// From 0 to 1.
    Share,
    /// `"123.5s"`, not negative.
    Duration,
    /// The same, up to the 28 days that FCM keeps a message.
    TimeToLive,
    /// RFC 3339.
    Timestamp,
    /// An object whose values are strings.
    StringMap,
    /// The same, without the keys that FCM reserves.
    Data,
    /// One of these names in any case, or the index of one.
    Enum(&'static [&'static str]),
    Strings,
    Durations,
    /// `#rrggbb`.
    Color,
    /// Up to 50 letters, digits and `-_.~%`.
    AnalyticsLabel,
    /// An https address.
    HttpsUrl,
    Topic,
    Condition,
    /// An object whose fields are not checked.
    AnyObject,
    /// An object with these fields, of which the named ones are required.
    Object(&'static [(&'static str, Type)], &'static [&'static str]),
}

/// The fields of which a message has exactly one.
pub(super) const TARGETS: [&str; 4] = ["token", "topic", "condition", "fid"];

const MAX_TTL_SECONDS: f64 = 2_419_200.0;
const MAX_LABEL: usize = 50;

const NOTIFICATION: &[(&str, Type)] = &[
    ("title", Type::String),
    ("body", Type::String),
    ("image", Type::String),
];

const COLOR: &[(&str, Type)] = &[
    ("red", Type::Share),
    ("green", Type::Share),
    ("blue", Type::Share),
    ("alpha", Type::Share),
];

const LIGHT_SETTINGS: &[(&str, Type)] = &[
    ("color", Type::Object(COLOR, &[])),
    ("lightOnDuration", Type::Duration),
    ("lightOffDuration", Type::Duration),
];

const ANDROID_NOTIFICATION: &[(&str, Type)] = &[
    ("title", Type::String),
    ("body", Type::String),
    ("icon", Type::String),
    ("color", Type::Color),
    ("sound", Type::String),
    ("tag", Type::String),
    ("clickAction", Type::String),
    ("bodyLocKey", Type::String),
    ("bodyLocArgs", Type::Strings),
    ("titleLocKey", Type::String),
    ("titleLocArgs", Type::Strings),
    ("channelId", Type::String),
    ("ticker", Type::String),
    ("sticky", Type::Boolean),
    ("eventTime", Type::Timestamp),
    ("localOnly", Type::Boolean),
    (
        "notificationPriority",
        Type::Enum(&[
            "PRIORITY_UNSPECIFIED",
            "PRIORITY_MIN",
            "PRIORITY_LOW",
            "PRIORITY_DEFAULT",
            "PRIORITY_HIGH",
            "PRIORITY_MAX",
        ]),
    ),
    ("defaultSound", Type::Boolean),
    ("defaultVibrateTimings", Type::Boolean),
    ("defaultLightSettings", Type::Boolean),
    ("vibrateTimings", Type::Durations),
    (
        "visibility",
        Type::Enum(&["VISIBILITY_UNSPECIFIED", "PRIVATE", "PUBLIC", "SECRET"]),
    ),
    ("notificationCount", Type::Integer),
    (
        "lightSettings",
        Type::Object(
            LIGHT_SETTINGS,
            &["color", "lightOnDuration", "lightOffDuration"],
        ),
    ),
    ("image", Type::String),
    (
        "proxy",
        Type::Enum(&["PROXY_UNSPECIFIED", "ALLOW", "DENY", "IF_PRIORITY_LOWERED"]),
    ),
    ("bypassProxyNotification", Type::Boolean),
];

const LABEL: &[(&str, Type)] = &[("analyticsLabel", Type::AnalyticsLabel)];

const ANDROID: &[(&str, Type)] = &[
    ("collapseKey", Type::String),
    ("priority", Type::Enum(&["NORMAL", "HIGH"])),
    ("ttl", Type::TimeToLive),
    ("restrictedPackageName", Type::String),
    ("data", Type::Data),
    ("notification", Type::Object(ANDROID_NOTIFICATION, &[])),
    ("fcmOptions", Type::Object(LABEL, &[])),
    ("directBootOk", Type::Boolean),
    ("bandwidthConstrainedOk", Type::Boolean),
    ("restrictedSatelliteOk", Type::Boolean),
];

const APNS_OPTIONS: &[(&str, Type)] = &[
    ("analyticsLabel", Type::AnalyticsLabel),
    ("image", Type::String),
];

const APNS: &[(&str, Type)] = &[
    ("headers", Type::StringMap),
    ("payload", Type::AnyObject),
    ("fcmOptions", Type::Object(APNS_OPTIONS, &[])),
    ("liveActivityToken", Type::String),
];

const WEBPUSH_OPTIONS: &[(&str, Type)] = &[
    ("link", Type::HttpsUrl),
    ("analyticsLabel", Type::AnalyticsLabel),
];

const WEBPUSH: &[(&str, Type)] = &[
    ("headers", Type::StringMap),
    ("data", Type::Data),
    ("notification", Type::AnyObject),
    ("fcmOptions", Type::Object(WEBPUSH_OPTIONS, &[])),
];

const MESSAGE: &[(&str, Type)] = &[
    ("name", Type::String),
    ("token", Type::String),
    ("topic", Type::Topic),
    ("condition", Type::Condition),
    ("fid", Type::String),
    ("data", Type::Data),
    ("notification", Type::Object(NOTIFICATION, &[])),
    ("android", Type::Object(ANDROID, &[])),
    ("androidV2", Type::AnyObject),
    ("apns", Type::Object(APNS, &[])),
    ("webpush", Type::Object(WEBPUSH, &[])),
    ("fcmOptions", Type::Object(LABEL, &[])),
];

/// Checks a message, and brings it into its canonical form: names in lowerCamelCase, without nulls.
pub(super) fn check(message: &mut Value) -> Result<(), Vec<Violation>> {
    let mut violations = Vec::new();
    check_object("message", message, MESSAGE, &mut violations);

    let targets = TARGETS
        .into_iter()
        .filter(|target| message.get(target).is_some());
    let text = match (targets.count(), has_empty_target(message)) {
        (1, false) => None,
        (0 | 1, _) => Some("Recipient of the message is not set."),
        _ => Some("Only one of token, topic, condition and fid may be set."),
    };
    violations.extend(text.map(|text| Violation::new("message", text)));

    if violations.is_empty() {
        Ok(())
    } else {
        Err(violations)
    }
}

fn has_empty_target(message: &Value) -> bool {
    TARGETS
        .iter()
        .any(|target| message.get(target).and_then(Value::as_str) == Some(""))
}

/// Bytes of all keys and values, which FCM limits.
pub(super) fn size(value: &Value) -> usize {
    match value {
        Value::Object(object) => object
            .iter()
            .map(|(key, value)| key.len() + size(value))
            .sum(),
        Value::Array(array) => array.iter().map(size).sum(),
        Value::String(text) => text.len(),
        other => other.to_string().len(),
    }
}

fn check_object(
    path: &str,
    value: &mut Value,
    known: &[(&'static str, Type)],
    violations: &mut Vec<Violation>,
) {
    let Some(object) = value.as_object_mut() else {
        violations.push(Violation::new(
            path,
            "Invalid value: an object is expected.",
        ));
        return;
    };
    canonicalise(path, object, known, violations);

    for (name, value) in object {
        match known.iter().find(|(field, _)| field == name) {
            Some((_, expected)) => {
                check_field(&format!("{path}.{name}"), value, expected, violations);
            }
            None => violations.push(Violation::new(path, unknown_name(name, path))),
        }
    }
}

/// FCM's text for a name that it does not know.
pub(super) fn unknown_name(name: &str, path: &str) -> String {
    let place = if path.is_empty() {
        String::new()
    } else {
        format!(" at '{path}'")
    };

    format!("Invalid JSON payload received. Unknown name \"{name}\"{place}: Cannot find field.")
}

/// Gives the fields of `object` their names in lowerCamelCase, and removes those that are null.
fn canonicalise(
    path: &str,
    object: &mut Map<String, Value>,
    known: &[(&'static str, Type)],
    violations: &mut Vec<Violation>,
) {
    // Most clients send canonical names, and then no object is built anew.
    let is_canonical = |(name, value): (&String, &Value)| !value.is_null() && !name.contains('_');
    if object.iter().all(is_canonical) {
        return;
    }

    for (name, value) in std::mem::take(object) {
        let field = known
            .iter()
            .map(|(field, _)| *field)
            .find(|field| is_snake_case_of(&name, field));
        let name = field.map_or(name, str::to_owned);

        // Null is as good as absent, but only where the name is known.
        if value.is_null() && known.iter().any(|(field, _)| *field == name) {
            continue;
        }
        if object.contains_key(&name) {
            let text = format!(
                "Invalid JSON payload received. Field \"{name}\" at '{path}' is set twice."
            );
            violations.push(Violation::new(path, text));
        }
        object.insert(name, value);
    }
}

/// Whether `name` is `camel` in `snake_case`.
pub(super) fn is_snake_case_of(name: &str, camel: &str) -> bool {
    let mut letters = name.chars();

    for letter in camel.chars() {
        let is_same = if letter.is_ascii_uppercase() {
            letters.next() == Some('_') && letters.next() == Some(letter.to_ascii_lowercase())
        } else {
            letters.next() == Some(letter)
        };
        if !is_same {
            return false;
        }
    }
    letters.next().is_none()
}

fn check_field(path: &str, value: &mut Value, expected: &Type, violations: &mut Vec<Violation>) {
    let is_valid = match expected {
        Type::String => value.is_string(),
        Type::Boolean => value.is_boolean(),
        Type::Integer => is_integer(value),
        Type::Share => number(value).is_some_and(|number| (0.0..=1.0).contains(&number)),
        Type::Duration => is_duration(value, f64::MAX),
        Type::TimeToLive => is_duration(value, MAX_TTL_SECONDS),
        Type::Timestamp => value
            .as_str()
            .is_some_and(|text| OffsetDateTime::parse(text, &Rfc3339).is_ok()),
        Type::StringMap => is_string_map(value),
        Type::Data => {
            refuse_reserved_keys(path, value, violations);
            is_string_map(value)
        }
        Type::Enum(names) => is_enum(value, names),
        Type::Strings => is_list_of(value, Value::is_string),
        Type::Durations => is_list_of(value, |value| is_duration(value, f64::MAX)),
        Type::Color => value.as_str().is_some_and(is_color),
        Type::AnalyticsLabel => value.as_str().is_some_and(is_label),
        Type::HttpsUrl => value
            .as_str()
            .is_some_and(|url| url.is_empty() || url.starts_with("https://")),
        Type::Topic => value.as_str().is_some_and(topic_condition::is_topic),
        Type::Condition => value.as_str().is_some_and(topic_condition::is_condition),
        Type::AnyObject => value.is_object(),
        Type::Object(known, required) => {
            check_object(path, value, known, violations);
            let missing = required
                .iter()
                .filter(|name| value.is_object() && value.get(name).is_none());
            violations.extend(missing.map(|name| {
                let path = format!("{path}.{name}");
                Violation::new(path, "A required field is missing.")
            }));
            return;
        }
    };

    if !is_valid {
        violations.push(Violation::new(path, format!("Invalid value at '{path}'")));
    }
}

fn is_string_map(value: &Value) -> bool {
    value
        .as_object()
        .is_some_and(|map| map.values().all(Value::is_string))
}

fn refuse_reserved_keys(path: &str, data: &Value, violations: &mut Vec<Violation>) {
    for key in data.as_object().into_iter().flat_map(Map::keys) {
        let is_reserved = matches!(key.as_str(), "from" | "message_type")
            || key.starts_with("google.")
            || key.starts_with("gcm.notification.");
        if is_reserved {
            violations.push(Violation::new(
                format!("{path}.{key}"),
                format!("Invalid data payload key: {key}"),
            ));
        }
    }
}

fn is_list_of(value: &Value, is_valid: impl Fn(&Value) -> bool) -> bool {
    value
        .as_array()
        .is_some_and(|list| list.iter().all(is_valid))
}

/// A number, or its digits as a string.
fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.parse().ok(),
        _ => None,
    }
}

fn is_integer(value: &Value) -> bool {
    number(value).is_some_and(|number| {
        number.fract() == 0.0 && (f64::from(i32::MIN)..=f64::from(i32::MAX)).contains(&number)
    })
}

fn is_enum(value: &Value, names: &[&str]) -> bool {
    match value {
        Value::String(text) => names.iter().any(|name| name.eq_ignore_ascii_case(text)),
        Value::Number(number) => number
            .as_u64()
            .is_some_and(|number| number < names.len() as u64),
        _ => false,
    }
}

/// Whether `value` is seconds with up to nine decimals, followed by `s`.
fn is_duration(value: &Value, longest: f64) -> bool {
    let Some(text) = value.as_str().and_then(|text| text.strip_suffix('s')) else {
        return false;
    };
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let is_digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());

    is_digits(whole)
        && is_digits(fraction)
        && fraction.len() <= 9
        && text.parse().is_ok_and(|seconds: f64| seconds <= longest)
}

fn is_color(text: &str) -> bool {
    text.strip_prefix('#').is_some_and(|digits| {
        digits.len() == 6 && digits.bytes().all(|byte| byte.is_ascii_hexdigit())
    })
}

fn is_label(text: &str) -> bool {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~%".contains(&byte);

    text.len() <= MAX_LABEL && text.bytes().all(is_allowed)
}

#[cfg(test)]
mod tests;
