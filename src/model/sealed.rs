//! Secrets as they are stored: encrypted with a master key (see `crypto::MasterKeys`).

use time::OffsetDateTime;

use crate::model::id::{AccountId, CredentialId};
use crate::model::provider::CredentialType;

/// A secret that is encrypted and bound to its row.
pub struct Sealed {
    pub master_key_id: String,
    /// See `crypto::MasterKeys` for its two forms.
    pub bytes: Vec<u8>,
}

/// The Credential that a content belongs to, as its seal names it.
#[derive(Debug, Clone, Copy)]
pub struct ContentOwner<'a> {
    pub account_id: AccountId,
    pub app_name: &'a str,
    pub credential_type: CredentialType,
    pub id: CredentialId,
}

pub struct SealedCredential {
    pub id: CredentialId,
    pub account_id: AccountId,
    pub app_name: String,
    pub credential_type: CredentialType,
    pub content: Sealed,
    pub updated_at: OffsetDateTime,
}

impl SealedCredential {
    pub fn owner(&self) -> ContentOwner<'_> {
        ContentOwner {
            account_id: self.account_id,
            app_name: &self.app_name,
            credential_type: self.credential_type,
            id: self.id,
        }
    }
}
