//! A message in its languages, with the templates of each parsed.

use std::collections::BTreeMap;

use crate::model::message::{Localization, Message};
use crate::template::{MessageTemplate, TemplateProblem};

/// A message with its templates and those of its languages.
pub(super) struct Parsed {
    /// The templates of the message as it is, if it has any.
    pub template: Option<MessageTemplate>,
    /// By language tag.
    pub localized: BTreeMap<String, LocalizedMessage>,
    /// What is wrong with the templates.
    pub problems: Vec<TemplateProblem>,
}

/// The message in one language.
pub(super) struct LocalizedMessage {
    pub message: Message,
    pub template: Option<MessageTemplate>,
}

impl Parsed {
    pub(super) fn of(message: &Message) -> Self {
        let mut problems = Vec::new();
        // After a problem the languages are parsed all the same, so that one answer names the
        // problems of all.
        let template = MessageTemplate::parse(message).unwrap_or_else(|found| {
            problems = found;
            None
        });

        let mut localized = BTreeMap::new();
        for (tag, localization) in &message.localizations {
            // Parsed whole, since the limits of templates are those of a whole message, and a
            // language may replace any of its texts.
            let message = message.in_language(tag);
            let template = MessageTemplate::parse(&message).unwrap_or_else(|found| {
                // The problems of what is the same in every language have been named.
                let own = found
                    .into_iter()
                    .filter(|problem| has(localization, &problem.field));
                problems.extend(own.map(|problem| TemplateProblem {
                    field: localized_field(tag, &problem.field),
                    message: problem.message,
                }));
                None
            });

            let version = LocalizedMessage { message, template };
            localized.insert(tag.clone(), version);
        }

        Self {
            template,
            localized,
            problems,
        }
    }
}

/// Whether a localization has the field of the message.
fn has(localization: &Localization, field: &str) -> bool {
    let Localization {
        title,
        body,
        image,
        data,
    } = localization;

    match field.strip_prefix("content.") {
        Some("title") => title.is_some(),
        Some("body") => body.is_some(),
        Some("image") => image.is_some(),
        Some(pair) => pair
            .strip_prefix("data.")
            .is_some_and(|key| data.as_ref().is_some_and(|data| data.contains_key(key))),
        None => false,
    }
}

/// `content.title` as `content.localizations.es.title`.
pub(super) fn localized_field(tag: &str, field: &str) -> String {
    match field.strip_prefix("content.") {
        Some(field) => format!("content.localizations.{tag}.{field}"),
        None => format!("content.localizations.{tag}"),
    }
}

/// What is wrong with the templates of a message, in each of its languages: fields with a sentence.
pub(in crate::http) fn template_problems(message: &Message) -> Vec<(String, String)> {
    let problems = Parsed::of(message).problems;

    problems
        .into_iter()
        .map(|problem| (problem.field, problem.message))
        .collect()
}
