//! An Operation as the API accepts it: one message to a list of recipients, or to an audience.

use serde_json::Value;
use time::OffsetDateTime;

use crate::model::id::{AccountId, CredentialId, OperationId};
use crate::model::message::Message;
use crate::model::provider::Provider;
use crate::model::recipient::Recipient;

/// Most positions that one batch stands for.
pub const BATCH_SIZE: u32 = 500;

/// An Operation that has passed every check, ready to be stored.
#[derive(Debug, Clone)]
pub struct NewOperation {
    /// The id; carries the creation time.
    pub id: OperationId,
    /// Whose it is.
    pub account_id: AccountId,
    /// What is sent.
    pub message: Message,
    /// `from` as the client gave it.
    pub sender: Option<Value>,
    /// What Users among the recipients are reached by.
    pub senders: UserSenders,
    /// What is remembered of the request, if it came under an Idempotency-Key.
    pub request: Option<IdempotentRequest>,
    /// Up to 10 tags.
    pub tags: Option<Value>,
    /// Not before this moment; `None`: at once.
    pub send_at: Option<OffsetDateTime>,
    /// What is unsent by then fails as expired.
    pub deadline_at: OffsetDateTime,
    /// Who gets it, in request order; at least one, unless there is an audience.
    pub recipients: Vec<NewRecipient>,
    /// Whom of the App's Users it goes to, instead of recipients.
    pub audience: Option<Audience>,
}

/// Some or all of an App's Users.
#[derive(Debug, Clone)]
pub struct Audience {
    /// Only devices with all of these tags, and Users with such a device; `None`: all.
    pub tags: Option<Value>,
}

/// What Users are reached by: their devices in this App, with these Credentials.
#[derive(Debug, Clone, Default)]
pub struct UserSenders {
    /// The App; `None`: no recipient is a User.
    pub app_name: Option<String>,
    /// For devices that FCM reaches.
    pub fcm: Option<CredentialId>,
    /// For devices that APNs reaches.
    pub apn: Option<CredentialId>,
}

impl UserSenders {
    /// The Credential for `provider`.
    pub fn of(&self, provider: Provider) -> Option<CredentialId> {
        match provider {
            Provider::Fcm => self.fcm,
            Provider::Apn => self.apn,
        }
    }
}

/// One recipient of a [`NewOperation`].
#[derive(Clone)]
pub struct NewRecipient {
    /// Who it is.
    pub recipient: Recipient,
    /// Template variables.
    pub variables: Option<Value>,
}

impl std::fmt::Debug for NewRecipient {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("NewRecipient")
            .finish_non_exhaustive()
    }
}

/// A request that was accepted under a key.
#[derive(Debug, Clone)]
pub struct IdempotentRequest {
    /// The key, which is the account's own.
    pub key: String,
    /// SHA-256 of the request.
    pub fingerprint: Vec<u8>,
    /// Its answer's `Location`.
    pub location: String,
    /// Its answer.
    pub answer: Value,
}
