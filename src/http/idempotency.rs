//! `Idempotency-Key`: a request that is repeated under one gets its first answer, and changes
//! nothing again.

use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::{HttpRequest, HttpResponse};
use sha2::{Digest, Sha256};
use sqlx::{PgConnection, PgExecutor};

use crate::http::State;
use crate::http::accepted::Accepted;
use crate::http::auth::Caller;
use crate::http::error::ApiError;
use crate::model::operation::IdempotentRequest;
use crate::store::idempotency_keys::{self as store};

const HEADER: &str = "Idempotency-Key";
/// Says that an answer is a repeat.
const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");
/// Longest key.
const MAX_KEY: usize = 255;

/// A request's key, with what tells the request from others.
pub(super) struct IdempotencyKey {
    caller: Caller,
    key: String,
    fingerprint: Vec<u8>,
}

impl IdempotencyKey {
    /// Of `request` with this body; `None`: it has none.
    pub(super) fn of(
        request: &HttpRequest,
        caller: Caller,
        body: &[u8],
    ) -> Result<Option<Self>, ApiError> {
        let Some(value) = request.headers().get(HEADER) else {
            return Ok(None);
        };
        let key = value
            .to_str()
            .ok()
            .filter(|key| (1..=MAX_KEY).contains(&key.len()));
        let Some(key) = key else {
            return Err(ApiError::invalid_field(
                HEADER,
                format!("must be 1 to {MAX_KEY} printable ASCII characters"),
            ));
        };
        let mut fingerprint = Sha256::new();
        for part in [
            request.method().as_str().as_bytes(),
            request.path().as_bytes(),
        ] {
            fingerprint.update(part);
            fingerprint.update(b"\n");
        }
        fingerprint.update(body);
        Ok(Some(Self {
            caller,
            key: key.to_owned(),
            fingerprint: fingerprint.finalize().to_vec(),
        }))
    }

    /// The first answer, if there was one; an error if it was to another request.
    pub(super) async fn replay(
        &self,
        executor: impl PgExecutor<'_>,
    ) -> Result<Option<HttpResponse>, ApiError> {
        let Some(known) = store::find(executor, self.caller.account_id, &self.key).await? else {
            return Ok(None);
        };
        if known.fingerprint != self.fingerprint {
            return Err(ApiError::conflict(
                "This Idempotency-Key was used for another request within 24 hours",
            ));
        }
        let mut response = Accepted {
            location: known.location,
            body: known.answer,
        }
        .respond();
        response
            .headers_mut()
            .insert(REPLAYED, HeaderValue::from_static("true"));
        Ok(Some(response))
    }

    /// What is remembered of the request.
    pub(super) fn accepted(&self, answer: &Accepted) -> IdempotentRequest {
        IdempotentRequest {
            key: self.key.clone(),
            fingerprint: self.fingerprint.clone(),
            location: answer.location.clone(),
            answer: answer.body.clone(),
        }
    }
}

/// Does `change` in a transaction, once for all requests under the same key, and answers.
pub(super) async fn once(
    request: &HttpRequest,
    state: &State,
    caller: Caller,
    body: &[u8],
    change: impl AsyncFnOnce(&mut PgConnection) -> Result<Accepted, ApiError>,
) -> Result<HttpResponse, ApiError> {
    let key = IdempotencyKey::of(request, caller, body)?;
    let mut transaction = state.pool.begin().await?;
    if let Some(key) = &key {
        store::lock(&mut *transaction, caller.account_id, &key.key).await?;
        if let Some(response) = key.replay(&mut *transaction).await? {
            return Ok(response);
        }
    }
    let accepted = change(&mut transaction).await?;
    if let Some(key) = key {
        match store::insert(
            &mut *transaction,
            caller.account_id,
            &key.accepted(&accepted),
        )
        .await
        {
            // A send, which takes no lock, was first by a moment: this change is not made.
            Err(error) if store::is_repeat(&error) => {
                transaction.rollback().await?;
                return key
                    .replay(&state.pool)
                    .await?
                    .ok_or_else(ApiError::unavailable);
            }
            result => result?,
        }
    }
    transaction.commit().await?;
    Ok(accepted.respond())
}
