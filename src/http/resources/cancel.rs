//! `POST /PushNotifications/Operations/{id}/Cancel` and `/PushNotifications/{id}/Cancel`: an
//! extension.
//!
//! Settled notifications stay as they are. One in flight gets the outcome of its request.

use std::time::Duration;

use actix_web::{HttpRequest, HttpResponse, rt, web};
use serde::Serialize;
use serde_json::{Value, json};
use sqlx::PgConnection;
use utoipa::ToSchema;

use crate::http::State;
use crate::http::accepted::{Accepted, AcceptedOperation};
use crate::http::audit;
use crate::http::auth::Caller;
use crate::http::body::JsonBody;
use crate::http::error::ApiError;
use crate::http::idempotency::{IdempotencyKeyParam, Once};
use crate::http::no_body::NoBody;
use crate::http::openapi::{CancelRequest, ChangeErrors, CreateErrors};
use crate::http::path;
use crate::http::tags;
use crate::http::validation::{Problems, parse_body};
use crate::model::id::{OperationId, PushNotificationId};
use crate::store::cancel::{self, TagFilter};
use crate::store::{operation_read, push_notifications};

/// How long the cancel of an Operation may take: it may have millions of notifications.
const OPERATION_LIMIT: Duration = Duration::from_secs(120);

/// Cancels an Operation's notifications that are not settled (extension).
#[utoipa::path(
    post,
    path = "/v1/PushNotifications/Operations/{id}/Cancel",
    operation_id = "cancelOperation",
    tag = "Operations",
    params(
        ("id" = OperationId, Path),
        IdempotencyKeyParam,
    ),
    responses((status = 202, description = "Notifications that are not settled are being canceled", body = AcceptedOperation), ChangeErrors),
)]
pub(crate) async fn operation(
    request: HttpRequest,
    state: web::Data<State>,
    NoBody { caller }: NoBody,
    id: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    let id = path::id::<OperationId>(&id)?;
    // The Operation must be the caller's: the cancel itself uses the id alone.
    let oldest = state.oldest_readable_id();
    if !operation_read::exists(&state.pool, caller.account_id, id, oldest).await? {
        return Err(ApiError::not_found());
    }

    let cancel = async move {
        let once = Once {
            request: &request,
            state: &state,
            caller,
            body: b"",
            limit: OPERATION_LIMIT,
        };
        once.run(async |connection| {
            // The error ends the transaction: nothing is stored under the Idempotency-Key, and no
            // event is recorded.
            if !cancel::operation(connection, id).await? {
                return Err(ApiError::conflict(
                    "Every notification of this Operation is settled already",
                ));
            }

            Ok(Accepted::operation(&request, &state, id))
        })
        .await
    };

    // In a task of its own: it goes on when the client does not wait for the answer.
    rt::spawn(cancel)
        .await
        .unwrap_or_else(|error| Err(ApiError::internal(format_args!("a cancel failed: {error}"))))
}

/// Operations that one request cancels at most.
const MAX_OPERATIONS: i64 = 1_000;

/// The Operations that a request has canceled.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct CanceledOperations {
    /// The oldest first.
    operations: Vec<OperationId>,
    /// Whether there may be more: repeat the request.
    has_more: bool,
}

/// Cancels the unsettled notifications of all Operations that have these tags, up to 1,000
/// Operations (extension).
#[utoipa::path(
    post,
    path = "/v1/PushNotifications/Operations/Cancel",
    operation_id = "cancelOperations",
    tag = "Operations",
    request_body = CancelRequest,
    responses((status = 202, description = "The Operations that were canceled", body = CanceledOperations), CreateErrors),
)]
pub(crate) async fn with_tags(
    request: HttpRequest,
    state: web::Data<State>,
    body: JsonBody,
) -> Result<HttpResponse, ApiError> {
    let caller = body.caller;
    let tags = wanted_tags(&body.bytes)?;

    // In a task of its own: it goes on when the client does not wait for the answer.
    let canceling = async move { cancel_all(&request, &state, caller, &tags).await };
    rt::spawn(canceling)
        .await
        .unwrap_or_else(|error| Err(ApiError::internal(format_args!("a cancel failed: {error}"))))
}

/// The tags of a body that has nothing else. Without any, it would cancel everything.
fn wanted_tags(body: &[u8]) -> Result<Value, ApiError> {
    let mut problems = Problems::default();
    let mut body = parse_body(body)?;

    let tags = body
        .require("tags", "an object with at least one tag", &mut problems)
        .then(|| tags::read(&mut body, &mut problems))
        .flatten();
    if tags.as_ref().is_some_and(|tags| *tags == json!({})) {
        problems.push(&body.at("tags"), "must have at least one tag");
    }
    body.refuse_unknown(&mut problems);

    problems.check_some(tags)
}

async fn cancel_all(
    request: &HttpRequest,
    state: &State,
    caller: Caller,
    tags: &Value,
) -> Result<HttpResponse, ApiError> {
    let filter = TagFilter {
        account_id: caller.account_id,
        tags,
        oldest: state.oldest_readable_id(),
        limit: MAX_OPERATIONS,
    };
    let found = cancel::unsettled_with_tags(&state.pool, &filter).await?;
    // The statement reads no more than this, so others may be left. The next request may find none.
    let has_more = found.len() as i64 == MAX_OPERATIONS;

    // One after the other, so that no transaction locks the batches of many.
    let pool = state.pool.limited_to(OPERATION_LIMIT);
    let mut operations = Vec::with_capacity(found.len());
    for id in found {
        // An error ends the request, and the Operations before it stay canceled. A repeat of the
        // request cancels the rest.
        let is_canceled = pool
            .transaction(async |connection: &mut PgConnection| {
                let is_canceled = cancel::operation(&mut *connection, id).await?;
                if is_canceled {
                    audit::record(connection, request, caller, Some(&id.to_string())).await?;
                }

                Ok::<_, ApiError>(is_canceled)
            })
            .await?;
        // Since it was found, another request or delivery may have settled the rest of it.
        if is_canceled {
            operations.push(id);
        }
    }

    Ok(HttpResponse::Accepted().json(CanceledOperations {
        operations,
        has_more,
    }))
}

/// Cancels one notification (extension).
#[utoipa::path(
    post,
    path = "/v1/PushNotifications/{id}/Cancel",
    operation_id = "cancelPushNotification",
    tag = "PushNotifications",
    params(
        ("id" = PushNotificationId, Path),
        IdempotencyKeyParam,
    ),
    responses((status = 202, description = "The notification is being canceled, unless it is settled", body = AcceptedOperation), ChangeErrors),
)]
pub(crate) async fn push_notification(
    request: HttpRequest,
    state: web::Data<State>,
    NoBody { caller }: NoBody,
    id: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    let id = path::id::<PushNotificationId>(&id)?;
    let oldest = state.oldest_readable_id();
    // The notification must be the caller's: the cancel itself uses the key alone.
    let found = push_notifications::fetch(&state.pool, caller.account_id, id, oldest)
        .await?
        .ok_or_else(ApiError::not_found)?;
    let operation_id = found.notification.operation_id;
    let position = found.notification.position;

    Once::new(&request, &state, caller, b"")
        .run(async |connection| {
            if !cancel::push_notification(connection, operation_id, position).await? {
                return Err(ApiError::conflict("This notification is settled already"));
            }

            Ok(Accepted::operation(&request, &state, operation_id))
        })
        .await
}
