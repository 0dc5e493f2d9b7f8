//! The message of a send: `content`, and the options beside it.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::http::validation::{NO_NUL, Object, Path, Problems, must_be, quoted_string};
use crate::http::variables;
use crate::model::id::TemplateId;
pub(in crate::http) use crate::model::message::MAX_BADGE;
use crate::model::message::{
    Badge, Localization, Message, MissingVariables, Priority, Sound, SoundOfEach, is_template,
};
use crate::model::receipt::RECEIPT_DATA_KEY;
use crate::model::user_profile::canonical_language;

/// Longest `ttl`, in seconds: the 28 days that FCM keeps a message.
/// <https://firebase.google.com/docs/cloud-messaging/customize-messages/setting-message-lifespan>
pub(in crate::http) const MAX_TTL: u32 = 2_419_200;
/// Longest `collapseKey`, in bytes: the limit of `apns-collapse-id`.
pub(in crate::http) const MAX_COLLAPSE_KEY: usize = 64;
/// Longest override, in bytes of JSON. What a provider takes is shorter, but templates may be longer
/// than what they give.
pub(in crate::http) const MAX_OVERRIDE: usize = 32_768;
/// Most localizations of a message.
pub(in crate::http) const MAX_LOCALIZATIONS: usize = 50;

/// What a send may say of the account's cap.
const CAPS: [(&str, bool); 1] = [("IGNORE", true)];
const MISSING_VARIABLES: [(&str, MissingVariables); 2] = [
    ("FAIL", MissingVariables::Fail),
    ("EMPTY", MissingVariables::Empty),
];
const PRIORITIES: [(&str, Priority); 2] = [("HIGH", Priority::High), ("LOW", Priority::Low)];

/// The message of a send, and the stored template that its content comes from.
pub(super) struct SentMessage {
    pub message: Message,
    pub template: Option<NamedTemplate>,
}

/// A stored template that a send names.
pub(super) struct NamedTemplate {
    pub id: TemplateId,
    /// In place of the template's.
    missing_variables: Option<MissingVariables>,
}

impl NamedTemplate {
    /// Gives `message` the content of the template, as it is now.
    pub(super) fn apply(&self, stored: Message, message: &mut Message) {
        let missing_variables = self.missing_variables.unwrap_or(stored.missing_variables);

        TemplateTexts(stored).write_all_to(message);
        message.missing_variables = missing_variables;
    }
}

/// Content with its localizations and defaults; nothing else of the message is set.
pub(in crate::http) struct TemplateTexts(Message);

impl TemplateTexts {
    /// Reads `localizations` that stand beside a template's content.
    pub(in crate::http) fn of_localizations(
        localizations: Value,
        path: Path<'_>,
        problems: &mut Problems,
    ) -> Option<Self> {
        let Value::Object(fields) = localizations else {
            problems.push(&path, must_be("an object", &localizations));
            return None;
        };

        Some(Self(Message {
            localizations: localizations_in(fields, path, true, problems),
            ..Message::default()
        }))
    }

    /// Replaces the content of `message`, but not its localizations.
    pub(in crate::http) fn write_to(&self, message: &mut Message) {
        message.title.clone_from(&self.0.title);
        message.body.clone_from(&self.0.body);
        message.image.clone_from(&self.0.image);
        message.data.clone_from(&self.0.data);
        message.missing_variables = self.0.missing_variables;
    }

    pub(in crate::http) fn write_localizations_to(&self, message: &mut Message) {
        message.localizations.clone_from(&self.0.localizations);
    }

    fn write_all_to(self, message: &mut Message) {
        self.write_to(message);
        message.localizations = self.0.localizations;
        message.defaults = self.0.defaults;
    }
}

/// Reads the content of a stored template.
pub(in crate::http) fn template_texts(
    body: &mut Object<'_>,
    name: &'static str,
    problems: &mut Problems,
) -> Option<TemplateTexts> {
    let content = body.take(name)?;
    let mut content = Object::of(content, body.at(name), problems)?;
    let mut message = Message {
        missing_variables: missing_variables(&mut content, problems).unwrap_or_default(),
        ..Message::default()
    };
    texts(&mut content, &mut message, true, problems);
    content.refuse_unknown(problems);

    Some(TemplateTexts(message))
}

