//! The schema of an FCM message: its fields and their types.
//! <https://firebase.google.com/docs/reference/fcm/rest/v1/projects.messages#Message>

use serde_json::Value;

/// A fault of a message for which FCM refuses it.
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

/// The type of a field.
enum Type {
    String,
    Boolean,
    Integer,
    /// `"123.5s"`.
    Duration,
    /// An object whose values are strings.
    StringMap,
    /// One of these names, in any case.
    Enum(&'static [&'static str]),
    Strings,
    /// An object whose fields are not checked.
    AnyObject,
    /// An object with these fields.
    Object(&'static [(&'static str, Type)]),
}

const MAX_TTL_SECONDS: f64 = 2_419_200.0;

const NOTIFICATION: &[(&str, Type)] = &[
    ("title", Type::String),
    ("body", Type::String),
    ("image", Type::String),
];

const ANDROID_NOTIFICATION: &[(&str, Type)] = &[
    ("title", Type::String),
    ("body", Type::String),
    ("icon", Type::String),
    ("color", Type::String),
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
    ("eventTime", Type::String),
    ("localOnly", Type::Boolean),
    ("notificationPriority", Type::String),
    ("defaultSound", Type::Boolean),
    ("defaultVibrateTimings", Type::Boolean),
    ("defaultLightSettings", Type::Boolean),
    ("vibrateTimings", Type::Strings),
    ("visibility", Type::String),
    ("notificationCount", Type::Integer),
    ("lightSettings", Type::AnyObject),
    ("image", Type::String),
    ("proxy", Type::String),
    ("bypassProxyNotification", Type::Boolean),
];

const ANDROID: &[(&str, Type)] = &[
    ("collapseKey", Type::String),
    ("priority", Type::Enum(&["NORMAL", "HIGH"])),
    ("ttl", Type::Duration),
    ("restrictedPackageName", Type::String),
    ("data", Type::StringMap),
    ("notification", Type::Object(ANDROID_NOTIFICATION)),
    ("fcmOptions", Type::AnyObject),
    ("directBootOk", Type::Boolean),
    ("bandwidthConstrainedOk", Type::Boolean),
    ("restrictedSatelliteOk", Type::Boolean),
];

const APNS: &[(&str, Type)] = &[
    ("headers", Type::StringMap),
    ("payload", Type::AnyObject),
    ("fcmOptions", Type::AnyObject),
    ("liveActivityToken", Type::String),
];

const WEBPUSH: &[(&str, Type)] = &[
    ("headers", Type::StringMap),
    ("data", Type::StringMap),
    ("notification", Type::AnyObject),
    ("fcmOptions", Type::AnyObject),
];

const MESSAGE: &[(&str, Type)] = &[
    ("name", Type::String),
    ("token", Type::String),
    ("data", Type::StringMap),
    ("notification", Type::Object(NOTIFICATION)),
    ("android", Type::Object(ANDROID)),
    ("apns", Type::Object(APNS)),
    ("webpush", Type::Object(WEBPUSH)),
    ("fcmOptions", Type::AnyObject),
];

pub(super) fn check(message: &Value) -> Result<(), Vec<Violation>> {
    let mut violations = Vec::new();
    check_object("message", message, MESSAGE, &mut violations);

    let data = message.get("data").and_then(Value::as_object);
    for key in data.iter().flat_map(|data| data.keys()) {
        let is_reserved = matches!(key.as_str(), "from" | "message_type")
            || key.starts_with("google.")
            || key.starts_with("gcm.notification.");
        if is_reserved {
            violations.push(Violation::new(
                format!("message.data.{key}"),
                format!("Invalid data payload key: {key}"),
            ));
        }
    }

    if violations.is_empty() {
        Ok(())
    } else {
        Err(violations)
    }
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
    value: &Value,
    known: &[(&str, Type)],
    violations: &mut Vec<Violation>,
) {
    let Some(object) = value.as_object() else {
        violations.push(Violation::new(
            path,
            "Invalid value: an object is expected.",
        ));
        return;
    };

    for (name, value) in object {
        match known.iter().find(|(field, _)| field == name) {
            Some((_, expected)) => {
                check_field(&format!("{path}.{name}"), value, expected, violations);
            }
            None => {
                let text = format!(
                    "Invalid JSON payload received. Unknown name \"{name}\" at '{path}': Cannot find field."
                );
                violations.push(Violation::new(path, text));
            }
        }
    }
}

fn check_field(path: &str, value: &Value, expected: &Type, violations: &mut Vec<Violation>) {
    let is_valid = match expected {
        Type::String => value.is_string(),
        Type::Boolean => value.is_boolean(),
        Type::Integer => value.is_i64(),
        Type::Duration => value.as_str().is_some_and(is_duration),
        Type::StringMap => value
            .as_object()
            .is_some_and(|map| map.values().all(Value::is_string)),
        Type::Enum(names) => value
            .as_str()
            .is_some_and(|text| names.iter().any(|name| name.eq_ignore_ascii_case(text))),
        Type::Strings => value
            .as_array()
            .is_some_and(|array| array.iter().all(Value::is_string)),
        Type::AnyObject => value.is_object(),
        Type::Object(known) => return check_object(path, value, known, violations),
    };

    if !is_valid {
        violations.push(Violation::new(path, format!("Invalid value at '{path}'")));
    }
}

/// Whether `text` is seconds followed by `s`, up to the 28 days that FCM keeps a message.
fn is_duration(text: &str) -> bool {
    text.strip_suffix('s')
        .and_then(|text| text.parse::<f64>().ok())
        .is_some_and(|seconds| (0.0..=MAX_TTL_SECONDS).contains(&seconds))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_violation_names_its_field() {
        for (message, field) in [
            (json!({"token": "t", "title": "T"}), "message"),
            (json!({"token": 1}), "message.token"),
            (json!({"token": "t", "data": {"k": 1}}), "message.data"),
            (
                json!({"token": "t", "data": {"from": "x"}}),
                "message.data.from",
            ),
            (
                json!({"token": "t", "android": {"ttl": "5"}}),
                "message.android.ttl",
            ),
            (
                json!({"token": "t", "android": {"priority": "URGENT"}}),
                "message.android.priority",
            ),
            (
                json!({"token": "t", "android": {"notification": {"sound": 1}}}),
                "message.android.notification.sound",
            ),
            (json!([]), "message"),
        ] {
            let violations = check(&message).err().unwrap_or_default();
            assert_eq!(
                violations.first().map(|violation| violation.field.as_str()),
                Some(field),
                "{message}"
            );
        }
    }

    #[test]
    fn a_good_message_passes() {
        let message = json!({"token": "t", "notification": {"title": "T"}, "android": {"priority": "high", "ttl": "3.5s"},
            "apns": {"payload": {"aps": {}}}});
        assert!(check(&message).is_ok());
    }
}
