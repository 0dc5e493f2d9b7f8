//! `POST /PushNotifications`: reads and checks the whole request, stores it, then answers.

use actix_web::{HttpRequest, HttpResponse, web};
use time::{Duration, OffsetDateTime};

mod body;
mod checked;
mod content;
mod dry_run;
#[cfg(feature = "fuzzing")]
pub(crate) mod fuzz;
pub(super) mod preview;
mod schedule;
mod sender;
mod validate_only;

use crate::crypto::{MasterKeys, SecretError};
use crate::http::State;
use crate::http::accepted::{Accepted, AcceptedOperation};
use crate::http::auth::Caller;
use crate::http::body::JsonBody;
use crate::http::error::ApiError;
use crate::http::idempotency::{IdempotencyKey, IdempotencyKeyParam};
use crate::http::openapi::{CreateErrors, SendRequest};
use crate::ingest::group_commit::AcceptError;
use crate::model::operation::{NewOperation, NewRecipient};
use crate::model::recipient;
pub(super) use body::MAX_RECIPIENTS;
use checked::{CheckedRecipient, CheckedSend, CheckedTo};
pub(super) use content::{MAX_BADGE, MAX_COLLAPSE_KEY, MAX_TTL};
pub(super) use schedule::MAX_AHEAD;
use validate_only::Validation;

/// A message with a shorter `ttl` is tried for this long all the same.
const MIN_DEADLINE: Duration = Duration::seconds(30);

/// Sends a message to devices and Users, or to an audience.
#[utoipa::path(
    post,
    path = "/v1/PushNotifications",
    operation_id = "sendPushNotifications",
    tag = "PushNotifications",
    params(IdempotencyKeyParam),
    request_body = SendRequest,
    responses((status = 202, description = "Stored: `operationId` names the Operation that will be delivered", body = AcceptedOperation), (status = 200, body = Validation, description = "The answer to `validateOnly`"), CreateErrors),
)]
pub(super) async fn send(
    request: HttpRequest,
    state: web::Data<State>,
    body: JsonBody,
) -> Result<HttpResponse, ApiError> {
    let caller = body.caller;
    let key = IdempotencyKey::of(&request, caller, &body.bytes)?;

    // A repeated request is answered before it is checked: what it names may be gone by now.
    if let Some(key) = &key
        && let Some(response) = key.replay(&state.pool).await?
    {
        return Ok(response);
    }

    let checked = CheckedSend::check(&state, caller, &body.bytes).await?;
    if checked.validate_only {
        return validate_only::validate(&state, caller, &checked).await;
    }

    // After the checks, so that a request with problems does not count.
    state
        .rate_limits
        .check_recipients(caller.account_id, checked.recipients.len())?;

    // The id is known before anything is stored, so the answer can be stored with the Operation.
    let answer = Accepted::operation(&request, &state, checked.id);
    let operation = NewOperation {
        id: checked.id,
        account_id: caller.account_id,
        deadline_at: deadline(
            checked.starts_at,
            state.settings.deadline,
            checked.message.ttl,
        ),
        message: checked.message,
        sender: checked.from,
        request: key.as_ref().map(|key| key.accepted(&answer)),
        senders: checked.user_senders,
        tags: checked.tags,
        send_at: checked.send_at,
        recipients: seal(checked.recipients, caller, &state.master_keys)?,
        audience: checked.audience,
    };

    match (state.group_commit.submit(operation).await, key) {
        // Another request with the same key was stored between the replay above and now.
        (Err(AcceptError::Repeated), Some(key)) => key
            .replay(&state.pool)
            .await?
            .ok_or_else(ApiError::unavailable),
        (result, _) => Ok(result.map(|()| answer.respond())?),
    }
}

/// The recipients as they are stored, with encrypted tokens.
fn seal(
    recipients: Vec<CheckedRecipient>,
    caller: Caller,
    keys: &MasterKeys,
) -> Result<Vec<NewRecipient>, SecretError> {
    let account_id = caller.account_id.as_uuid();

    let seal = |CheckedRecipient {
                    to,
                    variables,
                    badge,
                }| {
        let recipient = match to {
            CheckedTo::User(user_id) => recipient::Recipient::User(user_id),
            CheckedTo::Device {
                device,
                credential_id,
            } => recipient::Recipient::Device {
                provider: device.provider,
                credential_id,
                token: keys.seal_direct_token(account_id, &device.token)?,
            },
        };

        Ok(NewRecipient {
            recipient,
            variables,
            badge,
        })
    };

    recipients.into_iter().map(seal).collect()
}

/// When a message is given up: after `longest`, which the operator sets, or after its `ttl` in
/// seconds if that is shorter.
fn deadline(
    starts_at: OffsetDateTime,
    longest: std::time::Duration,
    ttl: Option<u32>,
) -> OffsetDateTime {
    let ttl = ttl.map(|ttl| Duration::seconds(ttl.into()).max(MIN_DEADLINE));
    let longest = Duration::try_from(longest).unwrap_or(Duration::WEEK);

    starts_at + ttl.map_or(longest, |ttl| ttl.min(longest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_given_up_after_its_ttl_or_the_operators_deadline() {
        let now = OffsetDateTime::now_utc();
        let hour = std::time::Duration::from_hours(1);
        assert_eq!(deadline(now, hour, None) - now, Duration::HOUR);
        assert_eq!(deadline(now, hour, Some(600)) - now, Duration::seconds(600));
        assert_eq!(deadline(now, hour, Some(0)) - now, MIN_DEADLINE);
        assert_eq!(deadline(now, hour, Some(86_400)) - now, Duration::HOUR);
    }
}
