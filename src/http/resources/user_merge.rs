//! `POST /PushNotifications/Users/{id}/Merge`, an extension: makes one User of two.

use actix_web::{HttpRequest, HttpResponse, web};

use crate::http::State;
use crate::http::accepted::{Accepted, AcceptedResource};
use crate::http::body::JsonBody;
use crate::http::error::ApiError;
use crate::http::idempotency::{IdempotencyKeyParam, Once};
use crate::http::openapi::{CreateErrors, MergeRequest};
use crate::http::path;
use crate::http::validation::{Problems, parse_body};
use crate::model::id::UserId;
use crate::store::user_merge::{self as store, MergeError};

/// Merges a User into another, the target (extension). The target gets its devices, and those
/// fields of its profile that the target lacks. The target's id finds the records of both. A repeat
/// changes nothing.
#[utoipa::path(
    post,
    path = "/v1/PushNotifications/Users/{id}/Merge",
    operation_id = "mergeUser",
    tag = "Users",
    params(("id" = UserId, Path), IdempotencyKeyParam),
    request_body = MergeRequest,
    responses((status = 202, description = "Merged: `resourceId` is the id of the User that is left", body = AcceptedResource), CreateErrors),
)]
pub(crate) async fn merge(
    request: HttpRequest,
    state: web::Data<State>,
    body: JsonBody,
    id: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    let id = path::id::<UserId>(&id)?;

    let mut problems = Problems::default();
    let mut fields = parse_body(&body.bytes)?;
    let into = fields
        .require("into", "the id of a User", &mut problems)
        .then(|| fields.id::<UserId>("into", &mut problems))
        .flatten();
    if into == Some(id) {
        problems.push(
            &fields.at("into"),
            "must be a different User from the one that is merged",
        );
    }
    fields.refuse_unknown(&mut problems);
    let into = problems.check_some(into)?;

    let account_id = body.caller.account_id;
    Once::new(&request, &state, body.caller, &body.bytes)
        .run(async |connection| {
            let left = store::merge(connection, account_id, id, into).await;
            let left = left.map_err(merge_error)?;
            Ok(Accepted::resource(&request, &state, "Users", left))
        })
        .await
}

fn merge_error(error: MergeError) -> ApiError {
    match error {
        MergeError::NoUser => ApiError::not_found(),
        MergeError::NoTarget => ApiError::invalid_field("into", "no User has this id"),
        MergeError::TooManyDevices { .. } => {
            ApiError::conflict(format!("{error}. Remove devices of one of them first"))
        }
        MergeError::Database(error) => error.into(),
    }
}
