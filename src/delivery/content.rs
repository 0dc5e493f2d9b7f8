//! What an Operation sends: rendered once for each provider where it is the same for everybody, and
//! for each recipient where it is a template.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use serde_json::Value;

use crate::model::failure::{Failure, FailureCode};
use crate::model::message::Message;
use crate::model::provider::Provider;
use crate::provider::{Payload, PayloadProblem};
use crate::store::batch_load::DueOperation;
use crate::template::{MessageTemplate, TemplateProblem};

/// Why a recipient can't be sent to.
#[derive(Debug, Clone)]
pub(super) enum ContentProblem {
    /// What is sent is at fault.
    Invalid(Failure),
    /// This version can't read what was stored; another may.
    Unreadable(String),
}

type Rendered = Result<Arc<Payload>, ContentProblem>;

/// An Operation's content, rendered when first needed.
pub(super) struct Content {
    /// The Operation.
    pub operation: DueOperation,
    /// Until when it may be sent.
    pub deadline: Instant,
    /// `None`: it is the same for everybody.
    template: Result<Option<MessageTemplate>, ContentProblem>,
    payloads: HashMap<Provider, Rendered>,
}

/// What one recipient gets.
pub(super) struct RecipientContent<'a> {
    content: &'a mut Content,
    variables: Option<Value>,
    /// The recipient's own payloads, where the content is a template.
    own: HashMap<Provider, Rendered>,
}

impl Content {
    /// Of `operation`, as it was loaded at `now`.
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

    /// For a recipient with these variables.
    pub(super) fn for_recipient(&mut self, variables: Option<Value>) -> RecipientContent<'_> {
        RecipientContent {
            content: self,
            variables,
            own: HashMap::new(),
        }
    }
}

impl RecipientContent<'_> {
    /// The Operation.
    pub(super) fn operation(&self) -> &DueOperation {
        &self.content.operation
    }

    /// Until when it may be sent.
    pub(super) fn deadline(&self) -> Instant {
        self.content.deadline
    }

    /// What `provider` gets.
    pub(super) fn payload(&mut self, provider: Provider) -> Rendered {
        let Content {
            operation,
            template,
            payloads,
            ..
        } = &mut *self.content;
        match template {
            Ok(None) => payloads
                .entry(provider)
                .or_insert_with(|| render(operation, provider, None))
                .clone(),
            Ok(Some(template)) => {
                let own = || {
                    let message = template.render(self.variables.as_ref());
                    let message = message.map_err(|problem| template_problem(Some(problem)))?;
                    render(operation, provider, Some(&message))
                };
                self.own.entry(provider).or_insert_with(own).clone()
            }
            Err(problem) => Err(problem.clone()),
        }
    }
}

/// What `provider` gets: of `message`, or of the Operation's own.
fn render(operation: &DueOperation, provider: Provider, message: Option<&Message>) -> Rendered {
    let message = match (message, &operation.message) {
        (Some(message), _) | (None, Ok(message)) => message,
        (None, Err(error)) => return Err(ContentProblem::Unreadable(error.clone())),
    };
    let expires_at = message.expires_at(operation.starts_at);
    let payload = Payload::render(provider, message, expires_at);
    payload
        .map(Arc::new)
        .map_err(|PayloadProblem { field, message }| {
            let message = format!("{field} {message}");
            ContentProblem::Invalid(Failure::new(FailureCode::InvalidContent, message))
        })
}

fn template_problem(problem: Option<TemplateProblem>) -> ContentProblem {
    let message = problem.map_or_else(String::new, |TemplateProblem { field, message }| {
        format!("{field} {message}")
    });
    ContentProblem::Invalid(Failure::new(FailureCode::InvalidTemplate, message))
}
