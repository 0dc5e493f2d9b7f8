//! Secrets at rest: encrypted with a master key, or stored as hashes; and what webhooks are signed with.

mod account_keys;
mod erase;
mod master_keys;
mod provider_tokens;
mod receipt_tokens;
mod secret_hashes;
mod webhook_secrets;

pub use erase::erase;
pub use master_keys::{MasterKeys, SecretError, generate_master_key, is_key_id};
pub use receipt_tokens::RECEIPT_TOKEN_LENGTH;
pub use secret_hashes::{generate_api_key, generate_api_secret, hash_api_secret, hash_token};
pub(crate) use webhook_secrets::{SignedMessage, encode_webhook_secret, generate_webhook_secret};
