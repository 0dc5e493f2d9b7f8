//! `/PushNotifications/Credentials`: create, list, fetch, make default, delete. The content goes in
//! and never comes out.

use actix_web::{HttpRequest, HttpResponse, web};
use serde::Serialize;
use utoipa::ToSchema;

use crate::http::State;
use crate::http::accepted::{Accepted, AcceptedResource};
use crate::http::app_name;
use crate::http::auth::Caller;
use crate::http::body::JsonBody;
use crate::http::date::Date;
use crate::http::error::ApiError;
use crate::http::idempotency;
use crate::http::openapi::{
    ChangeErrors, CreateErrors, CredentialRequest, DefaultRequest, ReadErrors,
};
use crate::http::pagination::{Page, Pagination};
use crate::http::path;
use crate::http::query::Query;
use crate::http::validation::{Problems, parse_body};
use crate::model::id::CredentialId;
use crate::model::provider::CredentialType;
use crate::provider::{self};
use crate::store::credentials::{self as store, CredentialFilter, InsertError, NewCredential};

const TYPES: [(&str, CredentialType); 3] = [
    ("APN", CredentialType::Apn),
    ("APN_SANDBOX", CredentialType::ApnSandbox),
    ("FCM", CredentialType::Fcm),
];

/// The resource.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Credential {
    id: CredentialId,
    credential_type: CredentialType,
    is_default: bool,
    app_name: String,
    created_at: Date,
    updated_at: Date,
}

#[derive(Serialize, ToSchema)]
struct CredentialList {
    credentials: Vec<Credential>,
    pagination: Pagination,
}

impl From<store::Credential> for Credential {
    fn from(credential: store::Credential) -> Self {
        Self {
            id: credential.id,
            credential_type: credential.credential_type,
            is_default: credential.is_default,
            app_name: credential.app_name,
            created_at: Date(credential.created_at),
            updated_at: Date(credential.updated_at),
        }
    }
}

/// Stores a Credential; its App comes to be with its first one.
#[utoipa::path(
    post,
    path = "/v1/PushNotifications/Credentials",
    tag = "Credentials",
    params(
        ("Idempotency-Key" = Option<String>, Header, min_length = 1, max_length = 255, description = "Ours. A repeat under the same key gets the first answer for 24 hours"),
    ),
    request_body = CredentialRequest,
    responses((status = 202, body = AcceptedResource), CreateErrors),
)]
pub(crate) async fn create(
    request: HttpRequest,
    state: web::Data<State>,
    body: JsonBody,
) -> Result<HttpResponse, ApiError> {
    let mut problems = Problems::default();
    let mut fields = parse_body(&body.bytes)?;
    if !fields.has("credentialType") {
        problems.push(
            &fields.at("credentialType"),
            "is required: FCM, APN or APN_SANDBOX",
        );
    }
    let credential_type = fields.word("credentialType", &TYPES, &mut problems);
    let app_name = app_name::read_required(&mut fields, &mut problems);
    let is_default = fields.boolean("isDefault", &mut problems).unwrap_or(false);
    let content = fields.take("content");
    if content.is_none() {
        problems.push(&fields.at("content"), "is required");
    }
    if let Some((content, credential_type)) = content.as_ref().zip(credential_type)
        && let Err(found) =
            provider::Credential::parse(credential_type, content, &state.endpoints.fcm_token_uris)
    {
        for problem in found {
            let field = if problem.field.is_empty() {
                "content".into()
            } else {
                format!("content.{}", problem.field)
            };
            problems.push_at(field, problem.message);
        }
    }
    fields.finish(&mut problems);
    problems.check()?;
    let (Some(credential_type), Some(app_name), Some(content)) =
        (credential_type, app_name, content)
    else {
        return Err(ApiError::invalid(Vec::new()));
    };

    let id = CredentialId::generate();
    let sealed = state
        .master_keys
        .seal(id.as_uuid(), content.to_string().as_bytes())
        .map_err(|error| {
            tracing::error!(%error, "a Credential can't be sealed");
            ApiError::unavailable()
        })?;
    let account_id = body.caller.account_id;
    let new = NewCredential {
        id,
        account_id,
        app_name: &app_name,
        credential_type,
        is_default,
        content: &sealed,
    };
    idempotency::once(
        &request,
        &state,
        body.caller,
        &body.bytes,
        async |connection| {
            store::insert(connection, &new)
                .await
                .map_err(|error| match error {
                    InsertError::TooManyApps | InsertError::TooManyCredentials => {
                        ApiError::invalid_field("appName", format!("can't take another: {error}"))
                    }
                    InsertError::Database(error) => error.into(),
                })?;
            Ok(Accepted::resource(&request, &state, "Credentials", id))
        },
    )
    .await
}

