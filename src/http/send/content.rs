//! The message of a send: `content`, and the options beside it.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::http::validation::{NO_NUL, Object, Path, Problems, must_be, shown_string};
pub(in crate::http) use crate::model::message::MAX_BADGE;
use crate::model::message::{Badge, Message, Priority, Sound, SoundOfEach, is_template};
use crate::model::receipt::RECEIPT_DATA_KEY;

/// Longest `ttl`, in seconds: the 28 days that FCM keeps a message.
/// <https://firebase.google.com/docs/cloud-messaging/customize-messages/setting-message-lifespan>
pub(in crate::http) const MAX_TTL: u32 = 2_419_200;
/// Longest `collapseKey`, in bytes: the limit of `apns-collapse-id`.
pub(in crate::http) const MAX_COLLAPSE_KEY: usize = 64;
/// Longest override, in bytes of JSON. What a provider takes is shorter, but templates may be longer
/// than what they give.
pub(in crate::http) const MAX_OVERRIDE: usize = 32_768;

/// What a send may say of the account's cap.
const CAPS: [(&str, bool); 1] = [("IGNORE", true)];
const PRIORITIES: [(&str, Priority); 2] = [("HIGH", Priority::High), ("LOW", Priority::Low)];

pub(super) fn message(body: &mut Object<'_>, problems: &mut Problems) -> Message {
    let templating = body.boolean("templating", problems).unwrap_or(true);
    let mut message = Message {
        priority: body
            .one_of("priority", &PRIORITIES, problems)
            .unwrap_or_default(),
        sound: sound(body, problems),
        badge: badge(body, templating, problems),
        ttl: body.integer("ttl", MAX_TTL, problems),
        collapse_key: collapse_key(body, templating, problems),
        fcm: body.object("fcm", problems),
        apn: body.object("apn", problems),
        plain: !templating,
        receipts: body.boolean("receipts", problems).unwrap_or(false),
        ignores_cap: body.one_of("cap", &CAPS, problems).unwrap_or(false),
        ..Message::default()
    };

    // The strings have been checked as they were read; these objects are looked into by their
    // provider's module.
    for (name, over) in [("fcm", &message.fcm), ("apn", &message.apn)] {
        let Some(over) = over else { continue };
        let over = Value::Object(over.clone());

        if holds_nul(&over) {
            problems.push(&body.at(name), NO_NUL);
        }
        let length = over.to_string().len();
        if length > MAX_OVERRIDE {
            problems.push(
                &body.at(name),
                format!("must be at most {MAX_OVERRIDE} bytes of JSON; got {length}"),
            );
        }
    }

    let rule = "an object with at least one of title, body, image and data";
    if !body.require("content", rule, problems) {
        return message;
    }

    let content = body.take("content").unwrap_or_default();
    let path = body.at("content");
    let Some(mut content) = Object::of(content, path, problems) else {
        return message;
    };

    message.title = content.string("title", problems);
    message.body = content.string("body", problems);
    message.image = image(&mut content, templating, problems);
    message.data = data(&mut content, problems);
    if message.receipts
        && let Some(data) = &message.data
        && data.contains_key(RECEIPT_DATA_KEY)
    {
        problems.push(
            &Path::Field(&content.at("data"), RECEIPT_DATA_KEY),
            "Bellwire sets this key, because receipts is true; use another key",
        );
    }
    content.refuse_unknown(problems);

    // With problems, a field that was refused may be the content.
    if is_empty(&message) && problems.is_empty() {
        problems.push(&path, format!("must be {rule}"));
    }

    message
}

/// Whether a message has nothing that a device could show or hand to the app.
fn is_empty(message: &Message) -> bool {
    message.title.is_none()
        && message.body.is_none()
        && message.image.is_none()
        && !message.has_data()
        && message.fcm.as_ref().is_none_or(Map::is_empty)
        && message.apn.as_ref().is_none_or(Map::is_empty)
}

