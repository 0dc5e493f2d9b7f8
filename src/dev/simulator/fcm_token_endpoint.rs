//! The simulated token endpoint of Google: it exchanges an assertion of the demo service account for
//! an access token. <https://developers.google.com/identity/protocols/oauth2/service-account#httprest>

use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};
use std::time::{Duration, Instant};

use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde::Deserialize;
use serde_json::json;
use time::OffsetDateTime;

use crate::dev::simulator::identity::{CLIENT_EMAIL, Identity};
use crate::dev::simulator::server::{Answer, Incoming};

/// The scopes of which an assertion must ask for one.
const SCOPES: [&str; 2] = [
    "https://www.googleapis.com/auth/firebase.messaging",
    "https://www.googleapis.com/auth/cloud-platform",
];
/// Google's own token endpoints. Clients that hard-code one name it as the audience.
const GOOGLES_AUDIENCES: [&str; 4] = [
    "https://oauth2.googleapis.com/token",
    "https://www.googleapis.com/oauth2/v4/token",
    "https://www.googleapis.com/oauth2/v3/token",
    "https://accounts.google.com/o/oauth2/token",
];
const GRANT_TYPE: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
/// How long an access token lives.
const LIFETIME: Duration = Duration::from_secs(3599);
/// The longest life of an assertion, in seconds.
const MAX_ASSERTION_LIFE: f64 = 3600.0;
/// How many seconds clocks may differ.
const LEEWAY: f64 = 60.0;

/// It belongs to the simulated FCM, whose requests look their token up here. The lock is held only to
/// look one up or to add one.
pub(super) struct TokenEndpoint {
    /// Its own address, which assertions may name as their audience.
    uri: String,
    key: DecodingKey,
    /// The tokens that it gave out, with their end.
    issued: RwLock<HashMap<String, Instant>>,
}

#[derive(Deserialize)]
struct Form {
    grant_type: Option<String>,
    assertion: Option<String>,
}

#[derive(Deserialize)]
struct Claims {
    iss: String,
    scope: String,
    aud: String,
    /// Seconds, as the next. Some clients send a fraction.
    iat: f64,
    exp: f64,
}

impl TokenEndpoint {
    pub(super) fn new(identity: &Identity, uri: String) -> anyhow::Result<Self> {
        let key = DecodingKey::from_rsa_pem(identity.service_account_public_key.as_bytes())?;
        Ok(Self {
            uri,
            key,
            issued: RwLock::default(),
        })
    }

    /// Whether `token` is one that the endpoint gave out and that has not ended.
    pub(super) fn knows(&self, token: &str) -> bool {
        let issued = self.issued.read().unwrap_or_else(PoisonError::into_inner);
        issued
            .get(token)
            .is_some_and(|ends_at| Instant::now() < *ends_at)
    }

    /// Answers `POST /token`.
    pub(super) fn answer(&self, incoming: &Incoming<'_>) -> Answer {
        // A form has the syntax of a query string.
        let form = actix_web::web::Query::<Form>::from_query(
            std::str::from_utf8(incoming.body).unwrap_or_default(),
        );
        let Ok(form) = form else {
            return refuse("invalid_request", "Could not parse the form.");
        };

        match (form.grant_type.as_deref(), form.assertion.as_deref()) {
            (None, _) => refuse(
                "invalid_request",
                "Required parameter is missing: grant_type",
            ),
            (Some(GRANT_TYPE), Some(assertion)) => self.exchange(assertion),
            (Some(GRANT_TYPE), None) => refuse(
                "invalid_request",
                "Required parameter is missing: assertion",
            ),
            (Some(_), _) => refuse("unsupported_grant_type", "Invalid grant_type"),
        }
    }

    fn exchange(&self, assertion: &str) -> Answer {
        // Only the signature: the claims are checked below, with Google's error texts.
        let mut validation = Validation::new(Algorithm::RS256);
        validation.validate_exp = false;
        validation.validate_aud = false;
        validation.required_spec_claims.clear();
        let Ok(token) = jsonwebtoken::decode::<Claims>(assertion, &self.key, &validation) else {
            return refuse("invalid_grant", "Invalid JWT Signature.");
        };

        let claims = token.claims;
        let now = (OffsetDateTime::now_utc() - OffsetDateTime::UNIX_EPOCH).as_seconds_f64();
        if claims.iss != CLIENT_EMAIL {
            return refuse("invalid_grant", "Invalid grant: account not found");
        }

        if claims.aud != self.uri && !GOOGLES_AUDIENCES.contains(&claims.aud.as_str()) {
            return refuse("invalid_grant", "Invalid JWT: Failed audience check.");
        }

        if claims.exp - claims.iat > MAX_ASSERTION_LIFE
            || claims.iat > now + LEEWAY
            || claims.exp < now - LEEWAY
        {
            let description = "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe.";
            return refuse("invalid_grant", description);
        }

        if !claims
            .scope
            .split_whitespace()
            .any(|scope| SCOPES.contains(&scope))
        {
            return refuse(
                "invalid_scope",
                "Invalid OAuth scope or ID token audience provided.",
            );
        }

        let token = format!("ya29.{}", crate::crypto::generate_api_secret());
        let mut issued = self.issued.write().unwrap_or_else(PoisonError::into_inner);
        // Tokens that have ended stay: a client asks for one an hour.
        issued.insert(token.clone(), Instant::now() + LIFETIME);

        let body = json!({"access_token": token, "expires_in": LIFETIME.as_secs(), "token_type": "Bearer"});
        Answer::new(200, body.to_string())
            .with_header("content-type", "application/json; charset=utf-8".to_owned())
    }
}

fn refuse(error: &str, description: &str) -> Answer {
    let body = json!({"error": error, "error_description": description});
    Answer::new(400, body.to_string())
        .with_header("content-type", "application/json; charset=utf-8".to_owned())
}
