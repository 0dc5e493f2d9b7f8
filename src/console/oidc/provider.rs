//! Requests to the identity provider: where people log in, and the tokens for a code.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Limited};
use openidconnect::core::{
    CoreAuthenticationFlow, CoreClient, CoreErrorResponseType, CoreIdToken, CoreIdTokenVerifier,
    CoreProviderMetadata, CoreTokenResponse,
};
use openidconnect::{
    AuthType, AuthorizationCode, ClaimsVerificationError, ClientId, ClientSecret, CsrfToken,
    EndpointMaybeSet, EndpointNotSet, EndpointSet, HttpRequest, HttpResponse, IssuerUrl, Nonce,
    PkceCodeChallenge, PkceCodeVerifier, RedirectUrl, RequestTokenError, Scope,
    SignatureVerificationError, TokenResponse,
};
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::Semaphore;
use tokio::time::timeout;

use crate::console::oidc::description::{Description, Kept};
use crate::console::oidc::person::Person;
use crate::transport::Http1Client;

/// Most bytes of an answer: more than the keys of any provider.
const LARGEST: usize = 256 * 1024;
/// Most logins of a process that wait for the provider at a time. Anyone who can reach Bellwire can begin one.
const MOST: usize = 16;
/// Characters of the reason of a failure that are kept. The provider may have written it.
const LONGEST_REASON: usize = 500;

/// A client whose endpoints the provider has named.
type Client = CoreClient<
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointMaybeSet,
    EndpointMaybeSet,
>;

/// The address where a person logs in, and the values that check the answer.
pub(super) struct Step {
    pub address: String,
    pub state: String,
    pub nonce: String,
    pub verifier: String,
}

/// What the browser has brought back, and what was kept for it.
pub(super) struct Answer {
    pub code: String,
    pub redirect_uri: String,
    pub nonce: String,
    pub verifier: String,
}

/// Why a login failed. The reasons are for the log.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// The provider does not answer, answers wrongly, or refuses Bellwire.
    Provider(String),
    /// This one login is not valid.
    Login(String),
}

/// What an operator configures of the provider.
pub(crate) struct ProviderParams {
    pub client: Http1Client,
    /// The provider's address.
    pub issuer: String,
    pub client_id: String,
    /// Empty: the client is public.
    pub client_secret: SecretString,
    /// Scopes that are asked for besides `openid`.
    pub scopes: Vec<String>,
    /// The claim that lists a person's groups.
    pub groups_claim: String,
    /// How long a step of a login may wait for the provider.
    pub timeout: Duration,
}

#[derive(Clone)]
pub(crate) struct Provider(Arc<Inner>);

struct Inner {
    params: ProviderParams,
    issuer: IssuerUrl,
    kept: Kept,
    turns: Semaphore,
    /// Why the last login failed, if that was the provider's fault.
    last_failure: Mutex<Option<String>>,
}

impl std::fmt::Debug for Provider {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_tuple("Provider")
            .field(&self.0.issuer.as_str())
            .finish()
    }
}

impl Provider {
    /// # Errors
    ///
    /// The issuer is not an address.
    pub(crate) fn new(params: ProviderParams) -> Result<Self, url::ParseError> {
        let issuer = IssuerUrl::new(params.issuer.clone())?;

        Ok(Self(Arc::new(Inner {
            params,
            issuer,
            kept: Kept::default(),
            turns: Semaphore::new(MOST),
            last_failure: Mutex::default(),
        })))
    }

    pub(super) fn groups_claim(&self) -> &str {
        &self.0.params.groups_claim
    }

    /// Begins a login, which comes back to `redirect_uri`.
    ///
    /// # Errors
    ///
    /// [`Failure::Provider`], which is logged unless too many other logins wait.
    pub(super) async fn begin(&self, redirect_uri: &str) -> Result<Step, Failure> {
        self.in_turn(self.step(redirect_uri)).await
    }

