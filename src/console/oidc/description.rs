//! The description that an identity provider publishes: its endpoints and its signing keys. It is kept for a
//! while, so that not every login reads it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use openidconnect::JwsSigningAlgorithm;
use openidconnect::core::{CoreClientAuthMethod, CoreJwsSigningAlgorithm, CoreProviderMetadata};
use tokio::sync::Mutex;

/// How long a description is kept. A token with an unknown key makes Bellwire read the description again at once.
const KEPT_FOR: Duration = Duration::from_secs(600);

/// A description, and when it was read.
pub(super) struct Description {
    pub metadata: CoreProviderMetadata,
    read_at: Instant,
}

impl Description {
    pub(super) fn new(metadata: CoreProviderMetadata) -> Self {
        Self {
            metadata,
            read_at: Instant::now(),
        }
    }

    /// The algorithms that an id token may be signed with: those that the provider names, except "none" and
    /// those with a shared secret, such as HS256.
    pub(super) fn algorithms(&self) -> Vec<CoreJwsSigningAlgorithm> {
        let named = self.metadata.id_token_signing_alg_values_supported();

        named
            .iter()
            .filter(|algorithm| {
                // Anyone can write a token with "none" (RFC 7518, section 3.6), and everyone who
                // knows the client's secret one with HS256.
                !algorithm.uses_shared_secret() && **algorithm != CoreJwsSigningAlgorithm::None
            })
            .cloned()
            .collect()
    }

    /// Whether the client's secret must be in the body, because the provider does not accept it in a header.
    pub(super) fn takes_secret_in_body(&self) -> bool {
        let methods = self.metadata.token_endpoint_auth_methods_supported();

        // A provider that names no methods takes the header (OpenID Connect Discovery 1.0, section
        // 3).
        methods.is_some_and(|methods| {
            methods.contains(&CoreClientAuthMethod::ClientSecretPost)
                && !methods.contains(&CoreClientAuthMethod::ClientSecretBasic)
        })
    }
}

/// The description that was read last.
#[derive(Default)]
pub(super) struct Kept(Mutex<Option<Arc<Description>>>);

impl Kept {
    /// The kept description, if it is young enough and is not `known`. Otherwise the description that `read`
    /// returns: one login reads it, and the others wait.
    pub(super) async fn get<E>(
        &self,
        known: Option<&Arc<Description>>,
        read: impl Future<Output = Result<CoreProviderMetadata, E>>,
    ) -> Result<Arc<Description>, E> {
        let mut kept = self.0.lock().await;
        if let Some(description) = kept.as_ref() {
            let is_known = known.is_some_and(|known| Arc::ptr_eq(known, description));
            if !is_known && description.read_at.elapsed() < KEPT_FOR {
                return Ok(Arc::clone(description));
            }
        }

        // The lock is held meanwhile, so that a burst of logins asks the provider once. A login
        // that is given up here, or fails, leaves what was kept, and the next one asks again.
        let description = Arc::new(Description::new(read.await?));
        *kept = Some(Arc::clone(&description));
        Ok(description)
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use serde_json::{Value, json};

    use super::*;

    fn metadata(more: &Value) -> CoreProviderMetadata {
        let mut all = json!({
            "issuer": "https://login.example.com",
            "authorization_endpoint": "https://login.example.com/authorize",
            "token_endpoint": "https://login.example.com/token",
            "jwks_uri": "https://login.example.com/keys",
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["none", "HS256", "RS256", "ES384"],
        });
        for (name, value) in more.as_object().unwrap() {
            all[name] = value.clone();
        }
        serde_json::from_value(all).unwrap()
    }

    #[test]
    fn only_signatures_with_the_providers_own_keys_are_taken() {
        let description = Description::new(metadata(&json!({})));

        assert_eq!(
            description.algorithms(),
            [
                CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha256,
                CoreJwsSigningAlgorithm::EcdsaP384Sha384
            ]
        );
    }

    #[test]
    fn the_secret_is_in_the_body_only_if_it_must_be() {
        for (methods, expected) in [
            (json!({}), false),
            (json!(["client_secret_basic", "client_secret_post"]), false),
            (json!(["client_secret_post"]), true),
            (json!(["private_key_jwt"]), false),
        ] {
            let more = match &methods {
                Value::Array(_) => json!({"token_endpoint_auth_methods_supported": methods}),
                _ => json!({}),
            };
            let description = Description::new(metadata(&more));
            assert_eq!(description.takes_secret_in_body(), expected, "{methods}");
        }
    }

    #[tokio::test]
    async fn a_description_is_kept_until_another_is_asked_for() {
        let kept = Kept::default();
        let read = async || Ok::<_, Infallible>(metadata(&json!({})));
        let Ok(first) = kept.get(None, read()).await;

        let Ok(again) = kept.get(None, read()).await;
        assert!(Arc::ptr_eq(&first, &again));
        let Ok(other) = kept.get(Some(&first), read()).await;
        assert!(!Arc::ptr_eq(&first, &other));
        // Another login has read a new description meanwhile.
        let Ok(same) = kept.get(Some(&first), read()).await;
        assert!(Arc::ptr_eq(&same, &other));

        let failed = kept.get(Some(&other), async { Err("away") }).await;
        assert_eq!(failed.err(), Some("away"));
    }
}
