//! Operations being accepted: the one statement that makes whole Operations durable.

use std::time::Duration;

use serde_json::Value;
use sqlx::PgExecutor;
use sqlx::types::Json;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::model::id::{CredentialId, UserId};
use crate::model::message::{Message, Priority};
use crate::model::operation::{BATCH_SIZE, NewOperation};
use crate::model::provider::Provider;
use crate::model::recipient::Recipient;

/// The channel on which workers learn that batches are due.
pub const WAKE_CHANNEL: &str = "batches";

/// Ranks of LOW batches begin here, above every rank that a HIGH batch can have.
const LOW_RANK: i16 = 20;

/// The order in which due batches are claimed, 0 first. HIGH goes before LOW. Within a priority an
/// Operation of a single batch goes first, then the first batches of every larger one before its
/// later ones, in powers of two: so a single push never waits for a million, be they of one
/// Operation or of many.
fn rank(high_priority: bool, is_single_batch: bool, batch_number: u32) -> i16 {
    let bucket = if is_single_batch {
        0
    } else {
        1 + (u32::BITS - batch_number.leading_zeros()) as i16
    };
    if high_priority {
        bucket
    } else {
        LOW_RANK + bucket
    }
}

/// The columns of all Operations of one insert, as the arrays that Postgres gets.
#[derive(Default)]
struct Columns<'a> {
    operations: OperationColumns<'a>,
    notifications: NotificationColumns<'a>,
    batches: BatchColumns,
    requests: RequestColumns<'a>,
    fanouts: FanoutColumns<'a>,
}

#[derive(Default)]
struct OperationColumns<'a> {
    id: Vec<Uuid>,
    account_id: Vec<Uuid>,
    message: Vec<Json<&'a Message>>,
    sender: Vec<Option<&'a Value>>,
    tags: Vec<Option<&'a Value>>,
    recipients: Vec<i32>,
    send_at: Vec<Option<OffsetDateTime>>,
    deadline_at: Vec<OffsetDateTime>,
    created_at: Vec<OffsetDateTime>,
    app_name: Vec<Option<&'a str>>,
    fcm_credential_id: Vec<Option<Uuid>>,
    apn_credential_id: Vec<Option<Uuid>>,
    audience_tags: Vec<Option<&'a Value>>,
}

#[derive(Default)]
struct NotificationColumns<'a> {
    operation_id: Vec<Uuid>,
    position: Vec<i32>,
    user_id: Vec<Option<Uuid>>,
    provider: Vec<Option<Provider>>,
    credential_id: Vec<Option<Uuid>>,
    token: Vec<Option<&'a [u8]>>,
    variables: Vec<Option<&'a Value>>,
}

#[derive(Default)]
struct BatchColumns {
    operation_id: Vec<Uuid>,
    number: Vec<i32>,
    size: Vec<i32>,
    rank: Vec<i16>,
    send_at: Vec<Option<OffsetDateTime>>,
    created_at: Vec<OffsetDateTime>,
    /// Seconds.
    claimed_for: Vec<Option<f64>>,
}

