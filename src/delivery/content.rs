//! The content of an Operation: rendered once for each provider if all recipients get the same, and
//! for each recipient otherwise.
//!
//! Lanes parse and render, when they send: a lane belongs to one account, so no account waits for the
//! templates of another.

use std::sync::{Arc, OnceLock};
use std::time::Instant;

use serde_json::Value;

use crate::model::failure::{Failure, FailureCode};
use crate::model::message::{Badge, Message};
use crate::model::provider::Provider;
use crate::provider::Payload;
use crate::store::batch_load::DueOperation;
use crate::store::batches::Planned;
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

/// The payloads for both providers, each rendered when it is first needed.
#[derive(Default)]
struct Payloads {
    fcm: OnceLock<Rendered>,
    apn: OnceLock<Rendered>,
}

impl Payloads {
    fn get_or_render(&self, provider: Provider, render: impl FnOnce() -> Rendered) -> Rendered {
        let payload = match provider {
            Provider::Fcm => &self.fcm,
            Provider::Apn => &self.apn,
        };

        payload.get_or_init(render).clone()
    }
}

/// An Operation's content. Its notifications, in any number of lanes, own it together.
pub(super) struct Content {
    pub operation: DueOperation,
    /// Until when it may be sent.
    pub deadline: Instant,
    /// Parsed when it is first needed. `None`: it is no template.
    template: OnceLock<Result<Option<MessageTemplate>, ContentProblem>>,
    /// What recipients get who have nothing of their own.
    payloads: Payloads,
}

/// What one recipient has of its own.
#[derive(Default)]
pub(super) struct RecipientValues {
    /// For the message's templates.
    pub variables: Option<Value>,
    /// In place of the message's badge.
    pub badge: Option<u32>,
    /// The token of its receipts, if its message carries one.
    pub receipt_token: Option<String>,
}

impl RecipientValues {
    /// Whether the message is as the Operation has it, unless that is a template.
    fn are_none(&self) -> bool {
        self.badge.is_none() && self.receipt_token.is_none()
    }
}

/// The content for one recipient. Cheap to clone.
#[derive(Clone)]
pub(super) enum RecipientContent {
    /// The recipient has nothing of its own.
    Common(Arc<Content>),
    Own(Arc<OwnContent>),
}

/// The content for a recipient that has values of its own. The devices of a User share it.
pub(super) struct OwnContent {
    content: Arc<Content>,
    values: RecipientValues,
    payloads: Payloads,
}

impl Content {
    /// The content of `operation`, which was loaded at `now`.
    pub(super) fn new(operation: DueOperation, now: Instant) -> Self {
        Self {
            deadline: now + operation.time_left,
            template: OnceLock::new(),
            payloads: Payloads::default(),
            operation,
        }
    }

    /// The same content, for a batch that has times of its own and was loaded at `now`.
    pub(super) fn planned(&self, planned: Planned, now: Instant) -> Self {
        Self::new(
            DueOperation {
                starts_at: planned.at,
                time_left: planned.time_left,
                ..self.operation.clone()
            },
            now,
        )
    }

    pub(super) fn for_recipient(self: &Arc<Self>, values: RecipientValues) -> RecipientContent {
        if values.variables.is_none() && values.are_none() {
            return RecipientContent::Common(Arc::clone(self));
        }

        RecipientContent::Own(Arc::new(OwnContent {
            content: Arc::clone(self),
            values,
            payloads: Payloads::default(),
        }))
    }

    fn template(&self) -> Result<Option<&MessageTemplate>, ContentProblem> {
        let parse = || match &self.operation.message {
            Ok(message) => MessageTemplate::parse(message)
                .map_err(|problems| template_problem(problems.into_iter().next())),
            Err(error) => Err(ContentProblem::Unreadable(format!(
                "its content can't be read: {error}"
            ))),
        };

        match self.template.get_or_init(parse) {
            Ok(template) => Ok(template.as_ref()),
            Err(problem) => Err(problem.clone()),
        }
    }

