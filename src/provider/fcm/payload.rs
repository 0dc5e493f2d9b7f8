//! FCM's request body.
//! <https://firebase.google.com/docs/reference/fcm/rest/v1/projects.messages#Message>

use bytes::Bytes;
use serde_json::{Map, Value, json};
use time::OffsetDateTime;

use crate::model::message::{Message, Priority};
use crate::provider::payload::{MAX_PAYLOAD, PayloadProblem, merge};

/// What an override may not choose: whom it is for, and the form that excludes `android`.
const TARGETS: [&str; 7] = [
    "token",
    "fid",
    "topic",
    "condition",
    "name",
    "androidV2",
    "android_v2",
];

/// The body, cut where the token goes.
pub struct FcmPayload {
    /// Everything of the `message` object but its token, as JSON without its opening brace.
    rest: String,
}

impl FcmPayload {
    /// The body for every recipient of `message`, which APNs keeps no longer than until
    /// `expires_at` where FCM passes it on.
    pub fn render(
        message: &Message,
        expires_at: Option<OffsetDateTime>,
    ) -> Result<Self, PayloadProblem> {
        let mut rendered = fields(message, expires_at);
        if let Some(over) = &message.fcm {
            if let Some(target) = TARGETS.iter().find(|target| over.contains_key(**target)) {
                let problem = "can't be overridden: Bellwire fills in the recipient and android";
                return Err(PayloadProblem::new(format!("fcm.{target}"), problem));
            }
            merge(&mut rendered, &with_our_spelling(over));
        }
        check_data(message, rendered.get("data"))?;
        let size: usize = rendered
            .iter()
            .map(|(key, value)| key.len() + bytes_of(value))
            .sum();
        if size > MAX_PAYLOAD {
            let problem = format!(
                "is too large: {size} bytes of keys and values for FCM; the most is {MAX_PAYLOAD}"
            );
            return Err(PayloadProblem::new("content", problem));
        }
        let mut rest = Value::Object(rendered).to_string();
        rest.remove(0);
        Ok(Self { rest })
    }

