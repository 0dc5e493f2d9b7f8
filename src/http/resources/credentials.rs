//! `/PushNotifications/Credentials`: create, list, fetch, make default, delete. A Credential's content
//! is write-only: no answer contains it.

use actix_web::{HttpRequest, HttpResponse, web};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::http::State;
use crate::http::accepted::{Accepted, AcceptedResource};
use crate::http::app_name;
use crate::http::auth::Caller;
use crate::http::body::JsonBody;
use crate::http::date::Date;
use crate::http::error::ApiError;
use crate::http::idempotency::{self, IdempotencyKeyParam};
use crate::http::openapi::{
    ChangeErrors, CreateErrors, CredentialRequest, DefaultRequest, ReadErrors,
};
use crate::http::pagination::{Page, PageParams, Pagination};
use crate::http::path;
use crate::http::query::{DateParams, Query};
use crate::http::validation::{Object, Problems, parse_body};
use crate::model::id::CredentialId;
use crate::model::provider::CredentialType;
use crate::provider;
use crate::store::credentials::{self as store, CredentialFilter, InsertError, NewCredential};

const TYPES: [CredentialType; 3] = [
    CredentialType::Apn,
    CredentialType::ApnSandbox,
    CredentialType::Fcm,
];

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

/// Stores a Credential. The first one of an App creates the App.
#[utoipa::path(
    post,
    path = "/v1/PushNotifications/Credentials",
    operation_id = "createCredential",
    tag = "Credentials",
    params(IdempotencyKeyParam),
    request_body = CredentialRequest,
    responses((status = 202, description = "Stored: `resourceId` is the id of the Credential", body = AcceptedResource), CreateErrors),
)]
pub(crate) async fn create(
    request: HttpRequest,
    state: web::Data<State>,
    body: JsonBody,
) -> Result<HttpResponse, ApiError> {
    let fields = CredentialFields::read(&body.bytes, &state)?;
    let id = CredentialId::generate();
    // The seal includes the id, so a content can't be moved to another Credential.
    let sealed = state
        .master_keys
        .seal(id.as_uuid(), fields.content.to_string().as_bytes())
        .map_err(|error| {
            tracing::error!(%error, "a Credential can't be sealed with the master key");
            ApiError::unavailable()
        })?;
    let new = NewCredential {
        id,
        account_id: body.caller.account_id,
        app_name: &fields.app_name,
        credential_type: fields.credential_type,
        is_default: fields.is_default,
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
                .map_err(insert_error)?;
            Ok(Accepted::resource(&request, &state, "Credentials", id))
        },
    )
    .await
}

/// The fields of a Credential that is created.
struct CredentialFields {
    credential_type: CredentialType,
    app_name: String,
    is_default: bool,
    content: Value,
}

impl CredentialFields {
    fn read(body: &[u8], state: &State) -> Result<Self, ApiError> {
        let mut problems = Problems::default();
        let mut fields = parse_body(body)?;

        let credential_type = read_type(&mut fields, &mut problems);
        let app_name = app_name::read_required(&mut fields, &mut problems);
        let is_default = fields.boolean("isDefault", &mut problems).unwrap_or(false);
        let content = fields
            .require("content", "an object", &mut problems)
            .then(|| fields.take("content"))
            .flatten();

        // What the content must be depends on the type.
        if let (Some(content), Some(credential_type)) = (&content, credential_type) {
            check_content(content, credential_type, state, &mut problems);
        }
        fields.refuse_unknown(&mut problems);

        let required = credential_type.zip(app_name).zip(content);
        let ((credential_type, app_name), content) = problems.check_some(required)?;
        Ok(Self {
            credential_type,
            app_name,
            is_default,
            content,
        })
    }
}

fn read_type(fields: &mut Object<'_>, problems: &mut Problems) -> Option<CredentialType> {
    let types = TYPES.map(|credential_type| (credential_type.as_str(), credential_type));

    fields.required_one_of("credentialType", &types, problems)
}

fn check_content(
    content: &Value,
    credential_type: CredentialType,
    state: &State,
    problems: &mut Problems,
) {
    let token_uris = &state.endpoints.fcm_token_uris;
    let Err(found) = provider::Credential::parse(credential_type, content, token_uris) else {
        return;
    };

    for problem in found {
        let field = if problem.field.is_empty() {
            "content".to_owned()
        } else {
            format!("content.{}", problem.field)
        };
        problems.push_at(field, problem.message);
    }
}

fn insert_error(error: InsertError) -> ApiError {
    match error {
        InsertError::TooManyApps | InsertError::TooManyCredentials => {
            ApiError::invalid_field("appName", error.to_string())
        }
        InsertError::Database(error) => error.into(),
    }
}

/// Credentials, newest first.
#[utoipa::path(
    get,
    path = "/v1/PushNotifications/Credentials",
    operation_id = "listCredentials",
    tag = "Credentials",
    params(
        ("appName" = Option<String>, Query, pattern = "^[a-z0-9_]{1,64}$"),
        ("credentialType" = Option<CredentialType>, Query),
        ("isDefault" = Option<bool>, Query),
        DateParams,
        PageParams,
    ),
    responses((status = 200, description = "A page of Credentials", body = CredentialList), ReadErrors),
)]
pub(crate) async fn list(
    request: HttpRequest,
    state: web::Data<State>,
    caller: Caller,
) -> Result<HttpResponse, ApiError> {
    let mut query = Query::of(&request)?;
    let app_name = query.app_name();
    let credential_type = query.one_of("credentialType", &TYPES, CredentialType::as_str);
    let is_default = query.boolean("isDefault");
    let from = query.start_date();
    let until = query.end_date();

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
    operation_id = "fetchCredential",
    tag = "Credentials",
    params(("id" = CredentialId, Path)),
    responses((status = 200, description = "The Credential", body = Credential), ReadErrors),
)]
pub(crate) async fn fetch(
    state: web::Data<State>,
    caller: Caller,
    id: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    let credential = store::fetch(&state.pool, caller.account_id, path::id(&id)?)
        .await?
        .ok_or_else(ApiError::not_found)?;

    Ok(HttpResponse::Ok().json(Credential::from(credential)))
}

/// Makes a Credential the default of its App and type.
#[utoipa::path(
    patch,
    path = "/v1/PushNotifications/Credentials/{id}",
    operation_id = "updateCredential",
    tag = "Credentials",
    params(("id" = CredentialId, Path)),
    request_body = DefaultRequest,
    responses((status = 202, description = "Changed", body = AcceptedResource), CreateErrors),
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
            "must be true; to replace a default Credential, make another one the default",
        );
    }
    fields.refuse_unknown(&mut problems);
    problems.check()?;

    if store::make_default(&state.pool, body.caller.account_id, id).await? {
        Ok(Accepted::resource(&request, &state, "Credentials", id).respond())
    } else {
        Err(ApiError::not_found())
    }
}

/// Deletes a Credential. Notifications queued with it fail.
#[utoipa::path(
    delete,
    path = "/v1/PushNotifications/Credentials/{id}",
    operation_id = "deleteCredential",
    tag = "Credentials",
    params(("id" = CredentialId, Path)),
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
