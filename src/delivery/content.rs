//! The content of an Operation: rendered once for each provider and language if all recipients of the
//! language get the same, and for each recipient otherwise.
//!
//! Lanes parse and render, when they send: a lane belongs to one account, so no account waits for the
//! templates of another.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use serde_json::Value;
use time::OffsetDateTime;

use crate::model::failure::{Failure, FailureCode};
use crate::model::message::{Badge, Message};
use crate::model::provider::Provider;
use crate::provider::Payload;
use crate::store::batch_load::DueOperation;
use crate::store::batches::Planned;
use crate::template::{self, MessageTemplate, NotRendered, TemplateProblem, Variables};

/// Why the content can't be sent to a recipient.
#[derive(Debug, Clone)]
pub(super) enum ContentProblem {
    /// The message is at fault, so the notification fails.
    Invalid(Failure),
    /// The template wants that the recipient gets nothing.
    Withheld(Failure),
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
    /// The time that templates read as `now`.
    now: OffsetDateTime,
    /// For recipients without a language, and those whose language it has not.
    default: Version,
    /// For those of a language, by its tag.
    localized: BTreeMap<String, Version>,
    is_personal: OnceLock<bool>,
}

/// The content in one language.
#[derive(Default)]
struct Version {
    /// `None`: the Operation's message as it is.
    message: Option<Message>,
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
    /// What its User has for names that `variables` has not.
    pub defaults: Option<Value>,
    /// The tag of a User's language.
    pub language: Option<String>,
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
    /// The recipient has nothing of its own, except perhaps a language: one of `localized`.
    Common(Arc<Content>, Option<String>),
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
        let localized = operation.message.iter().flat_map(|message| {
            message.localizations.keys().map(move |tag| {
                let version = Version {
                    message: Some(message.in_language(tag)),
                    ..Version::default()
                };
                (tag.clone(), version)
            })
        });

        Self {
            deadline: now + operation.time_left,
            // The planned time and not that of the attempt: a retry renders the same text.
            now: operation.starts_at,
            default: Version::default(),
            localized: localized.collect(),
            is_personal: OnceLock::new(),
            operation,
        }
    }

    /// The same content, for a batch that has times of its own and was loaded at `now`. Templates still
    /// read the time of the Operation.
    pub(super) fn planned(&self, planned: Planned, now: Instant) -> Self {
        let content = Self::new(
            DueOperation {
                starts_at: planned.at,
                time_left: planned.time_left,
                ..self.operation.clone()
            },
            now,
        );

        Self {
            now: self.now,
            ..content
        }
    }

    /// Whether what it makes for a User depends on the User's language or variables.
    pub(super) fn is_personal(&self) -> bool {
        *self.is_personal.get_or_init(|| {
            let message = self.operation.message.as_ref();
            // A message that can't be read is not rendered, so it needs no User's profile.
            !self.localized.is_empty() || message.is_ok_and(template::is_templated)
        })
    }

    /// The version for a language, which may be none.
    fn version(&self, tag: Option<&str>) -> &Version {
        tag.and_then(|tag| self.localized.get(tag))
            .unwrap_or(&self.default)
    }

    fn message<'c>(&'c self, version: &'c Version) -> Result<&'c Message, ContentProblem> {
        match (&version.message, &self.operation.message) {
            (Some(message), _) | (None, Ok(message)) => Ok(message),
            (None, Err(error)) => Err(ContentProblem::Unreadable(format!(
                "its content can't be read: {error}"
            ))),
        }
    }

    pub(super) fn for_recipient(self: &Arc<Self>, mut values: RecipientValues) -> RecipientContent {
        // The tag of the localization and not of the User: Users of `de-AT` and `de-CH` share the
        // payload of `de`.
        let language = values.language.take().and_then(|language| {
            let message = self.operation.message.as_ref().ok()?;
            message.localization_for(&language).map(str::to_owned)
        });
        if values.variables.is_none() && values.defaults.is_none() && values.are_none() {
            return RecipientContent::Common(Arc::clone(self), language);
        }

        values.language = language;
        RecipientContent::Own(Arc::new(OwnContent {
            content: Arc::clone(self),
            values,
            payloads: Payloads::default(),
        }))
    }

    fn template<'c>(
        &'c self,
        version: &'c Version,
    ) -> Result<Option<&'c MessageTemplate>, ContentProblem> {
        let parse = || {
            // A failure has room for one problem. The API names all of them when it refuses a send.
            MessageTemplate::parse(self.message(version)?)
                .map_err(|problems| template_problem(problems.into_iter().next()))
        };

        match version.template.get_or_init(parse) {
            Ok(template) => Ok(template.as_ref()),
            Err(problem) => Err(problem.clone()),
        }
    }

    fn common_payload(&self, version: &Version, provider: Provider) -> Rendered {
        let template = self.template(version)?;

        version.payloads.get_or_render(provider, || match template {
            None => render(&self.operation, provider, self.message(version)?),
            Some(_) => {
                // A template reads nothing else of a recipient than its variables, and these
                // recipients have none.
                let message = self.own_message(version, &RecipientValues::default())?;
                render(&self.operation, provider, &message)
            }
        })
    }

    /// The message as one recipient gets it.
    fn own_message(
        &self,
        version: &Version,
        values: &RecipientValues,
    ) -> Result<Message, ContentProblem> {
        let mut message = match self.template(version)? {
            Some(template) => template
                .render(Variables {
                    own: values.variables.as_ref(),
                    defaults: values.defaults.as_ref(),
                    now: self.now,
                })
                .map_err(not_rendered)?,
            None => self.message(version)?.clone(),
        };

        if let Some(badge) = values.badge {
            message.badge = Some(Badge::Number(badge));
        }
        if let Some(token) = &values.receipt_token {
            message = message.with_receipt_token(token.clone());
        }
        Ok(message)
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
            Self::Common(content, _) => content,
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
            Self::Common(content, language) => {
                return content.common_payload(content.version(language.as_deref()), provider);
            }
            Self::Own(own) => own,
        };
        let content = &own.content;
        let version = content.version(own.values.language.as_deref());
        // Variables change nothing in a message without templates: its recipients share one
        // payload.
        if content.template(version)?.is_none() && own.values.are_none() {
            return content.common_payload(version, provider);
        }

        own.payloads.get_or_render(provider, || {
            let message = content.own_message(version, &own.values)?;
            render(&content.operation, provider, &message)
        })
    }
}

