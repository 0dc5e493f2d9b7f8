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
    User(UserId),
}

impl Recipient {
    pub fn user_id(&self) -> Option<UserId> {
        match self {
            Self::User(id) => Some(*id),
            Self::Device { .. } => None,
        }
    }
}
