//! The body and headers of a request to APNs:
//! <https://developer.apple.com/documentation/usernotifications/generating-a-remote-notification>.

use bytes::Bytes;
use http::header::{HeaderName, HeaderValue};
use serde_json::{Map, Value, json};
use time::OffsetDateTime;

use crate::model::message::{Message, Priority};
use crate::provider::payload::{MAX_PAYLOAD, PayloadProblem, merge, present};

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

/// A value of `apns-push-type`:
/// <https://developer.apple.com/documentation/usernotifications/sending-notification-requests-to-apns>.
#[derive(Clone, Copy)]
struct PushType {
    name: &'static str,
    /// The ending that is added to the bundle id to make the topic.
    topic_suffix: &'static str,
}

impl PushType {
    const fn new(name: &'static str, topic_suffix: &'static str) -> Self {
        Self { name, topic_suffix }
    }
}

/// The push type of a push that only wakes the app.
const BACKGROUND: &str = "background";
const VOIP: &str = "voip";

const PUSH_TYPES: [PushType; 11] = [
    PushType::new("alert", ""),
    PushType::new(BACKGROUND, ""),
    PushType::new("mdm", ""),
    PushType::new(VOIP, ".voip"),
    PushType::new("complication", ".complication"),
    PushType::new("fileprovider", ".pushkit.fileprovider"),
    PushType::new("location", ".location-query"),
    PushType::new("liveactivity", ".push-type.liveactivity"),
    PushType::new("pushtotalk", ".voip-ptt"),
    PushType::new("widgets", ".push-type.widgets"),
    PushType::new("controls", ".push-type.controls"),
];

/// Body and headers, the same for every device that gets the message.
pub struct ApnsPayload {
    headers: Vec<(HeaderName, HeaderValue)>,
    topic_suffix: &'static str,
    body: Bytes,
}

impl ApnsPayload {
    /// Renders `message`, which APNs is asked to keep no longer than until `expires_at`.
    pub fn render(
        message: &Message,
        expires_at: Option<OffsetDateTime>,
    ) -> Result<Self, PayloadProblem> {
        let over = Override::of(message)?;

        let mut payload = payload(message)?;
        if let Some(over) = over.payload {
            merge(&mut payload, over);
        }

        // After the merge, because an override may add or remove what the device shows.
        let push_type = push_type(&payload, over.headers)?;
        if push_type.name == BACKGROUND
            && let Some(Value::Object(aps)) = payload.get_mut("aps")
        {
            // Apple asks for it in every background push.
            aps.entry("content-available").or_insert(json!(1));
        }

        let headers = headers(message, expires_at, push_type.name, over.headers)?;
        let body = Bytes::from(Value::Object(payload).to_string());

        let max = if push_type.name == VOIP {
            MAX_VOIP_PAYLOAD
        } else {
            MAX_PAYLOAD
        };
        if body.len() > max {
            let message = format!(
                "the message must be at most {max} bytes as an APNs payload; got {}",
                body.len()
            );
            return Err(PayloadProblem::new("content", message));
        }

        Ok(Self {
            headers,
            topic_suffix: push_type.topic_suffix,
            body,
        })
    }

    pub fn headers(&self) -> &[(HeaderName, HeaderValue)] {
        &self.headers
    }

    /// The ending that the push type adds to the bundle id in the topic; empty for most.
    pub fn topic_suffix(&self) -> &'static str {
        self.topic_suffix
    }

    pub fn body(&self) -> &Bytes {
        &self.body
    }
}

/// The `apn` of a message: headers and payload of the API user's own, which are merged over the
/// rendered ones.
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
                "this field does not exist; the fields here are headers, payload",
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
    let alert = present([
        ("title", message.title.as_ref().map(|title| json!(title))),
        ("body", message.body.as_ref().map(|body| json!(body))),
    ]);
    let aps = present([
        ("alert", (!alert.is_empty()).then_some(Value::Object(alert))),
        ("sound", message.sound.as_ref().map(|sound| json!(sound))),
        ("badge", message.badge.map(|badge| json!(badge))),
        // So that the app's notification service extension is called, which loads the image.
        ("mutable-content", message.image.is_some().then(|| json!(1))),
    ]);

    let mut payload = present([("image", message.image.as_ref().map(|image| json!(image)))]);
    for (key, value) in message.data.iter().flatten() {
        if key == "aps" {
            return Err(PayloadProblem::new(
                "content.data.aps",
                "APNs reserves the key aps; use another key",
            ));
        }
        payload.insert(key.clone(), json!(value));
    }
    payload.insert("aps".to_owned(), Value::Object(aps));

    Ok(payload)
}