impl<'a> Columns<'a> {
    fn of(operations: impl IntoIterator<Item = (&'a NewOperation, Claim)>) -> Self {
        let mut columns = Self::default();
        for (operation, claim) in operations {
            columns.operations.push(operation);
            columns.notifications.push(operation);
            columns.batches.push(operation, claim);
            columns.requests.push(operation);
            columns.fanouts.push(operation);
        }
        columns
    }
}

impl<'a> OperationColumns<'a> {
    fn push(&mut self, operation: &'a NewOperation) {
        self.id.push(operation.id.as_uuid());
        self.account_id.push(operation.account_id.as_uuid());
        self.message.push(Json(&operation.message));
        self.sender.push(operation.sender.as_ref());
        self.tags.push(operation.tags.as_ref());
        self.recipients.push(operation.recipients.len() as i32);
        self.send_at.push(operation.send_at);
        self.deadline_at.push(operation.deadline_at);
        self.created_at.push(operation.id.created_at());
        self.app_name.push(operation.senders.app_name.as_deref());
        self.fcm_credential_id
            .push(operation.senders.fcm.map(CredentialId::as_uuid));
        self.apn_credential_id
            .push(operation.senders.apn.map(CredentialId::as_uuid));
        self.audience_tags.push(
            operation
                .audience
                .as_ref()
                .and_then(|audience| audience.tags.as_ref()),
        );
    }
}

impl<'a> NotificationColumns<'a> {
    fn push(&mut self, operation: &'a NewOperation) {
        for (position, recipient) in (0..).zip(&operation.recipients) {
            self.operation_id.push(operation.id.as_uuid());
            self.position.push(position);
            let device = match &recipient.recipient {
                Recipient::Device {
                    provider,
                    credential_id,
                    token,
                } => Some((*provider, *credential_id, token)),
                Recipient::User(_) => None,
            };
            self.user_id
                .push(recipient.recipient.user_id().map(UserId::as_uuid));
            self.provider.push(device.map(|(provider, ..)| provider));
            self.credential_id
                .push(device.map(|(_, credential_id, _)| credential_id.as_uuid()));
            self.token.push(device.map(|(.., token)| token.as_slice()));
            self.variables.push(recipient.variables.as_ref());
        }
    }
}

impl BatchColumns {
    fn push(&mut self, operation: &NewOperation, claim: Claim) {
        let high_priority = operation.message.priority == Priority::High;
        let recipients = operation.recipients.len() as u32;
        for number in 0..recipients.div_ceil(BATCH_SIZE) {
            self.operation_id.push(operation.id.as_uuid());
            self.number.push(number as i32);
            self.size
                .push((recipients - number * BATCH_SIZE).min(BATCH_SIZE) as i32);
            self.rank
                .push(rank(high_priority, recipients <= BATCH_SIZE, number));
            self.send_at.push(operation.send_at);
            self.created_at.push(operation.id.created_at());
            self.claimed_for
                .push(claim.map(|lease| lease.as_secs_f64()));
        }
    }
}

#[derive(Default)]
struct RequestColumns<'a> {
    account_id: Vec<Uuid>,
    key: Vec<&'a str>,
    fingerprint: Vec<&'a [u8]>,
    location: Vec<&'a str>,
    answer: Vec<&'a Value>,
}

impl<'a> RequestColumns<'a> {
    fn push(&mut self, operation: &'a NewOperation) {
        let Some(request) = &operation.request else {
            return;
        };
        self.account_id.push(operation.account_id.as_uuid());
        self.key.push(&request.key);
        self.fingerprint.push(&request.fingerprint);
        self.location.push(&request.location);
        self.answer.push(&request.answer);
    }
}

#[derive(Default)]
struct FanoutColumns<'a> {
    operation_id: Vec<Uuid>,
    account_id: Vec<Uuid>,
    app_name: Vec<&'a str>,
    tags: Vec<Option<&'a Value>>,
    rank: Vec<i16>,
    send_at: Vec<Option<OffsetDateTime>>,
}

impl<'a> FanoutColumns<'a> {
    fn push(&mut self, operation: &'a NewOperation) {
        let Some(audience) = &operation.audience else {
            return;
        };
        self.operation_id.push(operation.id.as_uuid());
        self.account_id.push(operation.account_id.as_uuid());
        self.app_name
            .push(operation.senders.app_name.as_deref().unwrap_or_default());
        self.tags.push(audience.tags.as_ref());
        self.rank
            .push(rank(operation.message.priority == Priority::High, false, 0));
        self.send_at.push(operation.send_at);
    }
}

/// For how long an Operation's batches are claimed as they are stored, by a claim of number 1;
/// `None`: they are due for whoever claims them.
pub type Claim = Option<Duration>;

