//! `POST /PushNotifications`: reads and checks the whole request, stores it, then answers.

use std::time::Instant;

use actix_web::{HttpRequest, HttpResponse, web};
use sqlx::PgConnection;

mod body;
mod checked;
mod content;
mod deadline;
mod dry_run;
#[cfg(feature = "fuzzing")]
pub(crate) mod fuzz;
mod guard;
mod pace;
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
use crate::store::account_counts;
pub(super) use body::MAX_RECIPIENTS;
use checked::{CheckedRecipient, CheckedSend, CheckedTo};
pub(super) use content::{MAX_BADGE, MAX_COLLAPSE_KEY, MAX_TTL, holds_nul};
use deadline::Deadline;
pub(super) use deadline::MAX_DEADLINE;
pub(super) use guard::{MAX_AFTER, MAX_PERCENT};
pub(super) use pace::{Plan as PacePlan, read as read_pace};
pub(super) use schedule::{MAX_AHEAD, ScheduleBounds, longest_ahead, send_at};
use validate_only::Validation;

/// How long the Users of an audience are counted. One that takes longer counts as all that a minute
/// allows.
const AUDIENCE_COUNT_TIMEOUT: std::time::Duration = std::time::Duration::from_secs(2);

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
    let key = IdempotencyKey::of_large(&request, &state, &body).await?;

    // A repeated request is answered before it is checked: what it names may be gone by now.
    if let Some(key) = &key
        && let Some(response) = key.replay(&state.pool).await?
    {
        return Ok(response);
    }

    let checked = CheckedSend::check(&state, &body).await?;
    if checked.validate_only {
        return validate_only::validate(&state, caller, checked).await;
    }

    // After the checks, so that a request with problems does not count.
    let count = counted_recipients(&state, caller, &checked).await?;
    state
        .rate_limits
        .check_recipients(&request, caller.account_id, count)?;
    state
        .account_limits
        .check_queued(caller.account_id, count)
        .await?;

    // The id is known before anything is stored, so the answer can be stored with the Operation.
    let answer = Accepted::operation(&request, &state, checked.id);
    let deadline = Deadline {
        asked: checked.deadline,
        default: state.settings.deadline,
        ttl: checked.message.ttl,
    };
    let keys = state.master_keys.clone();
    let recipients = checked.recipients;
    let sealed = state
        .work
        .run_on(caller.account_id, &body.bytes, move || {
            seal(recipients, caller, &keys)
        })
        .await??;
    let operation = NewOperation {
        id: checked.id,
        account_id: caller.account_id,
        deadline_at: deadline.after(checked.starts_at),
        message: checked.message,
        sender: checked.from,
        request: key.as_ref().map(|key| key.accepted(&answer)),
        senders: checked.user_senders,
        tags: checked.tags,
        callback_url: checked.callback_url,
        send_at: checked.send_at,
        guard: checked.guard,
        pace: checked.pace,
        recipients: sealed,
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

/// How many recipients a send counts as, against the rate limit of its account.
async fn counted_recipients(
    state: &State,
    caller: Caller,
    send: &CheckedSend,
) -> Result<usize, ApiError> {
    let most = state.rate_limits.most_recipients();
    let (Some(audience), Some(most)) = (&send.audience, most) else {
        return Ok(send.recipients.len());
    };

    let app_name = send.user_senders.app_name.as_deref().unwrap_or_default();
    let tags = audience.tags.as_ref();
    // One more than is allowed is enough to know that it is too many.
    let count_to = i64::from(most.get()) + 1;

    let counting = async |connection: &mut PgConnection| {
        account_counts::audience(connection, caller.account_id, app_name, tags, count_to).await
    };
    let pool = state.pool.limited_to(AUDIENCE_COUNT_TIMEOUT);
    let began = Instant::now();
    match pool.within(counting).await {
        Ok(count) => Ok(usize::try_from(count).unwrap_or_default()),
        Err(_) if began.elapsed() >= AUDIENCE_COUNT_TIMEOUT => Ok(most.get() as usize),
        Err(error) => Err(error.into()),
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
