//! `POST /PushNotifications`: everything is checked, then everything is stored, then the client is
//! answered.

use actix_web::{HttpRequest, HttpResponse, web};
use time::{Duration, OffsetDateTime};

mod body;
mod checked;
mod content;
pub(super) mod dry_run;
mod schedule;
mod sender;

use crate::crypto::MasterKeys;
use crate::http::State;
use crate::http::accepted::{Accepted, AcceptedOperation};
use crate::http::auth::Caller;
use crate::http::body::JsonBody;
use crate::http::device::Device;
use crate::http::error::ApiError;
use crate::http::idempotency::{IdempotencyKey, IdempotencyKeyParam};
use crate::http::openapi::{CreateErrors, SendRequest};
use crate::ingest::group_commit::AcceptError;
use crate::model::operation::{NewOperation, NewRecipient};
use crate::model::recipient;
use body::{Recipient, To};
use checked::Checked;
use dry_run::Validation;
use sender::Senders;

/// However short a message's `ttl`, it is tried for this long.
const SHORTEST_DEADLINE: Duration = Duration::seconds(30);

/// Accepts a message to 1 to 10,000 recipients.
#[utoipa::path(
    post,
    path = "/v1/PushNotifications",
    tag = "PushNotifications",
    params(IdempotencyKeyParam),
    request_body = SendRequest,
    responses((status = 202, body = AcceptedOperation), (status = 200, body = Validation, description = "The answer to `validateOnly`"), CreateErrors),
)]
pub(super) async fn send(
    request: HttpRequest,
    state: web::Data<State>,
    body: JsonBody,
) -> Result<HttpResponse, ApiError> {
    let caller = body.caller;
    let key = IdempotencyKey::of(&request, caller, &body.bytes)?;
    if let Some(key) = &key
        && let Some(response) = key.replay(&state.pool).await?
    {
        return Ok(response);
    }
    let checked = Checked::of(&state, caller, &body.bytes).await?;
    if checked.validate_only {
        return dry_run::validate(&state, caller, &checked).await;
    }
    let Checked {
        id,
        targets,
        message,
        senders,
        sender,
        tags,
        send_at,
        starts_at,
        ..
    } = checked;
    state
        .rate_limits
        .check_recipients(caller.account_id, targets.recipients.len())?;

    let answer = Accepted::operation(&request, &state, id);
    let operation = NewOperation {
        id,
        account_id: caller.account_id,
        deadline_at: deadline(starts_at, state.settings.deadline, message.ttl),
        message,
        sender,
        request: key.as_ref().map(|key| key.accepted(&answer)),
        senders: senders.of_users(&targets),
        tags,
        send_at,
        recipients: addressed(targets.recipients, &senders, caller, &state.master_keys)?,
        audience: targets.audience,
    };
    match (state.group_commit.submit(operation).await, key) {
        // The other one was first by a moment.
        (Err(AcceptError::Repeated), Some(key)) => key
            .replay(&state.pool)
            .await?
            .ok_or_else(ApiError::unavailable),
        (result, _) => Ok(result.map(|()| answer.respond())?),
    }
}

/// Each recipient as it is stored: a device with the Credential that it is reached by, and its
/// token sealed.
fn addressed(
    recipients: Vec<Recipient>,
    senders: &Senders,
    caller: Caller,
    keys: &MasterKeys,
) -> Result<Vec<NewRecipient>, ApiError> {
    let addressed = |Recipient { to, variables, .. }: Recipient| {
        let recipient = match to {
            To::User(user_id) => recipient::Recipient::User(user_id),
            To::Device(Device { provider, token }) => recipient::Recipient::Device {
                provider,
                // `Senders::find` has noted a problem for every provider without one.
                credential_id: senders
                    .of(provider)
                    .ok_or_else(|| ApiError::invalid(Vec::new()))?,
                token: keys.seal_token(caller.account_id.as_uuid(), &token)?,
            },
        };
        Ok(NewRecipient {
            recipient,
            variables,
        })
    };
    recipients.into_iter().map(addressed).collect()
}

/// Until when a message may be sent: as long as the operator allows, and no longer than it is of
/// use.
fn deadline(
    starts_at: OffsetDateTime,
    longest: std::time::Duration,
    ttl: Option<u32>,
) -> OffsetDateTime {
    let of_use = ttl.map(|ttl| Duration::seconds(ttl.into()).max(SHORTEST_DEADLINE));
    let longest = Duration::try_from(longest).unwrap_or(Duration::WEEK);
    starts_at + of_use.map_or(longest, |of_use| of_use.min(longest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_tried_as_long_as_it_is_of_use() {
        let (now, hour) = (
            OffsetDateTime::now_utc(),
            std::time::Duration::from_secs(3600),
        );
        assert_eq!(deadline(now, hour, None) - now, Duration::HOUR);
        assert_eq!(deadline(now, hour, Some(600)) - now, Duration::seconds(600));
        assert_eq!(deadline(now, hour, Some(0)) - now, SHORTEST_DEADLINE);
        assert_eq!(deadline(now, hour, Some(86_400)) - now, Duration::HOUR);
    }
}
