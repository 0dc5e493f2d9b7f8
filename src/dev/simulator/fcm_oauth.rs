//! Google's token endpoint: exchanges an assertion of the demo service account for an access token.
//! <https://developers.google.com/identity/protocols/oauth2/service-account#httprest>

use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};
use std::time::{Duration, Instant};

use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde::Deserialize;
use serde_json::json;

use crate::dev::simulator::identity::{CLIENT_EMAIL, Identity};
use crate::dev::simulator::server::{Answer, Incoming};

const SCOPE: &str = "https://www.googleapis.com/auth/firebase.messaging";
const GRANT_TYPE: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
const LIFETIME: Duration = Duration::from_secs(3599);
/// Clocks may differ by this many seconds.
const LEEWAY: i64 = 60;

/// The endpoint and the tokens that it gave out.
pub(super) struct TokenEndpoint {
    uri: String,
    key: DecodingKey,
    given: RwLock<HashMap<String, Instant>>,
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
    iat: i64,
    exp: i64,
}

impl TokenEndpoint {
    /// At `uri`, which assertions must name.
    pub(super) fn new(identity: &Identity, uri: String) -> anyhow::Result<Self> {
        let key = DecodingKey::from_rsa_pem(identity.service_account_public_key.as_bytes())?;
        Ok(Self {
            uri,
            key,
            given: RwLock::default(),
        })
    }

    /// Whether it gave out `token` and it has not ended.
    pub(super) fn knows(&self, token: &str) -> bool {
        let given = self.given.read().unwrap_or_else(PoisonError::into_inner);
        given
            .get(token)
            .is_some_and(|ends_at| Instant::now() < *ends_at)
    }

    /// Answers `POST /token`.
    pub(super) fn answer(&self, incoming: &Incoming<'_>) -> Answer {
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
        let mut validation = Validation::new(Algorithm::RS256);
        // Checked below, in Google's words.
        validation.validate_exp = false;
        validation.validate_aud = false;
        validation.required_spec_claims.clear();
        let Ok(token) = jsonwebtoken::decode::<Claims>(assertion, &self.key, &validation) else {
            return refuse("invalid_grant", "Invalid JWT Signature.");
        };
        let (claims, now) = (
            token.claims,
            time::OffsetDateTime::now_utc().unix_timestamp(),
        );
        if claims.iss != CLIENT_EMAIL {
            return refuse("invalid_grant", "Invalid grant: account not found");
        }
        if claims.aud != self.uri {
            return refuse("invalid_grant", "Invalid JWT: Failed audience check.");
        }
        if claims.exp - claims.iat > 3600 || claims.iat > now + LEEWAY || claims.exp < now - LEEWAY
        {
            let why = "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe.";
            return refuse("invalid_grant", why);
        }
        if !claims.scope.split(' ').any(|scope| scope == SCOPE) {
            return refuse(
                "invalid_scope",
                "Invalid OAuth scope or ID token audience provided.",
            );
        }
        let token = format!("ya29.{}", crate::crypto::generate_api_secret());
        let mut given = self.given.write().unwrap_or_else(PoisonError::into_inner);
        given.insert(token.clone(), Instant::now() + LIFETIME);
        let body = json!({"access_token": token, "expires_in": LIFETIME.as_secs(), "token_type": "Bearer"});
        Answer::new(200, body.to_string())
            .with("content-type", "application/json; charset=utf-8".to_owned())
    }
}

fn refuse(error: &str, description: &str) -> Answer {
    let body = json!({"error": error, "error_description": description});
    Answer::new(400, body.to_string())
        .with("content-type", "application/json; charset=utf-8".to_owned())
}
