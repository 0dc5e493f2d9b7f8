//! Provider tokens as all processes share them: stored sealed, so that a reader of the store can't send
//! with them.

use std::sync::Arc;

use time::{Duration, OffsetDateTime};

use crate::crypto::{MasterKeys, SecretError};
use crate::model::provider_token::{
    KeptToken, TokenKey, TokenReading, TokenReplacement, TokenStore, TokenStoreError,
};

/// Where provider tokens are shared, and the keys that seal them. Cheap to clone.
#[derive(Clone)]
pub struct SharedTokens {
    store: Arc<dyn TokenStore>,
    keys: MasterKeys,
}

/// A new token that is to take the place of what was read.
pub(super) struct NewToken<'a> {
    /// A secret.
    pub token: &'a str,
    pub issued_at: OffsetDateTime,
    pub replaces: &'a TokenReading,
    /// A younger token is not replaced.
    pub min_age: Duration,
}

impl SharedTokens {
    pub fn new(store: Arc<dyn TokenStore>, keys: MasterKeys) -> Self {
        Self { store, keys }
    }

    pub(super) async fn read(&self, key: &TokenKey) -> Result<TokenReading, TokenStoreError> {
        self.store.read(key).await
    }

    /// Decrypts a token: a secret.
    pub(super) fn open(&self, key: &TokenKey, kept: &KeptToken) -> Result<String, SecretError> {
        self.keys.open_provider_token(key, &kept.token)
    }

    /// Keeps a new token. `false`: another process was faster, or the old one is too young.
    pub(super) async fn replace(
        &self,
        key: &TokenKey,
        new: &NewToken<'_>,
    ) -> Result<bool, TokenStoreError> {
        let old = new.replaces.kept.as_ref();
        let replacement = TokenReplacement {
            new: KeptToken {
                token: self.keys.seal_provider_token(key, new.token)?,
                issued_at: new.issued_at,
            },
            old_issued_at: old.map(|kept| kept.issued_at),
            min_age: new.min_age,
        };

        self.store.replace(key, &replacement).await
    }
}