/// Stores whole Operations, in one statement and so in one transaction: all or nothing. `notify`:
/// and wakes the workers of all processes.
pub async fn insert<'a>(
    executor: impl PgExecutor<'_>,
    operations: impl IntoIterator<Item = (&'a NewOperation, Claim)>,
    notify: bool,
) -> sqlx::Result<()> {
    let Columns {
        operations,
        notifications,
        batches,
        requests,
        fanouts,
    } = Columns::of(operations);
    sqlx::query_file!(
        "src/store/operation_insert.sql",
        &operations.id,
        &operations.account_id,
        &operations.message as &[Json<&Message>],
        &operations.sender as &[Option<&Value>],
        &operations.tags as &[Option<&Value>],
        &operations.recipients,
        &operations.send_at as &[Option<OffsetDateTime>],
        &operations.deadline_at,
        &operations.created_at,
        &operations.app_name as &[Option<&str>],
        &operations.fcm_credential_id as &[Option<Uuid>],
        &operations.apn_credential_id as &[Option<Uuid>],
        &notifications.operation_id,
        &notifications.position,
        &notifications.user_id as &[Option<Uuid>],
        &notifications.provider as &[Option<Provider>],
        &notifications.credential_id as &[Option<Uuid>],
        &notifications.token as &[Option<&[u8]>],
        &notifications.variables as &[Option<&Value>],
        &batches.operation_id,
        &batches.number,
        &batches.size,
        &batches.rank,
        &batches.send_at as &[Option<OffsetDateTime>],
        &batches.created_at,
        BATCH_SIZE as i32,
        WAKE_CHANNEL,
        &requests.account_id,
        &requests.key as &[&str],
        &requests.fingerprint as &[&[u8]],
        &requests.location as &[&str],
        &requests.answer as &[&Value],
        &operations.audience_tags as &[Option<&Value>],
        &fanouts.operation_id,
        &fanouts.account_id,
        &fanouts.app_name as &[&str],
        &fanouts.tags as &[Option<&Value>],
        &fanouts.rank,
        &fanouts.send_at as &[Option<OffsetDateTime>],
        notify,
        &batches.claimed_for as &[Option<f64>],
    )
    .execute(executor)
    .await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::id::{AccountId, OperationId};
    use crate::model::operation::{NewRecipient, UserSenders};
    use crate::store::batches;

    #[test]
    fn every_high_batch_ranks_before_every_low_one() {
        let last = crate::model::id::MAX_POSITIONS / BATCH_SIZE;
        assert!(rank(true, false, last) < rank(false, true, 0));
        assert!((0..batches::RANKS).contains(&rank(false, false, last).into()));
        assert_eq!(rank(true, true, 0), 0);
    }

    #[test]
    fn later_batches_of_an_operation_rank_later() {
        let ranks: Vec<_> = [0, 1, 2, 4, 100, 2000]
            .map(|number| rank(true, false, number))
            .to_vec();
        assert!(
            rank(true, true, 0) < ranks[0],
            "a single push goes before all of them"
        );
        assert!(ranks.windows(2).all(|pair| pair[0] < pair[1]), "{ranks:?}");
    }

    #[test]
    fn batches_cover_all_positions_once() {
        let recipient = NewRecipient {
            recipient: Recipient::Device {
                provider: Provider::Fcm,
                credential_id: CredentialId::generate(),
                token: b"t".to_vec(),
            },
            variables: None,
        };
        let operation = NewOperation {
            id: OperationId::generate(),
            account_id: AccountId::generate(),
            message: Message::default(),
            sender: None,
            senders: UserSenders::default(),
            request: None,
            tags: None,
            send_at: None,
            deadline_at: OffsetDateTime::now_utc(),
            recipients: vec![recipient; 1001],
            audience: None,
        };
        let columns = Columns::of([(&operation, None)]);
        assert_eq!(columns.batches.size, [500, 500, 1]);
        assert_eq!(columns.batches.number, [0, 1, 2]);
        assert_eq!(
            columns.notifications.position,
            (0..1001).collect::<Vec<_>>()
        );
        assert_eq!(columns.notifications.token.len(), 1001);
    }
}
