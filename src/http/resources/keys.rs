//! `/PushNotifications/Keys` (extension): the API keys of the caller's account, for keys with the role
//! FULL. A secret is shown once, in the answer that creates its key.

use std::time::Duration;

use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, web};
use serde::Serialize;
use sqlx::PgConnection;
use time::OffsetDateTime;
use utoipa::ToSchema;

use crate::crypto::{generate_api_key, generate_api_secret, hash_api_secret};
use crate::http::State;
use crate::http::audit::{self, Recorded};
use crate::http::auth::{Caller, CallerKey};
use crate::http::date::{self, Date};
use crate::http::error::ApiError;
use crate::http::openapi::{ChangeErrors, CreateErrors, KeyRequest, ReadErrors, RotateRequest};
use crate::http::optional_body::OptionalJsonBody;
use crate::http::pagination::{Page, PageParams, Pagination};
use crate::http::query::Query;
use crate::http::validation::{Object, Problems, parse_body, quoted_string};
use crate::store::api_keys::{self as store, CreateError, NewApiKey, Role};

/// Characters of a name and of a note.
pub(crate) const MAX_NAME: usize = 64;
pub(crate) const MAX_NOTE: usize = 256;

/// How long a rotated key works by default, and at most, in seconds.
const DEFAULT_OVERLAP: u32 = 86_400;
pub(crate) const MAX_OVERLAP: u32 = 30 * 86_400;

const ROLES: [(&str, Role); 3] = [
    ("FULL", Role::Full),
    ("SEND", Role::Send),
    ("READ", Role::Read),
];

/// An API key, without its secret.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Key {
    /// The user name of HTTP Basic.
    key: String,
    role: Role,
    status: KeyStatus,
    name: Option<String>,
    note: Option<String>,
    created_at: Date,
    /// From then on it is refused; null: it has no end.
    expires_at: Option<Date>,
    revoked_at: Option<Date>,
    /// Give or take a minute; null: it was never used.
    last_used_at: Option<Date>,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "UPPERCASE")]
enum KeyStatus {
    Active,
    Expired,
    Revoked,
}

#[derive(Serialize, ToSchema)]
struct KeyList {
    keys: Vec<Key>,
    pagination: Pagination,
}

/// A new key. The secret is not stored, and not shown again.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct CreatedKey {
    key: String,
    secret: String,
    expires_at: Option<Date>,
}

impl From<store::ApiKey> for Key {
    fn from(key: store::ApiKey) -> Self {
        let status = match key.state(OffsetDateTime::now_utc()) {
            "revoked" => KeyStatus::Revoked,
            "expired" => KeyStatus::Expired,
            _ => KeyStatus::Active,
        };

        Self {
            key: key.key,
            role: key.role,
            status,
            name: key.name,
            note: key.note,
            created_at: Date(key.created_at),
            expires_at: key.expires_at.map(Date),
            revoked_at: key.revoked_at.map(Date),
            last_used_at: key.last_used_at.map(Date),
        }
    }
}

/// API keys of the account, by user name (extension).
#[utoipa::path(
    get,
    path = "/v1/PushNotifications/Keys",
    operation_id = "listKeys",
    tag = "Keys",
    params(PageParams),
    responses((status = 200, description = "A page of keys", body = KeyList), ReadErrors),
)]
pub(crate) async fn list(
    request: HttpRequest,
    state: web::Data<State>,
    caller: Caller,
) -> Result<HttpResponse, ApiError> {
    let mut query = Query::of(&request)?;
    let page = Page::of(caller, "keys", &mut query, &state.master_keys);
    query.check()?;

    let turn = state.list_turns.next(caller.account_id).await?;
    let mut keys = store::list(
        turn.pool,
        Some(caller.account_id),
        page.after(),
        page.limit(),
    )
    .await?;
    drop(turn);

    let pagination = page.cut(&mut keys, &state.master_keys, |key| key.key.clone());

    Ok(HttpResponse::Ok().json(KeyList {
        keys: keys.into_iter().map(Key::from).collect(),
        pagination,
    }))
}

/// Creates an API key (extension). Its secret is shown once, so the request takes no Idempotency-Key.
#[utoipa::path(
    post,
    path = "/v1/PushNotifications/Keys",
    operation_id = "createKey",
    tag = "Keys",
    request_body = Option<KeyRequest>,
    responses((status = 201, description = "The key and its secret", body = CreatedKey), CreateErrors),
)]
pub(crate) async fn create(
    request: HttpRequest,
    state: web::Data<State>,
    body: OptionalJsonBody,
) -> Result<HttpResponse, ApiError> {
    let mut problems = Problems::default();
    let mut fields = parse_body(&body.bytes)?;
    let role = fields.one_of("role", &ROLES, &mut problems);
    let name = read_text(&mut fields, "name", MAX_NAME, &mut problems);
    let note = read_text(&mut fields, "note", MAX_NOTE, &mut problems);
    let expires_at = read_end(&mut fields, &mut problems);
    fields.refuse_unknown(&mut problems);
    problems.check()?;

    let new = RequestedKey {
        caller: body.caller,
        role: role.unwrap_or(Role::Full),
        name,
        note,
        expires_at,
    };
    let answer = new.answer();
    let recorded = Recorded {
        request: &request,
        state: &state,
        caller: body.caller,
        made: Some(&answer.key),
    };
    recorded
        .make(async |connection| new.store(connection, &answer).await)
        .await?;
    Ok(created(&answer))
}

/// One API key (extension).
#[utoipa::path(
    get,
    path = "/v1/PushNotifications/Keys/{key}",
    operation_id = "fetchKey",
    tag = "Keys",
    params(("key" = String, Path, pattern = "^.{1,64}$")),
    responses((status = 200, description = "The key", body = Key), ReadErrors),
)]
pub(crate) async fn fetch(
    state: web::Data<State>,
    caller: Caller,
    key: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    let found = find(&state, caller, &key).await?;

    Ok(HttpResponse::Ok().json(Key::from(found)))
}

