//! A send that has passed every check: from here on nothing is the client's mistake.

use std::borrow::Cow;
use std::collections::HashSet;

use serde_json::Value;
use time::OffsetDateTime;

use crate::http::State;
use crate::http::auth::Caller;
use crate::http::error::ApiError;
use crate::http::send::body::{Recipient, SendBody, Targets};
use crate::http::send::content;
use crate::http::send::schedule::longest_ahead;
use crate::http::send::sender::Senders;
use crate::http::validation::Problems;
use crate::model::id::{OperationId, UserId};
use crate::model::message::Message;
use crate::model::provider::Provider;
use crate::provider::{Payload, PayloadProblem};
use crate::store::users;
use crate::template::{MessageTemplate, TemplateProblem};

/// A send that has passed every check.
pub(crate) struct Checked {
    /// The id that its Operation gets.
    pub id: OperationId,
    /// Who gets it.
    pub targets: Targets,
    /// What they get.
    pub message: Message,
    /// Its templates, if it has any.
    pub template: Option<MessageTemplate>,
    /// With what it is sent.
    pub senders: Senders,
    /// `from` as it was given.
    pub sender: Option<Value>,
    /// Its tags.
    pub tags: Option<Value>,
    /// Not before this moment.
    pub send_at: Option<OffsetDateTime>,
    /// When it is sent.
    pub starts_at: OffsetDateTime,
    /// Whether nothing but the checks is wanted.
    pub validate_only: bool,
}

impl Checked {
    /// Checks a request's body. The error names all that is wrong with it.
    pub(crate) async fn of(state: &State, caller: Caller, body: &[u8]) -> Result<Self, ApiError> {
        let mut problems = Problems::default();
        let SendBody {
            targets,
            message,
            from,
            sender,
            tags,
            send_at,
            validate_only,
        } = SendBody::parse(body, longest_ahead(state.settings.retention), &mut problems)?;
        let senders = Senders::find(
            state,
            caller.account_id,
            from.as_ref(),
            &targets,
            &mut problems,
        )
        .await?;
        let id = OperationId::generate();
        let starts_at = send_at.unwrap_or_else(|| id.created_at());
        check_users(state, caller, &targets.recipients, &mut problems).await?;
        let template = template(&message, &mut problems);
        check_payloads(
            &senders.providers(&targets),
            &message,
            template.as_ref(),
            starts_at,
            &mut problems,
        );
        problems.check()?;
        Ok(Self {
            id,
            targets,
            message,
            template,
            senders,
            sender,
            tags,
            send_at,
            starts_at,
            validate_only,
        })
    }
}

/// Every User must be the account's.
async fn check_users(
    state: &State,
    caller: Caller,
    recipients: &[Recipient],
    problems: &mut Problems,
) -> Result<(), ApiError> {
    let ids: Vec<UserId> = recipients.iter().filter_map(Recipient::user_id).collect();
    if ids.is_empty() {
        return Ok(());
    }
    let missing: HashSet<UserId> = users::missing(&state.pool, caller.account_id, &ids)
        .await?
        .into_iter()
        .collect();
    for recipient in recipients {
        if recipient.user_id().is_some_and(|id| missing.contains(&id)) {
            problems.push_at(
                format!("to[{}].userId", recipient.index),
                "there is no such User",
            );
        }
    }
    Ok(())
}

/// The message's templates, which must be ones.
fn template(message: &Message, problems: &mut Problems) -> Option<MessageTemplate> {
    MessageTemplate::parse(message).unwrap_or_else(|found| {
        for TemplateProblem { field, message } in found {
            problems.push_at(content::field_of_request(&field), message);
        }
        None
    })
}

/// The message must fit every provider that it goes to, as far as it is the same for everybody.
fn check_payloads(
    providers: &[Provider],
    message: &Message,
    template: Option<&MessageTemplate>,
    starts_at: OffsetDateTime,
    problems: &mut Problems,
) {
    let expires_at = message.expires_at(starts_at);
    let message = template.map_or(Cow::Borrowed(message), |template| {
        Cow::Owned(template.without_templates())
    });
    for provider in providers {
        if let Err(PayloadProblem { field, message }) =
            Payload::render(*provider, &message, expires_at)
        {
            problems.push_at(content::field_of_request(&field), message);
        }
    }
}
