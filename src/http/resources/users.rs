//! `/PushNotifications/Users`: list, fetch, delete. A User is created by a device registration that
//! names no User.

use actix_web::{HttpRequest, HttpResponse, web};
use serde::Serialize;
use utoipa::ToSchema;

use crate::http::State;
use crate::http::auth::Caller;
use crate::http::date::Date;
use crate::http::error::ApiError;
use crate::http::openapi::{ChangeErrors, ReadErrors};
use crate::http::pagination::{Page, PageParams, Pagination};
use crate::http::path;
use crate::http::query::Query;
use crate::model::id::UserId;
use crate::store::users as store;

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct User {
    id: UserId,
    created_at: Date,
    updated_at: Date,
    /// Always `null`: a deleted User is gone.
    deleted_at: Option<Date>,
}

#[derive(Serialize, ToSchema)]
struct UserList {
    users: Vec<User>,
    pagination: Pagination,
}

impl From<store::User> for User {
    fn from(user: store::User) -> Self {
        Self {
            id: user.id,
            created_at: Date(user.created_at),
            updated_at: Date(user.updated_at),
            deleted_at: None,
        }
    }
}

/// Users, newest first.
#[utoipa::path(
    get,
    path = "/v1/PushNotifications/Users",
    operation_id = "listUsers",
    tag = "Users",
    params(PageParams),
    responses((status = 200, description = "A page of Users", body = UserList), ReadErrors),
)]
pub(crate) async fn list(
    request: HttpRequest,
    state: web::Data<State>,
    caller: Caller,
) -> Result<HttpResponse, ApiError> {
    let mut query = Query::of(&request)?;
    let page = Page::of(caller, "users", &mut query, &state.master_keys);
    query.check()?;

    let after = page.after().and_then(|id| id.parse().ok());
    let turn = state.list_turns.next(caller.account_id).await?;
    let mut users = store::list(turn.pool, caller.account_id, after, page.limit()).await?;
    drop(turn);
    let pagination = page.cut(&mut users, &state.master_keys, |user| user.id.to_string());

    Ok(HttpResponse::Ok().json(UserList {
        users: users.into_iter().map(User::from).collect(),
        pagination,
    }))
}

/// One User.
#[utoipa::path(
    get,
    path = "/v1/PushNotifications/Users/{id}",
    operation_id = "fetchUser",
    tag = "Users",
    params(("id" = UserId, Path)),
    responses((status = 200, description = "The User", body = User), ReadErrors),
)]
pub(crate) async fn fetch(
    state: web::Data<State>,
    caller: Caller,
    id: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    let user = store::fetch(&state.pool, caller.account_id, path::id(&id)?)
        .await?
        .ok_or_else(ApiError::not_found)?;

    Ok(HttpResponse::Ok().json(User::from(user)))
}

/// Deletes a User with its devices. Notifications queued for it become unaddressable.
#[utoipa::path(
    delete,
    path = "/v1/PushNotifications/Users/{id}",
    operation_id = "deleteUser",
    tag = "Users",
    params(("id" = UserId, Path)),
    responses((status = 204, description = "Deleted"), ChangeErrors),
)]
pub(crate) async fn delete(
    state: web::Data<State>,
    caller: Caller,
    id: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    if store::delete(&state.pool, caller.account_id, path::id(&id)?).await? {
        Ok(HttpResponse::NoContent().finish())
    } else {
        Err(ApiError::not_found())
    }
}