/// The push type that the API user chose; else `alert` if the device shows, plays or counts
/// something, and `background` if the push only wakes the app.
fn push_type(
    payload: &Map<String, Value>,
    over: Option<&Map<String, Value>>,
) -> Result<PushType, PayloadProblem> {
    let aps = payload.get("aps");
    let is_noticeable = ["alert", "sound", "badge"]
        .iter()
        .any(|key| aps.is_some_and(|aps| aps.get(key).is_some()));
    let derived = json!(if is_noticeable { "alert" } else { BACKGROUND });

    let chosen = over
        .and_then(|over| over.get("apns-push-type"))
        .filter(|chosen| !chosen.is_null());
    let name = chosen.unwrap_or(&derived).as_str();

    PUSH_TYPES
        .into_iter()
        .find(|push_type| name == Some(push_type.name))
        .ok_or_else(|| {
            let names = PUSH_TYPES.map(|push_type| push_type.name).join(", ");
            PayloadProblem::new(
                "apn.headers.apns-push-type",
                format!("must be one of {names}"),
            )
        })
}

fn headers(
    message: &Message,
    expires_at: Option<OffsetDateTime>,
    push_type: &str,
    over: Option<&Map<String, Value>>,
) -> Result<Vec<(HeaderName, HeaderValue)>, PayloadProblem> {
    // APNs refuses priority 10 for a background push.
    let priority = match message.priority {
        Priority::High if push_type != BACKGROUND => "10",
        Priority::High | Priority::Low => "5",
    };
    let expiration = message.apns_expiration(expires_at);
    let collapse_id = message.collapse_key.as_ref();
    let mut headers = present([
        ("apns-push-type", Some(json!(push_type))),
        ("apns-priority", Some(json!(priority))),
        (
            "apns-expiration",
            expiration.map(|at| json!(at.to_string())),
        ),
        ("apns-collapse-id", collapse_id.map(|key| json!(key))),
    ]);

    let mut names = over.iter().flat_map(|over| over.keys());
    if let Some(name) = names.find(|name| !OVERRIDABLE.contains(&name.as_str())) {
        let message = format!(
            "this header can't be set; the headers that can be set are {}",
            OVERRIDABLE.join(", ")
        );
        return Err(PayloadProblem::new(format!("apn.headers.{name}"), message));
    }
    if let Some(over) = over {
        merge(&mut headers, over);
    }

    let is_overridden = |name: &str| over.is_some_and(|over| over.contains_key(name));
    headers
        .iter()
        .map(|(name, value)| {
            // `"apns-priority": 10` is as good as `"10"`.
            let text = value
                .as_str()
                .map_or_else(|| value.to_string(), str::to_owned);
            // The field that the API user wrote is named.
            let field = match name.as_str() {
                "apns-collapse-id" if !is_overridden(name) => "collapseKey".to_owned(),
                _ => format!("apn.headers.{name}"),
            };

            check_header(name, &text, push_type)
                .map_err(|message| PayloadProblem::new(&field, message))?;
            header(name, &text).map_err(|message| PayloadProblem::new(&field, message))
        })
        .collect()
}

/// Checks a value against Apple's rule for its header. The error is that rule.
fn check_header(name: &str, text: &str, push_type: &str) -> Result<(), String> {
    match name {
        "apns-priority" if push_type == BACKGROUND && text != "5" => {
            Err("must be 5 for the push type background".to_owned())
        }
        "apns-priority" if !matches!(text, "10" | "5" | "1") => {
            Err("must be 10, 5 or 1".to_owned())
        }
        "apns-expiration" if text.parse::<u32>().is_err() => {
            Err("must be a timestamp in Unix seconds, or 0 for a single attempt".to_owned())
        }
        "apns-collapse-id" if text.len() > MAX_COLLAPSE_ID => Err(format!(
            "must be at most {MAX_COLLAPSE_ID} bytes for APNs; got {}",
            text.len()
        )),
        _ => Ok(()),
    }
}

fn header(name: &str, text: &str) -> Result<(HeaderName, HeaderValue), &'static str> {
    let name: HeaderName = name.parse().map_err(|_| "must be a header name")?;
    let value = HeaderValue::from_str(text)
        .map_err(|_| "must not contain control characters, because it is sent as a header")?;
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
