//! The recipient of a notification: a device, or a User.

use crate::model::id::{CredentialId, UserId};
use crate::model::provider::Provider;

#[derive(Clone)]
pub enum Recipient {
    Device {
        provider: Provider,
        credential_id: CredentialId,
        /// The device token, sealed with a master key.
        token: Vec<u8>,
    },
    /// All devices of a User.
    User(UserRecipient),
}

/// A User as a recipient.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserRecipient {
    /// If it was named by an external id that no User had, what stands for that:
    /// [`UserId::of_external_id`].
    pub id: UserId,
    /// The account's own id, by which it was named, or which it has; `None`: it has none.
    pub external_id: Option<String>,
}

impl UserRecipient {
    /// The User; `None`: no User had the external id, or the User was erased.
    pub fn user_id(&self) -> Option<UserId> {
        Some(self.id).filter(|id| !id.stands_for_external_id() && !self.is_erased())
    }

    /// Whether the User was erased from records.
    pub fn is_erased(&self) -> bool {
        self.id == UserId::ERASED
    }
}

impl From<UserId> for UserRecipient {
    fn from(id: UserId) -> Self {
        Self {
            id,
            external_id: None,
        }
    }
}

impl Recipient {
    pub fn user(&self) -> Option<&UserRecipient> {
        match self {
            Self::User(user) => Some(user),
            Self::Device { .. } => None,
        }
    }
}
