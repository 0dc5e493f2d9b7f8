//! Secrets as they are stored: sealed with a master key (see `crypto`).

use time::OffsetDateTime;

use crate::model::id::CredentialId;
use crate::model::provider::CredentialType;

/// A sealed secret.
pub struct Sealed {
    /// The id of the master key it was sealed with.
    pub master_key_id: String,
    /// Nonce (12 bytes), ciphertext, tag (16 bytes).
    pub bytes: Vec<u8>,
}

/// A Credential with its sealed content.
pub struct SealedCredential {
    pub id: CredentialId,
    pub credential_type: CredentialType,
    pub content: Sealed,
    pub updated_at: OffsetDateTime,
}
