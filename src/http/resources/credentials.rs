//! `/PushNotifications/Credentials`: create, list, fetch, test, make default, delete. A Credential's content
//! is write-only: no answer contains it.

use std::collections::HashMap;

use actix_web::{HttpRequest, HttpResponse, web};
use serde::Serialize;
use time::OffsetDateTime;
use utoipa::ToSchema;
use zeroize::Zeroizing;

use crate::crypto::erase;
use crate::http::State;
use crate::http::accepted::{Accepted, AcceptedResource};
use crate::http::audit;
use crate::http::auth::Caller;
use crate::http::body::JsonBody;
use crate::http::date::Date;
use crate::http::error::ApiError;
use crate::http::idempotency::{IdempotencyKeyParam, Once};
use crate::http::no_body::NoBody;
use crate::http::openapi::{
    ChangeErrors, CreateErrors, CredentialRequest, DefaultRequest, ReadErrors,
};
use crate::http::pagination::{Page, PageParams, Pagination};
use crate::http::path;
use crate::http::query::{DateParams, Query};
use crate::http::resources::credential_fields::{CredentialFields, TYPES};
use crate::http::validation::{Problems, parse_body};
use crate::model::credential_state::{
    CredentialCheck, CredentialDetails, CredentialReport, CredentialStatus,
};
use crate::model::id::CredentialId;
use crate::model::provider::CredentialType;
use crate::model::sealed::ContentOwner;
use crate::provider::{self, Client};
use crate::store::credential_checks;
use crate::store::credentials::{self as store, CredentialFilter, InsertError, NewCredential};
use crate::store::senders;

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Credential {
    id: CredentialId,
    credential_type: CredentialType,
    is_default: bool,
    app_name: String,
    /// Public facts of its content (extension).
    details: CredentialDetails,
    /// When its certificate ends; null: it has none (extension).
    certificate_expires_at: Option<Date>,
    /// How it does (extension).
    status: CredentialStatus,
    /// What its provider said when it was used last without success (extension).
    last_error: Option<String>,
    /// When that was (extension).
    last_error_at: Option<Date>,
    /// When it was used last, give or take a minute (extension).
    last_used_at: Option<Date>,
    created_at: Date,
    /// When its content or `isDefault` changed.
    updated_at: Date,
}

/// The result of a test.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct CredentialTest {
    status: CredentialStatus,
    /// What the provider says; null: it takes the Credential.
    error: Option<String>,
    tested_at: Date,
}

#[derive(Serialize, ToSchema)]
struct CredentialList {
    credentials: Vec<Credential>,
    pagination: Pagination,
}

impl Credential {
    /// `read` has the facts of a Credential that was stored without them.
    fn new(credential: store::Credential, read: Option<Facts>) -> Self {
        let stored = credential
            .details
            .and_then(|details| serde_json::from_value(details).ok())
            .map(|details| Facts {
                details,
                expires_at: credential.expires_at,
            });
        // No facts of either kind: no master key opens the content, or this release does not know
        // its form.
        let is_unreadable = stored.is_none() && read.is_none();
        let facts = stored.or(read).unwrap_or_default();

        let status = if is_unreadable {
            CredentialStatus::Unreadable
        } else {
            let now = OffsetDateTime::now_utc();
            CredentialStatus::of(credential.state.as_deref(), facts.expires_at, now)
        };

        Self {
            id: credential.id,
            credential_type: credential.credential_type,
            is_default: credential.is_default,
            app_name: credential.app_name,
            details: facts.details,
            certificate_expires_at: facts.expires_at.map(Date),
            status,
            last_error: credential.last_error,
            last_error_at: credential.last_error_at.map(Date),
            last_used_at: credential.last_used_at.map(Date),
            created_at: Date(credential.created_at),
            updated_at: Date(credential.updated_at),
        }
    }
}

/// What a content says about itself.
#[derive(Default)]
struct Facts {
    details: CredentialDetails,
    expires_at: Option<OffsetDateTime>,
}

/// Reads the facts of those of `credentials` that were stored without them, by an older release.
async fn read_facts(
    state: &State,
    credentials: &[store::Credential],
) -> Result<HashMap<CredentialId, Facts>, ApiError> {
    let without: Vec<CredentialId> = credentials
        .iter()
        .filter(|credential| credential.details.is_none())
        .map(|credential| credential.id)
        .collect();
    if without.is_empty() {
        return Ok(HashMap::new());
    }

    // Read from the content, which an older release has stored without its facts.
    let stored = senders::by_ids(&state.pool, &without).await?;
    let facts = stored.iter().filter_map(|stored| {
        let credential =
            provider::Credential::open(stored, &state.master_keys, &state.endpoints).ok()?;
        let facts = Facts {
            details: credential.details(),
            expires_at: credential.expires_at(),
        };
        Some((stored.id, facts))
    });
    Ok(facts.collect())
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

    // Before the content is sealed, because the seal names the id.
    let id = CredentialId::generate();
    let owner = ContentOwner {
        account_id: body.caller.account_id,
        app_name: &fields.app_name,
        credential_type: fields.credential_type,
        id,
    };

    let content = fields.credential.content();
    let sealed = state
        .master_keys
        .seal_content(&owner, Zeroizing::new(content.to_string()).as_bytes())
        .map_err(|error| {
            tracing::error!(%error, "a Credential can't be sealed with the master key");
            ApiError::unavailable()
        })?;

    // Its strings are secrets, and are overwritten before the memory is given back.
    erase(content);

    let details = serde_json::to_value(fields.credential.details())
        .map_err(|error| ApiError::internal(format_args!("facts of a Credential: {error}")))?;

    // The last check, because it waits for the provider.
    if fields.verify {
        verify(&fields, &state).await?;
    }

    let new = NewCredential {
        id,
        account_id: body.caller.account_id,
        app_name: &fields.app_name,
        credential_type: fields.credential_type,
        is_default: fields.is_default,
        content: &sealed,
        details: Some(details),
        expires_at: fields.credential.expires_at(),
    };

    Once::new(&request, &state, body.caller, &body.bytes)
        .run(async |connection| {
            store::insert(connection, &new)
                .await
                .map_err(insert_error)?;
            Ok(Accepted::resource(&request, &state, "Credentials", id))
        })
        .await
}

