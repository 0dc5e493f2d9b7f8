//! Provider tokens (JWTs): signed here, and sent with every request to APNs.
//!
//! Apple asks for a new one at least every 60 minutes and at most every 20, from all processes together:
//! <https://developer.apple.com/documentation/usernotifications/establishing-a-token-based-connection-to-apns>.
//! So all processes send with one token of a key: see [`SharedTokens`].

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use http::header::HeaderValue;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde::Serialize;
use time::{Duration, OffsetDateTime};

use crate::model::outcome::NotSent;
use crate::model::provider_token::{TokenKey, TokenReading};
use crate::provider::apns::credential::KeyCredential;
use crate::provider::apns::shared_tokens::{NewToken, SharedTokens};

/// Ten minutes before APNs refuses a token, so that clocks may differ by that much.
const RENEW_AFTER: Duration = Duration::minutes(50);
/// How old a token may be that can't be renewed, because Postgres can't be reached.
const USABLE_FOR: Duration = Duration::minutes(58);
/// How long a renewal waits after one that failed, while the present token is still good.
const RENEW_AGAIN_AFTER: Duration = Duration::seconds(10);
/// APNs answers `TooManyProviderTokenUpdates` to newer tokens that come sooner.
const MIN_AGE_TO_RENEW: Duration = Duration::minutes(20);
/// A token from further in the future is refused by APNs: a clock has been set back since.
const LEEWAY: Duration = Duration::minutes(1);

/// The provider tokens of one signing key.
///
/// It belongs to one `ApnsClient`, whose requests share it and which it ends with. It has no task:
/// the first request that finds the token too old takes the lock `finding`, and reads or renews the
/// token that all processes share; the others wait for that, and share its result. `current` is never
/// locked across an await.
pub(super) struct ProviderTokens {
    key: TokenKey,
    header: Header,
    signing_key: EncodingKey,
    /// `None`: this process keeps its tokens to itself.
    shared: Option<SharedTokens>,
    current: Mutex<Option<ProviderToken>>,
    finding: tokio::sync::Mutex<Option<Finding>>,
}

/// What the last search for a token brought.
struct Finding {
    at: Instant,
    /// Whether a token was asked for in place of one that APNs had refused.
    after_refusal: bool,
    result: Result<Option<HeaderValue>, NotSent>,
}

#[derive(Clone)]
struct ProviderToken {
    /// `bearer …`: a secret.
    authorization: HeaderValue,
    /// When it was this old, by this machine's wall clock, as the next two. A monotonic clock stands
    /// still while a machine sleeps.
    issued_at: OffsetDateTime,
    renew_at: OffsetDateTime,
    ends_at: OffsetDateTime,
}

impl ProviderToken {
    /// A token that is `age` old.
    fn of_age(authorization: HeaderValue, age: Duration) -> Self {
        // Counted back from this machine's clock, so that a difference to Postgres' clock does not
        // matter. The age is negative if Postgres' clock was set back by up to `LEEWAY`.
        let issued_at = OffsetDateTime::now_utc() - age.max(Duration::ZERO);

        Self {
            authorization,
            issued_at,
            renew_at: issued_at + RENEW_AFTER,
            ends_at: issued_at + USABLE_FOR,
        }
    }

    /// Whether it may be sent without reading what other processes have.
    fn is_fresh(&self, now: OffsetDateTime) -> bool {
        (self.issued_at - LEEWAY..self.renew_at).contains(&now)
    }

    fn is_usable(&self, now: OffsetDateTime) -> bool {
        (self.issued_at - LEEWAY..self.ends_at).contains(&now)
    }
}

/// Whether a token of this age is to be replaced; `None`: there is none. `after_refusal`: APNs refused
/// it as expired.
fn is_due(age: Option<Duration>, after_refusal: bool) -> bool {
    let limit = if after_refusal {
        MIN_AGE_TO_RENEW
    } else {
        RENEW_AFTER
    };

    age.is_none_or(|age| age >= limit || age < -LEEWAY)
}

#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    iat: i64,
}

impl ProviderTokens {
    pub(super) fn new(credential: &KeyCredential, shared: Option<SharedTokens>) -> Self {
        let mut header = Header::new(Algorithm::ES256);
        // Apple's header has `alg` and `kid` only.
        header.typ = None;
        header.kid = Some(credential.key_id.clone());

        Self {
            key: credential.token_key(),
            header,
            signing_key: credential.signing_key.clone(),
            shared,
            current: Mutex::new(None),
            finding: tokio::sync::Mutex::default(),
        }
    }

