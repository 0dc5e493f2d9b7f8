//! FCM's request body. <https://firebase.google.com/docs/reference/fcm/rest/v1/projects.messages#Message>

use bytes::Bytes;
use serde_json::{Map, Value, json};

use crate::provider::payload::{MAX_PAYLOAD, PayloadProblem, merge};
use crate::provider::{Message, Priority};

/// What an override may not choose: whom it is for, and the form that excludes `android`.
const TARGETS: [&str; 6] = ["token", "fid", "topic", "condition", "androidV2", "name"];

/// The body, cut where the token goes.
pub struct FcmPayload {
    /// Everything of the `message` object but its token, as JSON without its opening brace.
    rest: String,
}

impl FcmPayload {
    /// The body for every recipient of `message`.
    pub fn render(message: &Message) -> Result<Self, PayloadProblem> {
        check_data(message)?;
        let mut rendered = fields(message);
        if let Some(over) = &message.fcm {
            if let Some(target) = TARGETS.iter().find(|target| over.contains_key(**target)) {
                return Err(PayloadProblem::new(
                    format!("fcm.{target}"),
                    "can't be overridden: the recipient decides it",
                ));
            }
            merge(&mut rendered, over);
        }
        let size: usize = rendered.iter().map(|(key, value)| key.len() + bytes_of(value)).sum();
        if size > MAX_PAYLOAD {
            let problem = format!("is too large: {size} bytes of keys and values for FCM; the most is {MAX_PAYLOAD}");
            return Err(PayloadProblem::new("content", problem));
        }
        let mut rest = Value::Object(rendered).to_string();
        rest.remove(0);
        Ok(Self { rest })
    }

    /// The body for the device with `token`.
    pub fn for_token(&self, token: &str) -> Bytes {
        let mut body = String::with_capacity(self.rest.len() + token.len() + 32);
        body.push_str(r#"{"message":{"token":"#);
        body.push_str(&Value::from(token).to_string());
        if self.rest != "}" {
            body.push(',');
        }
        body.push_str(&self.rest);
        body.push('}');
        Bytes::from(body)
    }
}

fn check_data(message: &Message) -> Result<(), PayloadProblem> {
    let reserved = |key: &&String| {
        matches!(key.as_str(), "from" | "message_type")
            || key.starts_with("google.")
            || key.starts_with("gcm.notification.")
    };
    match message.data.iter().flat_map(std::collections::BTreeMap::keys).find(reserved) {
        Some(key) => Err(PayloadProblem::new(format!("data.{key}"), "is a key that FCM keeps for itself")),
        None => Ok(()),
    }
}

/// Bytes of all keys and values, which is what FCM limits.
fn bytes_of(value: &Value) -> usize {
    match value {
        Value::Object(object) => object.iter().map(|(key, value)| key.len() + bytes_of(value)).sum(),
        Value::Array(array) => array.iter().map(bytes_of).sum(),
        Value::String(text) => text.len(),
        other => other.to_string().len(),
    }
}

fn fields(message: &Message) -> Map<String, Value> {
    let mut fields = Map::new();
    let notification = present([
        ("title", message.title.as_ref().map(|title| json!(title))),
        ("body", message.body.as_ref().map(|body| json!(body))),
        ("image", message.image.as_ref().map(|image| json!(image))),
    ]);
    insert(&mut fields, "notification", notification);
    if let Some(data) = message.data.as_ref().filter(|data| !data.is_empty()) {
        fields.insert("data".to_owned(), json!(data));
    }
    insert(&mut fields, "android", android(message));
    insert(&mut fields, "apns", apns(message));
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
        ("collapseKey", message.collapse_key.as_ref().map(|key| json!(key))),
    ]);
    let notification = present([
        ("sound", message.sound.as_ref().map(|sound| json!(sound))),
        ("notificationCount", message.badge.map(|badge| json!(badge))),
    ]);
    insert(&mut android, "notification", notification);
    android
}

/// For tokens of iOS apps, which FCM passes on to APNs.
fn apns(message: &Message) -> Map<String, Value> {
    let aps = present([
        ("sound", message.sound.as_ref().map(|sound| json!(sound))),
        ("badge", message.badge.map(|badge| json!(badge))),
    ]);
    let headers = present([
        ("apns-priority", (message.priority == Priority::Low).then(|| json!("5"))),
        ("apns-collapse-id", message.collapse_key.as_ref().map(|key| json!(key))),
    ]);
    let mut apns = Map::new();
    insert(&mut apns, "headers", headers);
    if !aps.is_empty() {
        apns.insert("payload".to_owned(), json!({ "aps": aps }));
    }
    apns
}

fn present<const N: usize>(fields: [(&str, Option<Value>); N]) -> Map<String, Value> {
    fields.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
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
        serde_json::from_slice(&FcmPayload::render(message).unwrap().for_token("t\"1")).unwrap()
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
            "apns": {"headers": {"apns-priority": "5", "apns-collapse-id": "c"},
                "payload": {"aps": {"sound": "default", "badge": 3}}},
        }});
        assert_eq!(body(&message), expected);
    }

    #[test]
    fn an_override_wins_but_never_the_target() {
        let over = |value: Value| Message { fcm: value.as_object().cloned(), ..Message::default() };
        let merged = body(&over(json!({"android": {"directBootOk": true}})));
        assert_eq!(merged["message"]["android"], json!({"priority": "HIGH", "directBootOk": true}));
        let problem = FcmPayload::render(&over(json!({"topic": "all"}))).err().unwrap();
        assert_eq!(problem.field, "fcm.topic");
    }

    #[test]
    fn the_limit_is_on_keys_and_values() {
        let message = |length| Message { body: Some("x".repeat(length)), ..Message::default() };
        assert!(FcmPayload::render(&message(4000)).is_ok());
        assert_eq!(FcmPayload::render(&message(5000)).err().unwrap().field, "content");
    }

    #[test]
    fn reserved_data_keys_are_named() {
        for key in ["from", "message_type", "google.x", "gcm.notification.x"] {
            let message = Message { data: Some([(key.to_owned(), String::new())].into()), ..Message::default() };
            assert_eq!(FcmPayload::render(&message).err().unwrap().field, format!("data.{key}"));
        }
    }

    #[test]
    fn an_empty_message_is_still_json() {
        let empty = FcmPayload { rest: "}".to_owned() };
        assert_eq!(&empty.for_token("t")[..], br#"{"message":{"token":"t"}}"#);
    }
}