/// Creates a key in place of another one, which works for the overlap (extension). The new key has its
/// role, name and note.
#[utoipa::path(
    post,
    path = "/v1/PushNotifications/Keys/{key}/Rotate",
    operation_id = "rotateKey",
    tag = "Keys",
    params(("key" = String, Path, pattern = "^.{1,64}$")),
    request_body = Option<RotateRequest>,
    responses((status = 201, description = "The new key and its secret", body = CreatedKey), CreateErrors),
)]
pub(crate) async fn rotate(
    request: HttpRequest,
    state: web::Data<State>,
    key: web::Path<String>,
    body: OptionalJsonBody,
) -> Result<HttpResponse, ApiError> {
    let mut problems = Problems::default();
    let mut fields = parse_body(&body.bytes)?;
    let overlap = fields.seconds("overlap", 0..=MAX_OVERLAP, &mut problems);
    fields.refuse_unknown(&mut problems);
    problems.check()?;

    let now = OffsetDateTime::now_utc();
    let old = find(&state, body.caller, &key).await?;
    if old.state(now) != "active" {
        return Err(ApiError::conflict(format!(
            "This key is {}. Create a new one",
            old.state(now)
        )));
    }

    let new = RequestedKey {
        caller: body.caller,
        role: old.role,
        name: old.name,
        note: old.note,
        expires_at: None,
    };
    // Only this answer has the secret, so the answer is made before anything is stored.
    let answer = new.answer();

    let overlap = Duration::from_secs(overlap.unwrap_or(DEFAULT_OVERLAP).into());
    let recorded = Recorded {
        request: &request,
        state: &state,
        caller: body.caller,
        made: Some(&answer.key),
    };
    recorded
        .make(async |connection| {
            new.store(&mut *connection, &answer).await?;
            // The key may have changed since it was read. A key that was revoked stays so, and an
            // earlier end counts.
            store::expire(connection, &key, now + overlap).await?;
            Ok(())
        })
        .await?;

    Ok(created(&answer))
}

/// Revokes an API key (extension). Its next request is refused.
#[utoipa::path(
    delete,
    path = "/v1/PushNotifications/Keys/{key}",
    operation_id = "revokeKey",
    tag = "Keys",
    params(("key" = String, Path, pattern = "^.{1,64}$")),
    responses((status = 204, description = "Revoked"), ChangeErrors),
)]
pub(crate) async fn revoke(
    request: HttpRequest,
    state: web::Data<State>,
    caller: Caller,
    own: CallerKey,
    key: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    // A slip would lock the account out.
    if own.0 == *key {
        return Err(ApiError::conflict(
            "A key can't revoke itself. Use another key",
        ));
    }

    // Postgres takes no NUL.
    if key.contains('\0') {
        return Err(ApiError::not_found());
    }
    audit::recorded(&request, &state, caller, async |connection| {
        if !store::revoke(connection, Some(caller.account_id), &key).await? {
            return Err(ApiError::not_found());
        }
        Ok(HttpResponse::NoContent().finish())
    })
    .await
}

async fn find(state: &State, caller: Caller, key: &str) -> Result<store::ApiKey, ApiError> {
    // Postgres takes no NUL.
    if key.contains('\0') {
        return Err(ApiError::not_found());
    }

    store::fetch(&state.pool, Some(caller.account_id), key)
        .await?
        .ok_or_else(ApiError::not_found)
}

/// A key to create.
struct RequestedKey {
    caller: Caller,
    role: Role,
    name: Option<String>,
    note: Option<String>,
    expires_at: Option<OffsetDateTime>,
}

impl RequestedKey {
    /// A new key with a new secret.
    fn answer(&self) -> CreatedKey {
        CreatedKey {
            key: generate_api_key(),
            secret: generate_api_secret(),
            expires_at: self.expires_at.map(Date),
        }
    }

    async fn store(
        &self,
        connection: &mut PgConnection,
        answer: &CreatedKey,
    ) -> Result<(), ApiError> {
        let new = NewApiKey {
            key: &answer.key,
            account_id: self.caller.account_id,
            secret_hash: &hash_api_secret(&answer.secret),
            role: self.role,
            name: self.name.as_deref(),
            note: self.note.as_deref(),
            expires_at: self.expires_at,
        };

        store::create(connection, &new)
            .await
            .map_err(|error| match error {
                CreateError::TooMany => ApiError::conflict(error.to_string()),
                CreateError::Database(error) => error.into(),
            })
    }
}

fn created(answer: &CreatedKey) -> HttpResponse {
    HttpResponse::Created()
        // The answer has the secret, and it is the only one that does.
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .json(answer)
}

fn read_text(
    fields: &mut Object<'_>,
    name: &'static str,
    most: usize,
    problems: &mut Problems,
) -> Option<String> {
    let text = fields.string(name, problems)?;

    let length = text.chars().count();
    if !(1..=most).contains(&length) {
        problems.push(
            &fields.at(name),
            format!("must have 1 to {most} characters; got {length}"),
        );
    }
    Some(text)
}

fn read_end(fields: &mut Object<'_>, problems: &mut Problems) -> Option<OffsetDateTime> {
    let text = fields.string("expiresAt", problems)?;

    let end = date::parse(&text).filter(|end| *end > OffsetDateTime::now_utc());
    if end.is_none() {
        problems.push(
            &fields.at("expiresAt"),
            format!(
                "must be an RFC 3339 timestamp in the future, such as 2030-01-31T12:00:00Z; got {}",
                quoted_string(&text)
            ),
        );
    }
    end
}
