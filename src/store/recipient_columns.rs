//! The columns of `push_notifications` that say who gets a notification.

use uuid::Uuid;

use crate::model::provider::Provider;
use crate::model::recipient::{Recipient, UserRecipient};

/// Either `user_id`, perhaps with `external_id`, or all others: a constraint of the table sees to it.
pub(super) struct RecipientColumns {
    pub(super) user_id: Option<Uuid>,
    pub(super) external_id: Option<String>,
    pub(super) provider: Option<Provider>,
    pub(super) credential_id: Option<Uuid>,
    pub(super) token: Option<Vec<u8>>,
}

impl TryFrom<RecipientColumns> for Recipient {
    type Error = sqlx::Error;

    fn try_from(columns: RecipientColumns) -> sqlx::Result<Self> {
        match columns {
            RecipientColumns {
                user_id: Some(user_id),
                external_id,
                ..
            } => Ok(Self::User(UserRecipient {
                id: user_id.into(),
                external_id,
            })),
            RecipientColumns {
                user_id: None,
                provider: Some(provider),
                credential_id: Some(credential_id),
                token: Some(token),
                ..
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
