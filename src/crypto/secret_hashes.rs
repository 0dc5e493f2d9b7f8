//! The secrets of API keys, and the hashes that are stored for API keys and device tokens.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

/// A new secret of an API key: 256 random bits in base64url.
pub fn generate_api_secret() -> String {
    URL_SAFE_NO_PAD.encode(rand::random::<[u8; 32]>())
}

/// Random characters in the name of an API key.
const KEY_LENGTH: usize = 24;

/// The name of a new API key: `SK` and random characters, the form of the API's keys.
pub fn generate_api_key() -> String {
    let random = generate_api_secret().replace(['-', '_'], "");
    // 24 characters of 62 kinds are 142 bits, so two keys never have the same name.
    let random: String = random.chars().take(KEY_LENGTH).collect();

    format!("SK{random}")
}

/// SHA-256 of an API key's secret, which is stored in its place. A fast hash is enough, because a
/// secret of 256 random bits can't be guessed.
pub fn hash_api_secret(secret: &str) -> Vec<u8> {
    Sha256::digest(secret.as_bytes()).to_vec()
}

/// SHA-256 of a device token, by which a registration is found, because the sealed token differs each
/// time that it is sealed. Tokens are long and random, so the hash reveals nothing about them.
pub fn hash_token(token: &str) -> Vec<u8> {
    Sha256::digest(token.as_bytes()).to_vec()
}