    /// The value of the `authorization` header for a request that is sent now.
    pub(super) async fn get(&self) -> Result<HeaderValue, NotSent> {
        let now = OffsetDateTime::now_utc();
        let current = self.current().clone();
        if let Some(token) = current.filter(|token| token.is_fresh(now)) {
            return Ok(token.authorization);
        }

        match self.find(None).await {
            Ok(Some(authorization)) => Ok(authorization),
            Ok(None) => Err(unavailable("no provider token could be made")),
            // While Postgres is away, APNs still takes the present token for some minutes. The next
            // renewal is put off, so that not every request waits for Postgres.
            Err(error) => self.postpone_renewal().ok_or(error),
        }
    }

    /// A newer token than `expired`, which APNs refused as expired. `None` if `expired` is so young
    /// that APNs would refuse a newer one as well.
    pub(super) async fn renew(
        &self,
        expired: &HeaderValue,
    ) -> Result<Option<HeaderValue>, NotSent> {
        self.find(Some(expired)).await
    }

    /// Looks for a token, unless another request has done so while this one waited for its turn.
    async fn find(&self, refused: Option<&HeaderValue>) -> Result<Option<HeaderValue>, NotSent> {
        // Taken before the lock: a result that is younger was found while this request waited. If
        // this request is dropped at an await, the lock is free and the next request searches.
        let asked_at = Instant::now();
        let mut finding = self.finding.lock().await;

        // Another request's result counts for all that waited, so that Postgres is not asked by each.
        let same = finding
            .as_ref()
            .filter(|finding| finding.at >= asked_at && finding.after_refusal == refused.is_some());
        if let Some(same) = same {
            return same.result.clone();
        }
        // Another request has replaced it meanwhile.
        let current = self.current().clone();
        if let (Some(refused), Some(token)) = (refused, current)
            && token.authorization != refused
        {
            return Ok(Some(token.authorization));
        }

        let found = self.current_or_renewed(refused).await;
        let result = found.map(|token| {
            let token = token?;
            let authorization = token.authorization.clone();
            *self.current() = Some(token);
            Some(authorization)
        });
        // A failure is kept too, so that those that wait share it and do not call Postgres in turn.
        *finding = Some(Finding {
            at: Instant::now(),
            after_refusal: refused.is_some(),
            result: result.clone(),
        });
        result
    }

    /// The token that all processes share, renewed if it is time. `None`: it is `refused`, and too young
    /// to be renewed.
    async fn current_or_renewed(
        &self,
        refused: Option<&HeaderValue>,
    ) -> Result<Option<ProviderToken>, NotSent> {
        let Some(shared) = &self.shared else {
            return self.own(refused);
        };

        let mut reading = self.read(shared).await?;
        // APNs may have refused a token that another process has replaced since. Then the stored
        // one is used, and renewed only at its own time.
        let is_refused = refused.is_some() && self.opened(shared, &reading).as_ref() == refused;

        if is_due(reading.age(), is_refused) {
            // Issued by Postgres' clock, so that all processes agree on its age. It is stored
            // before it is sent: if another process was faster, APNs never sees this one.
            let token = self.sign(reading.now)?;
            let new = NewToken {
                token: &token,
                issued_at: reading.now,
                replaces: &reading,
                min_age: if is_refused {
                    MIN_AGE_TO_RENEW
                } else {
                    RENEW_AFTER
                },
            };
            let is_kept = shared
                .replace(&self.key, &new)
                .await
                .map_err(|error| store_failed(&*error))?;
            if is_kept {
                return Ok(Some(ProviderToken::of_age(bearer(&token)?, Duration::ZERO)));
            }
            // Another process was faster.
            reading = self.read(shared).await?;
        }

        let age = reading.age().unwrap_or_default();
        match self.opened(shared, &reading) {
            Some(authorization) if Some(&authorization) == refused => Ok(None),
            Some(authorization) => Ok(Some(ProviderToken::of_age(authorization, age))),
            // Better a second token than none.
            None => self.own(refused),
        }
    }