fn render(operation: &DueOperation, provider: Provider, message: &Message) -> Rendered {
    // Counted from the planned time: a retry must not live longer at the provider than the first
    // attempt would have.
    let expires_at = message.expires_at(operation.starts_at);

    match Payload::render(provider, message, expires_at) {
        Ok(payload) => Ok(Arc::new(payload)),
        Err(problem) => {
            let failure = Failure::new(FailureCode::InvalidContent, problem.to_string());
            Err(ContentProblem::Invalid(failure))
        }
    }
}

fn not_rendered(reason: NotRendered) -> ContentProblem {
    match reason {
        NotRendered::Invalid(problem) => template_problem(Some(problem)),
        NotRendered::Skipped(reason) => ContentProblem::Withheld(Failure::skipped(&reason)),
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

    use super::*;
    use crate::model::id::{AccountId, OperationId};
    use crate::model::message::Localization;
    use crate::model::operation::UserSenders;

    fn content(body: &str) -> Arc<Content> {
        with_message(Message {
            body: Some(body.to_owned()),
            ..Message::default()
        })
    }

    fn with_message(message: Message) -> Arc<Content> {
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
            ..RecipientValues::default()
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

    #[test]
    fn each_language_is_rendered_once() {
        let mut message = Message {
            body: Some("Hello".to_owned()),
            ..Message::default()
        };
        for (tag, body) in [
            ("es", "Hola"),
            ("pt-BR", "Olá {{ name | default: 'você' }}"),
        ] {
            let localization = Localization {
                body: Some(body.to_owned()),
                ..Localization::default()
            };
            message.localizations.insert(tag.to_owned(), localization);
        }
        let content = with_message(message);
        let payload = |language: Option<&str>, defaults: Option<Value>| {
            let recipient = content.for_recipient(RecipientValues {
                language: language.map(str::to_owned),
                defaults,
                ..RecipientValues::default()
            });
            recipient.payload(Provider::Fcm).ok().unwrap()
        };
        let name = json!({"name": "Ana"});

        let english = payload(None, None);
        assert!(Arc::ptr_eq(&english, &payload(Some("fr"), None)));
        let spanish = payload(Some("es-MX"), None);
        assert!(!Arc::ptr_eq(&english, &spanish));
        assert!(Arc::ptr_eq(
            &spanish,
            &payload(Some("es"), Some(name.clone()))
        ));
        let portuguese = payload(Some("pt-BR"), None);
        assert!(!Arc::ptr_eq(
            &portuguese,
            &payload(Some("pt-BR"), Some(name))
        ));
    }
}
