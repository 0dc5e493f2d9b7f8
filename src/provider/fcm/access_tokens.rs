//! Access tokens: a signed assertion is exchanged for one, which is kept and renewed before it ends:
//! <https://developers.google.com/identity/protocols/oauth2/service-account#httprest>.

use std::sync::{Mutex, PoisonError, RwLock};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::Request;
use http::header::{CONTENT_TYPE, HeaderValue};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::model::outcome::NotSent;
use crate::provider::ClientError;
use crate::provider::bounded_text::bounded_text;
use crate::provider::endpoints::{Endpoints, https_authority};
use crate::provider::fcm::credential::{FcmCredential, GOOGLE_TOKEN_URI};
use crate::transport::retry_after;
use crate::transport::{Pool, Response, SendError};

const SCOPE: &str = "https://www.googleapis.com/auth/firebase.messaging";

/// The longest life of an assertion that Google accepts.
const ASSERTION_SECONDS: i64 = 3600;

/// A token is renewed this long before its end, or halfway through its life if that is later.
const RENEW_AHEAD: Duration = Duration::from_mins(5);
/// A random part of this is added, so that replicas don't all renew at the same time.
const RENEW_SPREAD: Duration = Duration::from_mins(1);
/// How long a renewal waits after one that failed, while the present token is still good.
const RENEW_AGAIN_AFTER: Duration = Duration::from_secs(10);

/// The longest life of a token that is believed. Google's live an hour; a bound keeps the sums with
/// instants from overflowing.
const MAX_TOKEN_SECONDS: u64 = 86_400;

/// The access tokens of one service account.
///
/// They belong to one `FcmClient`, whose requests share them and which they end with. There is no
/// task: the first request that finds the token due for renewal takes the lock `renewing` and makes
/// the exchange. While the present token is good, other requests go on with it; without a good one
/// they wait for the lock and share the result, be it a token or a failure. If the request that
/// makes the exchange is dropped, the lock is free and the next one makes it.
pub(super) struct AccessTokens {
    pool: Pool,
    uri: http::Uri,
    audience: String,
    client_email: String,
    header: Header,
    signing_key: EncodingKey,
    current: RwLock<Option<AccessToken>>,
    renewing: tokio::sync::Mutex<()>,
    last_failure: Mutex<Option<Failure>>,
}

#[derive(Clone)]
struct AccessToken {
    /// `Bearer …`: a secret.
    authorization: HeaderValue,
    renew_at: Instant,
    ends_at: Instant,
}

/// An exchange that brought no token.
struct Failure {
    at: Instant,
    error: NotSent,
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

/// The life of Google's tokens in seconds, for an answer that does not state it.
fn default_expires_in() -> u64 {
    3599
}

/// An error of RFC 6749: <https://www.rfc-editor.org/rfc/rfc6749#section-5.2>.
#[derive(Deserialize, Default)]
struct Refused {
    #[serde(default)]
    error: String,
    #[serde(default)]
    error_description: String,
}

impl AccessTokens {
    /// Fails if the Credential's token endpoint is not allowed.
    pub(super) fn new(
        credential: &FcmCredential,
        endpoints: &Endpoints,
    ) -> Result<Self, ClientError> {
        // Checked here as well, because a tenant must not make Bellwire call any other address.
        let address = || ClientError::Address(credential.token_uri.clone());
        if credential.token_uri != GOOGLE_TOKEN_URI
            && !endpoints.fcm_token_uris.contains(&credential.token_uri)
        {
            return Err(address());
        }

        let (host, port) = https_authority(&credential.token_uri).ok_or_else(address)?;
        let mut header = Header::new(Algorithm::RS256);
        header.kid.clone_from(&credential.private_key_id);

        Ok(Self {
            pool: endpoints.fcm.token_pool(host, port)?,
            uri: credential.token_uri.parse().map_err(|_| address())?,
            audience: credential.token_uri.clone(),
            client_email: credential.client_email.clone(),
            header,
            signing_key: credential.signing_key.clone(),
            current: RwLock::new(None),
            renewing: tokio::sync::Mutex::new(()),
            last_failure: Mutex::new(None),
        })
    }

    /// The value of the `authorization` header for a request that is sent now.
    pub(super) async fn get(&self) -> Result<HeaderValue, NotSent> {
        let asked_at = Instant::now();

        let current = self.current().filter(|token| asked_at < token.ends_at);
        let _renewing = match current {
            Some(token) if asked_at < token.renew_at => return Ok(token.authorization),
            Some(token) => match self.renewing.try_lock() {
                Ok(renewing) => renewing,
                // Another request renews it; this one still does.
                Err(_) => return Ok(token.authorization),
            },
            None => self.renewing.lock().await,
        };

        // Another request may have made the exchange while this one waited for the lock. Its result
        // counts for all that waited, so that a failing endpoint is not called once for each.
        if let Some(token) = self
            .current()
            .filter(|token| Instant::now() < token.renew_at)
        {
            return Ok(token.authorization);
        }
        if let Some(error) = self.failure_since(asked_at) {
            return Err(error);
        }

        match self.exchange().await {
            Ok(token) => {
                let authorization = token.authorization.clone();
                // Stored before the lock `renewing` is dropped, so that those that wait find it.
                *self.current.write().unwrap_or_else(PoisonError::into_inner) = Some(token);
                Ok(authorization)
            }
            // The present token may be good for minutes: a short outage of the token endpoint then
            // stops nothing. Only without one is the failure kept for those that wait.
            Err(error) => self.postpone_renewal().ok_or_else(|| {
                let failure = Failure {
                    at: Instant::now(),
                    error: error.clone(),
                };
                *self
                    .last_failure
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner) = Some(failure);
                error
            }),
        }
    }

