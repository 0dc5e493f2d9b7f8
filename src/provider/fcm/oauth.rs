//! Access tokens: a signed assertion is exchanged for one, which is kept and renewed ahead of its
//! end.
//!
//! <https://developers.google.com/identity/protocols/oauth2/service-account#httprest>. One task at
//! a time renews; while the old token is still good the others go on with it.

use std::sync::{Mutex, PoisonError, RwLock};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::Request;
use http::header::{CONTENT_TYPE, HeaderValue};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::model::outcome::NotSent;
use crate::provider::endpoints::{Endpoint, Endpoints, https_authority};
use crate::provider::fcm::FcmCredential;
use crate::provider::fcm::credential::GOOGLE_TOKEN_URI;
use crate::provider::{ClientError, retry_after, tidy};
use crate::transport::{Pool, SendError};

const SCOPE: &str = "https://www.googleapis.com/auth/firebase.messaging";
/// The longest that Google accepts.
const ASSERTION_SECONDS: i64 = 3600;
/// A token is renewed this long before its end, or at half its life if that is shorter.
const RENEW_AHEAD: Duration = Duration::from_mins(5);
/// And up to this much earlier, so that not all replicas renew at once.
const RENEW_SPREAD: Duration = Duration::from_mins(1);
/// A renewal ahead of the end that failed is tried again after this.
const RENEW_AGAIN_AFTER: Duration = Duration::from_secs(10);

/// The access tokens of one service account.
pub(super) struct AccessTokens {
    pool: Pool,
    uri: http::Uri,
    audience: String,
    client_email: String,
    header: Header,
    signing_key: EncodingKey,
    current: RwLock<Option<AccessToken>>,
    renewing: tokio::sync::Mutex<()>,
    /// The last exchange that failed, and when.
    failure: Mutex<Option<(Instant, NotSent)>>,
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
    pub(super) fn new(
        credential: &FcmCredential,
        endpoints: &Endpoints,
    ) -> Result<Self, ClientError> {
        let address = || ClientError::Address(credential.token_uri.clone());
        if credential.token_uri != GOOGLE_TOKEN_URI
            && !endpoints.fcm_token_uris.contains(&credential.token_uri)
        {
            return Err(address());
        }
        let (host, port) = https_authority(&credential.token_uri).ok_or_else(address)?;
        let endpoint = Endpoint {
            host,
            port,
            max_connections: 1,
            ..endpoints.fcm.clone()
        };
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
            failure: Mutex::new(None),
        })
    }

    /// A token that is good now, as the value of the `authorization` header.
    pub(super) async fn get(&self) -> Result<HeaderValue, NotSent> {
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
        // Somebody else may have tried while this waited for its turn: what came of it holds for
        // all who waited.
        if let Some(token) = self
            .current()
            .filter(|token| Instant::now() < token.renew_at)
        {
            return Ok(token.authorization);
        }
        if let Some(error) = self.failure_since(now) {
            return Err(error);
        }
        match self.exchange().await {
            Ok(token) => {
                *self.current.write().unwrap_or_else(PoisonError::into_inner) = Some(token.clone());
                Ok(token.authorization)
            }
            Err(error) => self.put_off().ok_or_else(|| {
                *self.failure.lock().unwrap_or_else(PoisonError::into_inner) =
                    Some((Instant::now(), error.clone()));
                error
            }),
        }
    }

    fn failure_since(&self, began: Instant) -> Option<NotSent> {
        let failure = self.failure.lock().unwrap_or_else(PoisonError::into_inner);
        failure
            .as_ref()
            .filter(|(at, _)| *at >= began)
            .map(|(_, error)| error.clone())
    }

    /// Goes on with the present token for a while, if it is still good.
    fn put_off(&self) -> Option<HeaderValue> {
        let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
        let token = current
            .as_mut()
            .filter(|token| Instant::now() < token.ends_at)?;
        token.renew_at = Instant::now() + RENEW_AGAIN_AFTER;
        Some(token.authorization.clone())
    }

    /// Drops a token that the provider refused, unless it has been replaced since.
    pub(super) fn forget(&self, authorization: &HeaderValue) {
        let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
        current.take_if(|token| token.authorization == authorization);
    }

    fn current(&self) -> Option<AccessToken> {
        self.current
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
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
            NotSent::CredentialUnavailable {
                reason,
                retry_after: None,
            }
        })?;
        if response.status.is_success() {
            return granted(&response.body, asked_at).ok_or_else(|| {
                NotSent::CredentialUnavailable {
                    reason: "the token endpoint's answer holds no access token".to_owned(),
                    retry_after: None,
                }
            });
        }
        let refused: Refused = serde_json::from_slice(&response.body).unwrap_or_default();
        let reason = format!(
            "{} {} {}",
            response.status.as_u16(),
            refused.error,
            refused.error_description
        );
        let reason = tidy(reason.trim_end());
        let transient = matches!(response.status.as_u16(), 408 | 429);
        if response.status.is_client_error() && !transient {
            return Err(NotSent::CredentialRefused { reason });
        }
        Err(NotSent::CredentialUnavailable {
            reason,
            retry_after: retry_after(&response.headers),
        })
    }

    fn assertion(&self) -> Result<Bytes, NotSent> {
        let iat = OffsetDateTime::now_utc().unix_timestamp();
        let claims = Claims {
            iss: &self.client_email,
            scope: SCOPE,
            aud: &self.audience,
            iat,
            exp: iat + ASSERTION_SECONDS,
        };
        let assertion =
            jsonwebtoken::encode(&self.header, &claims, &self.signing_key).map_err(|error| {
                NotSent::CredentialRefused {
                    reason: format!("the private key can't sign: {error}"),
                }
            })?;
        // Base64url and dots need no escape in a form.
        let grant = "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion=";
        Ok(Bytes::from(format!("{grant}{assertion}")))
    }
}

fn granted(body: &[u8], asked_at: Instant) -> Option<AccessToken> {
    let granted: Granted = serde_json::from_slice(body).ok()?;
    // A day is far more than Google gives, and keeps the sums below within bounds.
    let life = Duration::from_secs(granted.expires_in.min(86_400));
    let ahead = RENEW_AHEAD + RENEW_SPREAD.mul_f64(rand::random());
    let mut authorization =
        HeaderValue::try_from(format!("Bearer {}", granted.access_token)).ok()?;
    // Hidden from debug output; HTTP/2 sends it as a literal either way.
    authorization.set_sensitive(true);
    Some(AccessToken {
        authorization,
        renew_at: asked_at + life.saturating_sub(ahead).max(life / 2),
        ends_at: asked_at + life,
    })
}
