//! `POST /PushNotifications`: reads and checks the whole request, stores it, then answers.

use actix_web::{HttpRequest, HttpResponse, web};

mod body;
mod checked;
mod content;
mod deadline;
mod dry_run;
#[cfg(feature = "fuzzing")]
pub(crate) mod fuzz;
mod guard;
mod localized;
mod pace;
pub(super) mod preview;
mod schedule;
mod sender;
mod timing;
mod validate_only;

use crate::crypto::{MasterKeys, SecretError};
use crate::http::State;
use crate::http::accepted::{Accepted, AcceptedOperation};
use crate::http::auth::Caller;
use crate::http::body::JsonBody;
use crate::http::error::ApiError;
use crate::http::idempotency::{IdempotencyKey, IdempotencyKeyParam};
use crate::http::openapi::{CreateErrors, SendRequest};
use crate::http::rate_limit::Recipients;
use crate::http::resources::audiences;
use crate::ingest::group_commit::AcceptError;
use crate::model::local_time::Plan;
use crate::model::operation::{IdempotentRequest, NewOperation, NewRecipient};
use crate::model::recipient;
use crate::store::audience_count::AudienceCount;
use crate::store::releases;
pub(super) use body::MAX_RECIPIENTS;
use checked::{CheckedRecipient, CheckedSend, CheckedTo};
pub(super) use content::{
    MAX_BADGE, MAX_COLLAPSE_KEY, MAX_LOCALIZATIONS, MAX_TTL, TemplateTexts, holds_nul,
    is_without_content, template_texts,
};
use deadline::Deadline;
pub(super) use deadline::MAX_DEADLINE;
pub(super) use guard::{MAX_AFTER, MAX_PERCENT};
pub(super) use localized::template_problems;
pub(super) use pace::{Plan as PacePlan, read as read_pace};
pub(super) use schedule::{MAX_AHEAD, ScheduleBounds, longest_ahead, send_at};
use timing::Timing;
use validate_only::Validation;

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
        && let Some(response) = Box::pin(key.replay(&state.pool)).await?
    {
        return Ok(response);
    }

    let checked = CheckedSend::check(&state, &body).await?;
    if checked.audience.is_some() {
        Box::pin(check_audience(&state, caller, &checked)).await?;
    }
    if checked.validate_only {
        return Box::pin(validate_only::validate(&state, caller, checked)).await;
    }

    // Planned first, because a plan may be refused, and after the checks: a request that is refused does not
    // count.
    let timing = Timing::of(&state, caller, &checked).await?;
    check_limits(&request, &state, caller, &checked).await?;

    // The id is known before anything is stored, so the answer can be stored with the Operation.
    let answer = Accepted::operation(&request, &state, checked.id);
    let repeatable = key.as_ref().map(|key| key.accepted(&answer));
    let planned = Planned {
        send: checked,
        timing,
        request: repeatable,
    };
    let operation = to_store(&state, &body, planned).await?;

    match (state.group_commit.submit(operation).await, key) {
        // Another request with the same key was stored between the replay above and now.
        (Err(AcceptError::Repeated), Some(key)) => Box::pin(key.replay(&state.pool))
            .await?
            // The key has expired since, so the client may use it again.
            .ok_or_else(ApiError::unavailable),
        (result, _) => Ok(result.map(|()| answer.respond())?),
    }
}

/// A send that is accepted.
struct Planned {
    send: Box<CheckedSend>,
    timing: Timing,
    /// What a repeat under the same Idempotency-Key is answered from.
    request: Option<IdempotentRequest>,
}

/// The Operation of a send, with encrypted tokens.
async fn to_store(
    state: &State,
    body: &JsonBody,
    planned: Planned,
) -> Result<Box<NewOperation>, ApiError> {
    let caller = body.caller;
    let Planned {
        send,
        timing,
        request,
    } = planned;

    let deadline = Deadline {
        asked: send.deadline,
        default: state.settings.deadline,
        ttl: send.message.ttl,
    };
    // A deadline counts from the planned time, so that a send for next week does not expire today.
    let starts_at = timing.send_at.unwrap_or_else(|| send.id.created_at());

    // On the pool if the body is large: it may have 10,000 tokens to encrypt, and other requests
    // share this thread.
    let keys = state.master_keys.clone();
    let recipients = send.recipients;
    let plans = timing.plans;
    let sealed = state
        .work
        .run_on(caller.account_id, &body.bytes, move || {
            seal(recipients, &plans, caller, &keys)
        })
        .await??;

    Ok(Box::new(NewOperation {
        id: send.id,
        account_id: caller.account_id,
        deadline_at: deadline.after(starts_at),
        message: send.message,
        sender: send.from,
        request,
        senders: send.user_senders,
        tags: send.tags,
        callback_url: send.callback_url,
        send_at: timing.send_at,
        local_schedule: timing.local,
        guard: send.guard,
        pace: send.pace,
        recipients: sealed,
        audience: send.audience,
    }))
}

