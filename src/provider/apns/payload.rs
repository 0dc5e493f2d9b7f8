//! The body and headers of a request to APNs.
//! <https://developer.apple.com/documentation/usernotifications/generating-a-remote-notification>

use bytes::Bytes;
use http::header::{HeaderName, HeaderValue};
use serde_json::{Map, Value, json};
use time::OffsetDateTime;

use crate::model::message::{Message, Priority};
use crate::provider::payload::{MAX_PAYLOAD, PayloadProblem, merge};

/// Most bytes of `apns-collapse-id`.
const MAX_COLLAPSE_ID: usize = 64;
/// Most bytes of a payload with the push type `voip`.
const MAX_VOIP_PAYLOAD: usize = 5120;

/// The headers that an override may set.
const OVERRIDABLE: [&str; 5] = [
    "apns-push-type",
    "apns-topic",
    "apns-priority",
    "apns-expiration",
    "apns-collapse-id",
];

/// Apple's push types, with what each appends to the bundle id to make the topic.
const PUSH_TYPES: [(&str, &str); 11] = [
    ("alert", ""),
    ("background", ""),
    ("mdm", ""),
    ("voip", ".voip"),
    ("complication", ".complication"),
    ("fileprovider", ".pushkit.fileprovider"),
    ("location", ".location-query"),
    ("liveactivity", ".push-type.liveactivity"),
    ("pushtotalk", ".voip-ptt"),
    ("widgets", ".push-type.widgets"),
    ("controls", ".push-type.controls"),
];

/// Body and headers for every recipient of a message.
pub struct ApnsPayload {
    headers: Vec<(HeaderName, HeaderValue)>,
    topic_suffix: &'static str,
    body: Bytes,
}

impl ApnsPayload {
    /// Renders `message`, which APNs keeps no longer than until `expires_at`.
    pub fn render(
        message: &Message,
        expires_at: Option<OffsetDateTime>,
    ) -> Result<Self, PayloadProblem> {
        let over = Override::of(message)?;
        let mut payload = payload(message)?;
        if let Some(over) = over.payload {
            merge(&mut payload, over);
        }
        let (push_type, topic_suffix) = push_type(&payload, over.headers)?;
        if push_type == "background"
            && let Some(Value::Object(aps)) = payload.get_mut("aps")
        {
            aps.entry("content-available").or_insert(json!(1));
        }
        let headers = headers(message, expires_at, push_type, over.headers)?;
        let body = Bytes::from(Value::Object(payload).to_string());
        let most = if push_type == "voip" {
            MAX_VOIP_PAYLOAD
        } else {
            MAX_PAYLOAD
        };
        if body.len() > most {
            let problem = format!(
                "is too large: {} bytes of payload for APNs; the most is {most}",
                body.len()
            );
            return Err(PayloadProblem::new("content", problem));
        }
        Ok(Self {
            headers,
            topic_suffix,
            body,
        })
    }

    /// What goes with every request.
    pub fn headers(&self) -> &[(HeaderName, HeaderValue)] {
        &self.headers
    }

    /// What follows the bundle id in the topic; mostly nothing.
    pub fn topic_suffix(&self) -> &'static str {
        self.topic_suffix
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
            return Err(PayloadProblem::new(
                format!("apn.{unknown}"),
                "is unknown; known are headers and payload",
            ));
        }
        let object = |name: &str| match over.and_then(|over| over.get(name)) {
            None => Ok(None),
            Some(Value::Object(object)) => Ok(Some(object)),
            Some(_) => Err(PayloadProblem::new(
                format!("apn.{name}"),
                "must be an object",
            )),
        };
        Ok(Self {
            headers: object("headers")?,
            payload: object("payload")?,
        })
    }
}

fn payload(message: &Message) -> Result<Map<String, Value>, PayloadProblem> {
    let mut aps = Map::new();
    let mut alert = Map::new();
    alert.extend(
        message
            .title
            .as_ref()
            .map(|title| ("title".to_owned(), json!(title))),
    );
    alert.extend(
        message
            .body
            .as_ref()
            .map(|body| ("body".to_owned(), json!(body))),
    );
    if !alert.is_empty() {
        aps.insert("alert".to_owned(), Value::Object(alert));
    }
    aps.extend(
        message
            .sound
            .as_ref()
            .map(|sound| ("sound".to_owned(), json!(sound))),
    );
    aps.extend(
        message
            .badge
            .map(|badge| ("badge".to_owned(), json!(badge))),
    );
    let mut payload = Map::new();
    if let Some(image) = &message.image {
        // The app's notification service extension loads it.
        aps.insert("mutable-content".to_owned(), json!(1));
        payload.insert("image".to_owned(), json!(image));
    }
    for (key, value) in message.data.iter().flatten() {
        if key == "aps" {
            return Err(PayloadProblem::new(
                "data.aps",
                "is a key that APNs keeps for itself",
            ));
        }
        payload.insert(key.clone(), json!(value));
    }
    payload.insert("aps".to_owned(), Value::Object(aps));
    Ok(payload)
}

