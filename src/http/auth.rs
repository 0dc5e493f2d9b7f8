//! Who is calling: HTTP Basic with an API key and its secret.

use std::future::Future;
use std::pin::Pin;

use actix_web::http::Method;
use actix_web::http::header::Header;
use actix_web::{FromRequest, HttpRequest, dev, web};
use actix_web_httpauth::headers::authorization::{Authorization, Basic};
use subtle::ConstantTimeEq;

use crate::crypto::hash_api_secret;
use crate::http::State;
use crate::http::error::ApiError;
use crate::model::id::AccountId;
use crate::store::api_keys::{KnownKey, Role};

/// An authenticated caller. Asked for by every handler, so that none can forget it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Caller {
    /// On whose account it acts.
    pub account_id: AccountId,
}

impl FromRequest for Caller {
    type Error = ApiError;
    type Future = Pin<Box<dyn Future<Output = Result<Self, ApiError>>>>;

    fn from_request(request: &HttpRequest, _: &mut dev::Payload) -> Self::Future {
        let credentials = Authorization::<Basic>::parse(request)
            .ok()
            .map(Authorization::into_scheme);
        let state = request.app_data::<web::Data<State>>().cloned();
        let (method, pattern) = (request.method().clone(), request.match_pattern());
        Box::pin(async move {
            let (Some(state), Some(credentials)) = (state, credentials) else {
                return Err(ApiError::unauthorized());
            };
            let known = authenticate(&state, &credentials).await?;
            state.limits.request(credentials.user_id())?;
            if is_allowed(known.role, &method, pattern.as_deref().unwrap_or_default()) {
                Ok(Caller {
                    account_id: known.account_id,
                })
            } else {
                Err(ApiError::forbidden())
            }
        })
    }
}

/// Every request asks the database, so a revoked key is refused from the next request on.
async fn authenticate(state: &State, credentials: &Basic) -> Result<KnownKey, ApiError> {
    let given = hash_api_secret(credentials.password().unwrap_or_default());
    // NUL can't be part of a key, and Postgres would refuse it.
    let key = Some(credentials.user_id()).filter(|key| !key.contains('\0'));
    let known = match key {
        Some(key) => state.keys.find(key.to_owned()).await?,
        None => None,
    };
    match known {
        Some(known) if bool::from(known.secret_hash.ct_eq(&given)) => Ok(known),
        _ => Err(ApiError::unauthorized()),
    }
}

/// Whether a key with `role` may ask for `method` at an address of the form `pattern`.
fn is_allowed(role: Role, method: &Method, pattern: &str) -> bool {
    let sends = *method == Method::POST
        && ["/PushNotifications", "/Preview", "/Cancel"]
            .iter()
            .any(|end| pattern.ends_with(end));
    match role {
        Role::Full => true,
        Role::Send => sends,
        Role::Read => matches!(*method, Method::GET | Method::HEAD),
    }
}