    async fn read(&self, shared: &SharedTokens) -> Result<TokenReading, NotSent> {
        shared
            .read(&self.key)
            .await
            .map_err(|error| store_failed(&*error))
    }

    /// The token of `reading`; `None`: there is none, or none that this process can open.
    fn opened(&self, shared: &SharedTokens, reading: &TokenReading) -> Option<HeaderValue> {
        let kept = reading.kept.as_ref()?;

        shared
            .open(&self.key, kept)
            .inspect_err(|error| {
                tracing::warn!(
                    team_id = self.key.team_id,
                    key_id = self.key.key_id,
                    %error,
                    "the provider token that all processes share can't be opened, so this process makes its own: \
                     give all processes the same master keys"
                );
            })
            .ok()
            .and_then(|token| bearer(&token).ok())
    }

    /// A token that no other process has. `None`: the present one was `refused`, and is too young to be
    /// renewed.
    fn own(&self, refused: Option<&HeaderValue>) -> Result<Option<ProviderToken>, NotSent> {
        let now = OffsetDateTime::now_utc();
        let present = self.current().clone();
        let is_too_young = refused.is_some()
            && present.is_some_and(|token| !is_due(Some(now - token.issued_at), true));
        if is_too_young {
            return Ok(None);
        }

        let token = self.sign(now)?;
        Ok(Some(ProviderToken::of_age(bearer(&token)?, Duration::ZERO)))
    }

    /// A new token that says it was issued at `issued_at`: a secret.
    fn sign(&self, issued_at: OffsetDateTime) -> Result<String, NotSent> {
        let claims = Claims {
            iss: &self.key.team_id,
            iat: issued_at.unix_timestamp(),
        };

        jsonwebtoken::encode(&self.header, &claims, &self.signing_key)
            .map_err(|error| refused(format!("the private key can't sign: {error}")))
    }

    /// Puts off the next renewal and returns the present token; `None` if that may have ended.
    fn postpone_renewal(&self) -> Option<HeaderValue> {
        let now = OffsetDateTime::now_utc();
        let mut current = self.current();
        let token = current.as_mut().filter(|token| token.is_usable(now))?;

        token.renew_at = now + RENEW_AGAIN_AFTER;
        Some(token.authorization.clone())
    }

    fn current(&self) -> MutexGuard<'_, Option<ProviderToken>> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn refused(reason: String) -> NotSent {
    NotSent::CredentialRefused { reason }
}

fn unavailable(reason: &str) -> NotSent {
    NotSent::CredentialUnavailable {
        reason: reason.to_owned(),
        retry_after: None,
    }
}

fn store_failed(error: &dyn std::error::Error) -> NotSent {
    // The lane logs the reason, at a change of its state.
    tracing::debug!(%error, "provider tokens can't be read or kept");
    unavailable("the provider token can't be read from Postgres")
}

