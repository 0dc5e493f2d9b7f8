//! The form of an FCM message: which fields there are and what they hold.
//! <https://firebase.google.com/docs/reference/fcm/rest/v1/projects.messages#Message>

use serde_json::Value;

/// Something in a message that FCM would refuse.
pub(super) struct Violation {
    /// Where.
    pub field: String,
    /// Why.
    pub description: String,
}

impl Violation {
    /// `field` is refused because of `description`.
    pub(super) fn new(field: impl Into<String>, description: impl Into<String>) -> Self {
        Self {
            field: field.into(),
            description: description.into(),
        }
    }
}

/// What a field holds.
enum Form {
    Text,
    Boolean,
    Number,
    /// `"123.5s"`.
    Duration,
    /// Texts by name.
    TextMap,
    /// One of these words, whatever their case.
    Word(&'static [&'static str]),
    Texts,
    /// Anything that is an object.
    Any,
    Object(&'static [(&'static str, Form)]),
}

const NOTIFICATION: &[(&str, Form)] = &[
    ("title", Form::Text),
    ("body", Form::Text),
    ("image", Form::Text),
];

const ANDROID_NOTIFICATION: &[(&str, Form)] = &[
    ("title", Form::Text),
    ("body", Form::Text),
    ("icon", Form::Text),
    ("color", Form::Text),
    ("sound", Form::Text),
    ("tag", Form::Text),
    ("clickAction", Form::Text),
    ("bodyLocKey", Form::Text),
    ("bodyLocArgs", Form::Texts),
    ("titleLocKey", Form::Text),
    ("titleLocArgs", Form::Texts),
    ("channelId", Form::Text),
    ("ticker", Form::Text),
    ("sticky", Form::Boolean),
    ("eventTime", Form::Text),
    ("localOnly", Form::Boolean),
    ("notificationPriority", Form::Text),
    ("defaultSound", Form::Boolean),
    ("defaultVibrateTimings", Form::Boolean),
    ("defaultLightSettings", Form::Boolean),
    ("vibrateTimings", Form::Texts),
    ("visibility", Form::Text),
    ("notificationCount", Form::Number),
    ("lightSettings", Form::Any),
    ("image", Form::Text),
    ("proxy", Form::Text),
    ("bypassProxyNotification", Form::Boolean),
];

const ANDROID: &[(&str, Form)] = &[
    ("collapseKey", Form::Text),
    ("priority", Form::Word(&["NORMAL", "HIGH"])),
    ("ttl", Form::Duration),
    ("restrictedPackageName", Form::Text),
    ("data", Form::TextMap),
    ("notification", Form::Object(ANDROID_NOTIFICATION)),
    ("fcmOptions", Form::Any),
    ("directBootOk", Form::Boolean),
    ("bandwidthConstrainedOk", Form::Boolean),
    ("restrictedSatelliteOk", Form::Boolean),
];

const APNS: &[(&str, Form)] = &[
    ("headers", Form::TextMap),
    ("payload", Form::Any),
    ("fcmOptions", Form::Any),
    ("liveActivityToken", Form::Text),
];

const WEBPUSH: &[(&str, Form)] = &[
    ("headers", Form::TextMap),
    ("data", Form::TextMap),
    ("notification", Form::Any),
    ("fcmOptions", Form::Any),
];

const MESSAGE: &[(&str, Form)] = &[
    ("name", Form::Text),
    ("token", Form::Text),
    ("data", Form::TextMap),
    ("notification", Form::Object(NOTIFICATION)),
    ("android", Form::Object(ANDROID)),
    ("apns", Form::Object(APNS)),
    ("webpush", Form::Object(WEBPUSH)),
    ("fcmOptions", Form::Any),
];

/// Checks a message.
pub(super) fn check(message: &Value) -> Result<(), Vec<Violation>> {
    let mut violations = Vec::new();
    check_object("message", message, MESSAGE, &mut violations);
    for key in message
        .get("data")
        .and_then(Value::as_object)
        .iter()
        .flat_map(|data| data.keys())
    {
        let reserved = matches!(key.as_str(), "from" | "message_type");
        if reserved || key.starts_with("google.") || key.starts_with("gcm.notification.") {
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

/// Bytes of all keys and values, but for the outermost object's braces.
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
    known: &[(&str, Form)],
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
            Some((_, form)) => check_field(&format!("{path}.{name}"), value, form, violations),
            None => {
                let text = format!(
                    "Invalid JSON payload received. Unknown name \"{name}\" at '{path}': Cannot find field."
                );
                violations.push(Violation::new(path, text));
            }
        }
    }
}

fn check_field(path: &str, value: &Value, form: &Form, violations: &mut Vec<Violation>) {
    let fits = match form {
        Form::Text => value.is_string(),
        Form::Boolean => value.is_boolean(),
        Form::Number => value.is_i64(),
        Form::Duration => value.as_str().is_some_and(is_duration),
        Form::TextMap => value
            .as_object()
            .is_some_and(|map| map.values().all(Value::is_string)),
        Form::Word(words) => value
            .as_str()
            .is_some_and(|text| words.iter().any(|word| word.eq_ignore_ascii_case(text))),
        Form::Texts => value
            .as_array()
            .is_some_and(|array| array.iter().all(Value::is_string)),
        Form::Any => value.is_object(),
        Form::Object(known) => return check_object(path, value, known, violations),
    };
    if !fits {
        violations.push(Violation::new(path, format!("Invalid value at '{path}'")));
    }
}

/// Seconds up to 28 days, with an `s` behind.
fn is_duration(text: &str) -> bool {
    let seconds = text
        .strip_suffix('s')
        .and_then(|text| text.parse::<f64>().ok());
    seconds.is_some_and(|seconds| (0.0..=2_419_200.0).contains(&seconds))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_fcm_refuses_is_named() {
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