/// A name for all devices, or one for each provider.
fn sound(body: &mut Object<'_>, problems: &mut Problems) -> Option<Sound> {
    if !body.get("sound").is_some_and(Value::is_object) {
        return body.string("sound", problems).map(Sound::Same);
    }

    let each = body.take("sound").unwrap_or_default();
    let mut each = Object::of(each, body.at("sound"), problems)?;
    let sound = SoundOfEach {
        fcm: each.string("fcm", problems),
        apn: each.string("apn", problems),
    };
    each.refuse_unknown(problems);

    Some(Sound::Each(sound))
}

/// A number, or a template that gives one.
fn badge(body: &mut Object<'_>, templating: bool, problems: &mut Problems) -> Option<Badge> {
    let Some(text) = body.get("badge").and_then(Value::as_str) else {
        return body
            .integer("badge", MAX_BADGE, problems)
            .map(Badge::Number);
    };

    if !templating || !is_template(text) {
        let message = format!(
            "must be an integer from 0 to {MAX_BADGE}, or a template that gives one; got {}",
            shown_string(text)
        );
        problems.push(&body.at("badge"), message);
    }
    body.string("badge", problems).map(Badge::Template)
}

/// The badge of one recipient, which comes before that of the message.
pub(super) fn recipient_badge(recipient: &mut Object<'_>, problems: &mut Problems) -> Option<u32> {
    match recipient.get("badge") {
        Some(Value::String(_)) => {
            let message = format!(
                "must be an integer from 0 to {MAX_BADGE}; a template belongs in the badge beside to"
            );
            recipient.take("badge");
            problems.push(&recipient.at("badge"), message);
            None
        }
        _ => recipient.integer("badge", MAX_BADGE, problems),
    }
}

/// A collapse key is sent as a header to APNs, by FCM as well for tokens of iOS apps.
fn collapse_key(
    body: &mut Object<'_>,
    templating: bool,
    problems: &mut Problems,
) -> Option<String> {
    let key = body.string("collapseKey", problems)?;
    if templating && is_template(&key) {
        return Some(key);
    }

    let message = if !(1..=MAX_COLLAPSE_KEY).contains(&key.len()) {
        format!("must be 1 to {MAX_COLLAPSE_KEY} bytes; got {}", key.len())
    } else if !key.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
        "must be printable ASCII characters, because it is sent as a header".to_owned()
    } else if key.starts_with(' ') || key.ends_with(' ') {
        "must not begin or end with a space, because it is sent as a header: remove the space"
            .to_owned()
    } else {
        return Some(key);
    };
    problems.push(&body.at("collapseKey"), message);

    Some(key)
}

fn image(content: &mut Object<'_>, templating: bool, problems: &mut Problems) -> Option<String> {
    let image = content.string("image", problems)?;

    let is_url = image
        .parse::<http::Uri>()
        .is_ok_and(|uri| matches!(uri.scheme_str(), Some("https" | "http")));

    // The URL of a template is known only once it is rendered for a recipient.
    let is_open = templating && is_template(&image);
    if !is_url && !is_open {
        problems.push(
            &content.at("image"),
            format!(
                "must be the https or http URL of an image; got {}",
                shown_string(&image)
            ),
        );
    }

    Some(image)
}

fn data(content: &mut Object<'_>, problems: &mut Problems) -> Option<BTreeMap<String, String>> {
    let fields = content.object("data", problems)?;
    let path = content.at("data");
    let mut data = BTreeMap::new();

    for (key, value) in fields {
        match value {
            Value::String(value) if !value.contains('\0') && !key.contains('\0') => {
                data.insert(key, value);
            }
            Value::String(_) => problems.push(&Path::Field(&path, &key), NO_NUL),
            other => problems.push(&Path::Field(&path, &key), must_be("a string", &other)),
        }
    }

    Some(data)
}

/// Whether NUL occurs anywhere in `value`. Postgres can't store it, neither in text nor in JSON.
pub(in crate::http) fn holds_nul(value: &Value) -> bool {
    match value {
        Value::String(string) => string.contains('\0'),
        Value::Array(array) => array.iter().any(holds_nul),
        Value::Object(object) => object
            .iter()
            .any(|(key, value)| key.contains('\0') || holds_nul(value)),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}
