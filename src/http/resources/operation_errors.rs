//! `GET /PushNotifications/Operations/{id}/Errors`, an extension: which of an Operation's
//! notifications failed, and why.

use actix_web::{HttpRequest, HttpResponse, web};
use serde::Serialize;
use utoipa::ToSchema;

use crate::crypto::MasterKeys;
use crate::http::State;
use crate::http::auth::Caller;
use crate::http::date::Date;
use crate::http::error::ApiError;
use crate::http::openapi::ReadErrors;
use crate::http::pagination::{Page, PageParams, Pagination};
use crate::http::path;
use crate::http::query::{ExternalIdParam, Query};
use crate::http::resources::push_notifications::{Recipient, user_ids};
use crate::model::id::{OperationId, PushNotificationId, UserId};
use crate::provider;
use crate::store::bounded_scan::ScanPage;
use crate::store::external_ids;
use crate::store::failed_notifications::{self, FailedNotification, FailedNotificationFilter};
use crate::store::operation_failure::{self, OperationFailure};

/// The place of a page token before all positions, which are counted from 0.
const BEFORE_FIRST: i32 = -1;

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct OperationError {
    /// The provider's code, or Bellwire's if the notification failed without an attempt.
    code: String,
    message: Option<String>,
    /// `null`, as `position` and `to` are: the error is that of the Operation, which does not reach all of
    /// its audience.
    push_notification_id: Option<PushNotificationId>,
    /// The recipient's index in `to` of the request, from 0.
    position: Option<i32>,
    to: Option<Recipient>,
    attempts: i16,
    created_at: Date,
}

#[derive(Serialize, ToSchema)]
struct OperationErrorList {
    errors: Vec<OperationError>,
    pagination: Pagination,
}

impl From<OperationFailure> for OperationError {
    fn from(failure: OperationFailure) -> Self {
        Self {
            code: failure.code,
            message: failure.message,
            push_notification_id: None,
            position: None,
            to: None,
            attempts: 0,
            created_at: Date(failure.at),
        }
    }
}

impl OperationError {
    fn new(error: FailedNotification, caller: Caller, keys: &MasterKeys) -> Self {
        Self {
            push_notification_id: Some(error.id()),
            to: Some(Recipient::new(&error.recipient, caller, keys)),
            code: error.code,
            message: error.message,
            position: Some(error.position),
            attempts: error.attempts,
            created_at: Date(error.failed_at),
        }
    }
}

/// An Operation's errors, in the order of its request (extension).
#[utoipa::path(
    get,
    path = "/v1/PushNotifications/Operations/{id}/Errors",
    operation_id = "listOperationErrors",
    tag = "Operations",
    params(
        ("id" = OperationId, Path),
        ("code" = Option<String>, Query, description = "Only errors with this code; letter case matters only if two providers have codes that differ in nothing else"),
        ("pushNotificationId" = Option<PushNotificationId>, Query),
        ("user" = Option<UserId>, Query),
        ("userId" = Option<UserId>, Query, description = "The same as `user` (extension)"),
        ExternalIdParam,
        PageParams,
    ),
    responses((status = 200, description = "A page of errors", body = OperationErrorList), ReadErrors),
)]
pub(crate) async fn list(
    request: HttpRequest,
    state: web::Data<State>,
    caller: Caller,
    id: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    let id = path::id::<OperationId>(&id)?;

    let mut query = Query::of(&request)?;
    let code = query.filter("code", "an error's code", |text| Some(text.to_owned()));
    let push_notification_id =
        query.id::<PushNotificationId>("pushNotificationId", PushNotificationId::PREFIX);
    let user = query.recipient();
    let list = format!("errors {id}");
    let page = Page::of(caller, &list, &mut query, &state.master_keys);
    query.check()?;

    let oldest = state.oldest_readable_id();
    // Also the check that the Operation is the caller's: an unknown one is a 404 and not an empty
    // list.
    let of_operation = operation_failure::fetch(&state.pool, caller.account_id, id, oldest)
        .await?
        .ok_or_else(ApiError::not_found)?
        // It comes first, and is of no recipient.
        .filter(|failure| {
            page.after().is_none()
                && user.is_none()
                && push_notification_id.is_none()
                && code
                    .as_ref()
                    .is_none_or(|code| failure.code.eq_ignore_ascii_case(code))
        });

    // It takes a place on the first page, and the whole page if that has one record.
    let limit = page.size() - usize::from(of_operation.is_some());
    let user_ids = user_ids(&state, caller, user.as_ref()).await?;
    let filter = FailedNotificationFilter {
        operation_id: id,
        code: code.as_deref(),
        // Letter case counts only where two codes of providers differ in nothing else.
        is_code_exact: code.as_deref().is_some_and(provider::differs_by_case),
        user_ids: user_ids.as_deref(),
        push_notification_id,
        after: page.after().and_then(|position| position.parse().ok()),
        limit,
    };
    let found = if limit > 0 {
        failed(&state, caller, &filter).await?
    } else {
        ScanPage {
            records: Vec::new(),
            next: Some(BEFORE_FIRST),
        }
    };

    let next = found.next.map(|position| position.to_string());
    let pagination = page.pagination(next, &state.master_keys);
    let of_notifications = found
        .records
        .into_iter()
        .map(|error| OperationError::new(error, caller, &state.master_keys));
    let errors = of_operation
        .map(OperationError::from)
        .into_iter()
        .chain(of_notifications)
        .collect();

    Ok(HttpResponse::Ok().json(OperationErrorList { errors, pagination }))
}

/// A page of the notifications that failed, and where the next one begins.
async fn failed(
    state: &State,
    caller: Caller,
    filter: &FailedNotificationFilter<'_>,
) -> Result<ScanPage<FailedNotification, i32>, ApiError> {
    let turn = state.list_turns.next(caller.account_id).await?;
    let mut found = failed_notifications::list(turn.pool, caller.account_id, filter).await?;

    let recipients = found.records.iter_mut().map(|failed| &mut failed.recipient);
    external_ids::add(turn.pool, caller.account_id, recipients).await?;

    Ok(found)
}
