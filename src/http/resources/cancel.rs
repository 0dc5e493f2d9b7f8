//! `POST /PushNotifications/Operations/{id}/Cancel` and `/PushNotifications/{id}/Cancel`: ours.
//!
//! What is settled stays as it is, and what is in flight becomes what its provider makes of it.

use actix_web::{HttpRequest, HttpResponse, web};

use crate::http::State;
use crate::http::accepted::{Accepted, AcceptedOperation};
use crate::http::auth::Caller;
use crate::http::error::ApiError;
use crate::http::idempotency;
use crate::http::openapi::ChangeErrors;
use crate::http::path;
use crate::model::id::{OperationId, PushNotificationId};
use crate::store::{cancel, operation_read, push_notifications};

/// Ours. Cancels what is unsettled of an Operation.
#[utoipa::path(
    post,
    path = "/v1/PushNotifications/Operations/{id}/Cancel",
    tag = "Operations",
    params(
        ("id" = OperationId, Path),
        ("Idempotency-Key" = Option<String>, Header, min_length = 1, max_length = 255, description = "Ours. A repeat under the same key gets the first answer for 24 hours"),
    ),
    responses((status = 202, body = AcceptedOperation), ChangeErrors),
)]
pub(crate) async fn operation(
    request: HttpRequest,
    state: web::Data<State>,
    caller: Caller,
    id: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    let id = path::id::<OperationId>(&id)?;
    let found = operation_read::fetch(&state.pool, caller.account_id, id, state.oldest()).await?;
    found.ok_or_else(ApiError::not_found)?;
    idempotency::once(&request, &state, caller, b"", async |connection| {
        if !cancel::operation(connection, id).await? {
            return Err(ApiError::conflict(
                "Nothing of the Operation is left to cancel",
            ));
        }
        Ok(Accepted::operation(&request, &state, id))
    })
    .await
}

/// Ours. Cancels one notification.
#[utoipa::path(
    post,
    path = "/v1/PushNotifications/{id}/Cancel",
    tag = "PushNotifications",
    params(
        ("id" = PushNotificationId, Path),
        ("Idempotency-Key" = Option<String>, Header, min_length = 1, max_length = 255, description = "Ours. A repeat under the same key gets the first answer for 24 hours"),
    ),
    responses((status = 202, body = AcceptedOperation), ChangeErrors),
)]
pub(crate) async fn push_notification(
    request: HttpRequest,
    state: web::Data<State>,
    caller: Caller,
    id: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    let id = path::id::<PushNotificationId>(&id)?;
    let found =
        push_notifications::fetch(&state.pool, caller.account_id, id, state.oldest()).await?;
    let notification = found.ok_or_else(ApiError::not_found)?.notification;
    let (operation_id, position) = (notification.operation_id, notification.position);
    idempotency::once(&request, &state, caller, b"", async |connection| {
        if !cancel::push_notification(connection, operation_id, position).await? {
            return Err(ApiError::conflict(
                "The notification is settled: nothing is left to cancel",
            ));
        }
        Ok(Accepted::operation(&request, &state, operation_id))
    })
    .await
}
