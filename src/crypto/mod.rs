//! Secrets at rest: encrypted with a master key, or stored as hashes.

mod account_keys;
mod erase;
mod master_keys;
mod secret_hashes;

pub use erase::erase;
pub use master_keys::{MasterKeys, SecretError, generate_master_key, is_key_id};
pub use secret_hashes::{generate_api_secret, hash_api_secret, hash_token};
