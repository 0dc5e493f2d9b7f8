//! What is sent: `content` and the options beside it.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::http::validation::{Object, Path, Problems};
use crate::model::message::{Message, Priority};
use crate::template::is_template;

/// Longest `ttl`, in seconds: the 28 days that FCM keeps a message.
const MAX_TTL: u32 = 2_419_200;
/// The whole payload is limited far below; this keeps nonsense out.
const MAX_BADGE: u32 = i32::MAX as u32;
/// Longest `collapseKey`, in bytes: APNs' limit.
const MAX_COLLAPSE_KEY: usize = 64;

/// Reads the message of a send.
pub(super) fn message(body: &mut Object<'_>, problems: &mut Problems) -> Message {
    let mut message = Message {
        priority: body
            .word(
                "priority",
                &[("HIGH", Priority::High), ("LOW", Priority::Low)],
                problems,
            )
            .unwrap_or_default(),
        sound: body.text("sound", problems),
        badge: body.number("badge", MAX_BADGE, problems),
        ttl: body.number("ttl", MAX_TTL, problems),
        collapse_key: body.text("collapseKey", problems),
        fcm: body.raw_object("fcm", problems),
        apn: body.raw_object("apn", problems),
        ..Message::default()
    };
    if message
        .collapse_key
        .as_ref()
        .is_some_and(|key| key.is_empty() || key.len() > MAX_COLLAPSE_KEY)
    {
        problems.push(
            &body.at("collapseKey"),
            format!("must be 1 to {MAX_COLLAPSE_KEY} bytes"),
        );
    }
    for (name, raw) in [("fcm", &message.fcm), ("apn", &message.apn)] {
        if raw
            .as_ref()
            .is_some_and(|raw| holds_nul(&Value::Object(raw.clone())))
        {
            problems.push(&body.at(name), "must not contain the character NUL");
        }
    }
    let content = body.take("content");
    if content.is_none() {
        problems.push(&body.at("content"), "is required");
    }
    let path = body.at("content");
    if let Some(mut content) = content.and_then(|content| Object::of(content, path, problems)) {
        message.title = content.text("title", problems);
        message.body = content.text("body", problems);
        message.image = image(&mut content, problems);
        message.data = data(&mut content, problems);
        content.finish(problems);
        let empty = message.title.is_none()
            && message.body.is_none()
            && message.image.is_none()
            && message.data.is_none();
        if empty && message.fcm.is_none() && message.apn.is_none() && problems.is_empty() {
            problems.push(
                &path,
                "must have at least one of title, body, image and data",
            );
        }
    }
    message
}

fn image(content: &mut Object<'_>, problems: &mut Problems) -> Option<String> {
    let image = content.text("image", problems)?;
    let is_web_address = image
        .parse::<http::Uri>()
        .is_ok_and(|uri| matches!(uri.scheme_str(), Some("https" | "http")));
    if !is_web_address && !is_template(&image) {
        problems.push(
            &content.at("image"),
            "must be the https address of a picture",
        );
    }
    Some(image)
}

fn data(content: &mut Object<'_>, problems: &mut Problems) -> Option<BTreeMap<String, String>> {
    let data = content.raw_object("data", problems)?;
    let path = content.at("data");
    let mut texts = BTreeMap::new();
    for (key, value) in data {
        match value {
            Value::String(text) if !text.contains('\0') && !key.contains('\0') => {
                texts.insert(key, text);
            }
            _ => problems.push(
                &Path::Field(&path, &key),
                "must be a text, without the character NUL",
            ),
        }
    }
    Some(texts)
}

/// Postgres can't store NUL, neither in text nor in JSON.
pub(super) fn holds_nul(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains('\0'),
        Value::Array(array) => array.iter().any(holds_nul),
        Value::Object(object) => object
            .iter()
            .any(|(key, value)| key.contains('\0') || holds_nul(value)),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

/// Where in a request a field of a message is.
pub(super) fn field_of_request(field: &str) -> String {
    let first = field.split('.').next().unwrap_or_default();
    if matches!(first, "title" | "body" | "image" | "data") {
        format!("content.{field}")
    } else {
        field.to_owned()
    }
}
