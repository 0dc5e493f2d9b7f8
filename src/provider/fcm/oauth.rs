//! Access tokens: a signed assertion is exchanged for one, which is kept and renewed ahead of its end.
//!
//! <https://developers.google.com/identity/protocols/oauth2/service-account#httprest>. One task at a time renews; while
//! the old token is still good the others go on with it.

use std::sync::{PoisonError, RwLock};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::Request;
use http::header::{CONTENT_TYPE, HeaderValue};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::provider::endpoints::{Endpoint, Endpoints, https_authority};
use crate::provider::fcm::FcmCredential;
use crate::provider::fcm::credential::GOOGLE_TOKEN_URI;
use crate::provider::{ClientError, NotSent, retry_after};
use crate::transport::{Pool, SendError};

const SCOPE: &str = "https://www.googleapis.com/auth/firebase.messaging";
/// The longest that Google accepts.
const ASSERTION_SECONDS: i64 = 3600;
/// A token is renewed this long before its end, or at half its life if that is shorter.
const RENEW_AHEAD: Duration = Duration::from_mins(5);

/// The access tokens of one service account.
pub struct AccessTokens {
    pool: Pool,
    uri: http::Uri,
    audience: String,
    client_email: String,
    header: Header,
    signing_key: EncodingKey,
    current: RwLock<Option<AccessToken>>,
    renewing: tokio::sync::Mutex<()>,
}

#[derive(Clone)]
struct AccessToken {
    /// `Bearer …`: a secret.
    authorization: HeaderValue,
    renew_at: Instant,
    ends_at: Instant,
}

#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    scope: &'a str,
    aud: &'a str,
    iat: i64,
    exp: i64,
}

#[derive(Deserialize)]
struct Granted {
    access_token: String,
    #[serde(default = "default_expires_in")]
    expires_in: u64,
}

fn default_expires_in() -> u64 {
    3599
}

#[derive(Deserialize, Default)]
struct Refused {
    #[serde(default)]
    error: String,
    #[serde(default)]
    error_description: String,
}

impl AccessTokens {
    /// None yet.
    pub fn new(credential: &FcmCredential, endpoints: &Endpoints) -> Result<Self, ClientError> {
        let address = || ClientError::Address(credential.token_uri.clone());
        if credential.token_uri != GOOGLE_TOKEN_URI && !endpoints.fcm_token_uris.contains(&credential.token_uri) {
            return Err(address());
        }
        let (host, port) = https_authority(&credential.token_uri).ok_or_else(address)?;
        let endpoint = Endpoint { host, port, max_connections: 1, ..endpoints.fcm.clone() };
        let mut header = Header::new(Algorithm::RS256);
        header.kid.clone_from(&credential.private_key_id);
        Ok(Self {
            pool: Pool::new(endpoint.origin(false), endpoint.roots.client_config(None)?),
            uri: credential.token_uri.parse().map_err(|_| address())?,
            audience: credential.token_uri.clone(),
            client_email: credential.client_email.clone(),
            header,
            signing_key: credential.signing_key.clone(),
            current: RwLock::new(None),
            renewing: tokio::sync::Mutex::new(()),
        })
    }

    /// A token that is good now, as the value of the `authorization` header.
    pub async fn get(&self) -> Result<HeaderValue, NotSent> {
        let now = Instant::now();
        let current = self.current().filter(|token| now < token.ends_at);
        let _renewing = match current {
            Some(token) if now < token.renew_at => return Ok(token.authorization),
            Some(token) => match self.renewing.try_lock() {
                Ok(renewing) => renewing,
                Err(_) => return Ok(token.authorization),
            },
            None => self.renewing.lock().await,
        };
        // Somebody else may have renewed it while this waited for its turn.
        if let Some(token) = self.current().filter(|token| Instant::now() < token.renew_at) {
            return Ok(token.authorization);
        }
        match self.exchange().await {
            Ok(token) => {
                *self.current.write().unwrap_or_else(PoisonError::into_inner) = Some(token.clone());
                Ok(token.authorization)
            }
            // The old one still serves.
            Err(error) => self
                .current()
                .filter(|token| Instant::now() < token.ends_at)
                .map_or(Err(error), |token| Ok(token.authorization)),
        }
    }

    /// Drops a token that the provider refused, unless it has been replaced since.
    pub fn forget(&self, authorization: &HeaderValue) {
        let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
        current.take_if(|token| token.authorization == authorization);
    }

    fn current(&self) -> Option<AccessToken> {
        self.current.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    async fn exchange(&self) -> Result<AccessToken, NotSent> {
        let body = self.assertion()?;
        let request = || {
            let mut request = Request::post(self.uri.clone()).body(()).unwrap_or_default();
            let form = HeaderValue::from_static("application/x-www-form-urlencoded");
            request.headers_mut().insert(CONTENT_TYPE, form);
            request
        };
        let asked_at = Instant::now();
        let response = self.pool.send(request, &body).await.map_err(|error| {
            let (SendError::NotSent(reason) | SendError::Ambiguous(reason)) = error;
            NotSent::CredentialUnavailable { reason, retry_after: None }
        })?;
        if response.status.is_success() {
            return granted(&response.body, asked_at).ok_or_else(|| NotSent::CredentialUnavailable {
                reason: "the token endpoint's answer holds no access token".to_owned(),
                retry_after: None,
            });
        }
        let refused: Refused = serde_json::from_slice(&response.body).unwrap_or_default();
        let reason = format!("{} {} {}", response.status.as_u16(), refused.error, refused.error_description);
        let reason = reason.trim_end().to_owned();
        if response.status.is_client_error() && response.status != http::StatusCode::TOO_MANY_REQUESTS {
            return Err(NotSent::CredentialRefused { reason });
        }
        Err(NotSent::CredentialUnavailable { reason, retry_after: retry_after(&response.headers) })
    }

    fn assertion(&self) -> Result<Bytes, NotSent> {
        let iat = OffsetDateTime::now_utc().unix_timestamp();
        let claims =
            Claims { iss: &self.client_email, scope: SCOPE, aud: &self.audience, iat, exp: iat + ASSERTION_SECONDS };
        let assertion = jsonwebtoken::encode(&self.header, &claims, &self.signing_key)
            .map_err(|error| NotSent::CredentialRefused { reason: format!("the private key can't sign: {error}") })?;
        // Base64url and dots need no escape in a form.
        let grant = "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion=";
        Ok(Bytes::from(format!("{grant}{assertion}")))
    }
}

fn granted(body: &[u8], asked_at: Instant) -> Option<AccessToken> {
    let granted: Granted = serde_json::from_slice(body).ok()?;
    let life = Duration::from_secs(granted.expires_in);
    Some(AccessToken {
        authorization: HeaderValue::try_from(format!("Bearer {}", granted.access_token)).ok()?,
        renew_at: asked_at + life.saturating_sub(RENEW_AHEAD).max(life / 2),
        ends_at: asked_at + life,
    })
}
