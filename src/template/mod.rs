//! Liquid templates in the strings of a message, rendered for each recipient.
//! <https://liquidjs.com/>
//!
//! The interpreter is our own. It is a tree of parsed tags and expressions, walked with a budget
//! ([`budget`]): turns of loops, conditions, the size of each value, the output and the work in all are
//! counted while it runs, so no template can run long or grow large, and no timer is needed. The crate
//! `liquid` counts none of these: its loops and filters take what they are given, a filter such as
//! `replace` makes a text of any length before a caller sees it, and it panics on arithmetic that
//! overflows. It also differs from `LiquidJS` in what filters give, and senders bring templates that
//! were written for `LiquidJS`. `tests/liquid/` compares with `LiquidJS`, and docs/liquid.md lists what
//! differs on purpose.
//!
//! The budget counts for the message, because all its strings are rendered for each recipient.

#![allow(
    clippy::cast_precision_loss,
    reason = "templates count in floats, as JavaScript does; lengths and times are far below what a float holds"
)]

mod budget;
mod compare;
mod context;
mod dates;
mod escapes;
mod filters;
mod json;
mod number;
mod parser;
mod render;
mod scanner;
mod strings;
mod syntax;
mod tokens;
mod value;

use std::collections::HashSet;
use std::sync::Arc;

use serde_json::Value;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use self::budget::{Budget, Stop};
use self::context::{Context, Inputs, Missing};
use self::strings::{Place, visit_strings};
use self::syntax::Block;
pub(crate) use crate::model::message::MissingVariables;
use crate::model::message::{Badge, MAX_BADGE, Message, is_template};
use crate::telemetry::panics;

#[cfg(feature = "fuzzing")]
pub(crate) use self::budget::MAX_RENDERED;

/// What an API user gets to read about a defect of the interpreter.
const DEFECT: &str =
    "the template can't be rendered, because of a defect of Bellwire: please report it";
/// Most templates of one message.
const MAX_TEMPLATES: usize = 64;
/// Most bytes of the templates of one message together.
const MAX_TEMPLATE_BYTES: usize = 16_384;

/// Why a template cannot be parsed, or cannot be rendered with a recipient's variables.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {message}")]
pub(crate) struct TemplateProblem {
    /// The field as a request names it: `content.title`, `content.data.gate`, `sound`.
    pub field: String,
    /// A sentence of its own, for the API user.
    pub message: String,
}

/// Why a recipient gets no message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum NotRendered {
    /// A template can't be rendered with the recipient's variables.
    Invalid(TemplateProblem),
    /// A template asked for it with `{% skip 'reason' %}`. The reason may be empty.
    Skipped(String),
}

/// What a message is rendered with for one recipient.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Variables<'a> {
    /// The recipient's own.
    pub own: Option<&'a Value>,
    /// Those of its User, for names that neither it nor the send has.
    pub defaults: Option<&'a Value>,
    /// The time of sending, which `now` stands for: one for the Operation.
    pub now: OffsetDateTime,
}

/// A message with at least one template among its strings.
pub(crate) struct MessageTemplate {
    message: Message,
    templates: Vec<StringTemplate>,
}

struct StringTemplate {
    /// Which of the strings that [`visit_strings`] visits it is.
    index: usize,
    block: Block,
}

impl MessageTemplate {
    /// Parses the templates of `message`. `None`: it has none.
    pub(crate) fn parse(message: &Message) -> Result<Option<Self>, Vec<TemplateProblem>> {
        if message.plain {
            return Ok(None);
        }

        let mut message = message.clone();
        let mut templates = Vec::new();
        let mut problems = Vec::new();
        let mut bytes = 0;
        let mut count = 0;
        let mut index = 0;

        let _ = visit_strings::<()>(&mut message, &mut |place, string| {
            if is_template(string) {
                // Counted on after a problem, so that one answer names every field to correct.
                count += 1;
                bytes += string.len();
                // The size is checked before parsing, whose cost grows with it.
                match check_size(count, bytes).and_then(|()| parse(string)) {
                    Ok(block) => templates.push(StringTemplate { index, block }),
                    Err(message) => problems.push(place.problem(message)),
                }
            }

            // Strings that are no templates count too, because rendering visits them in the same
            // order.
            index += 1;
            Ok(())
        });

        if !problems.is_empty() {
            return Err(problems);
        }
        if templates.is_empty() {
            return Ok(None);
        }
        Ok(Some(Self { message, templates }))
    }

    /// The message for a recipient with these variables.
    pub(crate) fn render(&self, variables: Variables<'_>) -> Result<Message, NotRendered> {
        // A defect here must end one recipient's message, and not the lane of all.
        let rendered = panics::catch_unlogged(|| self.render_strings(variables));

        rendered.unwrap_or_else(|_| {
            let problem = TemplateProblem {
                field: "content".to_owned(),
                message: DEFECT.to_owned(),
            };
            Err(NotRendered::Invalid(problem))
        })
    }

