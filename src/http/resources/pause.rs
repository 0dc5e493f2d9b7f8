//! `POST /PushNotifications/Operations/{id}/Pause` and `…/Resume`: an extension.
//!
//! Nothing is sent of a paused Operation but what is in flight at that moment, which gets the outcome
//! of its request.

use std::time::Duration;

use actix_web::{HttpRequest, HttpResponse, rt, web};
use sqlx::PgConnection;

use crate::http::State;
use crate::http::accepted::{Accepted, AcceptedOperation};
use crate::http::auth::Caller;
use crate::http::error::ApiError;
use crate::http::idempotency::{IdempotencyKeyParam, Once};
use crate::http::no_body::NoBody;
use crate::http::openapi::ChangeErrors;
use crate::http::path;
use crate::model::id::OperationId;
use crate::store::pause::{self, PauseReason};
use crate::store::{operation_read, releases};

/// How long a change of an Operation may take: it may have many batches.
const LIMIT: Duration = Duration::from_secs(60);

#[derive(Clone, Copy)]
enum Change {
    Pause(OperationId),
    Resume(OperationId),
}

/// Stops sending an Operation until it is resumed (extension).
#[utoipa::path(
    post,
    path = "/v1/PushNotifications/Operations/{id}/Pause",
    operation_id = "pauseOperation",
    tag = "Operations",
    params(
        ("id" = OperationId, Path),
        IdempotencyKeyParam,
    ),
    responses((status = 202, description = "The Operation is paused; requests in flight end", body = AcceptedOperation), ChangeErrors),
)]
pub(crate) async fn pause(
    request: HttpRequest,
    state: web::Data<State>,
    NoBody { caller }: NoBody,
    id: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    change(request, state, caller, Change::Pause(path::id(&id)?)).await
}

/// Continues sending a paused Operation (extension).
#[utoipa::path(
    post,
    path = "/v1/PushNotifications/Operations/{id}/Resume",
    operation_id = "resumeOperation",
    tag = "Operations",
    params(
        ("id" = OperationId, Path),
        IdempotencyKeyParam,
    ),
    responses((status = 202, description = "The rest of the Operation is sent", body = AcceptedOperation), ChangeErrors),
)]
pub(crate) async fn resume(
    request: HttpRequest,
    state: web::Data<State>,
    NoBody { caller }: NoBody,
    id: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    change(request, state, caller, Change::Resume(path::id(&id)?)).await
}

async fn change(
    request: HttpRequest,
    state: web::Data<State>,
    caller: Caller,
    change: Change,
) -> Result<HttpResponse, ApiError> {
    let (Change::Pause(id) | Change::Resume(id)) = change;

    // The Operation must be the caller's: the change itself uses the id alone.
    let oldest = state.oldest_readable_id();
    if !operation_read::exists(&state.pool, caller.account_id, id, oldest).await? {
        return Err(ApiError::not_found());
    }

    let changing = async move {
        let once = Once {
            request: &request,
            state: &state,
            caller,
            body: b"",
            limit: LIMIT,
        };
        once.run(async |connection| {
            make(connection, change).await?;
            Ok(Accepted::operation(&request, &state, id))
        })
        .await
    };

    // In a task of its own: it goes on when the client does not wait for the answer.
    rt::spawn(changing)
        .await
        .unwrap_or_else(|error| Err(ApiError::internal(format_args!("a change failed: {error}"))))
}

async fn make(connection: &mut PgConnection, change: Change) -> Result<(), ApiError> {
    let is_done = match change {
        Change::Pause(id) => {
            // Such a process knows no pause and would go on sending.
            if releases::older_is_connected(&mut *connection).await? {
                return Err(ApiError::conflict(
                    "A process of an older release, which can't pause, is running. Retry once it has ended",
                ));
            }
            pause::pause(connection, id, PauseReason::Requested).await?
        }
        Change::Resume(id) => pause::resume(connection, id).await?,
    };

    if is_done {
        Ok(())
    } else {
        Err(ApiError::conflict(
            "Every notification of this Operation is settled already",
        ))
    }
}
