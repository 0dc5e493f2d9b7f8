//! Recipients as the columns of `push_notifications` hold them.

use uuid::Uuid;

use crate::model::provider::Provider;
use crate::model::recipient::Recipient;

/// The columns of a row that say who gets the notification.
pub(super) struct RecipientColumns {
    pub(super) user_id: Option<Uuid>,
    pub(super) provider: Option<Provider>,
    pub(super) credential_id: Option<Uuid>,
    pub(super) token: Option<Vec<u8>>,
}

impl TryFrom<RecipientColumns> for Recipient {
    type Error = sqlx::Error;

    /// Fails if the row names neither a User nor a device, which a constraint of the table forbids.
    fn try_from(columns: RecipientColumns) -> sqlx::Result<Self> {
        match columns {
            RecipientColumns {
                user_id: Some(user_id),
                ..
            } => Ok(Self::User(user_id.into())),
            RecipientColumns {
                user_id: None,
                provider: Some(provider),
                credential_id: Some(credential_id),
                token: Some(token),
            } => Ok(Self::Device {
                provider,
                credential_id: credential_id.into(),
                token,
            }),
            _ => Err(sqlx::Error::Decode(
                "a notification without a recipient".into(),
            )),
        }
    }
}
