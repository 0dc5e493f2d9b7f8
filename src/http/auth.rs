//! Authentication: HTTP Basic with an API key and its secret.

use std::future::{Future, Ready, ready};
use std::net::IpAddr;
use std::pin::Pin;

use actix_web::http::Method;
use actix_web::http::header::{AUTHORIZATION, HeaderValue};
use actix_web::{FromRequest, HttpMessage, HttpRequest, dev, web};
use actix_web_httpauth::headers::authorization::{Basic, Scheme};
use subtle::ConstantTimeEq;

use crate::crypto::hash_api_secret;
use crate::http::State;
use crate::http::error::ApiError;
use crate::http::query;
use crate::http::server::Source;
use crate::model::id::AccountId;
use crate::model::quoted::either;
use crate::store::api_keys::{KeyEnd, KnownKey, Role};
use crate::telemetry::metrics;

/// An authenticated caller. Every handler takes one as an argument, itself or within its body, so
/// none can forget to authenticate.
#[derive(Debug, Clone, Copy)]
pub(super) struct Caller {
    pub account_id: AccountId,
    pub role: Role,
}

/// The user name of the key that a request is made with. A handler that takes it takes a [`Caller`] too.
pub(super) struct CallerKey(pub String);

/// Who is logged in to the console, which calls the API for them within the process. A request that
/// has it among its extensions needs no credentials; only this process can put it there.
#[derive(Debug, Clone)]
pub(crate) struct LoggedIn {
    pub account_id: AccountId,
    pub role: Role,
    /// The user name of the API key, or another name if the login was not with a key.
    pub actor: String,
}

impl LoggedIn {
    /// Whether it may use `method` on the route `pattern` of the API.
    pub(crate) fn may(&self, method: &Method, pattern: &str) -> bool {
        is_allowed(self.role, method, pattern)
    }

    fn of(request: &HttpRequest) -> Option<Self> {
        request.extensions().get::<Self>().cloned()
    }
}

impl FromRequest for CallerKey {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut dev::Payload) -> Self::Future {
        if let Some(logged_in) = LoggedIn::of(request) {
            return ready(Ok(Self(logged_in.actor)));
        }

        let credentials = credentials(request).ok_or_else(|| unauthenticated(request));

        ready(credentials.map(|credentials| Self(credentials.user_id().to_owned())))
    }
}

impl FromRequest for Caller {
    type Error = ApiError;
    type Future = Pin<Box<dyn Future<Output = Result<Self, ApiError>>>>;

    fn from_request(request: &HttpRequest, _: &mut dev::Payload) -> Self::Future {
        let request = request.clone();

        Box::pin(async move { Self::of(&request).await })
    }
}

impl Caller {
    /// Who made `request`, which they may make.
    pub(super) async fn of(request: &HttpRequest) -> Result<Self, ApiError> {
        let state = request
            .app_data::<web::Data<State>>()
            .ok_or_else(|| ApiError::internal("a request without a state"))?;

        let logged_in = LoggedIn::of(request);
        let is_in_console = logged_in.is_some();
        let who = match logged_in {
            Some(logged_in) => logged_in,
            None => authenticate(state, request).await?,
        };
        // Only known keys are counted: strangers can't fill the limiter's memory.
        state.rate_limits.check_request(request, &who.actor)?;

        // The name of a person who is logged in without a key is noted too. It is no key's name, so
        // the write of the uses finds no row for it.
        state.key_use.note(&who.actor);

        let pattern = request.match_pattern().unwrap_or_default();
        if !who.may(request.method(), &pattern) {
            let needed = who_may(request.method(), &pattern);
            let role = who.role.as_str();
            return Err(if is_in_console {
                ApiError::forbidden_in_console(role, &needed)
            } else {
                ApiError::forbidden(role, &needed)
            });
        }

        // Checked here, because each route with parameters takes a caller: a new one can't forget
        // it.
        query::refuse_unknown(request, &pattern)?;

        Ok(Self {
            account_id: who.account_id,
            role: who.role,
        })
    }
}

/// The key of a request's credentials, if it is valid.
async fn authenticate(state: &State, request: &HttpRequest) -> Result<LoggedIn, ApiError> {
    let credentials = credentials(request).ok_or_else(|| unauthenticated(request))?;

    // The middleware may have looked the key up already.
    let known = request.extensions().get::<KnownKey>().cloned();
    let known = match known {
        Some(known) => known,
        None => {
            let given = Given::of(&credentials);
            log_in(state, source(state, request), &given).await?
        }
    };

    Ok(LoggedIn {
        account_id: known.account_id,
        role: known.role,
        actor: credentials.user_id().to_owned(),
    })
}

/// A 401 for a request whose credentials can't be read.
fn unauthenticated(request: &HttpRequest) -> ApiError {
    let how = "Use HTTP Basic: an API key as user name, its secret as password";

    match request.headers().get(AUTHORIZATION) {
        None => ApiError::unauthorized(format_args!(
            "The request has no Authorization header. {how}"
        )),
        Some(_) => ApiError::unauthorized(format_args!(
            "The Authorization header is not of HTTP Basic. {how}"
        )),
    }
}

