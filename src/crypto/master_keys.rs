//! Master keys: they seal secrets at rest with AES-256-GCM, and bind each to its row, so that a dump
//! of the database or a replica's disk reveals no Credential and no device token.
//!
//! A sealed value is nonce (12 bytes), ciphertext, tag (16 bytes). The id of its master key is stored
//! beside it. So a new master key can be introduced while old rows still need the old one.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use uuid::Uuid;

use crate::model::sealed::Sealed;

/// Bytes of a master key.
const KEY_LENGTH: usize = 32;

/// The configured master keys. Cheap to clone.
#[derive(Clone)]
pub struct MasterKeys {
    /// The id of the key that new secrets are sealed with.
    current: Arc<str>,
    keys: Arc<HashMap<String, RandomizedNonceKey>>,
    /// Keys that sign page tokens, one derived from each master key, the current one first.
    page_tokens: Arc<Vec<hmac::Key>>,
}

impl fmt::Debug for MasterKeys {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("MasterKeys")
            .field("current", &self.current)
            .finish_non_exhaustive()
    }
}

/// Why a master key is invalid, or a secret can't be decrypted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SecretError {
    #[error("a master key must be 32 bytes in base64; `openssl rand -base64 32` makes one")]
    NotAKey,
    #[error("two master keys have the id '{0}'; give each an id of its own")]
    TwoKeys(String),
    #[error("encrypted with the master key '{0}', which is not configured")]
    UnknownKey(String),
    /// The value was changed, belongs to another row, or was sealed with another key of the same id.
    #[error("the master key of this id does not decrypt it")]
    DoesNotOpen,
}

impl MasterKeys {
    /// One key with the id `id`, in base64.
    pub fn new(id: &str, key: &str) -> Result<Self, SecretError> {
        Self::with_old(id, key, "")
    }

    /// One key, and old ones that still open what they sealed. `old` is `id:key,id:key`, or empty.
    pub fn with_old(id: &str, key: &str, old: &str) -> Result<Self, SecretError> {
        let mut keys = HashMap::new();
        let mut page_tokens = Vec::new();

        let old = old
            .split(',')
            .map(str::trim)
            .filter(|pair| !pair.is_empty())
            .map(|pair| pair.split_once(':').ok_or(SecretError::NotAKey));
        for pair in std::iter::once(Ok((id, key))).chain(old) {
            let (id, key) = pair?;
            let bytes = STANDARD
                .decode(key.trim())
                .ok()
                .filter(|bytes| bytes.len() == KEY_LENGTH)
                .ok_or(SecretError::NotAKey)?;

            let sealing =
                RandomizedNonceKey::new(&AES_256_GCM, &bytes).map_err(|_| SecretError::NotAKey)?;
            if keys.insert(id.trim().to_owned(), sealing).is_some() {
                return Err(SecretError::TwoKeys(id.trim().to_owned()));
            }

            // A derived key, so that the signatures that API users see reveal nothing about the key
            // that seals secrets. Replicas share the label: it must never change.
            let derived = hmac::sign(
                &hmac::Key::new(hmac::HMAC_SHA256, &bytes),
                b"bellwire page tokens",
            );
            page_tokens.push(hmac::Key::new(hmac::HMAC_SHA256, derived.as_ref()));
        }

        Ok(Self {
            current: id.into(),
            keys: Arc::new(keys),
            page_tokens: Arc::new(page_tokens),
        })
    }

    /// The id of the key that new secrets are sealed with.
    pub fn current(&self) -> &str {
        &self.current
    }

    /// The bytes that every device token begins with that is sealed with the current key.
    pub fn token_prefix(&self) -> Vec<u8> {
        [&[self.current.len() as u8], self.current.as_bytes()].concat()
    }

    /// Encrypts `plaintext` for the row `owner`. It opens for that row only, so a value that is copied
    /// into another row is of no use.
    pub fn seal(&self, owner: Uuid, plaintext: &[u8]) -> Result<Sealed, SecretError> {
        let key = self
            .keys
            .get(&*self.current)
            .ok_or(SecretError::DoesNotOpen)?;

        let mut buffer = plaintext.to_vec();
        let nonce = key
            .seal_in_place_append_tag(Aad::from(owner.as_bytes()), &mut buffer)
            .map_err(|_| SecretError::DoesNotOpen)?;

        let mut bytes = nonce.as_ref().to_vec();
        bytes.append(&mut buffer);

        Ok(Sealed {
            master_key_id: self.current.to_string(),
            bytes,
        })
    }

    /// Decrypts a value that was sealed for the row `owner`.
    pub fn open(&self, owner: Uuid, sealed: &Sealed) -> Result<Vec<u8>, SecretError> {
        let key = self
            .keys
            .get(&sealed.master_key_id)
            .ok_or_else(|| SecretError::UnknownKey(sealed.master_key_id.clone()))?;

        let (nonce, ciphertext) = sealed
            .bytes
            .split_at_checked(NONCE_LEN)
            .ok_or(SecretError::DoesNotOpen)?;
        let nonce =
            Nonce::try_assume_unique_for_key(nonce).map_err(|_| SecretError::DoesNotOpen)?;

        let mut buffer = ciphertext.to_vec();
        let plaintext = key
            .open_in_place(nonce, Aad::from(owner.as_bytes()), &mut buffer)
            .map_err(|_| SecretError::DoesNotOpen)?;
        Ok(plaintext.to_vec())
    }