    /// Ends a login: exchanges the code for an id token, and checks its signature, issuer, audience, time
    /// and nonce.
    ///
    /// # Errors
    ///
    /// A [`Failure::Provider`] is logged unless too many other logins wait. A [`Failure::Login`] is not logged.
    pub(super) async fn end(&self, answer: Answer) -> Result<Person, Failure> {
        let person = self.in_turn(self.person(answer)).await?;

        // Only a whole login shows that the provider works: to begin one needs no token endpoint.
        if self.last_failure().take().is_some() {
            tracing::info!("logins with OpenID Connect work again");
        }
        Ok(person)
    }

    /// Limits the time of a step, and the number of steps at a time.
    async fn in_turn<T>(
        &self,
        step: impl Future<Output = Result<T, Failure>>,
    ) -> Result<T, Failure> {
        // Not logged: why the others wait is logged when they fail. Otherwise the two reasons would take turns
        // in the log, once for each request.
        let Ok(_turn) = self.0.turns.try_acquire() else {
            let reason = format!("{MOST} other logins wait for the provider");
            return Err(Failure::Provider(reason));
        };

        // The limit includes the wait for another login that reads the description.
        let longest = self.0.params.timeout;
        let result = timeout(longest, step).await.unwrap_or_else(|_| {
            let reason = format!("the provider has not answered within {longest:?} (oidc.timeout)");
            Err(Failure::Provider(reason))
        });

        if let Err(Failure::Provider(reason)) = &result {
            self.log_failure(reason);
        }
        result
    }

    /// Logs a reason, unless the last failure had the same one.
    fn log_failure(&self, reason: &str) {
        let mut last = self.last_failure();
        if last.as_deref() != Some(reason) {
            let issuer = self.0.issuer.as_str();
            tracing::warn!(issuer, reason, "logins with OpenID Connect fail");
            *last = Some(reason.to_owned());
        }
    }

    fn last_failure(&self) -> std::sync::MutexGuard<'_, Option<String>> {
        self.0
            .last_failure
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    async fn step(&self, redirect_uri: &str) -> Result<Step, Failure> {
        let description = self.description(None).await?;
        let client = self.client(&description, redirect_uri)?;
        // The verifier stays in this browser's cookie, so a code that leaks with an address is of
        // no use elsewhere (RFC 7636).
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();

        let mut request = client
            .authorize_url(
                CoreAuthenticationFlow::AuthorizationCode,
                CsrfToken::new_random,
                Nonce::new_random,
            )
            .set_pkce_challenge(challenge);
        for scope in &self.0.params.scopes {
            request = request.add_scope(Scope::new(scope.clone()));
        }
        let (address, state, nonce) = request.url();

        Ok(Step {
            address: address.to_string(),
            state: state.secret().clone(),
            nonce: nonce.secret().clone(),
            verifier: verifier.secret().clone(),
        })
    }

    async fn person(&self, answer: Answer) -> Result<Person, Failure> {
        let description = self.description(None).await?;
        let client = self.client(&description, &answer.redirect_uri)?;

        let tokens = client
            .exchange_code(AuthorizationCode::new(answer.code))
            .map_err(|_| Failure::Provider("the provider names no token endpoint".to_owned()))?
            .set_pkce_verifier(PkceCodeVerifier::new(answer.verifier))
            .request_async(&|request| self.send(request))
            .await
            .map_err(|error| no_tokens(&error))?;
        let id_token = id_token(&tokens)?;
        // The provider puts the nonce of the first step into the token, so a token of another login
        // is refused (OpenID Connect Core 1.0, section 3.1.3.7).
        let nonce = Nonce::new(answer.nonce);

        let claims = match id_token.claims(&verifier(&client, &description), &nonce) {
            Err(error) if is_for_want_of_a_key(&error) => {
                // The provider may have changed its keys.
                let description = self.description(Some(&description)).await?;
                let client = self.client(&description, &answer.redirect_uri)?;
                id_token.claims(&verifier(&client, &description), &nonce)
            }
            result => result,
        };
        let claims = claims.map_err(|error| {
            Failure::Login(short(&format!(
                "the id token is not valid: {}",
                chain(&error)
            )))
        })?;

        Ok(Person::of(id_token, claims, &self.0.params.groups_claim))
    }

