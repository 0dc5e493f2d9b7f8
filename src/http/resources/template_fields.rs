//! The fields of a template in a request.

use serde_json::{Map, Value, json};

use crate::http::error::ApiError;
use crate::http::send::{TemplateTexts, is_without_content, template_problems, template_texts};
use crate::http::validation::{Object, Problems, parse_body};
use crate::http::variables;
use crate::model::message::Message;

/// Longest name, in characters.
pub(in crate::http) const MAX_NAME: usize = 128;
/// Longest content with its localizations and defaults, in bytes of JSON.
const MAX_CONTENT: usize = 65_536;

/// What a request says of a template; `None`: nothing of that part.
struct Fields {
    name: Option<String>,
    content: Option<TemplateTexts>,
    /// Texts without any but localizations.
    localizations: Option<TemplateTexts>,
    defaults: Option<Map<String, Value>>,
    clears_localizations: bool,
    clears_defaults: bool,
}

impl Fields {
    fn read(fields: &mut Object<'_>, problems: &mut Problems) -> Self {
        Self {
            // The nulls first: the readers below take the fields out.
            clears_localizations: fields.is_null("localizations"),
            clears_defaults: fields.is_null("defaults"),
            name: name(fields, problems),
            content: template_texts(fields, "content", problems),
            localizations: fields.take("localizations").and_then(|localizations| {
                let path = fields.at("localizations");
                TemplateTexts::of_localizations(localizations, path, problems)
            }),
            defaults: variables::read_map(fields, "defaults", problems),
        }
    }

    /// Whether they change what a message would be.
    fn change_content(&self) -> bool {
        self.content.is_some()
            || self.localizations.is_some()
            || self.defaults.is_some()
            || self.clears_localizations
            || self.clears_defaults
    }

    /// `message` with what they say.
    fn apply(&self, mut message: Message) -> Message {
        if let Some(texts) = &self.content {
            texts.write_to(&mut message);
        }
        if let Some(texts) = &self.localizations {
            texts.write_localizations_to(&mut message);
        } else if self.clears_localizations {
            message.localizations.clear();
        }
        if let Some(defaults) = &self.defaults {
            message.defaults = Some(defaults.clone());
        } else if self.clears_defaults {
            message.defaults = None;
        }

        message
    }
}

fn name(fields: &mut Object<'_>, problems: &mut Problems) -> Option<String> {
    let name = fields.string("name", problems)?;
    let length = name.chars().count();

    if !(1..=MAX_NAME).contains(&length) {
        problems.push(
            &fields.at("name"),
            format!("must be 1 to {MAX_NAME} characters; got {length}"),
        );
    }
    Some(name)
}

/// Checks what a template would be: its size, and the Liquid templates in it.
fn check(message: &Message, problems: &mut Problems) {
    // A part that was refused is missing in the message, which would then break other rules.
    if !problems.is_empty() {
        return;
    }

    if is_without_content(message) {
        problems.push_at(
            "content",
            "must be an object with at least one of title, body, image and data",
        );
    }

    let length = json!(message).to_string().len();
    if length > MAX_CONTENT {
        problems.push_at(
            "content",
            format!(
                "must be at most {MAX_CONTENT} bytes of JSON with localizations and defaults; got {length}"
            ),
        );
    }

    for (field, message) in template_problems(message) {
        // What a send has within its content stands beside it here.
        let field = match field.strip_prefix("content.localizations.") {
            Some(localization) => format!("localizations.{localization}"),
            None => field,
        };
        problems.push_at(field, message);
    }
}

/// Reads a new template: its name and its content.
pub(super) fn read_new(bytes: &[u8]) -> Result<(String, Message), ApiError> {
    let mut problems = Problems::default();
    let mut body = parse_body(bytes)?;

    body.require("name", "a string", &mut problems);
    body.require(
        "content",
        "an object with at least one of title, body, image and data",
        &mut problems,
    );
    let fields = Fields::read(&mut body, &mut problems);
    body.refuse_unknown(&mut problems);

    let message = fields.apply(Message::default());
    check(&message, &mut problems);
    let name = problems.check_some(fields.name)?;
    Ok((name, message))
}

/// What a request changes of a template.
pub(super) struct Change {
    pub name: Option<String>,
    /// The new version; `None`: the request has none.
    pub message: Option<Message>,
}

pub(super) fn read_change(bytes: &[u8], current: Message) -> Result<Change, ApiError> {
    let mut problems = Problems::default();
    let mut body = parse_body(bytes)?;
    let fields = Fields::read(&mut body, &mut problems);
    body.refuse_unknown(&mut problems);

    // A new name alone makes no new version: sends name a template by its id.
    let message = fields.change_content().then(|| fields.apply(current));
    if let Some(message) = &message {
        check(message, &mut problems);
    }
    problems.check()?;
    Ok(Change {
        name: fields.name,
        message,
    })
}
