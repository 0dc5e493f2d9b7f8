//! `GET /PushNotifications/ErrorTotals` and `/Operations/{id}/ErrorTotals`, extensions: how many
//! notifications failed with each code.

use actix_web::{HttpRequest, HttpResponse, web};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::http::State;
use crate::http::auth::Caller;
use crate::http::error::ApiError;
use crate::http::openapi::ReadErrors;
use crate::http::path;
use crate::http::query::{DateParams, Query};
use crate::model::id::OperationId;
use crate::store::error_totals::{self, ErrorTotal};
use crate::store::operation_read;

/// How many notifications failed, by code. The most frequent code comes first.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct ErrorTotals {
    error_totals: Vec<CodeTotal>,
    /// Whether all were counted. If not, the newest Operations were: ask for a shorter time.
    is_complete: bool,
}

#[derive(Serialize, ToSchema)]
struct CodeTotal {
    /// The provider's code, or Bellwire's if the notifications failed without an attempt.
    code: String,
    count: i64,
}

impl From<ErrorTotal> for CodeTotal {
    fn from(total: ErrorTotal) -> Self {
        Self {
            code: total.code,
            count: total.count,
        }
    }
}

/// How many of an account's notifications failed with each code (extension).
#[utoipa::path(
    get,
    path = "/v1/PushNotifications/ErrorTotals",
    operation_id = "fetchErrorTotals",
    tag = "PushNotifications",
    params(DateParams),
    responses((status = 200, description = "The totals", body = ErrorTotals), ReadErrors),
)]
pub(crate) async fn fetch(
    request: HttpRequest,
    state: web::Data<State>,
    caller: Caller,
) -> Result<HttpResponse, ApiError> {
    let mut query = Query::of(&request)?;
    let (from, until) = state.id_range(&mut query);
    query.check()?;

    respond(&state, caller, from, until.unwrap_or(Uuid::max())).await
}

/// How many of an Operation's notifications failed with each code (extension).
#[utoipa::path(
    get,
    path = "/v1/PushNotifications/Operations/{id}/ErrorTotals",
    operation_id = "fetchOperationErrorTotals",
    tag = "Operations",
    params(("id" = OperationId, Path)),
    responses((status = 200, description = "The totals", body = ErrorTotals), ReadErrors),
)]
pub(crate) async fn fetch_of_operation(
    request: HttpRequest,
    state: web::Data<State>,
    caller: Caller,
    id: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    let id = path::id::<OperationId>(&id)?;
    Query::of(&request)?.check()?;

    let oldest = state.oldest_readable_id();
    // Without this, an id of another account would be answered as an Operation without errors.
    if !operation_read::exists(&state.pool, caller.account_id, id, oldest).await? {
        return Err(ApiError::not_found());
    }

    let from = id.as_uuid();
    // A range of one id: those of other Operations differ in their upper bits.
    let until = Uuid::from_u128(from.as_u128().saturating_add(1));
    respond(&state, caller, from, until).await
}

async fn respond(
    state: &State,
    caller: Caller,
    from: Uuid,
    until: Uuid,
) -> Result<HttpResponse, ApiError> {
    let turn = state.list_turns.next(caller.account_id).await?;
    let found = error_totals::fetch(turn.pool, caller.account_id, from, until).await?;
    drop(turn);

    Ok(HttpResponse::Ok().json(ErrorTotals {
        error_totals: found.totals.into_iter().map(CodeTotal::from).collect(),
        is_complete: found.is_complete,
    }))
}