pub(super) fn message(body: &mut Object<'_>, problems: &mut Problems) -> SentMessage {
    // First, because it decides whether the other strings may be templates.
    let templating = body.boolean("templating", problems).unwrap_or(true);
    let mut message = Message {
        priority: body
            .one_of("priority", &PRIORITIES, problems)
            .unwrap_or_default(),
        sound: sound(body, problems),
        badge: badge(body, templating, problems),
        ttl: body.seconds("ttl", 0..=MAX_TTL, problems),
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

    let template = content(body, &mut message, problems);
    SentMessage { message, template }
}

/// Reads `content` into `message`. Returns the stored template that it names.
fn content(
    body: &mut Object<'_>,
    message: &mut Message,
    problems: &mut Problems,
) -> Option<NamedTemplate> {
    let rule = "an object with at least one of title, body, image and data, or with templateId";
    if !body.require("content", rule, problems) {
        return None;
    }

    let content = body.take("content").unwrap_or_default();
    let path = body.at("content");
    let mut content = Object::of(content, path, problems)?;

    // Asked before the field is taken: an id that is wrong names a template all the same, and the
    // texts beside it are refused.
    let names_template = content.has("templateId");
    let template_id = content.id::<TemplateId>("templateId", problems);
    message.variables = variables::read_map(&mut content, "variables", problems);
    let missing_variables = missing_variables(&mut content, problems);
    message.missing_variables = missing_variables.unwrap_or_default();

    if names_template {
        for name in ["title", "body", "image", "data", "localizations"] {
            let is_there = content.has(name);
            // Taken if it is `null`, too, so that it is not refused as unknown.
            content.take(name);
            if is_there {
                problems.push(
                    &content.at(name),
                    "comes from the template; remove it, or remove templateId",
                );
            }
        }
    } else {
        let templating = !message.plain;
        message.localizations = localizations(&mut content, templating, problems);
        texts(&mut content, message, templating, problems);
        check_receipt_key(message, &content.at("data"), problems);
    }
    content.refuse_unknown(problems);

    // With problems, a field that was refused may be the content.
    if !names_template && is_without_content(message) && problems.is_empty() {
        problems.push(&path, format!("must be {rule}"));
    }

    template_id.map(|id| NamedTemplate {
        id,
        missing_variables,
    })
}

/// The key of the receipt's token is Bellwire's.
pub(super) fn check_receipt_key(message: &Message, path: &Path<'_>, problems: &mut Problems) {
    let has_receipt_key = |data: &Option<BTreeMap<String, String>>| {
        data.as_ref()
            .is_some_and(|data| data.contains_key(RECEIPT_DATA_KEY))
    };
    let mut localized = message.localizations.values();

    if message.receipts
        && (has_receipt_key(&message.data)
            || localized.any(|localization| has_receipt_key(&localization.data)))
    {
        problems.push(
            &Path::Field(path, RECEIPT_DATA_KEY),
            "Bellwire sets this key, because receipts is true; use another key",
        );
    }
}

fn texts(
    content: &mut Object<'_>,
    message: &mut Message,
    templating: bool,
    problems: &mut Problems,
) {
    message.title = content.string("title", problems);
    message.body = content.string("body", problems);
    message.image = image(content, templating, problems);
    message.data = data(content, problems);
}

fn missing_variables(
    content: &mut Object<'_>,
    problems: &mut Problems,
) -> Option<MissingVariables> {
    content.one_of("missingVariables", &MISSING_VARIABLES, problems)
}

/// The texts for Users of other languages, by language tag.
fn localizations(
    content: &mut Object<'_>,
    templating: bool,
    problems: &mut Problems,
) -> BTreeMap<String, Localization> {
    match content.object("localizations", problems) {
        Some(fields) => localizations_in(fields, content.at("localizations"), templating, problems),
        None => BTreeMap::new(),
    }
}

fn localizations_in(
    fields: Map<String, Value>,
    path: Path<'_>,
    templating: bool,
    problems: &mut Problems,
) -> BTreeMap<String, Localization> {
    let mut localizations = BTreeMap::new();

    if fields.len() > MAX_LOCALIZATIONS {
        problems.push(
            &path,
            format!(
                "must have at most {MAX_LOCALIZATIONS} languages; got {}",
                fields.len()
            ),
        );
        return localizations;
    }

    // A language that is `null` is absent, as every field that is `null`.
    for (name, value) in fields.into_iter().filter(|(_, value)| !value.is_null()) {
        let path = Path::Field(&path, &name);
        let Some(tag) = canonical_language(&name) else {
            problems.push(
                &path,
                format!(
                    "must be named by a language tag (BCP 47), such as es or pt-BR; got {}",
                    quoted_string(&name)
                ),
            );
            continue;
        };
        let Some(localization) = localization(value, path, templating, problems) else {
            continue;
        };
        // Two names may be one language: en-us and en-US.
        if localizations.insert(tag.clone(), localization).is_some() {
            problems.push(
                &path,
                format!("names the language {tag} a second time; remove one of them"),
            );
        }
    }

    localizations
}

fn localization(
    value: Value,
    path: Path<'_>,
    templating: bool,
    problems: &mut Problems,
) -> Option<Localization> {
    let mut fields = Object::of(value, path, problems)?;
    let localization = Localization {
        title: fields.string("title", problems),
        body: fields.string("body", problems),
        image: image(&mut fields, templating, problems),
        data: data(&mut fields, problems),
    };
    fields.refuse_unknown(problems);

    if localization == Localization::default() && problems.is_empty() {
        problems.push(
            &path,
            "must be an object with at least one of title, body, image and data",
        );
    }
    Some(localization)
}

/// Whether a message has nothing that a device could show or hand to the app.
pub(in crate::http) fn is_without_content(message: &Message) -> bool {
    message.title.is_none()
        && message.body.is_none()
        && message.image.is_none()
        && !message.has_data()
        // An override may be the whole message, such as a silent push.
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
            quoted_string(text)
        );
        problems.push(&body.at("badge"), message);
    }

    // Read although it was refused: a field that is not read is refused as unknown.
    body.string("badge", problems).map(Badge::Template)
}

/// The badge of one recipient, which comes before that of the message.
pub(super) fn recipient_badge(recipient: &mut Object<'_>, problems: &mut Problems) -> Option<u32> {
    match recipient.get("badge") {
        Some(Value::String(_)) => {
            let message = format!(
                "must be an integer from 0 to {MAX_BADGE}; only the badge of the send may be a \
                 template"
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
        // Its length and characters are known only once it is rendered for a recipient.
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
                quoted_string(&image)
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
