//! FCM's request body:
//! <https://firebase.google.com/docs/reference/fcm/rest/v1/projects.messages#Message>.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use time::OffsetDateTime;

use crate::model::message::{Message, Priority};
use crate::model::provider::Provider;
use crate::provider::apns::aps;
use crate::provider::apns::headers::{
    BACKGROUND, NOTICEABLE_BACKGROUND, URGENT_BACKGROUND, is_noticeable,
};
use crate::provider::fcm::schema;
use crate::provider::payload::{
    MAX_PAYLOAD, PayloadProblem, PayloadProblems, Stage, is_filled, merge, present,
};

/// Characters of the topic of Web Push that stands for a collapse key.
const TOPIC_LENGTH: usize = 32;

/// The body of a request, the same for every device that gets the message but for the token. It is
/// serialized once, and each request only adds its token.
pub struct FcmPayload {
    /// The `message` object without its token, as JSON without its opening brace.
    rest: String,
}

/// What a device does with a message, as far as that decides how it is rendered.
#[derive(Clone, Copy, Default)]
struct Effect {
    /// Android shows a notification. Without one, the app gets the message.
    shows_on_android: bool,
    /// An iOS app is woken, and nothing is to be noticed.
    only_wakes_ios: bool,
}

impl FcmPayload {
    /// Renders `message`. `expires_at` is for tokens of iOS apps, which FCM passes on to APNs: APNs
    /// is asked to keep the message no longer than until then.
    pub(in crate::provider) fn render(
        message: &Message,
        expires_at: Option<OffsetDateTime>,
        stage: Stage,
    ) -> Result<Self, PayloadProblems> {
        let mut problems = Vec::new();
        let over = checked_override(message, stage, &mut problems);
        PayloadProblems::check(problems)?;

        // An override may make a device show something, or nothing: only the whole message decides.
        let render = |effect| {
            let mut rendered = Value::Object(fields(message, expires_at, effect));
            if let (Value::Object(base), Some(over)) = (&mut rendered, &over) {
                merge(base, over);
            }
            rendered
        };
        let rendered = render(effect_of(&render(Effect::default())));

        check_data(message, rendered.get("data"))?;
        check_apns(&rendered)?;
        let size = bytes_of(&rendered, stage);
        if size > MAX_PAYLOAD {
            let message = format!(
                "the message must be at most {MAX_PAYLOAD} bytes of keys and values for FCM; got {size}"
            );
            return Err(PayloadProblem::new("content", message).into());
        }

        let mut rest = rendered.to_string();
        rest.remove(0);
        Ok(Self { rest })
    }

