//! Provider tokens: signed here, renewed often enough for APNs to accept them and seldom enough not
//! to annoy it.
//!
//! <https://developer.apple.com/documentation/usernotifications/establishing-a-token-based-connection-to-apns>:
//! at least every 60 minutes, at most every 20.

use std::sync::{Mutex, PoisonError};

use http::header::HeaderValue;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde::Serialize;
use time::{Duration, OffsetDateTime};

use crate::model::outcome::NotSent;
use crate::provider::apns::KeyCredential;

const RENEW_AFTER: Duration = Duration::minutes(50);
const RENEW_NOT_BEFORE: Duration = Duration::minutes(20);

/// The provider tokens of one signing key.
pub(super) struct ProviderTokens {
    header: Header,
    team_id: String,
    signing_key: EncodingKey,
    current: Mutex<Option<ProviderToken>>,
}

struct ProviderToken {
    /// `bearer …`: a secret.
    authorization: HeaderValue,
    /// By the wall clock, as APNs counts: other clocks stand still while a machine sleeps.
    issued_at: OffsetDateTime,
}

impl ProviderToken {
    /// Whether it is younger than `age`; one from the future is not, for the clock has been set
    /// back since.
    fn is_younger_than(&self, age: Duration) -> bool {
        (-Duration::MINUTE..age).contains(&(OffsetDateTime::now_utc() - self.issued_at))
    }
}

#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    iat: i64,
}

impl ProviderTokens {
    /// None yet.
    pub(super) fn new(credential: &KeyCredential) -> Self {
        let mut header = Header::new(Algorithm::ES256);
        header.typ = None;
        header.kid = Some(credential.key_id.clone());
        Self {
            header,
            team_id: credential.team_id.clone(),
            signing_key: credential.signing_key.clone(),
            current: Mutex::new(None),
        }
    }

    /// A token that is good now, as the value of the `authorization` header.
    pub(super) fn get(&self) -> Result<HeaderValue, NotSent> {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        match current
            .as_ref()
            .filter(|token| token.is_younger_than(RENEW_AFTER))
        {
            Some(token) => Ok(token.authorization.clone()),
            None => Ok(current.insert(self.issue()?).authorization.clone()),
        }
    }

    /// A newer token than `old`, which APNs calls expired; `None` where renewing so soon would only
    /// make APNs refuse more.
    pub(super) fn renew(&self, old: &HeaderValue) -> Result<Option<HeaderValue>, NotSent> {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        match current.as_ref() {
            Some(token) if token.authorization != old => Ok(Some(token.authorization.clone())),
            Some(token) if token.is_younger_than(RENEW_NOT_BEFORE) => Ok(None),
            _ => Ok(Some(current.insert(self.issue()?).authorization.clone())),
        }
    }

    fn issue(&self) -> Result<ProviderToken, NotSent> {
        let refused = |reason: String| NotSent::CredentialRefused { reason };
        let issued_at = OffsetDateTime::now_utc();
        let claims = Claims {
            iss: &self.team_id,
            iat: issued_at.unix_timestamp(),
        };
        let token = jsonwebtoken::encode(&self.header, &claims, &self.signing_key)
            .map_err(|error| refused(format!("the private key can't sign: {error}")))?;
        let mut authorization = HeaderValue::try_from(format!("bearer {token}"))
            .map_err(|error| refused(error.to_string()))?;
        // Apple asks for a literal that is never indexed.
        authorization.set_sensitive(true);
        Ok(ProviderToken {
            authorization,
            issued_at,
        })
    }
}
