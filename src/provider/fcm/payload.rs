//! FCM's request body:
//! <https://firebase.google.com/docs/reference/fcm/rest/v1/projects.messages#Message>.

use bytes::Bytes;
use serde_json::{Map, Value, json};
use time::OffsetDateTime;

use crate::model::message::{Message, Priority};
use crate::provider::payload::{MAX_PAYLOAD, PayloadProblem, merge, present};

/// The fields that an override may not set: the recipient, and the newer form of `android`, which FCM
/// does not take beside `android`.
const NOT_OVERRIDABLE: [&str; 7] = [
    "token",
    "fid",
    "topic",
    "condition",
    "name",
    "androidV2",
    "android_v2",
];

/// The body of a request, the same for every device that gets the message but for the token. It is
/// serialized once, and each request only adds its token.
pub struct FcmPayload {
    /// The `message` object without its token, as JSON without its opening brace.
    rest: String,
}

impl FcmPayload {
    /// Renders `message`. `expires_at` is for tokens of iOS apps, which FCM passes on to APNs: APNs
    /// is asked to keep the message no longer than until then.
    pub fn render(
        message: &Message,
        expires_at: Option<OffsetDateTime>,
    ) -> Result<Self, PayloadProblem> {
        let mut rendered = fields(message, expires_at);

        if let Some(over) = &message.fcm {
            let mut names = NOT_OVERRIDABLE.iter();
            if let Some(name) = names.find(|name| over.contains_key(**name)) {
                let message =
                    "this field can't be set, because Bellwire sets the recipient and android";
                return Err(PayloadProblem::new(format!("fcm.{name}"), message));
            }
            merge(&mut rendered, &in_camel_case(over));
        }

        check_data(message, rendered.get("data"))?;
        let size: usize = rendered
            .iter()
            .map(|(key, value)| key.len() + bytes_of(value))
            .sum();
        if size > MAX_PAYLOAD {
            let message = format!(
                "the message must be at most {MAX_PAYLOAD} bytes of keys and values for FCM; got {size}"
            );
            return Err(PayloadProblem::new("content", message));
        }

        let mut rest = Value::Object(rendered).to_string();
        rest.remove(0);
        Ok(Self { rest })
    }

    /// The body for the device with `token`.
    pub fn for_token(&self, token: &str) -> Bytes {
        self.with(r#"{"message":{"token":"#, token)
    }

    /// The body for the device with `token` that FCM checks and does not deliver.
    pub fn validate_only(&self, token: &str) -> Bytes {
        self.with(r#"{"validateOnly":true,"message":{"token":"#, token)
    }

    fn with(&self, opening: &str, token: &str) -> Bytes {
        let mut body = String::with_capacity(opening.len() + self.rest.len() + token.len() + 8);
        body.push_str(opening);
        // As a JSON string, with its quotes and escapes.
        body.push_str(&Value::from(token).to_string());
        if self.rest != "}" {
            body.push(',');
        }
        body.push_str(&self.rest);
        body.push('}');
        Bytes::from(body)
    }
}

/// FCM takes each field in camelCase and in `snake_case`. An override in `snake_case` is renamed, so
/// that it replaces the rendered field and does not stand beside it.
fn in_camel_case(over: &Map<String, Value>) -> Map<String, Value> {
    let mut over = over.clone();

    // Of the rendered fields, only these two have names of two words.
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

/// Checks that `data` has only strings, and none of the keys that FCM reserves:
/// <https://firebase.google.com/docs/reference/fcm/rest/v1/projects.messages#Message>.
fn check_data(message: &Message, data: Option<&Value>) -> Result<(), PayloadProblem> {
    let Some(data) = data else { return Ok(()) };
    let Some(data) = data.as_object() else {
        return Err(PayloadProblem::new(
            "fcm.data",
            "must be an object of strings",
        ));
    };

    let is_of_message = |key: &str| {
        message
            .data
            .as_ref()
            .is_some_and(|data| data.contains_key(key))
    };
    for (key, value) in data {
        let field = if is_of_message(key) {
            format!("content.data.{key}")
        } else {
            format!("fcm.data.{key}")
        };

        let reserved = matches!(key.as_str(), "from" | "message_type")
            || key.starts_with("google.")
            || key.starts_with("gcm.notification.");
        if reserved {
            return Err(PayloadProblem::new(
                field,
                "FCM reserves this key; use another key",
            ));
        }
        if !value.is_string() {
            return Err(PayloadProblem::new(field, "must be a string"));
        }
    }

    Ok(())
}

/// Bytes of all keys and values, which FCM limits.
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
    let is_noticeable =
        !notification.is_empty() || message.sound.is_some() || message.badge.is_some();
    insert(&mut fields, "notification", notification);

    if let Some(data) = message.data.as_ref().filter(|data| !data.is_empty()) {
        fields.insert("data".to_owned(), json!(data));
    }
    insert(&mut fields, "android", android(message));

    // An override of these two may make the device show something.
    let is_overridden = |name| {
        message
            .fcm
            .as_ref()
            .is_some_and(|over| over.contains_key(name))
    };
    let only_wakes = !is_noticeable && !is_overridden("notification") && !is_overridden("apns");
    insert(&mut fields, "apns", apns(message, expires_at, only_wakes));

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

/// For tokens of iOS apps, which FCM passes on to APNs. APNs takes a push that only wakes the app with
/// `content-available` and priority 5 only.
fn apns(
    message: &Message,
    expires_at: Option<OffsetDateTime>,
    only_wakes: bool,
) -> Map<String, Value> {
    let aps = present([
        ("sound", message.sound.as_ref().map(|sound| json!(sound))),
        ("badge", message.badge.map(|badge| json!(badge))),
        ("content-available", only_wakes.then(|| json!(1))),
        // So that the app's notification service extension is called, which loads the image.
        ("mutable-content", message.image.is_some().then(|| json!(1))),
    ]);

    let headers = present([
        (
            "apns-priority",
            (only_wakes || message.priority == Priority::Low).then(|| json!("5")),
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

/// Inserts `object`, unless it is empty.
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
    fn an_override_in_snake_case_replaces_the_rendered_field() {
        let over = json!({"android": {"collapse_key": "overridden", "notification": {"notification_count": 9}}});
        let message = Message {
            badge: Some(1),
            collapse_key: Some("rendered".into()),
            fcm: over.as_object().cloned(),
            ..Message::default()
        };
        let android = body(&message)["message"]["android"].take();
        let expected = json!({"priority": "HIGH", "collapseKey": "overridden", "notification": {"notificationCount": 9}});

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
                format!("content.data.{key}")
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
