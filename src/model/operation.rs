//! An Operation as the API accepts it: one message to a list of recipients, or to an audience.

use serde_json::Value;
use time::OffsetDateTime;

use crate::model::apns_device::Environment;
use crate::model::audience::Audience;
use crate::model::id::{AccountId, CredentialId, OperationId};
use crate::model::local_time::{LocalSchedule, Plan};
use crate::model::message::Message;
use crate::model::pace::Pace;
use crate::model::provider::Provider;
use crate::model::recipient::Recipient;

/// Most notifications of one batch, a row of the queue.
pub const BATCH_SIZE: u32 = 500;

/// An Operation that has passed every check and can be stored.
#[derive(Debug, Clone)]
pub struct NewOperation {
    /// Carries the creation time.
    pub id: OperationId,
    pub account_id: AccountId,
    pub message: Message,
    /// `from` as the API user gave it.
    pub sender: Option<Value>,
    pub senders: UserSenders,
    /// `None`: the request had no Idempotency-Key.
    pub request: Option<IdempotentRequest>,
    /// Up to 10 tags.
    pub tags: Option<Value>,
    /// Where its events go, in place of the URL of the webhook with the same host.
    pub callback_url: Option<String>,
    /// Nothing is sent before this time; `None`: sent at once.
    pub send_at: Option<OffsetDateTime>,
    /// What depends on the recipients' clocks; `None`: all are sent to at the same time.
    pub local_schedule: Option<LocalSchedule>,
    /// Notifications that are unsent by then fail as expired. Those with a plan of their own have as long
    /// from then on as this is after `send_at`.
    pub deadline_at: OffsetDateTime,
    /// `None`: it does not pause by itself.
    pub guard: Option<Guard>,
    /// `None`: as fast as lanes send.
    pub pace: Option<Pace>,
    /// In request order; at least one, unless there is an audience.
    pub recipients: Vec<NewRecipient>,
    /// Set in place of recipients.
    pub audience: Option<Audience>,
}

/// When an Operation pauses by itself: once at least `after` notifications were sent or failed, and at
/// least `failed_percent` of them failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Guard {
    /// 1 to 100.
    pub failed_percent: u32,
    /// At least 1.
    pub after: u32,
}

/// How Users are reached: on their devices in this App, with these Credentials.
#[derive(Debug, Clone, Default)]
pub struct UserSenders {
    /// The App; `None`: no recipient is a User.
    pub app_name: Option<String>,
    pub fcm: Option<CredentialId>,
    /// For APNs devices that are not of the sandbox, or do not say of which environment they are.
    pub apn: Option<CredentialId>,
    /// For APNs devices of the sandbox; `None`: `apn` is for them as well.
    pub apn_sandbox: Option<CredentialId>,
}

impl UserSenders {
    /// The Credential for devices of `provider` and, at APNs, `environment`.
    pub fn of(&self, provider: Provider, environment: Option<Environment>) -> Option<CredentialId> {
        match (provider, environment) {
            (Provider::Fcm, _) => self.fcm,
            (Provider::Apn, Some(Environment::Sandbox)) => self.apn_sandbox.or(self.apn),
            // A Credential of the sandbox reaches no device of production.
            (Provider::Apn, Some(Environment::Production)) => {
                self.apn.filter(|id| self.apn_sandbox != Some(*id))
            }
            (Provider::Apn, None) => self.apn,
        }
    }
}

/// One recipient of a [`NewOperation`].
#[derive(Clone)]
pub struct NewRecipient {
    pub recipient: Recipient,
    /// The values that the message's templates are filled in with, an object.
    pub variables: Option<Value>,
    /// In place of the message's badge.
    pub badge: Option<u32>,
    /// When it is sent to; `None`: when the Operation says.
    pub plan: Option<Plan>,
}

/// A recipient's token and variables stay out of logs.
impl std::fmt::Debug for NewRecipient {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("NewRecipient")
            .finish_non_exhaustive()
    }
}

/// A request with an Idempotency-Key, as it is stored so that a repetition gets the same answer.
#[derive(Debug, Clone)]
pub struct IdempotentRequest {
    /// Unique within the account.
    pub key: String,
    /// SHA-256 of the request.
    pub fingerprint: Vec<u8>,
    /// The answer's `Location`.
    pub location: String,
    /// The answer's body.
    pub answer: Value,
}

#[cfg(test)]
impl NewOperation {
    /// A `HIGH` Operation that is due now, to `count` FCM devices.
    pub(crate) fn to_devices(count: usize) -> Self {
        let recipient = NewRecipient {
            recipient: Recipient::Device {
                provider: Provider::Fcm,
                credential_id: CredentialId::generate(),
                token: b"sealed".to_vec(),
            },
            variables: None,
            badge: None,
            plan: None,
        };

        Self {
            id: OperationId::generate(),
            account_id: AccountId::generate(),
            message: Message::default(),
            sender: None,
            senders: UserSenders::default(),
            request: None,
            tags: None,
            callback_url: None,
            send_at: None,
            local_schedule: None,
            deadline_at: OffsetDateTime::now_utc() + time::Duration::HOUR,
            guard: None,
            pace: None,
            recipients: vec![recipient; count],
            audience: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_environment_of_a_device_chooses_its_credential() {
        let [production, sandbox] = [CredentialId::generate(), CredentialId::generate()];
        let senders = |apn, apn_sandbox| UserSenders {
            apn,
            apn_sandbox,
            ..UserSenders::default()
        };
        let of = |senders: &UserSenders| {
            [
                None,
                Some(Environment::Production),
                Some(Environment::Sandbox),
            ]
            .map(|environment| senders.of(Provider::Apn, environment))
        };

        assert_eq!(
            of(&senders(Some(production), Some(sandbox))),
            [Some(production), Some(production), Some(sandbox)]
        );
        assert_eq!(
            of(&senders(Some(sandbox), Some(sandbox))),
            [Some(sandbox), None, Some(sandbox)]
        );
        assert_eq!(of(&senders(Some(production), None)), [Some(production); 3]);
    }
}