/// The push type and its topic suffix: what the client chose, else by whether the device shows,
/// plays or counts something; if not, the push only wakes the app.
fn push_type(
    payload: &Map<String, Value>,
    over: Option<&Map<String, Value>>,
) -> Result<(&'static str, &'static str), PayloadProblem> {
    let aps = payload.get("aps");
    let is_seen = ["alert", "sound", "badge"]
        .iter()
        .any(|key| aps.is_some_and(|aps| aps.get(key).is_some()));
    let derived = json!(if is_seen { "alert" } else { "background" });
    let chosen = over
        .and_then(|over| over.get("apns-push-type"))
        .filter(|chosen| !chosen.is_null());
    let wanted = chosen.unwrap_or(&derived).as_str();
    PUSH_TYPES
        .into_iter()
        .find(|(name, _)| wanted == Some(*name))
        .ok_or_else(|| {
            let names: Vec<_> = PUSH_TYPES.iter().map(|(name, _)| *name).collect();
            PayloadProblem::new(
                "apn.headers.apns-push-type",
                format!("must be one of {}", names.join(", ")),
            )
        })
}

fn headers(
    message: &Message,
    expires_at: Option<OffsetDateTime>,
    push_type: &str,
    over: Option<&Map<String, Value>>,
) -> Result<Vec<(HeaderName, HeaderValue)>, PayloadProblem> {
    let mut headers = Map::new();
    headers.insert("apns-push-type".to_owned(), json!(push_type));
    let priority = if push_type != "background" && message.priority == Priority::High {
        "10"
    } else {
        "5"
    };
    headers.insert("apns-priority".to_owned(), json!(priority));
    let expiration = message.apns_expiration(expires_at);
    headers.extend(expiration.map(|at| ("apns-expiration".to_owned(), json!(at.to_string()))));
    headers.extend(
        message
            .collapse_key
            .as_ref()
            .map(|key| ("apns-collapse-id".to_owned(), json!(key))),
    );
    let mut names = over.iter().flat_map(|over| over.keys());
    if let Some(name) = names.find(|name| !OVERRIDABLE.contains(&name.as_str())) {
        let problem = format!("can't be set; {} can", OVERRIDABLE.join(", "));
        return Err(PayloadProblem::new(format!("apn.headers.{name}"), problem));
    }
    if let Some(over) = over {
        merge(&mut headers, over);
    }
    let is_overridden = |name: &str| over.is_some_and(|over| over.contains_key(name));
    headers
        .iter()
        .map(|(name, value)| {
            let text = value
                .as_str()
                .map_or_else(|| value.to_string(), str::to_owned);
            let field = match name.as_str() {
                "apns-collapse-id" if !is_overridden(name) => "collapseKey".to_owned(),
                _ => format!("apn.headers.{name}"),
            };
            check_header(name, &text, push_type)
                .map_err(|problem| PayloadProblem::new(&field, problem))?;
            header(name, &text).map_err(|problem| PayloadProblem::new(&field, problem))
        })
        .collect()
}

/// Apple's rules for the headers that have any.
fn check_header(name: &str, text: &str, push_type: &str) -> Result<(), String> {
    match name {
        "apns-priority" if push_type == "background" && text != "5" => {
            Err("must be 5 for a push that only wakes the app".to_owned())
        }
        "apns-priority" if !matches!(text, "10" | "5" | "1") => {
            Err("must be 10, 5 or 1".to_owned())
        }
        "apns-expiration" if text.parse::<u32>().is_err() => {
            Err("must be a time in Unix seconds, or 0 for one try only".to_owned())
        }
        "apns-collapse-id" if text.len() > MAX_COLLAPSE_ID => {
            Err(format!("must be at most {MAX_COLLAPSE_ID} bytes for APNs"))
        }
        _ => Ok(()),
    }
}

