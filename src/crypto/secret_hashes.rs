//! Secrets of API keys, and the hashes by which secrets and device tokens are stored and found.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

/// A new secret of an API key: 256 random bits in base64url.
pub fn generate_api_secret() -> String {
    URL_SAFE_NO_PAD.encode(rand::random::<[u8; 32]>())
}

/// SHA-256 of an API key's secret, which is stored in its place. A fast hash suffices, because the
/// secret is random and long.
pub fn hash_api_secret(secret: &str) -> Vec<u8> {
    Sha256::digest(secret.as_bytes()).to_vec()
}

/// SHA-256 of a device token, by which registrations are found.
pub fn hash_token(token: &str) -> Vec<u8> {
    Sha256::digest(token.as_bytes()).to_vec()
}