    /// Why a device would get nothing of `message`, if that is so.
    pub(in crate::provider) fn nothing_in(message: &Message) -> Option<String> {
        let has_content = message.title.is_some()
            || message.body.is_some()
            || message.image.is_some()
            || message.has_data();
        // Returned early, because a check of the override took 8,000 instructions of each single
        // send.
        if has_content {
            return None;
        }

        let over = checked_override(message, Stage::Send, &mut Vec::new());
        let over = over.map(Value::Object).unwrap_or_default();
        let is_overridden = CONTENT
            .iter()
            .any(|pointer| is_filled(over.pointer(pointer)));

        (!is_overridden).then(|| {
            "the message holds nothing for FCM; add a title, a body, data, or a notification in fcm"
                .to_owned()
        })
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

/// The fields of a message that reach a device; the others say how it is sent.
const CONTENT: [&str; 7] = [
    "/notification",
    "/data",
    "/android/notification",
    "/android/data",
    "/apns/payload",
    "/webpush/notification",
    "/webpush/data",
];

/// The override of `message` in camelCase. Notes the problems that can be found without the rest of the
/// message.
pub(in crate::provider) fn checked_override(
    message: &Message,
    stage: Stage,
    problems: &mut Vec<PayloadProblem>,
) -> Option<Map<String, Value>> {
    let mut over = schema::check(message.fcm.as_ref()?, stage, problems);

    let mut payload = over
        .get_mut("apns")
        .and_then(|apns| apns.get_mut("payload"));
    // A template for a number has given a string.
    if stage == Stage::Send {
        aps::read_numbers(payload.as_deref_mut());
    }
    problems.extend(aps::check(payload.as_deref(), "fcm.apns.payload", stage));
    Some(over)
}

fn effect_of(rendered: &Value) -> Effect {
    let shows = is_filled(rendered.get("notification"));
    let push_type = rendered.pointer("/apns/headers/apns-push-type");
    let is_background = push_type.is_none_or(|push_type| push_type == BACKGROUND);

    Effect {
        shows_on_android: shows || is_filled(rendered.pointer("/android/notification")),
        only_wakes_ios: !shows
            && is_background
            && !is_noticeable(rendered.pointer("/apns/payload/aps")),
    }
}

/// Checks what FCM passes on to APNs, which refuses a push that says it only wakes the app and does
/// more.
fn check_apns(rendered: &Value) -> Result<(), PayloadProblem> {
    let shows = is_filled(rendered.get("notification"));
    let is_noticed = shows || is_noticeable(rendered.pointer("/apns/payload/aps"));
    let header = |name: &str| rendered.pointer("/apns/headers")?.get(name)?.as_str();

    let is_background = match header("apns-push-type") {
        Some(BACKGROUND) if is_noticed => {
            return Err(PayloadProblem::new(
                "fcm.apns.headers.apns-push-type",
                NOTICEABLE_BACKGROUND,
            ));
        }
        Some(push_type) => push_type == BACKGROUND,
        None => !is_noticed,
    };

    if is_background && header("apns-priority") == Some("10") {
        let field = "fcm.apns.headers.apns-priority";
        return Err(PayloadProblem::new(field, URGENT_BACKGROUND));
    }
    Ok(())
}

/// Checks that `data`, as it is rendered, has none of the keys that FCM reserves. Those of an override
/// have been checked.
fn check_data(message: &Message, data: Option<&Value>) -> Result<(), PayloadProblem> {
    let reserved = message
        .data
        .iter()
        .flat_map(|data| data.keys())
        .find(|key| {
            // An override may have removed the key with `null`: only what is rendered reaches FCM.
            schema::is_reserved(key) && data.is_some_and(|data| data.get(key.as_str()).is_some())
        });

    match reserved {
        Some(key) => Err(PayloadProblem::new(
            format!("content.data.{key}"),
            schema::RESERVED,
        )),
        None => Ok(()),
    }
}

/// Bytes of all keys and values, which FCM limits, but for templates that are still to be filled in.
fn bytes_of(value: &Value, stage: Stage) -> usize {
    match value {
        Value::Object(object) => object
            .iter()
            .map(|(key, value)| key.len() + bytes_of(value, stage))
            .sum(),
        Value::Array(array) => array.iter().map(|value| bytes_of(value, stage)).sum(),
        // A template may render to nothing. The size is checked again for each recipient.
        Value::String(text) if stage.is_open(text) => 0,
        Value::String(text) => text.len(),
        other => other.to_string().len(),
    }
}

fn fields(
    message: &Message,
    expires_at: Option<OffsetDateTime>,
    effect: Effect,
) -> Map<String, Value> {
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
    insert(&mut fields, "android", android(message, effect));
    insert(&mut fields, "apns", apns(message, expires_at, effect));
    insert(&mut fields, "webpush", webpush(message));

    fields
}

fn android(message: &Message, effect: Effect) -> Map<String, Value> {
    let priority = match message.priority {
        Priority::High => "HIGH",
        Priority::Low => "NORMAL",
    };
    let collapse_key = message.collapse_key.as_ref();
    let mut android = present([
        ("priority", Some(json!(priority))),
        ("ttl", message.ttl.map(|ttl| json!(format!("{ttl}s")))),
        ("collapseKey", collapse_key.map(|key| json!(key))),
    ]);

    // Android shows whatever has these fields, also without a text, and does not call the app.
    if effect.shows_on_android {
        let sound = message.sound_of(Provider::Fcm);
        // 0 asks Android to count up by one.
        let count = message.badge_number().filter(|count| *count > 0);
        let notification = present([
            ("sound", sound.map(|sound| json!(sound))),
            ("notificationCount", count.map(|count| json!(count))),
            // The collapse key replaces what waits at FCM, the tag what the device shows.
            ("tag", collapse_key.map(|key| json!(key))),
        ]);
        insert(&mut android, "notification", notification);
    }

    android
}

/// For tokens of iOS apps, which FCM passes on to APNs. APNs takes a push that only wakes the app with
/// `content-available` and priority 5 only.
fn apns(
    message: &Message,
    expires_at: Option<OffsetDateTime>,
    effect: Effect,
) -> Map<String, Value> {
    let only_wakes = effect.only_wakes_ios;
    let sound = message.sound_of(Provider::Apn);
    let badge = message.badge_number();
    let aps = present([
        ("sound", sound.map(|sound| json!(sound))),
        ("badge", badge.map(|badge| json!(badge))),
        ("content-available", only_wakes.then(|| json!(1))),
        // So that the app's notification service extension is called, which loads the image.
        ("mutable-content", message.image.is_some().then(|| json!(1))),
    ]);

    let headers = present([
        (
            "apns-priority",
            // Otherwise absent: FCM then sends 10.
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

/// For tokens of browsers, which FCM passes on by Web Push:
/// <https://www.rfc-editor.org/rfc/rfc8030#section-5>.
fn webpush(message: &Message) -> Map<String, Value> {
    let urgency = match message.priority {
        Priority::High => "high",
        Priority::Low => "low",
    };
    let topic = message.collapse_key.as_deref().map(web_topic);
    let headers = present([
        ("TTL", message.ttl.map(|ttl| json!(ttl.to_string()))),
        ("Urgency", Some(json!(urgency))),
        ("Topic", topic.map(|topic| json!(topic))),
    ]);

    present([("headers", Some(Value::Object(headers)))])
}

/// The topic of Web Push for a collapse key: the key itself, or a hash of it if it is too long or has
/// other characters than a topic may have.
fn web_topic(key: &str) -> String {
    if schema::is_web_topic(key) {
        return key.to_owned();
    }

    // Hashed and not cut: two long keys with the same beginning must not replace each other's
    // notifications.
    let mut hash = URL_SAFE_NO_PAD.encode(Sha256::digest(key.as_bytes()));
    hash.truncate(TOPIC_LENGTH);
    hash
}

/// Inserts `object`, unless it is empty.
fn insert(fields: &mut Map<String, Value>, name: &str, object: Map<String, Value>) {
    if !object.is_empty() {
        fields.insert(name.to_owned(), Value::Object(object));
    }
}

#[cfg(test)]
mod tests;