    /// The provider's description: the kept one, unless it is `known`, or a new one.
    async fn description(
        &self,
        known: Option<&Arc<Description>>,
    ) -> Result<Arc<Description>, Failure> {
        self.0.kept.get(known, self.read_description()).await
    }

    async fn read_description(&self) -> Result<CoreProviderMetadata, Failure> {
        let issuer = self.0.issuer.clone();

        CoreProviderMetadata::discover_async(issuer, &|request| self.send(request))
            .await
            .map_err(|error| {
                let reason = format!(
                    "the description of the provider can't be read: {}",
                    chain(&error)
                );
                Failure::Provider(short(&reason))
            })
    }

    fn client(&self, description: &Description, redirect_uri: &str) -> Result<Client, Failure> {
        let params = &self.0.params;
        let redirect_uri = RedirectUrl::new(redirect_uri.to_owned()).map_err(|error| {
            Failure::Login(format!("{redirect_uri} is not an address: {error}"))
        })?;
        let auth_type = if description.takes_secret_in_body() {
            AuthType::RequestBody
        } else {
            AuthType::BasicAuth
        };

        // A public client has no secret. An empty one would be sent as one.
        let secret = Some(params.client_secret.expose_secret()).filter(|secret| !secret.is_empty());
        let secret = secret.map(|secret| ClientSecret::new(secret.to_owned()));
        let client_id = ClientId::new(params.client_id.clone());
        let metadata = description.metadata.clone();
        Ok(
            CoreClient::from_provider_metadata(metadata, client_id, secret)
                .set_redirect_uri(redirect_uri)
                .set_auth_type(auth_type),
        )
    }

    /// Sends a request with the HTTP client that the rest of Bellwire has.
    async fn send(&self, request: HttpRequest) -> Result<HttpResponse, SendFailed> {
        // The provider's description names the endpoints, and the client's secret goes to one of
        // them.
        if !is_as_safe(&self.0.issuer, request.uri()) {
            return Err(SendFailed(format!(
                "{} is not an https address",
                request.uri()
            )));
        }

        let response = self
            .0
            .params
            .client
            .send(request.map(Bytes::from))
            .await
            .map_err(|error| SendFailed(error.reason()))?;
        let (head, body) = response.into_parts();
        let body = Limited::new(body, LARGEST).collect().await.map_err(|_| {
            SendFailed(format!(
                "the answer broke off, or is longer than {LARGEST} bytes"
            ))
        })?;
        Ok(HttpResponse::from_parts(head, body.to_bytes().to_vec()))
    }
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct SendFailed(String);

/// Whether a request to `address` is protected as well as a request to `issuer`: only an issuer without TLS,
/// which is on this machine, may name an address without TLS, and only on its own host.
fn is_as_safe(issuer: &IssuerUrl, address: &http::Uri) -> bool {
    let issuer = issuer.url();
    let is_of_issuer = issuer.scheme() == "http" && address.host() == issuer.host_str();

    address.scheme_str() == Some("https") || is_of_issuer
}

fn verifier<'a>(client: &'a Client, description: &Description) -> CoreIdTokenVerifier<'a> {
    client
        .id_token_verifier()
        .set_allowed_algs(description.algorithms())
}

/// Whether the description lacks the key of the token: the provider may have added the key later.
fn is_for_want_of_a_key(error: &ClaimsVerificationError) -> bool {
    matches!(
        error,
        ClaimsVerificationError::SignatureVerification(
            SignatureVerificationError::NoMatchingKey | SignatureVerificationError::CryptoError(_)
        )
    )
}

