//! `POST /PushNotifications`: everything is checked, then everything is stored, then the client is answered.

use std::borrow::Cow;
use std::collections::HashSet;

use actix_web::{HttpRequest, HttpResponse, web};
use time::{Duration, OffsetDateTime};

mod body;
mod content;
mod schedule;
mod sender;

use crate::accept::AcceptError;
use crate::http::State;
use crate::http::accepted::Accepted;
use crate::http::auth::Caller;
use crate::http::body::JsonBody;
use crate::http::device::Device;
use crate::http::error::ApiError;
use crate::http::fields::Problems;
use crate::http::idempotency::IdempotencyKey;
use crate::id::{OperationId, UserId};
use crate::provider::{Message, Payload, PayloadProblem, Provider};
use crate::secret::MasterKeys;
use crate::store::operations::{NewOperation, NewRecipient};
use crate::store::{recipients, users};
use crate::template::{MessageTemplate, TemplateProblem};
use body::{Recipient, SendBody, To};
use sender::Senders;

/// However short a message's `ttl`, it is tried for this long.
const SHORTEST_DEADLINE: Duration = Duration::seconds(30);

/// Accepts a message to 1 to 10,000 recipients.
pub async fn send(request: HttpRequest, state: web::Data<State>, body: JsonBody) -> Result<HttpResponse, ApiError> {
    let caller = body.caller;
    let key = IdempotencyKey::of(&request, caller, &body.bytes)?;
    if let Some(key) = &key
        && let Some(response) = key.replay(&state.pool).await?
    {
        return Ok(response);
    }
    let mut problems = Problems::default();
    let SendBody { targets, message, from, tags, send_at, sender } = SendBody::parse(&body.bytes, &mut problems)?;
    let senders = Senders::find(&state.pool, caller.account_id, from.as_ref(), &targets, &mut problems).await?;
    let id = OperationId::generate();
    let starts_at = send_at.unwrap_or_else(|| id.created_at());
    check_users(&state, caller, &targets.recipients, &mut problems).await?;
    check_payloads(&senders.providers(&targets), &message, starts_at, &mut problems);
    problems.check()?;
    state.limits.recipients(caller.account_id, targets.recipients.len())?;

    let answer = Accepted::operation(&request, &state, id);
    let operation = NewOperation {
        id,
        account_id: caller.account_id,
        deadline_at: deadline(starts_at, state.deadline, message.ttl),
        message,
        sender,
        request: key.as_ref().map(|key| key.accepted(&answer)),
        senders: senders.of_users(&targets),
        tags,
        send_at,
        recipients: addressed(targets.recipients, &senders, caller, &state.master_keys)?,
        audience: targets.audience,
    };
    match (state.intake.submit(operation).await, key) {
        // The other one was first by a moment.
        (Err(AcceptError::Repeated), Some(key)) => key.replay(&state.pool).await?.ok_or_else(ApiError::unavailable),
        (result, _) => Ok(result.map(|()| answer.respond())?),
    }
}

/// Each recipient as it is stored: a device with the Credential that it is reached by, and its token sealed.
fn addressed(
    recipients: Vec<Recipient>,
    senders: &Senders,
    caller: Caller,
    keys: &MasterKeys,
) -> Result<Vec<NewRecipient>, ApiError> {
    let addressed = |Recipient { to, variables }: Recipient| {
        let recipient = match to {
            To::User(user_id) => recipients::Recipient::User(user_id),
            To::Device(Device { provider, token }) => recipients::Recipient::Device {
                provider,
                // `Senders::find` has noted a problem for every provider without one.
                credential_id: senders.of(provider).ok_or_else(|| ApiError::invalid(Vec::new()))?,
                token: keys.seal_token(caller.account_id.as_uuid(), &token)?,
            },
        };
        Ok(NewRecipient { recipient, variables })
    };
    recipients.into_iter().map(addressed).collect()
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
    let missing: HashSet<UserId> = users::missing(&state.pool, caller.account_id, &ids).await?.into_iter().collect();
    for (index, recipient) in recipients.iter().enumerate() {
        if recipient.user_id().is_some_and(|id| missing.contains(&id)) {
            problems.push_at(format!("to[{index}].userId"), "there is no such User");
        }
    }
    Ok(())
}

/// The message must fit every provider that it goes to, as far as it is the same for everybody; its templates must be
/// ones.
fn check_payloads(providers: &[Provider], message: &Message, starts_at: OffsetDateTime, problems: &mut Problems) {
    let expires_at = message.expires_at(starts_at);
    let template = MessageTemplate::parse(message).unwrap_or_else(|template_problems| {
        for TemplateProblem { field, message } in template_problems {
            problems.push_at(content::field_of_request(&field), message);
        }
        None
    });
    let message = template.map_or(Cow::Borrowed(message), |template| Cow::Owned(template.without_templates()));
    for provider in providers {
        if let Err(PayloadProblem { field, message }) = Payload::render(*provider, &message, expires_at) {
            problems.push_at(content::field_of_request(&field), message);
        }
    }
}

/// Until when a message may be sent: as long as the operator allows, and no longer than it is of use.
fn deadline(starts_at: OffsetDateTime, longest: std::time::Duration, ttl: Option<u32>) -> OffsetDateTime {
    let of_use = ttl.map(|ttl| Duration::seconds(ttl.into()).max(SHORTEST_DEADLINE));
    let longest = Duration::try_from(longest).unwrap_or(Duration::WEEK);
    starts_at + of_use.map_or(longest, |of_use| of_use.min(longest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_tried_as_long_as_it_is_of_use() {
        let (now, hour) = (OffsetDateTime::now_utc(), std::time::Duration::from_secs(3600));
        assert_eq!(deadline(now, hour, None) - now, Duration::HOUR);
        assert_eq!(deadline(now, hour, Some(600)) - now, Duration::seconds(600));
        assert_eq!(deadline(now, hour, Some(0)) - now, SHORTEST_DEADLINE);
        assert_eq!(deadline(now, hour, Some(86_400)) - now, Duration::HOUR);
    }
}
