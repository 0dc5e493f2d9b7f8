//! The body and headers of a request to APNs:
//! <https://developer.apple.com/documentation/usernotifications/generating-a-remote-notification>.

use bytes::Bytes;
use http::header::{HeaderName, HeaderValue};
use serde_json::{Map, Value, json};
use time::OffsetDateTime;

use crate::model::message::{Message, Priority};
use crate::model::provider::Provider;
use crate::model::quoted::type_of;
use crate::provider::apns::aps;
use crate::provider::apns::headers::{
    ALERT, BACKGROUND, NOTICEABLE_BACKGROUND, PushType, URGENT_BACKGROUND, VOIP, check_header,
    is_noticeable,
};
use crate::provider::payload::{
    MAX_PAYLOAD, PayloadProblem, PayloadProblems, Stage, is_filled, merge, present,
};

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

/// Body and headers, the same for every device that gets the message.
pub struct ApnsPayload {
    headers: Vec<(HeaderName, HeaderValue)>,
    topic_suffix: &'static str,
    body: Bytes,
}

impl ApnsPayload {
    /// Renders `message`, which APNs is asked to keep no longer than until `expires_at`.
    pub(in crate::provider) fn render(
        message: &Message,
        expires_at: Option<OffsetDateTime>,
        stage: Stage,
    ) -> Result<Self, PayloadProblems> {
        // Before the override is read, because `Override::of` skips what is not an object.
        PayloadProblems::check(check_override(message, stage))?;
        let over = Override::of(message);

        let mut payload = Value::Object(payload(message)?);
        if let (Value::Object(base), Some(over)) = (&mut payload, over.payload) {
            merge(base, over);
        }
        if stage == Stage::Send {
            aps::read_numbers(Some(&mut payload));
        }

        // After the merge, because an override may add or remove what the device shows.
        let push_type = push_type(&payload, over.headers)?;
        if push_type.name == BACKGROUND {
            request_wake_up(&mut payload);
        }

        let params = HeaderParams {
            message,
            expires_at,
            push_type: push_type.name,
            over: over.headers,
            stage,
        };
        let headers = headers(&params)?;

        let body = Bytes::from(payload.to_string());
        let max = if push_type.name == VOIP {
            MAX_VOIP_PAYLOAD
        } else {
            MAX_PAYLOAD
        };
        // A template may render to fewer bytes than it has, so only the rest counts now. The size
        // is checked again for each recipient at the time of the send.
        let size = body.len() - open_bytes(&payload, stage);
        if size > max {
            let message =
                format!("the message must be at most {max} bytes as an APNs payload; got {size}");
            return Err(PayloadProblem::new("content", message).into());
        }

        Ok(Self {
            headers,
            topic_suffix: push_type.topic_suffix,
            body,
        })
    }

    /// Why a device would get nothing of `message`, or show nothing of it, if that is so.
    pub(in crate::provider) fn nothing_in(message: &Message) -> Option<String> {
        let is_sent = message.title.is_some()
            || message.body.is_some()
            || message.has_data()
            || is_filled(message.apn.as_ref().and_then(|over| over.get("payload")));
        if is_sent {
            return None;
        }

        // iOS loads an image in a service extension of the app, which only an alert starts.
        if message.image.is_some() {
            return Some(
                "APNs shows an image only beside a title or a body; add one of them".to_owned(),
            );
        }

        let is_heard = message.badge.is_some() || message.sound_of(Provider::Apn).is_some();
        (!is_heard).then(|| {
            "the message holds nothing for APN; add a title, a body, data or apn.payload".to_owned()
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

/// Asks for what Apple wants in every background push.
fn request_wake_up(payload: &mut Value) {
    let Value::Object(payload) = payload else {
        return;
    };

    let aps = payload.entry("aps").or_insert_with(|| json!({}));
    if let Value::Object(aps) = aps {
        // A value of the API user's own stays, since an override always wins.
        aps.entry("content-available").or_insert(json!(1));
    }
}

/// The bytes of strings in `value` whose templates are still to be filled in.
fn open_bytes(value: &Value, stage: Stage) -> usize {
    match value {
        Value::Object(fields) => fields.values().map(|value| open_bytes(value, stage)).sum(),
        Value::Array(elements) => elements.iter().map(|value| open_bytes(value, stage)).sum(),
        // In the body it has two quotes, which remain.
        Value::String(text) if stage.is_open(text) => value.to_string().len() - 2,
        _ => 0,
    }
}

/// The `apn` of a message: headers and payload of the API user's own, which are merged over the
/// rendered ones.
struct Override<'a> {
    headers: Option<&'a Map<String, Value>>,
    payload: Option<&'a Map<String, Value>>,
}

impl<'a> Override<'a> {
    /// The override of a message that [`check_override`] found nothing wrong with.
    fn of(message: &'a Message) -> Self {
        let object = |name| message.apn.as_ref()?.get(name)?.as_object();

        Self {
            headers: object("headers"),
            payload: object("payload"),
        }
    }
}

/// The problems of the override of `message` that can be found without the rest of it.
pub(in crate::provider) fn check_override(message: &Message, stage: Stage) -> Vec<PayloadProblem> {
    let mut problems = Vec::new();

    for (name, value) in message.apn.iter().flatten() {
        match (name.as_str(), value) {
            ("headers" | "payload", Value::Null) => {}
            ("headers", Value::Object(headers)) => {
                problems.extend(check_header_overrides(headers, stage));
            }
            ("payload", Value::Object(_)) => {
                let mut payload = value.clone();
                // A template for a number has given a string.
                if stage == Stage::Send {
                    aps::read_numbers(Some(&mut payload));
                }
                problems.extend(aps::check(Some(&payload), "apn.payload", stage));
            }
            ("headers" | "payload", other) => {
                let message = format!("must be an object; got {}", type_of(other));
                problems.push(PayloadProblem::new(format!("apn.{name}"), message));
            }
            _ => problems.push(PayloadProblem::new(
                format!("apn.{name}"),
                "this field does not exist; the fields here are headers, payload",
            )),
        }
    }

    problems
}

/// Whether `message` has the push type of calls.
pub(in crate::provider) fn is_voip(message: &Message) -> bool {
    Override::of(message)
        .headers
        .and_then(|headers| headers.get("apns-push-type"))
        .is_some_and(|push_type| push_type == VOIP)
}

fn check_header_overrides(headers: &Map<String, Value>, stage: Stage) -> Vec<PayloadProblem> {
    let mut problems = Vec::new();

    for (name, value) in headers {
        let result = if OVERRIDABLE.contains(&name.as_str()) {
            match header_text(value) {
                // `null` removes the header that Bellwire would set.
                _ if value.is_null() => Ok(()),
                Some(text) if stage.is_open(&text) => Ok(()),
                Some(text) => check_header(name, &text),
                None => Err(format!("must be a string; got {}", type_of(value))),
            }
        } else {
            Err(format!(
                "this header can't be set; the headers that can be set are {}",
                OVERRIDABLE.join(", ")
            ))
        };

        if let Err(message) = result {
            problems.push(PayloadProblem::new(format!("apn.headers.{name}"), message));
        }
    }

    problems
}

/// The text of a header's value: `"apns-priority": 10` is as good as `"10"`.
fn header_text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) if !number.is_f64() => Some(number.to_string()),
        _ => None,
    }
}

