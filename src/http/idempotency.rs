//! `Idempotency-Key`: a request that is repeated under the same key gets the first answer again,
//! and changes nothing.

use std::time::Duration;

use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::{HttpRequest, HttpResponse};
use sha2::{Digest, Sha256};
use sqlx::{PgConnection, PgExecutor};
use utoipa::IntoParams;
use utoipa::openapi::path::{Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::{ObjectBuilder, Type};

use crate::http::State;
use crate::http::accepted::Accepted;
use crate::http::audit;
use crate::http::auth::Caller;
use crate::http::body::JsonBody;
use crate::http::error::ApiError;
use crate::model::operation::IdempotentRequest;
use crate::store::idempotency_keys::{self as store, LIFETIME};
use crate::store::pool::STATEMENT_LIMIT;

const HEADER: &str = "Idempotency-Key";
/// Marks an answer that was given before.
const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");
pub(super) const MAX_KEY_LENGTH: usize = 255;

/// The header's description in `/openapi.json`.
pub(super) struct IdempotencyKeyParam;

impl IntoParams for IdempotencyKeyParam {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let key = ObjectBuilder::new()
            .schema_type(Type::String)
            .min_length(Some(1))
            .max_length(Some(MAX_KEY_LENGTH));
        let description = format!(
            "A repeat under the same key gets the first answer for {} hours (extension)",
            lifetime_in_hours()
        );

        let parameter = ParameterBuilder::new()
            .name(HEADER)
            .parameter_in(ParameterIn::Header)
            .description(Some(description))
            .schema(Some(key));
        vec![parameter.build()]
    }
}

fn lifetime_in_hours() -> u64 {
    LIFETIME.as_secs() / 3600
}

/// A request's key, and a fingerprint that distinguishes the request from others under the same key.
pub(super) struct IdempotencyKey {
    caller: Caller,
    key: String,
    /// SHA-256 of method, path and body.
    fingerprint: Vec<u8>,
}

impl IdempotencyKey {
    /// The key of `request`, if it has one.
    pub(super) fn of(
        request: &HttpRequest,
        caller: Caller,
        body: &[u8],
    ) -> Result<Option<Self>, ApiError> {
        let key = key_of(request)?;

        Ok(key.map(|key| Self {
            caller,
            key: key.to_owned(),
            fingerprint: fingerprint(&address_of(request), body),
        }))
    }

    /// As [`Self::of`], for a body of any size.
    pub(super) async fn of_large(
        request: &HttpRequest,
        state: &State,
        body: &JsonBody,
    ) -> Result<Option<Self>, ApiError> {
        let Some(key) = key_of(request)? else {
            return Ok(None);
        };

        let caller = body.caller;
        let address = address_of(request);
        let bytes = body.bytes.clone();

        // On the pool if the body is large: SHA-256 of megabytes would hold up the thread's other
        // requests.
        let fingerprint = state
            .work
            .run_on(caller.account_id, &body.bytes, move || {
                fingerprint(&address, &bytes)
            })
            .await?;

        Ok(Some(Self {
            caller,
            key: key.to_owned(),
            fingerprint,
        }))
    }

    /// The first answer, if there was one; a 409 if it answered another request.
    pub(super) async fn replay(
        &self,
        executor: impl PgExecutor<'_>,
    ) -> Result<Option<HttpResponse>, ApiError> {
        let Some(known) = store::find(executor, self.caller.account_id, &self.key).await? else {
            return Ok(None);
        };
        if known.fingerprint != self.fingerprint {
            return Err(ApiError::reused_idempotency_key());
        }

        let first = Accepted {
            location: known.location,
            body: known.answer,
        };
        let mut response = first.respond();
        response
            .headers_mut()
            .insert(REPLAYED, HeaderValue::from_static("true"));

        Ok(Some(response))
    }

    /// The record from which [`Self::replay`] gives `answer` again.
    pub(super) fn accepted(&self, answer: &Accepted) -> IdempotentRequest {
        IdempotentRequest {
            key: self.key.clone(),
            fingerprint: self.fingerprint.clone(),
            location: answer.location.clone(),
            answer: answer.body.clone(),
        }
    }
}