/// Credentials, newest first.
#[utoipa::path(
    get,
    path = "/v1/PushNotifications/Credentials",
    tag = "Credentials",
    params(
        ("appName" = Option<String>, Query, pattern = "^[a-z0-9_]{1,64}$"),
        ("credentialType" = Option<CredentialType>, Query),
        ("isDefault" = Option<bool>, Query),
        ("startDate" = Option<String>, Query, description = "Created no earlier: 2024-04-20 or 2024-04-20T14:45:00Z"),
        ("endDate" = Option<String>, Query, description = "Created no later; a day counts whole"),
        ("pageSize" = Option<u16>, Query, minimum = 1, maximum = 1000, description = "Records of a page; 50 if absent"),
        ("pageToken" = Option<String>, Query, description = "`pagination.next` of the page before"),
    ),
    responses((status = 200, body = CredentialList), ReadErrors),
)]
pub(crate) async fn list(
    request: HttpRequest,
    state: web::Data<State>,
    caller: Caller,
) -> Result<HttpResponse, ApiError> {
    let mut query = Query::of(&request)?;
    let app_name = query.app_name();
    let credential_type = query.filter("credentialType", "FCM, APN or APN_SANDBOX", |text| {
        TYPES
            .iter()
            .find(|(name, _)| *name == text)
            .map(|(_, credential_type)| *credential_type)
    });
    let is_default = query.boolean("isDefault");
    let (from, until) = (query.start_date(), query.end_date());
    let page = Page::of(caller, "credentials", &mut query, &state.master_keys);
    query.check()?;
    let filter = CredentialFilter {
        app_name: app_name.as_deref(),
        credential_type,
        is_default,
        from,
        until,
        after: page.after().and_then(|id| id.parse().ok()),
        limit: page.limit(),
    };
    let mut credentials = store::list(&state.pool, caller.account_id, &filter).await?;
    let pagination = page.cut(&mut credentials, &state.master_keys, |credential| {
        credential.id.to_string()
    });
    let credentials = credentials.into_iter().map(Credential::from).collect();
    Ok(HttpResponse::Ok().json(CredentialList {
        credentials,
        pagination,
    }))
}

/// One Credential.
#[utoipa::path(
    get,
    path = "/v1/PushNotifications/Credentials/{id}",
    tag = "Credentials",
    params(
        ("id" = CredentialId, Path),
    ),
    responses((status = 200, body = Credential), ReadErrors),
)]
pub(crate) async fn fetch(
    state: web::Data<State>,
    caller: Caller,
    id: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    let credential = store::fetch(&state.pool, caller.account_id, path::id(&id)?).await?;
    Ok(HttpResponse::Ok().json(Credential::from(
        credential.ok_or_else(ApiError::not_found)?,
    )))
}

/// Makes a Credential its App's default for its type.
#[utoipa::path(
    patch,
    path = "/v1/PushNotifications/Credentials/{id}",
    tag = "Credentials",
    params(
        ("id" = CredentialId, Path),
    ),
    request_body = DefaultRequest,
    responses((status = 202, body = AcceptedResource), CreateErrors),
)]
pub(crate) async fn update(
    request: HttpRequest,
    state: web::Data<State>,
    id: web::Path<String>,
    body: JsonBody,
) -> Result<HttpResponse, ApiError> {
    let id = path::id(&id)?;
    let mut problems = Problems::default();
    let mut fields = parse_body(&body.bytes)?;
    if fields.boolean("isDefault", &mut problems) != Some(true) && problems.is_empty() {
        problems.push(
            &fields.at("isDefault"),
            "must be true; to take the place of a default, make another one the default",
        );
    }
    fields.finish(&mut problems);
    problems.check()?;
    if store::make_default(&state.pool, body.caller.account_id, id).await? {
        Ok(Accepted::resource(&request, &state, "Credentials", id).respond())
    } else {
        Err(ApiError::not_found())
    }
}

/// Deletes a Credential. What is queued with it fails.
#[utoipa::path(
    delete,
    path = "/v1/PushNotifications/Credentials/{id}",
    tag = "Credentials",
    params(
        ("id" = CredentialId, Path),
    ),
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
