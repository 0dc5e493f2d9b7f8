//! Secrets at rest: encrypted with a master key, or stored as hashes.

mod master_keys;
mod secret_hashes;

pub use master_keys::{MasterKeys, SecretError, generate_master_key};
pub use secret_hashes::{generate_api_secret, hash_api_secret, hash_token};