/// The scheme's name may be in any letter case, and several spaces may follow it (RFC 9110, section 11).
fn credentials(request: &HttpRequest) -> Option<Basic> {
    let given = request.headers().get(AUTHORIZATION)?;
    // The crate takes only the spelling `Basic` and one space, which nearly every client sends.
    if let Ok(credentials) = Basic::parse(given) {
        return Some(credentials);
    }

    let (scheme, encoded) = given.to_str().ok()?.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let plain = format!("Basic {}", encoded.trim_start_matches(' '));
    Basic::parse(&HeaderValue::from_str(&plain).ok()?).ok()
}

/// Whether the caller has a valid key, which is then remembered for the handler.
pub(super) async fn is_known(request: &HttpRequest) -> bool {
    let Some(state) = request.app_data::<web::Data<State>>() else {
        return false;
    };
    let Some(credentials) = credentials(request) else {
        return false;
    };

    match find(state, &Given::of(&credentials)).await {
        Ok(Ok(known)) => {
            request.extensions_mut().insert(known);
            true
        }
        // Not counted as a failed login here: the handler authenticates again, and counts it then.
        Ok(Err(_)) | Err(_) => false,
    }
}

/// Whether the caller of a request that is still being answered may go on. An error of the database ends
/// nothing: the next check asks again.
pub(super) async fn is_still_known(state: &State, request: &HttpRequest) -> bool {
    // Who is logged in to the console has no key here. The console checks its sessions itself.
    let Some(credentials) = credentials(request) else {
        return LoggedIn::of(request).is_some();
    };

    !matches!(find(state, &Given::of(&credentials)).await, Ok(Err(_)))
}

/// Why a key is not valid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Refusal {
    UnknownKey,
    WrongSecret,
    /// The secret is right, and the key can't be used any more.
    Ended(KeyEnd),
}

impl Refusal {
    /// What is wrong, and what to do. It does not repeat the key, which may be a secret in the wrong place.
    fn reason(self) -> &'static str {
        match self {
            Self::UnknownKey => {
                "No API key has this name. Check the user name of HTTP Basic, and whether the key is of this installation"
            }
            Self::WrongSecret => {
                "The secret is not that of this API key. Check the password of HTTP Basic; rotate the key if its secret is lost"
            }
            Self::Ended(KeyEnd::Expired) => "This API key has expired. Use another key",
            Self::Ended(KeyEnd::Revoked) => "This API key was revoked. Use another key",
        }
    }
}

/// A key and its secret, as a caller gives them.
pub(crate) struct Given<'a> {
    pub key: &'a str,
    pub secret: &'a str,
}

impl<'a> Given<'a> {
    fn of(credentials: &'a Basic) -> Self {
        Self {
            key: credentials.user_id(),
            secret: credentials.password().unwrap_or_default(),
        }
    }
}

/// Finds the key, or refuses it with a 401, which is counted and held back if there were many.
pub(crate) async fn log_in(
    state: &State,
    source: Option<Source>,
    given: &Given<'_>,
) -> Result<KnownKey, ApiError> {
    let refusal = match find(state, given).await? {
        Ok(known) => return Ok(known),
        Err(refusal) => refusal,
    };

    let key = shown_key(given.key, refusal);
    hold_back(state, source, &key, &format!("{refusal:?}")).await;
    Err(ApiError::unauthorized(refusal.reason()))
}

/// Counts a failed login, and waits if there were many from its source. Logs the first one of a source, and the
/// first one that waits. `key` and `reason` are for the log.
pub(crate) async fn hold_back(state: &State, source: Option<Source>, key: &str, reason: &str) {
    let consequence = source.map(|source| state.failed_logins.failed(source));
    metrics::login_failed();

    if let (Some(source), Some(consequence)) = (source, consequence) {
        if consequence.is_news {
            tracing::warn!(
                %source,
                key,
                reason,
                is_slowed_down = !consequence.delay.is_zero(),
                "a login failed"
            );
        }
        // Only this answer waits. Other requests of the source, with valid keys, are answered at
        // once.
        tokio::time::sleep(consequence.delay).await;
    }
}

/// The user name of a request's credentials.
pub(super) fn key_of(request: &HttpRequest) -> Option<String> {
    credentials(request).map(|credentials| credentials.user_id().to_owned())
}

/// Where a request comes from.
pub(crate) fn source(state: &State, request: &HttpRequest) -> Option<Source> {
    let (peer, forwarded) = sender(request)?;
    let proxies = &state.settings.trusted_proxies;

    Some(proxies.source_of_request(peer, Some(&forwarded)))
}

/// The address that a request comes from.
pub(crate) fn address(state: &State, request: &HttpRequest) -> Option<IpAddr> {
    let (peer, forwarded) = sender(request)?;
    let proxies = &state.settings.trusted_proxies;

    Some(proxies.address_of_request(peer, Some(&forwarded)))
}