/// The value of the `authorization` header.
fn bearer(token: &str) -> Result<HeaderValue, NotSent> {
    let mut authorization = HeaderValue::try_from(format!("bearer {token}"))
        .map_err(|error| refused(error.to_string()))?;

    // Hidden from debug output. HPACK never indexes it, as Apple asks for `authorization`.
    authorization.set_sensitive(true);
    Ok(authorization)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use futures_util::FutureExt;
    use futures_util::future::BoxFuture;
    use rcgen::{KeyPair, PKCS_ECDSA_P256_SHA256};
    use serde_json::json;

    use super::*;
    use crate::crypto::{MasterKeys, generate_master_key};
    use crate::model::provider_token::{KeptToken, TokenReplacement, TokenStore, TokenStoreError};

    /// Keeps the token of one key, by a clock that tests set.
    struct Memory(Mutex<(OffsetDateTime, Option<KeptToken>)>);

    impl Memory {
        fn new() -> Arc<Self> {
            Arc::new(Self(Mutex::new((OffsetDateTime::now_utc(), None))))
        }

        fn pass(&self, time: Duration) {
            self.0.lock().unwrap().0 += time;
        }
    }

    impl TokenStore for Memory {
        fn read<'a>(
            &'a self,
            _: &'a TokenKey,
        ) -> BoxFuture<'a, Result<TokenReading, TokenStoreError>> {
            let (now, kept) = self.0.lock().unwrap().clone();
            async move { Ok(TokenReading { now, kept }) }.boxed()
        }

        fn replace<'a>(
            &'a self,
            _: &'a TokenKey,
            replacement: &'a TokenReplacement,
        ) -> BoxFuture<'a, Result<bool, TokenStoreError>> {
            let mut memory = self.0.lock().unwrap();
            let (now, kept) = &mut *memory;
            let is_replaced = kept.as_ref().is_none_or(|kept| {
                Some(kept.issued_at) == replacement.old_issued_at
                    && *now - kept.issued_at >= replacement.min_age
            });
            if is_replaced {
                *kept = Some(replacement.new.clone());
            }
            async move { Ok(is_replaced) }.boxed()
        }
    }

    fn credential() -> KeyCredential {
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap();
        let content = json!({"privateKey": key.serialize_pem(), "teamId": "TEAM123456", "keyId": "KEY1234567",
            "bundleId": "a.b"});

        KeyCredential::parse(&content).unwrap()
    }

    fn master_keys() -> MasterKeys {
        MasterKeys::new("1", &generate_master_key()).unwrap()
    }

    /// Another process's tokens.
    fn process(
        credential: &KeyCredential,
        memory: &Arc<Memory>,
        keys: &MasterKeys,
    ) -> ProviderTokens {
        let store: Arc<dyn TokenStore> = Arc::<Memory>::clone(memory);
        ProviderTokens::new(credential, Some(SharedTokens::new(store, keys.clone())))
    }

    #[tokio::test]
    async fn processes_share_a_token_for_50_minutes() {
        let credential = credential();
        let memory = Memory::new();
        let keys = master_keys();
        let first = process(&credential, &memory, &keys).get().await.unwrap();

        memory.pass(Duration::minutes(49));
        let second = process(&credential, &memory, &keys).get().await.unwrap();
        assert_eq!(second, first);

        memory.pass(Duration::minutes(1));
        let third = process(&credential, &memory, &keys).get().await.unwrap();
        assert_ne!(third, first);
        let fourth = process(&credential, &memory, &keys).get().await.unwrap();
        assert_eq!(fourth, third);
    }

    #[tokio::test]
    async fn a_refused_token_is_renewed_once_after_20_minutes() {
        let credential = credential();
        let memory = Memory::new();
        let keys = master_keys();
        let [one, other] = [(); 2].map(|()| process(&credential, &memory, &keys));
        let old = one.get().await.unwrap();
        assert_eq!(other.get().await.unwrap(), old);

        memory.pass(Duration::minutes(19));
        assert_eq!(one.renew(&old).await.unwrap(), None);

        memory.pass(Duration::minutes(1));
        let new = one.renew(&old).await.unwrap().unwrap();
        assert_ne!(new, old);
        assert_eq!(one.get().await.unwrap(), new);

        // The other process takes it over, also when the new one could be renewed by its age.
        memory.pass(Duration::minutes(30));
        assert_eq!(other.renew(&old).await.unwrap(), Some(new));
    }

    #[tokio::test]
    async fn what_this_process_cannot_open_is_left_and_it_makes_its_own() {
        let credential = credential();
        let memory = Memory::new();
        let one = process(&credential, &memory, &master_keys());
        one.get().await.unwrap();
        let kept = memory.0.lock().unwrap().1.clone().unwrap();

        let stranger = process(&credential, &memory, &master_keys());
        let own = stranger.get().await.unwrap();
        assert_eq!(stranger.get().await.unwrap(), own);
        assert_eq!(stranger.renew(&own).await.unwrap(), None);

        let still_kept = memory.0.lock().unwrap().1.clone().unwrap();
        assert_eq!(still_kept.token, kept.token);
    }

    #[test]
    fn a_wrong_private_key_is_another_key() {
        assert_ne!(credential().token_key(), credential().token_key());
    }

    #[test]
    fn it_is_time_for_a_new_token() {
        let minutes = |minutes| Some(Duration::minutes(minutes));

        for (age, after_refusal, expected) in [
            (None, false, true),
            (minutes(0), false, false),
            (minutes(49), false, false),
            (minutes(50), false, true),
            (minutes(19), true, false),
            (minutes(20), true, true),
            (minutes(-2), false, true),
        ] {
            assert_eq!(is_due(age, after_refusal), expected, "{age:?}");
        }
    }
}