fn id_token(tokens: &CoreTokenResponse) -> Result<&CoreIdToken, Failure> {
    tokens.id_token().ok_or_else(|| {
        let reason = "the provider gives no id token: does the client have the scope openid?";
        Failure::Provider(reason.to_owned())
    })
}

/// Why the provider gives no tokens. A refused code, or one of a wrong form, concerns one login; any other
/// reason concerns all logins.
fn no_tokens(
    error: &RequestTokenError<
        SendFailed,
        openidconnect::StandardErrorResponse<CoreErrorResponseType>,
    >,
) -> Failure {
    let reason = short(&format!("the provider gives no tokens: {}", chain(error)));

    match error {
        RequestTokenError::ServerResponse(answer)
            if matches!(
                answer.error(),
                CoreErrorResponseType::InvalidGrant | CoreErrorResponseType::InvalidRequest
            ) =>
        {
            Failure::Login(reason)
        }
        _ => Failure::Provider(reason),
    }
}

/// An error with its causes.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }

    text
}

/// The beginning of `reason`, in one line.
fn short(reason: &str) -> String {
    reason
        .chars()
        .map(|character| {
            if character.is_control() {
                ' '
            } else {
                character
            }
        })
        .take(LONGEST_REASON)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_provider_that_is_protected_is_asked_over_tls_alone() {
        let of = |issuer: &str, address: &str| {
            is_as_safe(
                &IssuerUrl::new(issuer.to_owned()).unwrap(),
                &address.parse().unwrap(),
            )
        };

        assert!(of("https://a.example.com", "https://b.example.com/token"));
        assert!(of("http://127.0.0.1:80", "http://127.0.0.1:80/token"));
        assert!(of("http://127.0.0.1:80", "http://127.0.0.1:81/token"));
        assert!(of("http://[::1]:80", "http://[::1]:80/token"));
        assert!(!of("http://127.0.0.1:80", "http://a.example.com/token"));
        assert!(!of("http://127.0.0.1:80", "/token"));
        assert!(!of("https://a.example.com", "http://a.example.com/token"));
        assert!(!of("https://a.example.com", "/token"));
    }

    #[test]
    fn a_reason_is_short_and_in_one_line() {
        assert_eq!(short("a\r\nb"), "a  b");
        assert_eq!(short(&"é".repeat(1_000)).chars().count(), LONGEST_REASON);
    }

    fn provider() -> Provider {
        let roots = crate::transport::Roots::load(None).unwrap();

        Provider::new(ProviderParams {
            client: Http1Client::new(&roots).unwrap(),
            issuer: "https://login.example.com".to_owned(),
            client_id: "bellwire".to_owned(),
            client_secret: "hunter2".into(),
            scopes: Vec::new(),
            groups_claim: "groups".to_owned(),
            timeout: Duration::from_secs(60),
        })
        .unwrap()
    }

    #[tokio::test]
    async fn a_failure_of_the_provider_is_logged_and_a_refusal_of_too_many_logins_is_not() {
        let provider = provider();
        let failing = || async { Err::<(), _>(Failure::Provider("away".to_owned())) };

        let turns = provider.0.turns.try_acquire_many(MOST as u32).unwrap();
        let refused = provider.in_turn(failing()).await;
        assert_ne!(refused, Err(Failure::Provider("away".to_owned())));
        assert_eq!(*provider.last_failure(), None);

        drop(turns);
        let failed = provider.in_turn(failing()).await;
        assert_eq!(failed, Err(Failure::Provider("away".to_owned())));
        assert_eq!(provider.last_failure().as_deref(), Some("away"));
    }

    #[test]
    fn the_secret_is_not_shown() {
        let shown = format!("{:?}", provider());
        assert!(shown.contains("login.example.com"), "{shown}");
        assert!(!shown.contains("hunter2"), "{shown}");
    }
}