    fn common_payload(&self, provider: Provider) -> Rendered {
        let template = self.template()?;

        self.payloads.get_or_render(provider, || match template {
            None => render(&self.operation, provider, None),
            Some(_) => {
                let nothing = RecipientValues::default();
                let message = own_message(&self.operation, template, &nothing)?;
                render(&self.operation, provider, Some(&message))
            }
        })
    }

    /// Whether each recipient's message carries a token for receipts.
    pub(super) fn has_receipts(&self) -> bool {
        let message = self.operation.message.as_ref();
        message.is_ok_and(|message| message.receipts)
    }
}

impl RecipientContent {
    fn content(&self) -> &Arc<Content> {
        match self {
            Self::Common(content) => content,
            Self::Own(own) => &own.content,
        }
    }

    pub(super) fn operation(&self) -> &DueOperation {
        &self.content().operation
    }

    /// Until when it may be sent.
    pub(super) fn deadline(&self) -> Instant {
        self.content().deadline
    }

    /// The payload for `provider`. It is rendered here, unless it was before.
    pub(super) fn payload(&self, provider: Provider) -> Rendered {
        let own = match self {
            Self::Common(content) => return content.common_payload(provider),
            Self::Own(own) => own,
        };
        let content = &own.content;
        let template = content.template()?;
        if template.is_none() && own.values.are_none() {
            return content.common_payload(provider);
        }

        own.payloads.get_or_render(provider, || {
            let message = own_message(&content.operation, template, &own.values)?;
            render(&content.operation, provider, Some(&message))
        })
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
    if let Some(token) = &values.receipt_token {
        message = message.with_receipt_token(token.clone());
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::json;
    use time::OffsetDateTime;

    use super::*;
    use crate::model::id::{AccountId, OperationId};
    use crate::model::operation::UserSenders;

    fn content(body: &str) -> Arc<Content> {
        let message = Message {
            body: Some(body.to_owned()),
            ..Message::default()
        };

        Arc::new(Content::new(
            DueOperation {
                id: OperationId::generate(),
                account_id: AccountId::generate(),
                message: Ok(message),
                senders: UserSenders::default(),
                audience_tags: None,
                audience_predicate: None,
                tags: None,
                starts_at: OffsetDateTime::now_utc(),
                time_left: Duration::from_secs(60),
                deadline_after: Duration::from_secs(60),
            },
            Instant::now(),
        ))
    }

    fn payload(
        content: &Arc<Content>,
        variables: Option<Value>,
        badge: Option<u32>,
    ) -> Arc<Payload> {
        let recipient = content.for_recipient(RecipientValues {
            variables,
            badge,
            receipt_token: None,
        });
        let first = recipient.payload(Provider::Fcm);
        let again = recipient.clone().payload(Provider::Fcm);

        match (first, again) {
            (Ok(first), Ok(again)) => {
                assert!(
                    Arc::ptr_eq(&first, &again),
                    "the devices of a User share it"
                );
                first
            }
            _ => panic!("it can't be rendered"),
        }
    }

    #[test]
    fn recipients_who_get_the_same_share_a_payload() {
        let plain = content("Hello");
        let common = payload(&plain, None, None);
        let name = json!({"name": "Kati"});
        assert!(Arc::ptr_eq(&common, &payload(&plain, None, None)));
        assert!(Arc::ptr_eq(
            &common,
            &payload(&plain, Some(name.clone()), None)
        ));
        assert!(!Arc::ptr_eq(&common, &payload(&plain, None, Some(3))));

        let template = content("Hello {{ name | default: 'you' }}");
        let common = payload(&template, None, None);
        assert!(Arc::ptr_eq(&common, &payload(&template, None, None)));
        assert!(!Arc::ptr_eq(&common, &payload(&template, Some(name), None)));
    }
}
