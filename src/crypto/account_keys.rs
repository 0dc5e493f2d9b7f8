//! The keys of accounts, one for each day, derived from a master key by HKDF
//! (<https://www.rfc-editor.org/rfc/rfc5869>).

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use aws_lc_rs::aead::{AES_256_GCM, RandomizedNonceKey};
use aws_lc_rs::hkdf::{HKDF_SHA256, Prk, Salt};
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::crypto::SecretError;
use crate::crypto::master_keys::KEY_LENGTH;

/// Derived keys that are kept, about 600 bytes each.
const MAX_KEPT: usize = 4_096;

/// Replicas share it: it must never change.
const LABEL: &[u8] = b"bellwire account keys";

/// Derives the keys of accounts, and keeps those that were used last.
///
/// All threads that seal or open share it. The lock is held for a look-up or an insert.
pub(super) struct AccountKeys {
    source: Prk,
    kept: RwLock<HashMap<(Uuid, u16), Arc<RandomizedNonceKey>>>,
}

impl AccountKeys {
    pub(super) fn of(master_key: &[u8]) -> Self {
        Self {
            source: Salt::new(HKDF_SHA256, LABEL).extract(master_key),
            kept: RwLock::default(),
        }
    }

    /// The key of `account` for `day`, in days since 1970.
    pub(super) fn get(
        &self,
        account: Uuid,
        day: u16,
    ) -> Result<Arc<RandomizedNonceKey>, SecretError> {
        // Most calls end here, so threads share this lock and wait for a writer only when a key is
        // new.
        let kept = self.kept.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(key) = kept.get(&(account, day)) {
            return Ok(Arc::clone(key));
        }
        // Two threads may derive the same key at a time. It is equal, so whichever is inserted last
        // counts.
        drop(kept);

        let key = Arc::new(self.derive(account, day)?);
        let mut kept = self.kept.write().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= MAX_KEPT {
            // Keys in use are derived again when they are needed next. So no use has to be
            // recorded, which would need the writer's lock.
            kept.clear();
        }
        kept.insert((account, day), Arc::clone(&key));
        Ok(key)
    }

    fn derive(&self, account: Uuid, day: u16) -> Result<RandomizedNonceKey, SecretError> {
        let day = day.to_be_bytes();
        // Both have a fixed length, so no two pairs of account and day have the same key.
        let info = [account.as_bytes().as_slice(), &day];
        let mut bytes = Zeroizing::new([0; KEY_LENGTH]);

        self.source
            .expand(&info, HKDF_SHA256)
            .and_then(|derived| derived.fill(bytes.as_mut_slice()))
            .and_then(|()| RandomizedNonceKey::new(&AES_256_GCM, bytes.as_slice()))
            .map_err(|_| SecretError::DoesNotOpen)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kept_keys_are_bounded() {
        let keys = AccountKeys::of(&[7; KEY_LENGTH]);
        for day in 0..5_000 {
            keys.get(Uuid::nil(), day).unwrap();
        }

        assert!(keys.kept.read().unwrap().len() <= MAX_KEPT);
    }
}
