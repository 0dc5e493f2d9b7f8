//! Provider tokens (JWTs): signed here, and sent with every request to APNs.
//!
//! Apple asks for a new one at least every 60 minutes and at most every 20:
//! <https://developer.apple.com/documentation/usernotifications/establishing-a-token-based-connection-to-apns>.

use std::sync::{Mutex, PoisonError};

use http::header::HeaderValue;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde::Serialize;
use time::{Duration, OffsetDateTime};

use crate::model::outcome::NotSent;
use crate::provider::apns::credential::KeyCredential;

/// Ten minutes before APNs refuses a token, so that clocks may differ by that much.
const RENEW_AFTER: Duration = Duration::minutes(50);
/// APNs answers `TooManyProviderTokenUpdates` to newer tokens that come sooner.
const MIN_AGE_TO_RENEW: Duration = Duration::minutes(20);

/// The provider tokens of one signing key.
///
/// It belongs to one `ApnsClient`, whose requests share it and which it ends with. It has no task:
/// the first request that finds the token too old signs the next one under the mutex, and the others
/// wait for that. A signature takes well below a millisecond, and the mutex is never held across an
/// await.
pub(super) struct ProviderTokens {
    header: Header,
    team_id: String,
    signing_key: EncodingKey,
    current: Mutex<Option<ProviderToken>>,
}

struct ProviderToken {
    /// `bearer …`: a secret.
    authorization: HeaderValue,
    /// By the wall clock, as APNs counts. A monotonic clock stands still while a machine sleeps.
    issued_at: OffsetDateTime,
}

impl ProviderToken {
    /// Whether the token was issued less than `age` ago. One from the future was not: the clock has
    /// been set back since, and APNs would refuse it.
    fn is_younger_than(&self, age: Duration) -> bool {
        let elapsed = OffsetDateTime::now_utc() - self.issued_at;
        (-Duration::MINUTE..age).contains(&elapsed)
    }
}

#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    iat: i64,
}

impl ProviderTokens {
    pub(super) fn new(credential: &KeyCredential) -> Self {
        let mut header = Header::new(Algorithm::ES256);
        // Apple's header has `alg` and `kid` only.
        header.typ = None;
        header.kid = Some(credential.key_id.clone());

        Self {
            header,
            team_id: credential.team_id.clone(),
            signing_key: credential.signing_key.clone(),
            current: Mutex::new(None),
        }
    }

    /// The value of the `authorization` header for a request that is sent now.
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

    /// A newer token than `expired`, which APNs refused as expired. `None` if `expired` is so young
    /// that APNs would refuse a newer one as well.
    pub(super) fn renew(&self, expired: &HeaderValue) -> Result<Option<HeaderValue>, NotSent> {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);

        match current.as_ref() {
            // Another request has renewed it meanwhile.
            Some(token) if token.authorization != expired => Ok(Some(token.authorization.clone())),
            Some(token) if token.is_younger_than(MIN_AGE_TO_RENEW) => Ok(None),
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

        // Hidden from debug output. HPACK never indexes it, as Apple asks for `authorization`.
        authorization.set_sensitive(true);
        Ok(ProviderToken {
            authorization,
            issued_at,
        })
    }
}
