//! Secrets as they are stored: encrypted with a master key (see `crypto::MasterKeys`).

use time::OffsetDateTime;

use crate::model::id::CredentialId;
use crate::model::provider::CredentialType;

/// A secret that is encrypted and bound to its row.
pub struct Sealed {
    pub master_key_id: String,
    /// Nonce (12 bytes), ciphertext, tag (16 bytes).
    pub bytes: Vec<u8>,
}

pub struct SealedCredential {
    pub id: CredentialId,
    pub credential_type: CredentialType,
    pub content: Sealed,
    pub updated_at: OffsetDateTime,
}
