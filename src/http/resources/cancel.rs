//! `POST /PushNotifications/Operations/{id}/Cancel` and `/PushNotifications/{id}/Cancel`: an
//! extension.
//!
//! Settled notifications stay as they are. One in flight gets the outcome of its request.

use std::time::Duration;

use actix_web::{HttpRequest, HttpResponse, rt, web};

use crate::http::State;
use crate::http::accepted::{Accepted, AcceptedOperation};
use crate::http::auth::Caller;
use crate::http::error::ApiError;
use crate::http::idempotency::{self, IdempotencyKeyParam, Once};
use crate::http::openapi::ChangeErrors;
use crate::http::path;
use crate::model::id::{OperationId, PushNotificationId};
use crate::store::{cancel, operation_read, push_notifications};

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
    caller: Caller,
    id: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    let id = path::id::<OperationId>(&id)?;
    // The Operation must be the caller's: the cancel itself looks at the id alone.
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
    caller: Caller,
    id: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    let id = path::id::<PushNotificationId>(&id)?;
    let oldest = state.oldest_readable_id();
    let found = push_notifications::fetch(&state.pool, caller.account_id, id, oldest)
        .await?
        .ok_or_else(ApiError::not_found)?;
    let operation_id = found.notification.operation_id;
    let position = found.notification.position;

    idempotency::once(&request, &state, caller, b"", async |connection| {
        if !cancel::push_notification(connection, operation_id, position).await? {
            return Err(ApiError::conflict("This notification is settled already"));
        }

        Ok(Accepted::operation(&request, &state, operation_id))
    })
    .await
}
