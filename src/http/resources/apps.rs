//! `/PushNotifications/Apps`: list, fetch, make default. An App is created with its first Credential.

use actix_web::{HttpRequest, HttpResponse, web};
use serde::Serialize;
use utoipa::ToSchema;

use crate::http::State;
use crate::http::accepted::{Accepted, AcceptedResource};
use crate::http::audit;
use crate::http::auth::Caller;
use crate::http::body::JsonBody;
use crate::http::date::Date;
use crate::http::error::ApiError;
use crate::http::openapi::{CreateErrors, DefaultRequest, ReadErrors};
use crate::http::pagination::{Page, PageParams, Pagination};
use crate::http::path;
use crate::http::query::{DateParams, Query};
use crate::http::validation::{Problems, parse_body};
use crate::model::id::CredentialId;
use crate::model::provider::CredentialType;
use crate::store::apps::{self as store, AppFilter};

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct App {
    name: String,
    is_default: bool,
    default_credentials: Vec<DefaultCredential>,
    created_at: Date,
    updated_at: Date,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct DefaultCredential {
    id: CredentialId,
    credential_type: CredentialType,
}

#[derive(Serialize, ToSchema)]
struct AppList {
    apps: Vec<App>,
    pagination: Pagination,
}

impl From<store::App> for App {
    fn from(app: store::App) -> Self {
        let credentials = app.default_credentials.0.iter();
        let default_credentials = credentials
            .map(|credential| DefaultCredential {
                id: credential.id(),
                credential_type: credential.credential_type,
            })
            .collect();

        Self {
            name: app.name,
            is_default: app.is_default,
            default_credentials,
            created_at: Date(app.created_at),
            updated_at: Date(app.updated_at),
        }
    }
}

/// Apps, by name.
#[utoipa::path(
    get,
    path = "/v1/PushNotifications/Apps",
    operation_id = "listApps",
    tag = "Apps",
    params(
        ("isDefault" = Option<bool>, Query),
        DateParams,
        PageParams,
    ),
    responses((status = 200, description = "A page of Apps", body = AppList), ReadErrors),
)]
pub(crate) async fn list(
    request: HttpRequest,
    state: web::Data<State>,
    caller: Caller,
) -> Result<HttpResponse, ApiError> {
    let mut query = Query::of(&request)?;
    let is_default = query.boolean("isDefault");
    let from = query.start_of("startDate");
    let until = query.end_of("endDate");

    let page = Page::of(caller, "apps", &mut query, &state.master_keys);
    query.check()?;

    let filter = AppFilter {
        name: None,
        is_default,
        from,
        until,
        after: page.after(),
        limit: page.limit(),
    };
    let turn = state.list_turns.next(caller.account_id).await?;
    let mut apps = store::list(turn.pool, caller.account_id, &filter).await?;
    drop(turn);

    let pagination = page.cut(&mut apps, &state.master_keys, |app| app.name.clone());

    Ok(HttpResponse::Ok().json(AppList {
        apps: apps.into_iter().map(App::from).collect(),
        pagination,
    }))
}

/// Makes an App the default: a send without `from` uses its Credentials.
///
/// The form of the answer is an extension.
#[utoipa::path(
    patch,
    path = "/v1/PushNotifications/Apps/{name}",
    operation_id = "updateApp",
    tag = "Apps",
    params(("name" = String, Path, pattern = "^[a-z0-9_]{1,64}$")),
    request_body = DefaultRequest,
    responses((status = 202, description = "Changed", body = AcceptedResource), CreateErrors),
)]
pub(crate) async fn update(
    request: HttpRequest,
    state: web::Data<State>,
    body: JsonBody,
    name: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    let name = path::name(name)?;

    let mut problems = Problems::default();
    let mut fields = parse_body(&body.bytes)?;
    // A value of another type is a problem already, and this message would be the second one for
    // it.
    if fields.boolean("isDefault", &mut problems) != Some(true) && problems.is_empty() {
        let message = "must be true; to replace the default App, make another one the default";
        problems.push(&fields.at("isDefault"), message);
    }
    fields.refuse_unknown(&mut problems);
    problems.check()?;

    audit::recorded(&request, &state, body.caller, async |connection| {
        // Without a row nothing has changed. The error ends the transaction, so no event is
        // recorded.
        if !store::make_default(connection, body.caller.account_id, &name).await? {
            return Err(ApiError::not_found());
        }
        Ok(Accepted::resource(&request, &state, "Apps", &name).respond())
    })
    .await
}

/// One App.
#[utoipa::path(
    get,
    path = "/v1/PushNotifications/Apps/{name}",
    operation_id = "fetchApp",
    tag = "Apps",
    params(("name" = String, Path, pattern = "^[a-z0-9_]{1,64}$")),
    responses((status = 200, description = "The App", body = App), ReadErrors),
)]
pub(crate) async fn fetch(
    state: web::Data<State>,
    caller: Caller,
    name: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    let name = path::name(name)?;
    let filter = AppFilter {
        name: Some(&name),
        limit: 1,
        ..AppFilter::default()
    };

    let app = store::list(&state.pool, caller.account_id, &filter)
        .await?
        .pop()
        .ok_or_else(ApiError::not_found)?;

    Ok(HttpResponse::Ok().json(App::from(app)))
}