fn header(name: &str, text: &str) -> Result<(HeaderName, HeaderValue), &'static str> {
    let name: HeaderName = name.parse().map_err(|_| "is not a header name")?;
    let value = HeaderValue::from_str(text)
        .map_err(|_| "must be plain text without control characters, to fit a header")?;
    Ok((name, value))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rendered(
        message: &Message,
        expires_at: Option<OffsetDateTime>,
    ) -> (Value, Map<String, Value>) {
        let payload = ApnsPayload::render(message, expires_at).unwrap();
        let headers = payload
            .headers
            .iter()
            .map(|(name, value)| (name.to_string(), json!(value.to_str().unwrap())));
        (
            serde_json::from_slice(&payload.body).unwrap(),
            headers.collect(),
        )
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
        let (body, headers) = rendered(
            &message,
            OffsetDateTime::from_unix_timestamp(1_700_000_060).ok(),
        );
        let aps = json!({"alert": {"title": "T", "body": "B"}, "sound": "default", "badge": 0, "mutable-content": 1});
        assert_eq!(
            body,
            json!({"aps": aps, "k": "v", "image": "https://x.example/i.png"})
        );
        let expected = json!({"apns-push-type": "alert", "apns-priority": "10", "apns-expiration": "1700000060",
            "apns-collapse-id": "c"});
        assert_eq!(Value::Object(headers), expected);
    }

    #[test]
    fn data_alone_is_a_background_push_and_never_urgent() {
        let message = Message {
            data: Some([("k".to_owned(), "v".to_owned())].into()),
            ..Message::default()
        };
        let (body, headers) = rendered(&message, None);
        assert_eq!(body["aps"], json!({"content-available": 1}));
        assert_eq!(
            Value::Object(headers),
            json!({"apns-push-type": "background", "apns-priority": "5"})
        );
    }

    #[test]
    fn a_lifetime_of_nothing_is_one_try() {
        let message = Message {
            body: Some("B".into()),
            ttl: Some(0),
            ..Message::default()
        };
        let (_, headers) = rendered(&message, Some(OffsetDateTime::now_utc()));
        assert_eq!(headers["apns-expiration"], "0");
    }

    #[test]
    fn overrides_are_merged_and_checked() {
        let over = |value: Value| Message {
            body: Some("B".into()),
            apn: value.as_object().cloned(),
            ..Message::default()
        };
        let (body, headers) = rendered(
            &over(json!({"headers": {"apns-priority": 1}, "payload": {"aps": {"category": "X"}}})),
            None,
        );
        assert_eq!(
            (&body["aps"]["category"], &headers["apns-priority"]),
            (&json!("X"), &json!("1"))
        );
        for (bad, field) in [
            (json!({"header": {}}), "apn.header"),
            (
                json!({"headers": {"authorization": "x"}}),
                "apn.headers.authorization",
            ),
            (json!({"payload": 1}), "apn.payload"),
            (
                json!({"headers": {"apns-topic": "a\nb"}}),
                "apn.headers.apns-topic",
            ),
            (
                json!({"headers": {"apns-push-type": "loud"}}),
                "apn.headers.apns-push-type",
            ),
            (
                json!({"headers": {"apns-priority": "9"}}),
                "apn.headers.apns-priority",
            ),
            (
                json!({"headers": {"apns-push-type": "background", "apns-priority": 10}}),
                "apn.headers.apns-priority",
            ),
            (
                json!({"headers": {"apns-expiration": "soon"}}),
                "apn.headers.apns-expiration",
            ),
            (
                json!({"headers": {"apns-collapse-id": "x".repeat(65)}}),
                "apn.headers.apns-collapse-id",
            ),
        ] {
            assert_eq!(
                ApnsPayload::render(&over(bad), None).err().unwrap().field,
                field
            );
        }
    }

    #[test]
    fn the_push_type_follows_what_is_sent() {
        let of = |over: Value| {
            let data = Some([("k".to_owned(), "v".to_owned())].into());
            let message = Message {
                data,
                apn: over.as_object().cloned(),
                ..Message::default()
            };
            let suffix = ApnsPayload::render(&message, None).unwrap().topic_suffix();
            let (body, headers) = rendered(&message, None);
            (
                headers["apns-push-type"].clone(),
                headers["apns-priority"].clone(),
                body["aps"].clone(),
                suffix,
            )
        };
        let alert = json!({"payload": {"aps": {"alert": "A"}}});
        assert_eq!(
            of(alert),
            (json!("alert"), json!("10"), json!({"alert": "A"}), "")
        );
        let call = json!({"headers": {"apns-push-type": "voip"}});
        assert_eq!(of(call), (json!("voip"), json!("10"), json!({}), ".voip"));
    }

    #[test]
    fn a_collapse_key_that_fits_no_header_is_named() {
        for key in ["x".repeat(65), "a\nb".to_owned()] {
            let message = Message {
                body: Some("B".into()),
                collapse_key: Some(key),
                ..Message::default()
            };
            assert_eq!(
                ApnsPayload::render(&message, None).err().unwrap().field,
                "collapseKey"
            );
        }
    }

    #[test]
    fn too_much_is_refused_with_the_figure() {
        let message = Message {
            body: Some("x".repeat(5000)),
            ..Message::default()
        };
        let problem = ApnsPayload::render(&message, None).err().unwrap();
        assert_eq!(problem.field, "content");
        assert!(problem.message.contains("4096"), "{}", problem.message);
    }
}
