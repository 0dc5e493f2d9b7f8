//! Whom a notification is for: a device by its token, or a User, whose devices are looked up when
//! it is processed.

use uuid::Uuid;

use crate::id::{CredentialId, UserId};
use crate::provider::Provider;

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
    /// From a row's columns. An error: the row is neither, which its constraint forbids.
    pub(super) fn of(
        user_id: Option<Uuid>,
        provider: Option<Provider>,
        credential_id: Option<Uuid>,
        token: Option<Vec<u8>>,
    ) -> sqlx::Result<Self> {
        match (user_id, provider, credential_id, token) {
            (Some(user_id), ..) => Ok(Self::User(user_id.into())),
            (None, Some(provider), Some(credential_id), Some(token)) => Ok(Self::Device {
                provider,
                credential_id: credential_id.into(),
                token,
            }),
            _ => Err(sqlx::Error::Decode(
                "a notification without a recipient".into(),
            )),
        }
    }

    /// The User.
    pub(super) fn user_id(&self) -> Option<Uuid> {
        match self {
            Self::User(id) => Some(id.as_uuid()),
            Self::Device { .. } => None,
        }
    }
}