    /// Encrypts a device token of `account`. The result begins with the key's id (a length byte, then
    /// the id), so that a token is one column and many tokens are one array.
    pub fn seal_token(&self, account: Uuid, token: &str) -> Result<Vec<u8>, SecretError> {
        let Sealed {
            master_key_id,
            bytes,
        } = self.seal(account, token.as_bytes())?;
        let length = u8::try_from(master_key_id.len()).map_err(|_| SecretError::DoesNotOpen)?;

        Ok([&[length], master_key_id.as_bytes(), &bytes].concat())
    }

    /// Decrypts a device token of `account`.
    pub fn open_token(&self, account: Uuid, sealed: &[u8]) -> Result<String, SecretError> {
        let (length, rest) = sealed.split_first().ok_or(SecretError::DoesNotOpen)?;
        let (id, bytes) = rest
            .split_at_checked(usize::from(*length))
            .ok_or(SecretError::DoesNotOpen)?;

        let sealed = Sealed {
            master_key_id: String::from_utf8_lossy(id).into_owned(),
            bytes: bytes.to_vec(),
        };
        let token = self.open(account, &sealed)?;
        String::from_utf8(token).map_err(|_| SecretError::DoesNotOpen)
    }

    /// The signature of a page token (see `http::pagination`).
    pub fn sign_page_token(&self, content: &[u8]) -> Vec<u8> {
        self.page_tokens
            .first()
            .map(|key| hmac::sign(key, content).as_ref().to_vec())
            .unwrap_or_default()
    }

    /// Whether `signature` is one of this service, with the current or an old key.
    pub fn verify_page_token(&self, content: &[u8], signature: &[u8]) -> bool {
        self.page_tokens
            .iter()
            .any(|key| hmac::verify(key, content, signature).is_ok())
    }
}

/// A new master key, in base64.
pub fn generate_master_key() -> String {
    STANDARD.encode(rand::random::<[u8; KEY_LENGTH]>())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(id: &str) -> MasterKeys {
        MasterKeys::new(id, &generate_master_key()).unwrap()
    }

    #[test]
    fn a_sealed_secret_opens_for_its_owner_only() {
        let keys = keys("1");
        let owner = Uuid::now_v7();
        let sealed = keys.seal(owner, b"secret").unwrap();

        assert_eq!(keys.open(owner, &sealed).unwrap(), b"secret");
        assert_eq!(
            keys.open(Uuid::now_v7(), &sealed),
            Err(SecretError::DoesNotOpen)
        );
        assert!(!sealed.bytes.windows(6).any(|window| window == b"secret"));
    }

    #[test]
    fn a_token_opens_for_its_account_only() {
        let keys = keys("2026");
        let account = Uuid::now_v7();
        let sealed = keys.seal_token(account, "dqWD:APA91").unwrap();

        assert_eq!(keys.open_token(account, &sealed).unwrap(), "dqWD:APA91");
        assert_eq!(
            keys.open_token(Uuid::now_v7(), &sealed),
            Err(SecretError::DoesNotOpen)
        );

        for length in 0..sealed.len() {
            assert!(keys.open_token(account, &sealed[..length]).is_err());
        }
    }

    #[test]
    fn old_keys_open_what_they_sealed() {
        let first = generate_master_key();
        let second = generate_master_key();
        let owner = Uuid::now_v7();
        let old = MasterKeys::new("1", &first).unwrap();
        let new = MasterKeys::with_old(
            "2",
            &second,
            &format!("0:{}, 1:{first}", generate_master_key()),
        )
        .unwrap();
        let token = old.seal_token(owner, "token").unwrap();

        assert_eq!(new.open_token(owner, &token).unwrap(), "token");
        assert!(new.verify_page_token(b"page", &old.sign_page_token(b"page")));
        assert!(
            new.seal_token(owner, "token")
                .unwrap()
                .starts_with(&new.token_prefix())
        );
        assert!(!token.starts_with(&new.token_prefix()));
        assert_eq!(
            MasterKeys::with_old("1", &second, &format!("1:{first}")).err(),
            Some(SecretError::TwoKeys("1".into()))
        );
        assert_eq!(
            MasterKeys::with_old("1", &second, "nonsense").err(),
            Some(SecretError::NotAKey)
        );
    }

    #[test]
    fn another_key_is_told_apart_from_a_changed_value() {
        let owner = Uuid::now_v7();
        let mut sealed = keys("1").seal(owner, b"secret").unwrap();

        assert_eq!(
            keys("2").open(owner, &sealed),
            Err(SecretError::UnknownKey("1".into()))
        );
        assert_eq!(
            keys("1").open(owner, &sealed),
            Err(SecretError::DoesNotOpen)
        );

        sealed.bytes.truncate(5);
        assert_eq!(
            keys("1").open(owner, &sealed),
            Err(SecretError::DoesNotOpen)
        );
    }

    #[test]
    fn a_key_is_32_bytes_in_base64() {
        for bad in [
            "",
            "short",
            "AAAA",
            "not base64 at all, but long enough to be one",
        ] {
            assert_eq!(MasterKeys::new("1", bad).err(), Some(SecretError::NotAKey));
        }
    }
}