    fn current(&self) -> Option<AccessToken> {
        self.current
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn failure_since(&self, start: Instant) -> Option<NotSent> {
        let failure = self
            .last_failure
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        failure
            .as_ref()
            .filter(|failure| failure.at >= start)
            .map(|failure| failure.error.clone())
    }

    /// Puts off the next renewal and returns the present token; `None` if that has ended.
    fn postpone_renewal(&self) -> Option<HeaderValue> {
        let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
        let token = current
            .as_mut()
            .filter(|token| Instant::now() < token.ends_at)?;

        token.renew_at = Instant::now() + RENEW_AGAIN_AFTER;
        Some(token.authorization.clone())
    }

    /// Drops a token that FCM refused, unless another request has replaced it.
    pub(super) fn forget(&self, authorization: &HeaderValue) {
        let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
        current.take_if(|token| token.authorization == authorization);
    }

    async fn exchange(&self) -> Result<AccessToken, NotSent> {
        // Signed anew for each exchange: an assertion ends an hour after it was issued.
        let body = self.assertion()?;
        let request = || {
            let mut request = Request::post(self.uri.clone()).body(()).unwrap_or_default();
            let form = HeaderValue::from_static("application/x-www-form-urlencoded");
            request.headers_mut().insert(CONTENT_TYPE, form);
            request
        };

        let asked_at = Instant::now();
        let response = self.pool.send(request, &body).await.map_err(|error| {
            // All three are the same here: an access token that was granted and lost does no harm,
            // so any exchange may be repeated.
            let (SendError::NotSent(reason)
            | SendError::Malformed(reason)
            | SendError::Ambiguous(reason)) = error;
            no_access_token(&reason, None)
        })?;

        if !response.status.is_success() {
            return Err(refusal(&response));
        }

        granted(&response.body, asked_at)
            .ok_or_else(|| no_access_token("its answer has no access token", None))
    }

    /// The form that asks for an access token, with a signed assertion:
    /// <https://www.rfc-editor.org/rfc/rfc7523#section-2.1>.
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

        // The assertion is base64url and dots, which need no escape in a form.
        let grant = "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion=";
        Ok(Bytes::from(format!("{grant}{assertion}")))
    }
}

/// The token of a successful answer. Its life counts from `asked_at`, because the answer may have
/// been on its way for a while.
fn granted(body: &[u8], asked_at: Instant) -> Option<AccessToken> {
    let granted: Granted = serde_json::from_slice(body).ok()?;
    let mut authorization =
        HeaderValue::try_from(format!("Bearer {}", granted.access_token)).ok()?;
    // Hidden from debug output. HTTP/2 sends it as a literal either way.
    authorization.set_sensitive(true);

    let life = Duration::from_secs(granted.expires_in.min(MAX_TOKEN_SECONDS));
    let ahead = RENEW_AHEAD + RENEW_SPREAD.mul_f64(rand::random());

    Some(AccessToken {
        authorization,
        renew_at: asked_at + life.saturating_sub(ahead).max(life / 2),
        ends_at: asked_at + life,
    })
}

/// The meaning of an answer without success: the Credential is at fault, or the endpoint.
fn refusal(response: &Response) -> NotSent {
    // A proxy in between may answer with any body: then only the status is reported.
    let refused: Refused = serde_json::from_slice(&response.body).unwrap_or_default();

    let reason = format!(
        "{} {} {}",
        response.status.as_u16(),
        refused.error,
        refused.error_description
    );
    let reason = bounded_text(reason.trim_end());

    // A refused assertion or client is a 400 or a 401 (RFC 6749, section 5.2). 408 and 429 are
    // about the moment, and not about the Credential.
    let is_transient = matches!(response.status.as_u16(), 408 | 429);
    if response.status.is_client_error() && !is_transient {
        NotSent::CredentialRefused { reason }
    } else {
        no_access_token(&reason, retry_after(&response.headers))
    }
}

/// `retry_after`: the wait that the endpoint asks for.
fn no_access_token(reason: &str, retry_after: Option<Duration>) -> NotSent {
    NotSent::CredentialUnavailable {
        reason: format!("the provider's token endpoint gave no access token: {reason}"),
        retry_after,
    }
}
