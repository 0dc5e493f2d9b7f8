//! The body and headers of a request to APNs.
//! <https://developer.apple.com/documentation/usernotifications/generating-a-remote-notification>

use bytes::Bytes;
use http::header::{HeaderName, HeaderValue};
use serde_json::{Map, Value, json};
use time::OffsetDateTime;

use crate::provider::payload::{MAX_PAYLOAD, PayloadProblem, merge};
use crate::provider::{Message, Priority};

/// Most bytes of `apns-collapse-id`.
const MAX_COLLAPSE_ID: usize = 64;

/// The headers that an override may set.
const OVERRIDABLE: [&str; 5] = ["apns-push-type", "apns-topic", "apns-priority", "apns-expiration", "apns-collapse-id"];

/// Body and headers for every recipient of a message.
pub struct ApnsPayload {
    headers: Vec<(HeaderName, HeaderValue)>,
    body: Bytes,
}

impl ApnsPayload {
    /// Renders `message`, which APNs keeps no longer than until `expires_at`.
    pub fn render(message: &Message, expires_at: Option<OffsetDateTime>) -> Result<Self, PayloadProblem> {
        let over = Override::of(message)?;
        let mut payload = payload(message)?;
        if let Some(over) = over.payload {
            merge(&mut payload, over);
        }
        let body = Bytes::from(Value::Object(payload).to_string());
        if body.len() > MAX_PAYLOAD {
            let problem = format!("is too large: {} bytes of payload for APNs; the most is {MAX_PAYLOAD}", body.len());
            return Err(PayloadProblem::new("content", problem));
        }
        let headers = headers(message, expires_at, over.headers)?;
        Ok(Self { headers, body })
    }

    /// What goes with every request.
    pub fn headers(&self) -> &[(HeaderName, HeaderValue)] {
        &self.headers
    }

    /// The JSON body.
    pub fn body(&self) -> &Bytes {
        &self.body
    }
}

/// What the client lays over what we make.
struct Override<'a> {
    headers: Option<&'a Map<String, Value>>,
    payload: Option<&'a Map<String, Value>>,
}

impl<'a> Override<'a> {
    fn of(message: &'a Message) -> Result<Self, PayloadProblem> {
        let over = message.apn.as_ref();
        let mut names = over.iter().flat_map(|over| over.keys());
        if let Some(unknown) = names.find(|name| !matches!(name.as_str(), "headers" | "payload")) {
            return Err(PayloadProblem::new(format!("apn.{unknown}"), "is unknown; known are headers and payload"));
        }
        let object = |name: &str| match over.and_then(|over| over.get(name)) {
            None => Ok(None),
            Some(Value::Object(object)) => Ok(Some(object)),
            Some(_) => Err(PayloadProblem::new(format!("apn.{name}"), "must be an object")),
        };
        Ok(Self { headers: object("headers")?, payload: object("payload")? })
    }
}

/// Whether the device shows, plays or counts something; if not, the push only wakes the app.
fn is_alert(message: &Message) -> bool {
    message.title.is_some() || message.body.is_some() || message.sound.is_some() || message.badge.is_some()
}

fn payload(message: &Message) -> Result<Map<String, Value>, PayloadProblem> {
    let mut aps = Map::new();
    let mut alert = Map::new();
    alert.extend(message.title.as_ref().map(|title| ("title".to_owned(), json!(title))));
    alert.extend(message.body.as_ref().map(|body| ("body".to_owned(), json!(body))));
    if !alert.is_empty() {
        aps.insert("alert".to_owned(), Value::Object(alert));
    }
    aps.extend(message.sound.as_ref().map(|sound| ("sound".to_owned(), json!(sound))));
    aps.extend(message.badge.map(|badge| ("badge".to_owned(), json!(badge))));
    if !is_alert(message) {
        aps.insert("content-available".to_owned(), json!(1));
    }
    let mut payload = Map::new();
    if let Some(image) = &message.image {
        // The app's notification service extension loads it.
        aps.insert("mutable-content".to_owned(), json!(1));
        payload.insert("image".to_owned(), json!(image));
    }
    for (key, value) in message.data.iter().flatten() {
        if key == "aps" {
            return Err(PayloadProblem::new("data.aps", "is a key that APNs keeps for itself"));
        }
        payload.insert(key.clone(), json!(value));
    }
    payload.insert("aps".to_owned(), Value::Object(aps));
    Ok(payload)
}