fn payload(message: &Message) -> Result<Map<String, Value>, PayloadProblem> {
    let alert = present([
        ("title", message.title.as_ref().map(|title| json!(title))),
        ("body", message.body.as_ref().map(|body| json!(body))),
    ]);
    let sound = message.sound_of(Provider::Apn);
    let badge = message.badge_number();
    let aps = present([
        ("alert", (!alert.is_empty()).then_some(Value::Object(alert))),
        ("sound", sound.map(|sound| json!(sound))),
        ("badge", badge.map(|badge| json!(badge))),
        // So that the app's notification service extension is called, which loads the image and
        // reports that the message arrived.
        (
            "mutable-content",
            (message.image.is_some() || message.receipts).then(|| json!(1)),
        ),
    ]);

    let mut payload = present([("image", message.image.as_ref().map(|image| json!(image)))]);
    for (key, value) in message.data.iter().flatten() {
        // An app's own keys are beside `aps`, so a key of this name would collide with Apple's
        // dictionary.
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
    payload: &Value,
    over: Option<&Map<String, Value>>,
) -> Result<PushType, PayloadProblem> {
    let is_noticeable = is_noticeable(payload.get("aps"));
    let derived = if is_noticeable { ALERT } else { BACKGROUND };

    let chosen = over
        .and_then(|over| over.get("apns-push-type"))
        .and_then(Value::as_str);
    if chosen == Some(BACKGROUND) && is_noticeable {
        return Err(PayloadProblem::new(
            "apn.headers.apns-push-type",
            NOTICEABLE_BACKGROUND,
        ));
    }

    // A template may stand in its place: then what follows from the payload is as good a guess.
    let push_type = chosen.and_then(PushType::named);
    Ok(push_type
        .or_else(|| PushType::named(derived))
        .unwrap_or(PushType::ALERT))
}

struct HeaderParams<'a> {
    message: &'a Message,
    expires_at: Option<OffsetDateTime>,
    push_type: &'a str,
    over: Option<&'a Map<String, Value>>,
    stage: Stage,
}

fn headers(params: &HeaderParams<'_>) -> Result<Vec<(HeaderName, HeaderValue)>, PayloadProblem> {
    let HeaderParams {
        message,
        push_type,
        over,
        stage,
        ..
    } = *params;

    // APNs refuses priority 10 for a background push.
    let priority = match message.priority {
        Priority::High if push_type != BACKGROUND => "10",
        Priority::High | Priority::Low => "5",
    };
    let expiration = message.apns_expiration(params.expires_at);
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
    if let Some(over) = over {
        merge(&mut headers, over);
    }

    let is_overridden = |name: &str| over.is_some_and(|over| over.contains_key(name));
    let mut rendered = Vec::with_capacity(headers.len());
    for (name, value) in &headers {
        // Other types are no headers, and `check_override` has refused them.
        let text = header_text(value).unwrap_or_default();
        if stage.is_open(&text) {
            continue;
        }

        // The field that the API user wrote is named.
        let field = || match name.as_str() {
            "apns-collapse-id" if !is_overridden(name) => "collapseKey".to_owned(),
            _ => format!("apn.headers.{name}"),
        };
        let problem = |message| PayloadProblem::new(field(), message);

        // Again after `check_override`: the collapse key was not part of the override, and a
        // template may have rendered a value that breaks the rule.
        check_header(name, &text).map_err(problem)?;
        if name == "apns-priority" && push_type == BACKGROUND && text != "5" {
            return Err(problem(URGENT_BACKGROUND.to_owned()));
        }
        rendered.push(header(name, &text).map_err(problem)?);
    }

    Ok(rendered)
}

fn header(name: &str, text: &str) -> Result<(HeaderName, HeaderValue), String> {
    let name: HeaderName = name.parse().map_err(|_| "must be a header name")?;
    let value = HeaderValue::from_str(text)
        .map_err(|_| "must be printable ASCII characters, because it is sent as a header")?;

    Ok((name, value))
}

#[cfg(test)]
mod tests;