    /// The body for the device with `token`.
    pub fn for_token(&self, token: &str) -> Bytes {
        self.with(r#"{"message":{"token":"#, token)
    }

    /// The same, to be checked and not delivered.
    pub fn to_validate(&self, token: &str) -> Bytes {
        self.with(r#"{"validateOnly":true,"message":{"token":"#, token)
    }

    fn with(&self, opening: &str, token: &str) -> Bytes {
        let mut body = String::with_capacity(opening.len() + self.rest.len() + token.len() + 8);
        body.push_str(opening);
        body.push_str(&Value::from(token).to_string());
        if self.rest != "}" {
            body.push(',');
        }
        body.push_str(&self.rest);
        body.push('}');
        Bytes::from(body)
    }
}

/// FCM takes its fields in camelCase and in `snake_case`: an override must meet ours under the same
/// name.
fn with_our_spelling(over: &Map<String, Value>) -> Map<String, Value> {
    let mut over = over.clone();
    if let Some(Value::Object(android)) = over.get_mut("android") {
        if let Some(key) = android.remove("collapse_key") {
            android.insert("collapseKey".to_owned(), key);
        }
        if let Some(Value::Object(notification)) = android.get_mut("notification")
            && let Some(count) = notification.remove("notification_count")
        {
            notification.insert("notificationCount".to_owned(), count);
        }
    }
    over
}

/// FCM's `data` is texts only, and some keys are its own.
fn check_data(message: &Message, data: Option<&Value>) -> Result<(), PayloadProblem> {
    let Some(data) = data else { return Ok(()) };
    let Some(data) = data.as_object() else {
        return Err(PayloadProblem::new(
            "fcm.data",
            "must be an object of texts",
        ));
    };
    let ours = |key: &str| {
        message
            .data
            .as_ref()
            .is_some_and(|data| data.contains_key(key))
    };
    for (key, value) in data {
        let field = if ours(key) {
            format!("data.{key}")
        } else {
            format!("fcm.data.{key}")
        };
        let reserved = matches!(key.as_str(), "from" | "message_type")
            || key.starts_with("google.")
            || key.starts_with("gcm.notification.");
        if reserved {
            return Err(PayloadProblem::new(
                field,
                "is a key that FCM keeps for itself",
            ));
        }
        if !value.is_string() {
            return Err(PayloadProblem::new(field, "must be a text"));
        }
    }
    Ok(())
}

/// Bytes of all keys and values, which is what FCM limits.
fn bytes_of(value: &Value) -> usize {
    match value {
        Value::Object(object) => object
            .iter()
            .map(|(key, value)| key.len() + bytes_of(value))
            .sum(),
        Value::Array(array) => array.iter().map(bytes_of).sum(),
        Value::String(text) => text.len(),
        other => other.to_string().len(),
    }
}

fn fields(message: &Message, expires_at: Option<OffsetDateTime>) -> Map<String, Value> {
    let mut fields = Map::new();
    let notification = present([
        ("title", message.title.as_ref().map(|title| json!(title))),
        ("body", message.body.as_ref().map(|body| json!(body))),
        ("image", message.image.as_ref().map(|image| json!(image))),
    ]);
    let shown = !notification.is_empty() || message.sound.is_some() || message.badge.is_some();
    insert(&mut fields, "notification", notification);
    if let Some(data) = message.data.as_ref().filter(|data| !data.is_empty()) {
        fields.insert("data".to_owned(), json!(data));
    }
    insert(&mut fields, "android", android(message));
    let overridden = |name| {
        message
            .fcm
            .as_ref()
            .is_some_and(|over| over.contains_key(name))
    };
    let wakes_only = !shown && !overridden("notification") && !overridden("apns");
    insert(&mut fields, "apns", apns(message, expires_at, wakes_only));
    fields
}

fn android(message: &Message) -> Map<String, Value> {
    let priority = match message.priority {
        Priority::High => "HIGH",
        Priority::Low => "NORMAL",
    };
    let mut android = present([
        ("priority", Some(json!(priority))),
        ("ttl", message.ttl.map(|ttl| json!(format!("{ttl}s")))),
        (
            "collapseKey",
            message.collapse_key.as_ref().map(|key| json!(key)),
        ),
    ]);
    let notification = present([
        ("sound", message.sound.as_ref().map(|sound| json!(sound))),
        ("notificationCount", message.badge.map(|badge| json!(badge))),
    ]);
    insert(&mut android, "notification", notification);
    android
}

/// For tokens of iOS apps, which FCM passes on to APNs. One that only wakes the app must say so and
/// not be urgent.
fn apns(
    message: &Message,
    expires_at: Option<OffsetDateTime>,
    wakes_only: bool,
) -> Map<String, Value> {
    let aps = present([
        ("sound", message.sound.as_ref().map(|sound| json!(sound))),
        ("badge", message.badge.map(|badge| json!(badge))),
        ("content-available", wakes_only.then(|| json!(1))),
        // The app's notification service extension loads the picture.
        ("mutable-content", message.image.is_some().then(|| json!(1))),
    ]);
    let headers = present([
        (
            "apns-priority",
            (wakes_only || message.priority == Priority::Low).then(|| json!("5")),
        ),
        (
            "apns-expiration",
            message
                .apns_expiration(expires_at)
                .map(|at| json!(at.to_string())),
        ),
        (
            "apns-collapse-id",
            message.collapse_key.as_ref().map(|key| json!(key)),
        ),
    ]);
    let mut apns = Map::new();
    insert(&mut apns, "headers", headers);
    if !aps.is_empty() {
        apns.insert("payload".to_owned(), json!({ "aps": aps }));
    }
    apns
}

fn present<const N: usize>(fields: [(&str, Option<Value>); N]) -> Map<String, Value> {
    fields
        .into_iter()
        .filter_map(|(name, value)| Some((name.to_owned(), value?)))
        .collect()
}

fn insert(fields: &mut Map<String, Value>, name: &str, object: Map<String, Value>) {
    if !object.is_empty() {
        fields.insert(name.to_owned(), Value::Object(object));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(message: &Message) -> Value {
        serde_json::from_slice(
            &FcmPayload::render(
                message,
                OffsetDateTime::from_unix_timestamp(1_700_000_060).ok(),
            )
            .unwrap()
            .for_token("t\"1"),
        )
        .unwrap()
    }

    #[test]
    fn everything_has_its_place() {
        let message = Message {
            title: Some("T".into()),
            body: Some("B".into()),
            image: Some("https://x.example/i.png".into()),
            data: Some([("k".to_owned(), "v".to_owned())].into()),
            sound: Some("default".into()),
            badge: Some(3),
            priority: Priority::Low,
            ttl: Some(60),
            collapse_key: Some("c".into()),
            ..Message::default()
        };
        let expected = json!({"message": {
            "token": "t\"1",
            "notification": {"title": "T", "body": "B", "image": "https://x.example/i.png"},
            "data": {"k": "v"},
            "android": {"priority": "NORMAL", "ttl": "60s", "collapseKey": "c",
                "notification": {"sound": "default", "notificationCount": 3}},
            "apns": {"headers": {"apns-priority": "5", "apns-expiration": "1700000060", "apns-collapse-id": "c"},
                "payload": {"aps": {"sound": "default", "badge": 3, "mutable-content": 1}}},
        }});
        assert_eq!(body(&message), expected);
    }

    #[test]
    fn an_override_wins_but_never_the_target() {
        let over = |value: Value| Message {
            fcm: value.as_object().cloned(),
            ..Message::default()
        };
        let merged = body(&over(json!({"android": {"directBootOk": true}})));
        assert_eq!(
            merged["message"]["android"],
            json!({"priority": "HIGH", "directBootOk": true})
        );
        let problem = FcmPayload::render(&over(json!({"topic": "all"})), None)
            .err()
            .unwrap();
        assert_eq!(problem.field, "fcm.topic");
    }

    #[test]
    fn an_override_in_snake_case_meets_our_fields() {
        let over = json!({"android": {"collapse_key": "theirs", "notification": {"notification_count": 9}}});
        let message = Message {
            badge: Some(1),
            collapse_key: Some("ours".into()),
            fcm: over.as_object().cloned(),
            ..Message::default()
        };
        let android = body(&message)["message"]["android"].take();
        let expected = json!({"priority": "HIGH", "collapseKey": "theirs", "notification": {"notificationCount": 9}});
        assert_eq!(android, expected);
    }

    #[test]
    fn data_alone_only_wakes_an_ios_app() {
        let message = Message {
            data: Some([("k".to_owned(), "v".to_owned())].into()),
            ..Message::default()
        };
        let apns = json!({"headers": {"apns-priority": "5", "apns-expiration": "1700000060"},
            "payload": {"aps": {"content-available": 1}}});
        assert_eq!(
            body(&Message {
                ttl: Some(60),
                ..message.clone()
            })["message"]["apns"],
            apns
        );
        let over = json!({"apns": {"payload": {"aps": {"alert": "A"}}}});
        let shown = body(&Message {
            fcm: over.as_object().cloned(),
            ..message
        });
        let expected = json!({"headers": {"apns-expiration": "1700000060"}, "payload": {"aps": {"alert": "A"}}});
        assert_eq!(shown["message"]["apns"], expected);
    }

    #[test]
    fn an_override_of_data_is_checked_too() {
        for (data, field) in [
            (json!({"n": 1}), "fcm.data.n"),
            (json!({"google.x": "1"}), "fcm.data.google.x"),
            (json!("x"), "fcm.data"),
        ] {
            let message = Message {
                fcm: json!({"data": data}).as_object().cloned(),
                ..Message::default()
            };
            assert_eq!(
                FcmPayload::render(&message, None).err().unwrap().field,
                field
            );
        }
    }

    #[test]
    fn the_limit_is_on_keys_and_values() {
        let message = |length| Message {
            body: Some("x".repeat(length)),
            ..Message::default()
        };
        assert!(FcmPayload::render(&message(4000), None).is_ok());
        assert_eq!(
            FcmPayload::render(&message(5000), None)
                .err()
                .unwrap()
                .field,
            "content"
        );
    }

    #[test]
    fn reserved_data_keys_are_named() {
        for key in ["from", "message_type", "google.x", "gcm.notification.x"] {
            let message = Message {
                data: Some([(key.to_owned(), String::new())].into()),
                ..Message::default()
            };
            assert_eq!(
                FcmPayload::render(&message, None).err().unwrap().field,
                format!("data.{key}")
            );
        }
    }

    #[test]
    fn an_empty_message_is_still_json() {
        let empty = FcmPayload {
            rest: "}".to_owned(),
        };
        assert_eq!(&empty.for_token("t")[..], br#"{"message":{"token":"t"}}"#);
    }
}
