//! Who gets a notification: a device, or a User.

use crate::model::id::{CredentialId, UserId};
use crate::model::provider::Provider;

/// Whom a notification is for.
#[derive(Clone)]
pub enum Recipient {
    /// A device.
    Device {
        /// Which provider delivers.
        provider: Provider,
        /// What to authenticate with there.
        credential_id: CredentialId,
        /// The device token, sealed.
        token: Vec<u8>,
    },
    /// A User.
    User(UserId),
}

impl Recipient {
    /// The User's id; `None` for a device.
    pub fn user_id(&self) -> Option<UserId> {
        match self {
            Self::User(id) => Some(*id),
            Self::Device { .. } => None,
        }
    }
}
