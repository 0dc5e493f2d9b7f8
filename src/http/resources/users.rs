//! `/PushNotifications/Users`: list, fetch, change, delete. A User is created by a device registration
//! that names none.

use std::time::Duration;

use actix_web::{HttpRequest, HttpResponse, web};
use serde::Serialize;
use serde_json::{Map, Value};
use sqlx::PgConnection;
use utoipa::ToSchema;

use crate::http::State;
use crate::http::accepted::{Accepted, AcceptedResource};
use crate::http::audit;
use crate::http::auth::Caller;
use crate::http::body::JsonBody;
use crate::http::date::Date;
use crate::http::error::ApiError;
use crate::http::openapi::{ChangeErrors, CreateErrors, ReadErrors, UserRequest};
use crate::http::pagination::{Page, PageParams, Pagination};
use crate::http::path;
use crate::http::query::{ExternalIdParam, Query};
use crate::http::user_profile::{self, Null};
use crate::http::validation::{Problems, parse_body};
use crate::model::id::UserId;
use crate::store::user_erasure::{self, Erasure, Progress};
use crate::store::user_profiles::{self as profiles, ProfileError};
use crate::store::users::{self as store, UserFilter};

/// How long a request erases records. What is left is erased in the background.
const ERASE_AT_ONCE: Duration = Duration::from_secs(5);

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct User {
    id: UserId,
    /// The account's own id of the User (extension); `null`: it has none.
    external_id: Option<String>,
    /// A language tag, as BCP 47 describes (extension).
    language: Option<String>,
    /// The name of a time zone in the IANA database (extension).
    timezone: Option<String>,
    /// The values for templates that a recipient of a send does not give (extension).
    variables: Map<String, Value>,
    /// Whether the User gets nothing (extension).
    opted_out: bool,
    /// The tags of Operations that the User does not get (extension).
    opted_out_tags: Vec<String>,
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
            external_id: user.external_id,
            language: user.language,
            timezone: user.timezone,
            variables: match user.variables {
                Some(Value::Object(variables)) => variables,
                _ => Map::new(),
            },
            opted_out: user.opted_out,
            opted_out_tags: user.opted_out_tags,
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
    params(
        ExternalIdParam,
        PageParams,
    ),
    responses((status = 200, description = "A page of Users", body = UserList), ReadErrors),
)]
pub(crate) async fn list(
    request: HttpRequest,
    state: web::Data<State>,
    caller: Caller,
) -> Result<HttpResponse, ApiError> {
    let mut query = Query::of(&request)?;
    let external_id = query.external_id();
    let page = Page::of(caller, "users", &mut query, &state.master_keys);
    query.check()?;

    let filter = UserFilter {
        external_id: external_id.as_deref(),
        after: page.after().and_then(|id| id.parse().ok()),
        limit: page.limit(),
    };
    let turn = state.list_turns.next(caller.account_id).await?;
    let mut users = store::list(turn.pool, caller.account_id, &filter).await?;
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

/// Changes the profile of a User (extension). An absent field stays as it is; `null` clears it.
#[utoipa::path(
    put,
    path = "/v1/PushNotifications/Users/{id}",
    operation_id = "updateUser",
    tag = "Users",
    params(("id" = UserId, Path)),
    request_body = UserRequest,
    responses((status = 202, description = "Changed: `resourceId` is the id of the User", body = AcceptedResource), CreateErrors),
)]
pub(crate) async fn update(
    request: HttpRequest,
    state: web::Data<State>,
    body: JsonBody,
    id: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    let id = path::id::<UserId>(&id)?;

    let mut problems = Problems::default();
    let mut fields = parse_body(&body.bytes)?;
    let change = user_profile::read(&mut fields, Null::Clears, &mut problems);
    fields.refuse_unknown(&mut problems);
    problems.check()?;

    let account_id = body.caller.account_id;
    audit::recorded(&request, &state, body.caller, async |connection| {
        profiles::update(connection, account_id, id, &change)
            .await
            .map_err(profile_error)?;
        Ok(Accepted::resource(&request, &state, "Users", id).respond())
    })
    .await
}

fn profile_error(error: ProfileError) -> ApiError {
    match error {
        ProfileError::NoUser => ApiError::not_found(),
        ProfileError::ExternalIdTaken(owner) => external_id_taken(owner),
        ProfileError::Database(error) => error.into(),
    }
}

/// 409: another User of the account has the external id.
pub(super) fn external_id_taken(owner: UserId) -> ApiError {
    ApiError::conflict(format!(
        "externalId: the User {owner} already has this id. Give that User another id first"
    ))
}

/// Deletes a User with its devices. Notifications queued for it become unaddressable.
///
/// With `records=true`, the User is also erased from records.
#[utoipa::path(
    delete,
    path = "/v1/PushNotifications/Users/{id}",
    operation_id = "deleteUser",
    tag = "Users",
    params(
        ("id" = UserId, Path),
        ("records" = Option<bool>, Query, description = "Also erases the User from records (extension)"),
    ),
    responses(
        (status = 204, description = "Deleted"),
        (status = 202, description = "Deleted. The rest of its records is erased in the background"),
        ChangeErrors,
    ),
)]
pub(crate) async fn delete(
    request: HttpRequest,
    state: web::Data<State>,
    caller: Caller,
    id: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    let mut query = Query::of(&request)?;
    let erases = query.boolean("records").unwrap_or(false);
    query.check()?;
    let id = path::id(&id)?;
    if erases {
        // First: an erasure takes many steps, and one that is interrupted erases too.
        audit::note(&request, &state, caller).await?;
        return erase(&state, caller, id).await;
    }

    audit::recorded(&request, &state, caller, async |connection| {
        if !store::delete(connection, caller.account_id, id).await? {
            return Err(ApiError::not_found());
        }
        Ok(HttpResponse::NoContent().finish())
    })
    .await
}

/// Deletes a User and erases it from records: at once if that takes no longer than [`ERASE_AT_ONCE`].
async fn erase(state: &State, caller: Caller, id: UserId) -> Result<HttpResponse, ApiError> {
    let erasure: sqlx::Result<Option<Erasure>> = state
        .pool
        .transaction(async |connection: &mut PgConnection| {
            user_erasure::begin(connection, caller.account_id, id).await
        })
        .await;
    let erasure = erasure?.ok_or_else(ApiError::not_found)?;

    // The erasure is committed by now: what this request does not finish, any process continues.
    match user_erasure::run(&state.pool, &erasure, ERASE_AT_ONCE).await? {
        Progress::Done => Ok(HttpResponse::NoContent().finish()),
        Progress::Pending => Ok(HttpResponse::Accepted().finish()),
    }
}