/// Refuses a send with more recipients than the account's limits allow.
async fn check_limits(
    request: &HttpRequest,
    state: &State,
    caller: Caller,
    send: &CheckedSend,
) -> Result<(), ApiError> {
    let count = match send.audience {
        Some(_) => Box::pin(counted_users(state, caller, send)).await?,
        None => send.recipients.len(),
    };

    state
        .account_limits
        .check_queued(caller.account_id, count)
        .await?;
    // Last, because what is counted is not given back.
    let recipients = Recipients {
        count,
        field: "to",
        advice: "split the request, or narrow the audience by tags",
    };
    state
        .rate_limits
        .check_recipients(request, caller.account_id, &recipients)
}

/// The figures of an audience. Counting stops at a limit of time, and then nothing is known.
async fn count_audience(
    state: &State,
    caller: Caller,
    send: &CheckedSend,
) -> Result<Option<AudienceCount>, ApiError> {
    let Some(audience) = &send.audience else {
        return Ok(None);
    };
    let app_name = send.user_senders.app_name.as_deref().unwrap_or_default();

    audiences::count(state, caller.account_id, app_name, audience).await
}

/// Refuses an audience that is certainly larger than its `max`. One that may be is counted by the
/// fan-out before anything is sent.
async fn check_audience(state: &State, caller: Caller, send: &CheckedSend) -> Result<(), ApiError> {
    let Some(audience) = send.audience.as_ref() else {
        return Ok(());
    };
    // Such a process may fan the audience out, and would send to Users whom the conditions leave
    // out.
    if !audience.is_by_tags_alone() && releases::older_is_connected(&state.pool).await? {
        return Err(ApiError::conflict(
            "A process of an older release, which supports only tags in audiences, is running. \
             Retry once it has ended",
        ));
    }

    let Some(max) = audience.max else {
        return Ok(());
    };
    match count_audience(state, caller, send).await? {
        Some(count) if count.least_users() > u64::from(max) => Err(ApiError::invalid_field(
            "to[0].audience.max",
            too_many_users(&count, max),
        )),
        _ => Ok(()),
    }
}

fn too_many_users(count: &AudienceCount, max: u32) -> String {
    let about = if count.error.is_some() { "about " } else { "" };

    format!(
        "the audience has {about}{} Users, more than its max of {max}; nothing is sent. Raise max, or \
         narrow the audience",
        count.users
    )
}

/// How many recipients a send to an audience counts as, against the rate limit of its account.
async fn counted_users(
    state: &State,
    caller: Caller,
    send: &CheckedSend,
) -> Result<usize, ApiError> {
    let Some(most) = state.rate_limits.most_recipients() else {
        return Ok(send.recipients.len());
    };
    let most = most.get() as usize;

    // One more than is allowed is enough to know that it is too many. An audience that takes too long to
    // count counts as all that a minute allows.
    let count = count_audience(state, caller, send).await?;
    Ok(count.map_or(most, |count| {
        usize::try_from(count.users)
            .unwrap_or(usize::MAX)
            .min(most + 1)
    }))
}

/// The recipients as they are stored, with encrypted tokens. `plans`: when each of them is sent to;
/// empty: all at the same time.
fn seal(
    recipients: Vec<CheckedRecipient>,
    plans: &[Plan],
    caller: Caller,
    keys: &MasterKeys,
) -> Result<Vec<NewRecipient>, SecretError> {
    let account_id = caller.account_id.as_uuid();

    let seal = |(
        index,
        CheckedRecipient {
            to,
            variables,
            badge,
        },
    ): (usize, CheckedRecipient)| {
        let recipient = match to {
            CheckedTo::User(user) => recipient::Recipient::User(user),
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
            plan: plans.get(index).copied(),
        })
    };

    recipients.into_iter().enumerate().map(seal).collect()
}
