//! Authentication: HTTP Basic with an API key and its secret.

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

/// An authenticated caller. Every handler takes one as an argument, itself or within its body, so
/// none can forget to authenticate.
#[derive(Debug, Clone, Copy)]
pub(super) struct Caller {
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
        let method = request.method().clone();
        let pattern = request.match_pattern();

        Box::pin(async move {
            let (Some(state), Some(credentials)) = (state, credentials) else {
                return Err(ApiError::unauthorized());
            };

            let known = authenticate(&state, &credentials).await?;
            // Only known keys are counted: strangers can't fill the limiter's memory.
            state.rate_limits.check_request(credentials.user_id())?;

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

/// Finds the key and compares its secret.
async fn authenticate(state: &State, credentials: &Basic) -> Result<KnownKey, ApiError> {
    let given_hash = hash_api_secret(credentials.password().unwrap_or_default());

    // No key contains NUL, which Postgres would refuse with an error.
    let key = Some(credentials.user_id()).filter(|key| !key.contains('\0'));
    let known = match key {
        Some(key) => state.api_keys.find(key.to_owned()).await?,
        None => None,
    };

    match known {
        Some(known) if bool::from(known.secret_hash.ct_eq(&given_hash)) => Ok(known),
        _ => Err(ApiError::unauthorized()),
    }
}

/// Whether a key with `role` may use `method` on the route `pattern`.
fn is_allowed(role: Role, method: &Method, pattern: &str) -> bool {
    match role {
        Role::Full => true,
        Role::Send => *method == Method::POST && is_sending(pattern),
        Role::Read => matches!(*method, Method::GET | Method::HEAD),
    }
}

/// Whether a POST to the route `pattern` sends, previews or cancels.
fn is_sending(pattern: &str) -> bool {
    ["/PushNotifications", "/Preview", "/Cancel"]
        .iter()
        .any(|end| pattern.ends_with(end))
}
