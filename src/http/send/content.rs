//! The message of a send: `content`, and the options beside it.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::http::validation::{NO_NUL, Object, Path, Problems, must_be, shown_string};
use crate::model::message::{Message, Priority};
use crate::template::is_template;

/// Longest `ttl`, in seconds: the 28 days that FCM keeps a message.
/// <https://firebase.google.com/docs/cloud-messaging/customize-messages/setting-message-lifespan>
pub(in crate::http) const MAX_TTL: u32 = 2_419_200;
/// The providers take a signed integer of 32 bits.
pub(in crate::http) const MAX_BADGE: u32 = i32::MAX as u32;
/// Longest `collapseKey`, in bytes: the limit of `apns-collapse-id`.
pub(in crate::http) const MAX_COLLAPSE_KEY: usize = 64;

const PRIORITIES: [(&str, Priority); 2] = [("HIGH", Priority::High), ("LOW", Priority::Low)];

pub(super) fn message(body: &mut Object<'_>, problems: &mut Problems) -> Message {
    let mut message = Message {
        priority: body
            .one_of("priority", &PRIORITIES, problems)
            .unwrap_or_default(),
        sound: body.string("sound", problems),
        badge: body.integer("badge", MAX_BADGE, problems),
        ttl: body.integer("ttl", MAX_TTL, problems),
        collapse_key: body.string("collapseKey", problems),
        fcm: body.object("fcm", problems),
        apn: body.object("apn", problems),
        ..Message::default()
    };

    if let Some(key) = &message.collapse_key
        && !(1..=MAX_COLLAPSE_KEY).contains(&key.len())
    {
        problems.push(
            &body.at("collapseKey"),
            format!("must be 1 to {MAX_COLLAPSE_KEY} bytes; got {}", key.len()),
        );
    }

    // The strings have been checked as they were read; these objects are not looked into.
    for (name, over) in [("fcm", &message.fcm), ("apn", &message.apn)] {
        if over
            .as_ref()
            .is_some_and(|over| holds_nul(&Value::Object(over.clone())))
        {
            problems.push(&body.at(name), NO_NUL);
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
    message.image = image(&mut content, problems);
    message.data = data(&mut content, problems);
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
        && message.data.is_none()
        && message.fcm.is_none()
        && message.apn.is_none()
}

fn image(content: &mut Object<'_>, problems: &mut Problems) -> Option<String> {
    let image = content.string("image", problems)?;

    let is_url = image
        .parse::<http::Uri>()
        .is_ok_and(|uri| matches!(uri.scheme_str(), Some("https" | "http")));

    // The URL of a template is known only once it is rendered for a recipient.
    if !is_url && !is_template(&image) {
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
pub(super) fn holds_nul(value: &Value) -> bool {
    match value {
        Value::String(string) => string.contains('\0'),
        Value::Array(array) => array.iter().any(holds_nul),
        Value::Object(object) => object
            .iter()
            .any(|(key, value)| key.contains('\0') || holds_nul(value)),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}