    fn render_strings(&self, variables: Variables<'_>) -> Result<Message, NotRendered> {
        let inputs = inputs(&self.message, variables);
        let mut budget = Budget::new();
        let mut message = self.message.clone();
        let mut templates = self.templates.iter().peekable();
        let mut index = 0;

        visit_strings(&mut message, &mut |place, string| {
            // Each string is visited once. So `{{` in a variable stays text, and is never a
            // template.
            if let Some(template) = templates.next_if(|template| template.index == index) {
                // What a string assigns is its own. The budget is shared: more fields must not give
                // a send more of it.
                let mut context = Context::new(&inputs, &mut budget);
                *string = render::render(&template.block, &mut context)
                    .map_err(|stop| not_rendered(stop, place))?;
            }

            index += 1;
            Ok(())
        })?;

        // Only now is it known whether the text is a number, because it comes from a variable.
        if let Some(Badge::Template(text)) = &message.badge {
            message.badge = badge(text).map_err(NotRendered::Invalid)?;
        }
        Ok(message)
    }
}

fn inputs(message: &Message, variables: Variables<'_>) -> Inputs {
    let mut merged = value::Object::default();
    let mut known = HashSet::new();
    let layers = [
        variables.own.and_then(Value::as_object),
        message.variables.as_ref(),
        variables.defaults.and_then(Value::as_object),
        message.defaults.as_ref(),
    ];
    for layer in layers.into_iter().flatten() {
        for (name, value) in layer {
            // The first layer that has the name decides, also if it has null: so a recipient can do
            // without a default.
            if known.insert(name.as_str()) {
                merged
                    .0
                    .push((Arc::from(name.as_str()), value::Value::from(value)));
            }
        }
    }

    // docs/liquid.md promises whole seconds. The time of acceptance has a fraction of one.
    let now = variables.now.replace_nanosecond(0).unwrap_or(variables.now);
    let shown = now.format(&Rfc3339).unwrap_or_default();
    Inputs {
        variables: value::Value::Object(Arc::new(merged)),
        globals: value::Object(vec![(Arc::from("now"), value::Value::from(shown))]),
        now: now.unix_timestamp() * 1000,
        missing: match message.missing_variables {
            MissingVariables::Fail => Missing::Fails,
            MissingVariables::Empty => Missing::IsEmpty,
        },
    }
}

fn not_rendered(stop: Stop, place: &Place<'_>) -> NotRendered {
    const PREFIX: &str = "the template can't be rendered with the recipient's variables";

    match stop {
        Stop::Skipped(reason) => NotRendered::Skipped(reason),
        Stop::Failed(message) => {
            NotRendered::Invalid(place.problem(format!("{PREFIX}: {message}")))
        }
        // The sentence of this limit names the recipient's variables, so it needs no prefix.
        Stop::Over(limit @ budget::Limit::Output) => {
            NotRendered::Invalid(place.problem(limit.to_string()))
        }
        Stop::Over(limit) => NotRendered::Invalid(place.problem(format!("{PREFIX}: {limit}"))),
    }
}

/// The badge that a template gave. An empty text is no badge.
fn badge(text: &str) -> Result<Option<Badge>, TemplateProblem> {
    // Line breaks and spaces around tags are part of what a template writes.
    let text = text.trim();
    if text.is_empty() {
        return Ok(None);
    }

    match text.parse() {
        Ok(number) if number <= MAX_BADGE => Ok(Some(Badge::Number(number))),
        _ => Err(Place::Field("badge").problem(format!(
            "the template must give an integer from 0 to {MAX_BADGE}"
        ))),
    }
}

/// Whether a string of `message` is a template.
pub(crate) fn is_templated(message: &Message) -> bool {
    if message.plain {
        return false;
    }

    let mut is_templated = false;
    // The only visitor wants strings that it may change. A second one might visit others.
    let _ = visit_strings::<()>(&mut message.clone(), &mut |_, string| {
        is_templated |= is_template(string);
        Ok(())
    });
    is_templated
}

/// Checks how many templates the message has up to here, and how long they are together.
fn check_size(count: usize, bytes: usize) -> Result<(), String> {
    for (used, limit, name) in [
        (count, MAX_TEMPLATES, "templates"),
        (bytes, MAX_TEMPLATE_BYTES, "bytes of templates"),
    ] {
        if used > limit {
            return Err(format!(
                "with this field the message has {used} {name}; at most {limit} are allowed"
            ));
        }
    }

    Ok(())
}

fn parse(text: &str) -> Result<Block, String> {
    // Anyone may send a template that meets a defect, again and again: it is a 400 and no log line.
    let parsed = panics::catch_unlogged(|| parser::parse(text));

    parsed.unwrap_or_else(|_| Err(DEFECT.to_owned())).map_err(|error| {
        format!(
            "the Liquid template is invalid: {error}; if the message is plain text, set templating to false"
        )
    })
}

#[cfg(test)]
mod cost_tests;
#[cfg(test)]
mod tests;
