//! The content of an Operation: rendered once for each provider if all recipients get the same, and
//! for each recipient if it is a template.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use serde_json::Value;

use crate::model::failure::{Failure, FailureCode};
use crate::model::message::{Badge, Message};
use crate::model::provider::Provider;
use crate::provider::Payload;
use crate::store::batch_load::DueOperation;
use crate::template::{MessageTemplate, TemplateProblem};

/// Why the content can't be sent to a recipient.
#[derive(Debug, Clone)]
pub(super) enum ContentProblem {
    /// The message is at fault, so the notification fails.
    Invalid(Failure),
    /// This release can't read the stored message; another may, so the notification waits.
    Unreadable(String),
}

type Rendered = Result<Arc<Payload>, ContentProblem>;

/// An Operation's content. A payload is rendered when it is first needed.
pub(super) struct Content {
    pub operation: DueOperation,
    /// Until when it may be sent.
    pub deadline: Instant,
    /// `None`: all recipients get the same.
    template: Result<Option<MessageTemplate>, ContentProblem>,
    payloads: HashMap<Provider, Rendered>,
}

/// What one recipient has of its own.
pub(super) struct RecipientValues {
    /// For the message's templates.
    pub variables: Option<Value>,
    /// In place of the message's badge.
    pub badge: Option<u32>,
}

/// The content for one recipient.
pub(super) struct RecipientContent<'a> {
    content: &'a mut Content,
    values: RecipientValues,
    /// The payloads of this recipient, if no other gets the same.
    rendered: HashMap<Provider, Rendered>,
}

impl Content {
    /// The content of `operation`, which was loaded at `now`.
    pub(super) fn new(operation: DueOperation, now: Instant) -> Self {
        let template = match &operation.message {
            Ok(message) => MessageTemplate::parse(message)
                .map_err(|problems| template_problem(problems.into_iter().next())),
            Err(error) => Err(ContentProblem::Unreadable(format!(
                "its content can't be read: {error}"
            ))),
        };

        Self {
            deadline: now + operation.time_left,
            template,
            payloads: HashMap::new(),
            operation,
        }
    }

    pub(super) fn for_recipient(&mut self, values: RecipientValues) -> RecipientContent<'_> {
        RecipientContent {
            content: self,
            values,
            rendered: HashMap::new(),
        }
    }
}

impl RecipientContent<'_> {
    pub(super) fn operation(&self) -> &DueOperation {
        &self.content.operation
    }

    /// Until when it may be sent.
    pub(super) fn deadline(&self) -> Instant {
        self.content.deadline
    }

    pub(super) fn payload(&mut self, provider: Provider) -> Rendered {
        let Content {
            operation,
            template,
            payloads,
            ..
        } = &mut *self.content;

        let template = match template {
            Ok(template) => template.as_ref(),
            Err(problem) => return Err(problem.clone()),
        };
        let values = &self.values;

        if template.is_none() && values.badge.is_none() {
            return payloads
                .entry(provider)
                .or_insert_with(|| render(operation, provider, None))
                .clone();
        }

        // The devices of a User share it.
        self.rendered
            .entry(provider)
            .or_insert_with(|| {
                let message = own_message(operation, template, values)?;
                render(operation, provider, Some(&message))
            })
            .clone()
    }
}

/// The message as one recipient gets it.
fn own_message(
    operation: &DueOperation,
    template: Option<&MessageTemplate>,
    values: &RecipientValues,
) -> Result<Message, ContentProblem> {
    let mut message = match (template, &operation.message) {
        (Some(template), _) => template
            .render(values.variables.as_ref())
            .map_err(|problem| template_problem(Some(problem)))?,
        (None, Ok(message)) => message.clone(),
        (None, Err(error)) => return Err(ContentProblem::Unreadable(error.clone())),
    };

    if let Some(badge) = values.badge {
        message.badge = Some(Badge::Number(badge));
    }
    Ok(message)
}

/// Renders `message`, or the Operation's message, which is no template.
fn render(operation: &DueOperation, provider: Provider, message: Option<&Message>) -> Rendered {
    let message = match (message, &operation.message) {
        (Some(message), _) | (None, Ok(message)) => message,
        (None, Err(error)) => return Err(ContentProblem::Unreadable(error.clone())),
    };

    let expires_at = message.expires_at(operation.starts_at);
    match Payload::render(provider, message, expires_at) {
        Ok(payload) => Ok(Arc::new(payload)),
        Err(problem) => {
            let failure = Failure::new(FailureCode::InvalidContent, problem.to_string());
            Err(ContentProblem::Invalid(failure))
        }
    }
}

fn template_problem(problem: Option<TemplateProblem>) -> ContentProblem {
    let message = problem.map_or_else(String::new, |problem| problem.to_string());

    ContentProblem::Invalid(Failure::new(FailureCode::InvalidTemplate, message))
}
