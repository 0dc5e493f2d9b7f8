//! Provider tokens as they are kept for all processes.

use uuid::Uuid;

use crate::crypto::{MasterKeys, SecretError};
use crate::model::provider_token::TokenKey;

/// Several accounts may have the same signing key, so its token is sealed for none of them.
const NO_ACCOUNT: Uuid = Uuid::nil();

impl MasterKeys {
    /// Encrypts a token of `key`. It opens for this key only. Releases that know the older form alone
    /// read no provider tokens, so it always has the bound form.
    pub fn seal_provider_token(&self, key: &TokenKey, token: &str) -> Result<Vec<u8>, SecretError> {
        self.seal_bound_token(NO_ACCOUNT, &binding(key), token)
    }

    /// Decrypts the token of `key`.
    pub fn open_provider_token(
        &self,
        key: &TokenKey,
        sealed: &[u8],
    ) -> Result<String, SecretError> {
        self.open_token(NO_ACCOUNT, &binding(key), sealed)
    }

    /// The bytes with which every provider token begins that is sealed with the current key.
    pub fn provider_token_prefix(&self) -> Vec<u8> {
        self.prefix(true)
    }
}

/// The hash has a fixed length, and no id has a zero byte.
fn binding(key: &TokenKey) -> Vec<u8> {
    [
        b"provider token\0".as_slice(),
        &key.key_hash,
        key.team_id.as_bytes(),
        b"\0",
        key.key_id.as_bytes(),
    ]
    .concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(team_id: &str, key_hash: u8) -> TokenKey {
        TokenKey {
            team_id: team_id.to_owned(),
            key_id: "KEY1234567".to_owned(),
            key_hash: vec![key_hash; 32],
        }
    }

    #[test]
    fn a_sealed_token_opens_for_its_signing_key_only() {
        let keys = MasterKeys::new("1", &crate::crypto::generate_master_key()).unwrap();
        keys.set_bound(false);
        let sealed = keys
            .seal_provider_token(&key("TEAM123456", 1), "a token")
            .unwrap();

        assert!(sealed.starts_with(&keys.provider_token_prefix()));
        let opened = keys.open_provider_token(&key("TEAM123456", 1), &sealed);
        assert_eq!(opened.unwrap(), "a token");

        for other in [key("TEAM123456", 2), key("TEAM123457", 1)] {
            assert!(keys.open_provider_token(&other, &sealed).is_err());
        }
    }
}