/// Tries a Credential with its provider before it is stored.
async fn verify(fields: &CredentialFields, state: &State) -> Result<(), ApiError> {
    let client = Client::new(&fields.credential, fields.credential_type, &state.endpoints)
        .map_err(|error| ApiError::invalid_field("content", error.to_string()))?;

    match client.test().await {
        CredentialCheck::Working => Ok(()),
        CredentialCheck::Refused(reason) => Err(ApiError::invalid_field(
            "content",
            format!("the provider refuses it, so it was not stored: {reason}"),
        )),
        // A 400 and not a 503: without `verify`, the same request succeeds.
        CredentialCheck::Unreachable(reason) | CredentialCheck::Unreadable(reason) => {
            Err(ApiError::invalid_field(
                "verify",
                format!(
                    "the provider can't be asked now, so it was not stored: {reason}; try again, or leave verify out"
                ),
            ))
        }
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
    let from = query.start_of("startDate");
    let until = query.end_of("endDate");

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

    let turn = state.list_turns.next(caller.account_id).await?;
    let mut credentials = store::list(turn.pool, caller.account_id, &filter).await?;
    drop(turn);

    let pagination = page.cut(&mut credentials, &state.master_keys, |credential| {
        credential.id.to_string()
    });

    // After the turn, so that lists of the account do not wait while contents are opened.
    let mut facts = read_facts(&state, &credentials).await?;
    let credentials = credentials
        .into_iter()
        .map(|credential| {
            let facts = facts.remove(&credential.id);
            Credential::new(credential, facts)
        })
        .collect();
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

    let facts = read_facts(&state, std::slice::from_ref(&credential)).await?;
    let facts = facts.into_values().next();
    Ok(HttpResponse::Ok().json(Credential::new(credential, facts)))
}

/// Tests a Credential with its provider, without delivering anything (extension).
#[utoipa::path(
    post,
    path = "/v1/PushNotifications/Credentials/{id}/Test",
    tag = "Credentials",
    operation_id = "testCredential",
    params(("id" = CredentialId, Path)),
    responses((status = 200, description = "The result of the test", body = CredentialTest), ChangeErrors),
)]
pub(crate) async fn test(
    state: web::Data<State>,
    NoBody { caller }: NoBody,
    id: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    let id: CredentialId = path::id(&id)?;
    let stored = senders::by_ids(&state.pool, &[id]).await?;
    let stored = stored
        .into_iter()
        // `by_ids` finds the Credentials of all accounts, because delivery uses it too.
        .find(|stored| stored.account_id == caller.account_id)
        .ok_or_else(ApiError::not_found)?;

    let check = match Client::for_stored(&stored, &state.master_keys, &state.endpoints) {
        Ok(client) => client.test().await,
        Err(reason) => CredentialCheck::Unreadable(reason.to_owned()),
    };
    let report = CredentialReport {
        id,
        at: OffsetDateTime::now_utc(),
        check,
    };
    // As a use in delivery is noted: lists show the result, and webhooks hear of a change.
    credential_checks::note_checks(&state.pool, std::slice::from_ref(&report)).await?;

    Ok(HttpResponse::Ok().json(CredentialTest {
        status: CredentialStatus::of(Some(report.check.as_str()), None, report.at),
        error: report.check.error().map(str::to_owned),
        tested_at: Date(report.at),
    }))
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
    // A value of another type is a problem already, and this message would be the second one for
    // it.
    if fields.boolean("isDefault", &mut problems) != Some(true) && problems.is_empty() {
        problems.push(
            &fields.at("isDefault"),
            "must be true; to replace a default Credential, make another one the default",
        );
    }
    fields.refuse_unknown(&mut problems);
    problems.check()?;

    audit::recorded(&request, &state, body.caller, async |connection| {
        if !store::make_default(connection, body.caller.account_id, id).await? {
            return Err(ApiError::not_found());
        }
        Ok(Accepted::resource(&request, &state, "Credentials", id).respond())
    })
    .await
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
    request: HttpRequest,
    state: web::Data<State>,
    caller: Caller,
    id: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    let id = path::id(&id)?;

    audit::recorded(&request, &state, caller, async |connection| {
        if !store::delete(connection, caller.account_id, id).await? {
            return Err(ApiError::not_found());
        }
        Ok(HttpResponse::NoContent().finish())
    })
    .await
}