fn key_of(request: &HttpRequest) -> Result<Option<&str>, ApiError> {
    let Some(value) = request.headers().get(HEADER) else {
        return Ok(None);
    };

    // `to_str` lets a tab pass, which is not printable.
    let key = value
        .to_str()
        .ok()
        .filter(|key| (1..=MAX_KEY_LENGTH).contains(&key.len()) && !key.contains('\t'));
    match key {
        Some(key) => Ok(Some(key)),
        None => Err(ApiError::invalid_field(
            HEADER,
            format!(
                "must be 1 to {MAX_KEY_LENGTH} printable ASCII characters; got {} bytes",
                value.len()
            ),
        )),
    }
}

/// The part of a fingerprint that the head of a request gives.
fn address_of(request: &HttpRequest) -> String {
    format!("{}\n{}\n", request.method(), request.path())
}

fn fingerprint(address: &str, body: &[u8]) -> Vec<u8> {
    let mut hash = Sha256::new();
    hash.update(address);
    hash.update(body);

    hash.finalize().to_vec()
}

/// A change that is made once, however often it is asked for under the same key.
pub(super) struct Once<'a> {
    pub request: &'a HttpRequest,
    pub state: &'a State,
    pub caller: Caller,
    pub body: &'a [u8],
    /// How long the transaction may take.
    pub limit: Duration,
}

/// Why a change was undone.
enum Undone {
    /// Another request under the same key was accepted meanwhile.
    Repeated,
    Refused(ApiError),
}

impl From<ApiError> for Undone {
    fn from(error: ApiError) -> Self {
        Self::Refused(error)
    }
}

impl From<sqlx::Error> for Undone {
    fn from(error: sqlx::Error) -> Self {
        Self::Refused(error.into())
    }
}

impl<'a> Once<'a> {
    /// A change that takes no longer than a statement may take.
    pub(super) fn new(
        request: &'a HttpRequest,
        state: &'a State,
        caller: Caller,
        body: &'a [u8],
    ) -> Self {
        Self {
            request,
            state,
            caller,
            body,
            limit: STATEMENT_LIMIT,
        }
    }

    /// Runs `change` in a transaction and answers; a repeat under the same key only gets the first
    /// answer.
    pub(super) async fn run(
        &self,
        change: impl AsyncFnOnce(&mut PgConnection) -> Result<Accepted, ApiError>,
    ) -> Result<HttpResponse, ApiError> {
        let key = IdempotencyKey::of(self.request, self.caller, self.body)?;
        let pool = self.state.pool.limited_to(self.limit);

        let done = pool
            .transaction(async |connection: &mut PgConnection| {
                self.run_in(connection, key.as_ref(), change).await
            })
            .await;

        match (done, key) {
            (Ok(response), _) => Ok(response),
            (Err(Undone::Repeated), Some(key)) => {
                // The other request's key made the insert fail, so its answer is committed by now.
                let first = key.replay(&self.state.pool).await?;
                first.ok_or_else(ApiError::unavailable)
            }
            // Only the insert of a key ends in `Repeated`, so this can't happen.
            (Err(Undone::Repeated), None) => Err(ApiError::unavailable()),
            (Err(Undone::Refused(error)), _) => Err(error),
        }
    }

    async fn run_in(
        &self,
        connection: &mut PgConnection,
        key: Option<&IdempotencyKey>,
        change: impl AsyncFnOnce(&mut PgConnection) -> Result<Accepted, ApiError>,
    ) -> Result<HttpResponse, Undone> {
        // Requests under one key follow each other, so the second finds the answer of the first.
        if let Some(key) = key {
            store::lock(&mut *connection, self.caller.account_id, &key.key).await?;
            if let Some(response) = key.replay(&mut *connection).await? {
                return Ok(response);
            }
        }

        let accepted = change(&mut *connection).await?;
        // The last part of the address is the id. A removal has no address, and an empty target is
        // left out.
        let made = accepted.location.rsplit('/').next();
        audit::record(&mut *connection, self.request, self.caller, made).await?;

        if let Some(key) = key {
            let record = key.accepted(&accepted);
            match store::insert(&mut *connection, self.caller.account_id, &record).await {
                // A send takes no lock, so one under the same key can commit in between.
                Err(error) if store::is_repeat(&error) => return Err(Undone::Repeated),
                result => result?,
            }
        }

        Ok(accepted.respond())
    }
}