/// Who sent a request, and for whom, if it says so.
fn sender(request: &HttpRequest) -> Option<(IpAddr, String)> {
    let peer = request.peer_addr()?;
    // Several fields of this name mean the same as one field with all their values in order (RFC
    // 9110, section 5.3).
    let forwarded: Vec<&str> = request
        .headers()
        .get_all("X-Forwarded-For")
        .filter_map(|value| value.to_str().ok())
        .collect();

    Some((peer.ip(), forwarded.join(",")))
}

/// A key as the log shows it. What is not a key may be a secret in the wrong place, so only its
/// beginning is shown.
fn shown_key(key: &str, refusal: Refusal) -> String {
    const SHOWN: usize = 4;

    match refusal {
        Refusal::WrongSecret | Refusal::Ended(_) => key.to_owned(),
        Refusal::UnknownKey => {
            let beginning: String = key.chars().take(SHOWN).collect();
            format!("{beginning}…")
        }
    }
}

/// Finds the key and compares its secret.
async fn find(state: &State, given: &Given<'_>) -> Result<Result<KnownKey, Refusal>, ApiError> {
    let given_hash = hash_api_secret(given.secret);

    // No key contains NUL, which Postgres would refuse with an error.
    let key = Some(given.key).filter(|key| !key.contains('\0'));
    let known = match key {
        Some(key) => state.api_keys.find(key.to_owned()).await?,
        None => None,
    };

    Ok(match known {
        // Compared in constant time: otherwise the time of the answer would tell how many bytes are
        // right.
        Some(known) if bool::from(known.secret_hash.ct_eq(&given_hash)) => match known.ended {
            None => Ok(known),
            Some(end) => Err(Refusal::Ended(end)),
        },
        // Who does not know the secret does not learn whether the key has ended.
        Some(_) => Err(Refusal::WrongSecret),
        None => Err(Refusal::UnknownKey),
    })
}

/// The roles that may use `method` on the route `pattern`, for people.
fn who_may(method: &Method, pattern: &str) -> String {
    let roles: Vec<&str> = [Role::Full, Role::Send, Role::Read]
        .into_iter()
        .filter(|role| is_allowed(*role, method, pattern))
        .map(Role::as_str)
        .collect();

    either(&roles)
}

/// Whether a key with `role` may use `method` on the route `pattern`.
fn is_allowed(role: Role, method: &Method, pattern: &str) -> bool {
    match role {
        Role::Full => true,
        Role::Send => {
            *method == Method::POST && is_sending(pattern)
                || *method == Method::PATCH && pattern.ends_with("/Operations/{id}")
        }
        Role::Read => {
            let reads = matches!(*method, Method::GET | Method::HEAD);
            let estimates = *method == Method::POST && pattern.ends_with("/Audiences/Estimate");

            (reads || estimates) && !is_about_keys(pattern)
        }
    }
}

/// Whether the route `pattern` manages API keys, or reports what was done with them.
fn is_about_keys(pattern: &str) -> bool {
    pattern.ends_with("/Keys") || pattern.contains("/Keys/") || pattern.ends_with("/AuditEvents")
}

/// Whether a POST to the route `pattern` sends, previews, estimates, or controls what was sent.
fn is_sending(pattern: &str) -> bool {
    // `/Resend` alone would let a key with the role SEND repeat messages of webhooks too.
    [
        "/PushNotifications",
        "/Preview",
        "/Audiences/Estimate",
        "/Cancel",
        "/Operations/{id}/Pause",
        "/Operations/{id}/Resume",
        "/Operations/{id}/Resend",
    ]
    .iter()
    .any(|end| pattern.ends_with(end))
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    #[test]
    fn the_scheme_is_known_in_any_letter_case() {
        let read = |header: &str| {
            let request = TestRequest::default().insert_header((AUTHORIZATION, header));
            credentials(&request.to_http_request()).map(|basic| basic.user_id().to_owned())
        };

        // dev:dev
        for header in [
            "Basic ZGV2OmRldg==",
            "basic ZGV2OmRldg==",
            "BASIC  ZGV2OmRldg==",
        ] {
            assert_eq!(read(header).as_deref(), Some("dev"), "{header}");
        }
        for header in [
            "",
            "Basic",
            "basic",
            "Bearer ZGV2OmRldg==",
            "basicZGV2OmRldg==",
            "basic !!!",
        ] {
            assert_eq!(read(header), None, "{header}");
        }
    }

    #[test]
    fn a_refusal_names_the_roles_that_may() {
        let path = "/v1/PushNotifications";

        assert_eq!(who_may(&Method::POST, path), "FULL or SEND");
        assert_eq!(who_may(&Method::GET, path), "FULL or READ");
        assert_eq!(who_may(&Method::POST, "/v1/PushNotifications/Keys"), "FULL");
    }

    #[test]
    fn the_log_shows_no_secret_that_was_sent_as_a_key() {
        let secret = "aVeryLongSecret";

        assert_eq!(shown_key(secret, Refusal::UnknownKey), "aVer…");
        assert_eq!(shown_key("SKdemo", Refusal::WrongSecret), "SKdemo");
    }
}