fn headers(
    message: &Message,
    expires_at: Option<OffsetDateTime>,
    over: Option<&Map<String, Value>>,
) -> Result<Vec<(HeaderName, HeaderValue)>, PayloadProblem> {
    let alert = is_alert(message);
    let mut headers = Map::new();
    headers.insert("apns-push-type".to_owned(), json!(if alert { "alert" } else { "background" }));
    // A background push must not be urgent.
    let priority = if alert && message.priority == Priority::High { "10" } else { "5" };
    headers.insert("apns-priority".to_owned(), json!(priority));
    // 0 is Apple's word for one try, nothing kept.
    let expiration = expires_at.map(|at| if message.ttl == Some(0) { 0 } else { at.unix_timestamp() });
    headers.extend(expiration.map(|at| ("apns-expiration".to_owned(), json!(at.to_string()))));
    if let Some(key) = &message.collapse_key {
        if key.len() > MAX_COLLAPSE_ID {
            return Err(PayloadProblem::new(
                "collapseKey",
                format!("must be at most {MAX_COLLAPSE_ID} bytes for APNs"),
            ));
        }
        headers.insert("apns-collapse-id".to_owned(), json!(key));
    }
    let mut names = over.iter().flat_map(|over| over.keys());
    if let Some(name) = names.find(|name| !OVERRIDABLE.contains(&name.as_str())) {
        let problem = format!("can't be set; {} can", OVERRIDABLE.join(", "));
        return Err(PayloadProblem::new(format!("apn.headers.{name}"), problem));
    }
    if let Some(over) = over {
        merge(&mut headers, over);
    }
    headers.iter().map(|(name, value)| header(name, value)).collect()
}

fn header(name: &str, value: &Value) -> Result<(HeaderName, HeaderValue), PayloadProblem> {
    let text = match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let name_problem = |_| PayloadProblem::new(format!("apn.headers.{name}"), "is not a header name");
    let value_problem = |_| {
        let field = if name == "apns-collapse-id" { "collapseKey".to_owned() } else { format!("apn.headers.{name}") };
        PayloadProblem::new(field, "must be plain text without control characters, to fit a header")
    };
    Ok((name.parse().map_err(name_problem)?, HeaderValue::from_str(&text).map_err(value_problem)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rendered(message: &Message, expires_at: Option<OffsetDateTime>) -> (Value, Map<String, Value>) {
        let payload = ApnsPayload::render(message, expires_at).unwrap();
        let headers = payload.headers.iter().map(|(name, value)| (name.to_string(), json!(value.to_str().unwrap())));
        (serde_json::from_slice(&payload.body).unwrap(), headers.collect())
    }

    #[test]
    fn everything_has_its_place() {
        let message = Message {
            title: Some("T".into()),
            body: Some("B".into()),
            image: Some("https://x.example/i.png".into()),
            data: Some([("k".to_owned(), "v".to_owned())].into()),
            sound: Some("default".into()),
            badge: Some(0),
            collapse_key: Some("c".into()),
            ttl: Some(60),
            ..Message::default()
        };
        let (body, headers) = rendered(&message, OffsetDateTime::from_unix_timestamp(1_700_000_060).ok());
        let aps = json!({"alert": {"title": "T", "body": "B"}, "sound": "default", "badge": 0, "mutable-content": 1});
        assert_eq!(body, json!({"aps": aps, "k": "v", "image": "https://x.example/i.png"}));
        let expected = json!({"apns-push-type": "alert", "apns-priority": "10", "apns-expiration": "1700000060",
            "apns-collapse-id": "c"});
        assert_eq!(Value::Object(headers), expected);
    }

    #[test]
    fn data_alone_is_a_background_push_and_never_urgent() {
        let message = Message { data: Some([("k".to_owned(), "v".to_owned())].into()), ..Message::default() };
        let (body, headers) = rendered(&message, None);
        assert_eq!(body["aps"], json!({"content-available": 1}));
        assert_eq!(Value::Object(headers), json!({"apns-push-type": "background", "apns-priority": "5"}));
    }

    #[test]
    fn a_lifetime_of_nothing_is_one_try() {
        let message = Message { body: Some("B".into()), ttl: Some(0), ..Message::default() };
        let (_, headers) = rendered(&message, Some(OffsetDateTime::now_utc()));
        assert_eq!(headers["apns-expiration"], "0");
    }

    #[test]
    fn overrides_are_merged_and_checked() {
        let over =
            |value: Value| Message { body: Some("B".into()), apn: value.as_object().cloned(), ..Message::default() };
        let (body, headers) = rendered(
            &over(json!({"headers": {"apns-push-type": "voip"}, "payload": {"aps": {"category": "X"}}})),
            None,
        );
        assert_eq!((&body["aps"]["category"], &headers["apns-push-type"]), (&json!("X"), &json!("voip")));
        for (bad, field) in [
            (json!({"header": {}}), "apn.header"),
            (json!({"headers": {"authorization": "x"}}), "apn.headers.authorization"),
            (json!({"payload": 1}), "apn.payload"),
            (json!({"headers": {"apns-topic": "a\nb"}}), "apn.headers.apns-topic"),
        ] {
            assert_eq!(ApnsPayload::render(&over(bad), None).err().unwrap().field, field);
        }
    }

    #[test]
    fn too_much_is_refused_with_the_figure() {
        let message = Message { body: Some("x".repeat(5000)), ..Message::default() };
        let problem = ApnsPayload::render(&message, None).err().unwrap();
        assert_eq!(problem.field, "content");
        assert!(problem.message.contains("4096"), "{}", problem.message);
    }
}
