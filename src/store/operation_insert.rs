//! Accepting: stores whole Operations in one statement, `operation_insert.sql`, and so in one
//! transaction.
//!
//! An Operation, its notifications, its batches and its Idempotency-Key are there together or not at
//! all, and no transaction is ever left open between them.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};
use sqlx::PgExecutor;
use sqlx::types::Json;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::model::id::{CredentialId, MAX_POSITIONS};
use crate::model::local_time::{LocalSchedule, Plan};
use crate::model::message::Message;
use crate::model::operation::{BATCH_SIZE, NewOperation};
use crate::model::provider::Provider;
use crate::model::queue_key::QueueKey;
use crate::model::recipient::Recipient;
use crate::store::rank;

/// The channel on which workers learn that batches are due. A payload names their queues, separated by
/// commas; an empty one says that they are to be searched for.
pub(crate) const WAKE_CHANNEL: &str = "batches";
/// Most queues that an announcement names. Postgres takes a payload of less than 8,000 bytes.
const MAX_ANNOUNCED: usize = 150;
/// A UUID, a colon, a rank of two digits and a comma.
const ANNOUNCED_BYTES: usize = 36 + 1 + 2 + 1;

const _: () = assert!(MAX_ANNOUNCED * ANNOUNCED_BYTES < 8_000);
const _: () = assert!(rank::RANKS <= 100, "a rank has two digits");

/// What is announced to the workers of all processes about new batches.
#[derive(Debug, PartialEq)]
pub(crate) struct Announcement(String);

impl Announcement {
    pub(crate) fn of(queues: impl Iterator<Item = QueueKey>) -> Self {
        let names: Vec<String> = queues.map(|queue| queue.to_string()).collect();

        if names.len() > MAX_ANNOUNCED {
            return Self(String::new());
        }
        Self(names.join(","))
    }

    /// The queues that a payload names. `None`: they are to be searched for.
    pub(crate) fn parse(payload: &str) -> Option<Vec<QueueKey>> {
        payload.split(',').map(|name| name.parse().ok()).collect()
    }
}

const _: () = assert!(
    MAX_POSITIONS <= i32::MAX as u32,
    "positions are integers in Postgres"
);

pub(crate) struct OperationInsert<'a> {
    pub operation: &'a NewOperation,
    /// For how long this process claims the Operation's batches as they are stored, by a claim of
    /// number 1; `None`: they are due for any process.
    pub claimed_for: Option<Duration>,
}

/// The rows of one statement, as an array for each column of each table.
#[derive(Default)]
struct Rows<'a> {
    operations: OperationColumns<'a>,
    notifications: NotificationColumns<'a>,
    batches: BatchColumns,
    requests: RequestColumns<'a>,
    fanouts: FanoutColumns<'a>,
    callbacks: CallbackColumns<'a>,
    guards: GuardColumns,
    paces: PaceColumns,
}

#[derive(Default)]
struct OperationColumns<'a> {
    id: Vec<Uuid>,
    account_id: Vec<Uuid>,
    message: Vec<Json<&'a Message>>,
    sender: Vec<Option<&'a Value>>,
    tags: Vec<Option<&'a Value>>,
    audience_tags: Vec<Option<&'a Value>>,
    recipients: Vec<i32>,
    send_at: Vec<Option<OffsetDateTime>>,
    deadline_at: Vec<OffsetDateTime>,
    created_at: Vec<OffsetDateTime>,
    app_name: Vec<Option<&'a str>>,
    fcm_credential_id: Vec<Option<Uuid>>,
    apn_credential_id: Vec<Option<Uuid>>,
    apn_sandbox_credential_id: Vec<Option<Uuid>>,
    pace_per_minute: Vec<Option<i32>>,
    audience_predicate: Vec<Option<String>>,
    local_schedule: Vec<Option<Json<&'a LocalSchedule>>>,
}

#[derive(Default)]
struct NotificationColumns<'a> {
    operation_id: Vec<Uuid>,
    position: Vec<i32>,
    user_id: Vec<Option<Uuid>>,
    external_id: Vec<Option<&'a str>>,
    provider: Vec<Option<Provider>>,
    credential_id: Vec<Option<Uuid>>,
    token: Vec<Option<&'a [u8]>>,
    variables: Vec<Option<&'a Value>>,
    badge: Vec<Option<i32>>,
    planned_at: Vec<Option<OffsetDateTime>>,
    planned_end: Vec<Option<&'static str>>,
}

#[derive(Default)]
struct BatchColumns {
    operation_id: Vec<Uuid>,
    number: Vec<i32>,
    account_id: Vec<Uuid>,
    first_position: Vec<i32>,
    size: Vec<i32>,
    rank: Vec<i16>,
    send_at: Vec<Option<OffsetDateTime>>,
    /// In seconds.
    claimed_for: Vec<Option<f64>>,
    created_at: Vec<OffsetDateTime>,
    awaits_turn: Vec<bool>,
    /// What is planned in the batch, as JSON: see [`planned`].
    planned: Vec<Option<Value>>,
}

#[derive(Default)]
struct RequestColumns<'a> {
    account_id: Vec<Uuid>,
    key: Vec<&'a str>,
    fingerprint: Vec<&'a [u8]>,
    location: Vec<&'a str>,
    answer: Vec<&'a Value>,
}

#[derive(Default)]
struct FanoutColumns<'a> {
    operation_id: Vec<Uuid>,
    account_id: Vec<Uuid>,
    app_name: Vec<&'a str>,
    tags: Vec<Option<&'a Value>>,
    priority_rank: Vec<i16>,
    send_at: Vec<Option<OffsetDateTime>>,
    pace_per_minute: Vec<Option<i32>>,
    predicate: Vec<Option<String>>,
    max_users: Vec<Option<i32>>,
    is_local: Vec<bool>,
}

#[derive(Default)]
struct PaceColumns {
    operation_id: Vec<Uuid>,
    account_id: Vec<Uuid>,
    per_minute: Vec<i32>,
    send_at: Vec<Option<OffsetDateTime>>,
    /// In seconds.
    deadline_after: Vec<f64>,
}

impl PaceColumns {
    fn push(&mut self, operation: &NewOperation) {
        let Some(pace) = operation.pace else {
            return;
        };
        let starts_at = operation
            .send_at
            .unwrap_or_else(|| operation.id.created_at());

        self.operation_id.push(operation.id.as_uuid());
        self.account_id.push(operation.account_id.as_uuid());
        self.per_minute.push(pace.per_minute as i32);
        self.send_at.push(operation.send_at);
        self.deadline_after
            .push((operation.deadline_at - starts_at).as_seconds_f64());
    }
}

#[derive(Default)]
struct CallbackColumns<'a> {
    operation_id: Vec<Uuid>,
    url: Vec<&'a str>,
}

impl<'a> CallbackColumns<'a> {
    fn push(&mut self, operation: &'a NewOperation) {
        let Some(url) = &operation.callback_url else {
            return;
        };

        self.operation_id.push(operation.id.as_uuid());
        self.url.push(url);
    }
}

#[derive(Default)]
struct GuardColumns {
    operation_id: Vec<Uuid>,
    failed_percent: Vec<i16>,
    after: Vec<i32>,
}

impl GuardColumns {
    fn push(&mut self, operation: &NewOperation) {
        let Some(guard) = operation.guard else {
            return;
        };

        self.operation_id.push(operation.id.as_uuid());
        self.failed_percent.push(guard.failed_percent as i16);
        self.after.push(guard.after as i32);
    }
}

impl<'a> Rows<'a> {
    fn of(inserts: impl IntoIterator<Item = OperationInsert<'a>>) -> Self {
        let mut rows = Self::default();

        for OperationInsert {
            operation,
            claimed_for,
        } in inserts
        {
            rows.operations.push(operation);
            rows.notifications.push(operation);
            rows.batches.push(operation, claimed_for);
            rows.requests.push(operation);
            rows.fanouts.push(operation);
            rows.callbacks.push(operation);
            rows.guards.push(operation);
            rows.paces.push(operation);
        }

        rows
    }
}

impl<'a> OperationColumns<'a> {
    fn push(&mut self, operation: &'a NewOperation) {
        let audience = operation.audience.as_ref();
        let senders = &operation.senders;

        self.id.push(operation.id.as_uuid());
        self.account_id.push(operation.account_id.as_uuid());
        self.message.push(Json(&operation.message));
        self.sender.push(operation.sender.as_ref());
        self.tags.push(operation.tags.as_ref());
        self.audience_tags
            .push(audience.and_then(|audience| audience.tags.as_ref()));
        self.recipients.push(operation.recipients.len() as i32);
        self.send_at.push(operation.send_at);
        self.deadline_at.push(operation.deadline_at);
        self.created_at.push(operation.id.created_at());
        self.app_name.push(senders.app_name.as_deref());
        self.fcm_credential_id
            .push(senders.fcm.map(CredentialId::as_uuid));
        self.apn_credential_id
            .push(senders.apn.map(CredentialId::as_uuid));
        self.apn_sandbox_credential_id
            .push(senders.apn_sandbox.map(CredentialId::as_uuid));
        self.pace_per_minute
            .push(operation.pace.map(|pace| pace.per_minute as i32));
        self.audience_predicate
            .push(audience.and_then(|audience| audience.conditions.predicate()));
        self.local_schedule
            .push(operation.local_schedule.as_ref().map(Json));
    }
}

impl<'a> NotificationColumns<'a> {
    fn push(&mut self, operation: &'a NewOperation) {
        for (position, recipient) in (0..).zip(&operation.recipients) {
            self.operation_id.push(operation.id.as_uuid());
            self.position.push(position);
            self.push_recipient(&recipient.recipient);
            self.variables.push(recipient.variables.as_ref());
            self.badge.push(recipient.badge.map(|badge| badge as i32));
            self.planned_at.push(recipient.plan.map(|plan| plan.at));
            self.planned_end
                .push(recipient.plan.and_then(|plan| Some(plan.end?.as_str())));
        }
    }

    fn push_recipient(&mut self, recipient: &'a Recipient) {
        match recipient {
            Recipient::User(user) => {
                self.user_id.push(Some(user.id.as_uuid()));
                self.external_id.push(user.external_id.as_deref());
                self.provider.push(None);
                self.credential_id.push(None);
                self.token.push(None);
            }
            Recipient::Device {
                provider,
                credential_id,
                token,
            } => {
                self.user_id.push(None);
                self.external_id.push(None);
                self.provider.push(Some(*provider));
                self.credential_id.push(Some(credential_id.as_uuid()));
                self.token.push(Some(token));
            }
        }
    }
}

impl BatchColumns {
    fn push(&mut self, operation: &NewOperation, claimed_for: Option<Duration>) {
        let recipients = operation.recipients.len() as u32;
        let mut number = 0;
        let mut first_position = 0;

        while first_position < recipients {
            let left = recipients - first_position;
            let size = operation
                .pace
                .map_or(BATCH_SIZE, |pace| pace.batch_size(number))
                .min(left);
            let of_batch = operation
                .recipients
                .iter()
                .skip(first_position as usize)
                .take(size as usize);
            let plans: Vec<Plan> = of_batch.filter_map(|recipient| recipient.plan).collect();

            self.operation_id.push(operation.id.as_uuid());
            self.number.push(number as i32);
            self.account_id.push(operation.account_id.as_uuid());
            self.first_position.push(first_position as i32);
            self.size.push(size as i32);
            self.rank.push(rank_of(operation, number));
            // The earliest of its notifications.
            let first = plans.iter().map(|plan| plan.at).min();
            self.send_at.push(first.or(operation.send_at));
            self.planned
                .push(planned(&plans, operation.id.created_at()));
            self.claimed_for
                .push(claimed_for.map(|lease| lease.as_secs_f64()));
            self.created_at.push(operation.id.created_at());
            self.awaits_turn.push(operation.pace.is_some());

            number += 1;
            first_position += size;
        }
    }
}

fn rank_of(operation: &NewOperation, number: u32) -> i16 {
    let priority = operation.message.priority;

    if operation.pace.is_some() {
        // Each batch is as small as a first one. So a long paced send is never behind all others.
        rank::of_batch(priority, 0)
    } else if operation.recipients.len() <= BATCH_SIZE as usize {
        rank::of_only_batch(priority)
    } else {
        rank::of_batch(priority, number as i32)
    }
}

/// How many of the plans are for which time after `now`, as `batches.planned` has it; `None`: none are.
fn planned(plans: &[Plan], now: OffsetDateTime) -> Option<Value> {
    let mut counts: BTreeMap<i128, u32> = BTreeMap::new();
    for plan in plans.iter().filter(|plan| plan.at > now) {
        let microseconds = plan.at.unix_timestamp_nanos() / 1_000;
        *counts.entry(microseconds).or_default() += 1;
    }

    let entries: Vec<Value> = counts
        .into_iter()
        .filter_map(|(at, count)| Some(json!([i64::try_from(at).ok()?, count])))
        .collect();
    (!entries.is_empty()).then(|| Value::from(entries))
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

impl<'a> FanoutColumns<'a> {
    fn push(&mut self, operation: &'a NewOperation) {
        let Some(audience) = &operation.audience else {
            return;
        };
        let app_name = operation.senders.app_name.as_deref().unwrap_or_default();

        self.operation_id.push(operation.id.as_uuid());
        self.account_id.push(operation.account_id.as_uuid());
        self.app_name.push(app_name);
        self.tags.push(audience.tags.as_ref());
        self.priority_rank
            .push(rank::of_batch(operation.message.priority, 0));
        self.send_at.push(operation.send_at);
        self.pace_per_minute
            .push(operation.pace.map(|pace| pace.per_minute as i32));
        self.predicate.push(audience.conditions.predicate());
        self.max_users.push(audience.max.map(u32::cast_signed));
        self.is_local.push(operation.local_schedule.is_some());
    }
}

/// Stores Operations, all of them or none. With an `announcement` it also wakes the workers of all
/// processes.
pub(crate) async fn insert<'a>(
    executor: impl PgExecutor<'_>,
    operations: impl IntoIterator<Item = OperationInsert<'a>>,
    announcement: Option<&Announcement>,
) -> sqlx::Result<()> {
    let Rows {
        operations,
        notifications,
        batches,
        requests,
        fanouts,
        callbacks,
        guards,
        paces,
    } = Rows::of(operations);

    sqlx::query_file!(
        "src/store/operation_insert.sql",
        // $1 to $13
        &operations.id,
        &operations.account_id,
        &operations.message as &[Json<&Message>],
        &operations.sender as &[Option<&Value>],
        &operations.tags as &[Option<&Value>],
        &operations.audience_tags as &[Option<&Value>],
        &operations.recipients,
        &operations.send_at as &[Option<OffsetDateTime>],
        &operations.deadline_at,
        &operations.created_at,
        &operations.app_name as &[Option<&str>],
        &operations.fcm_credential_id as &[Option<Uuid>],
        &operations.apn_credential_id as &[Option<Uuid>],
        // $14 to $20
        &notifications.operation_id,
        &notifications.position,
        &notifications.user_id as &[Option<Uuid>],
        &notifications.provider as &[Option<Provider>],
        &notifications.credential_id as &[Option<Uuid>],
        &notifications.token as &[Option<&[u8]>],
        &notifications.variables as &[Option<&Value>],
        // $21 to $29
        &batches.operation_id,
        &batches.number,
        &batches.account_id,
        &batches.first_position,
        &batches.size,
        &batches.rank,
        &batches.send_at as &[Option<OffsetDateTime>],
        &batches.claimed_for as &[Option<f64>],
        &batches.created_at,
        // $30 to $34
        &requests.account_id,
        &requests.key as &[&str],
        &requests.fingerprint as &[&[u8]],
        &requests.location as &[&str],
        &requests.answer as &[&Value],
        // $35 to $40
        &fanouts.operation_id,
        &fanouts.account_id,
        &fanouts.app_name as &[&str],
        &fanouts.tags as &[Option<&Value>],
        &fanouts.priority_rank,
        &fanouts.send_at as &[Option<OffsetDateTime>],
        // $41 and $42
        WAKE_CHANNEL,
        announcement.map(|announcement| announcement.0.as_str()),
        // $43
        &notifications.badge as &[Option<i32>],
        // $44
        &operations.apn_sandbox_credential_id as &[Option<Uuid>],
        // $45
        &callbacks.url as &[&str],
        // $46 to $48
        &guards.operation_id,
        &guards.failed_percent,
        &guards.after,
        // $49
        &operations.pace_per_minute as &[Option<i32>],
        // $50
        &batches.awaits_turn,
        // $51
        &fanouts.pace_per_minute as &[Option<i32>],
        // $52 to $56
        &paces.operation_id,
        &paces.account_id,
        &paces.per_minute,
        &paces.send_at as &[Option<OffsetDateTime>],
        &paces.deadline_after,
        // $57
        &operations.audience_predicate as &[Option<String>],
        // $58 and $59
        &fanouts.predicate as &[Option<String>],
        &fanouts.max_users as &[Option<i32>],
        // $60
        &operations.local_schedule as &[Option<Json<&LocalSchedule>>],
        // $61 and $62
        &notifications.planned_at as &[Option<OffsetDateTime>],
        &notifications.planned_end as &[Option<&str>],
        // $63
        &batches.planned as &[Option<Value>],
        // $64
        &fanouts.is_local,
        // $65
        &notifications.external_id as &[Option<&str>],
        // $66
        &callbacks.operation_id,
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

    #[test]
    fn an_announcement_names_queues_as_far_as_they_fit() {
        let queue = |rank| QueueKey {
            account_id: AccountId::generate(),
            rank,
        };

        let queues = [queue(0), queue(21)];
        let announcement = Announcement::of(queues.into_iter());
        assert_eq!(Announcement::parse(&announcement.0), Some(queues.to_vec()));

        let many = Announcement::of((0..=MAX_ANNOUNCED).map(|_| queue(39)));
        assert_eq!(Announcement::parse(&many.0), None);
        assert_eq!(Announcement::parse("of a later release"), None);
    }

    #[test]
    fn a_batch_is_due_with_its_first_notification_and_counts_what_is_for_later() {
        let mut operation = NewOperation::to_devices(501);
        let now = operation.id.created_at();
        let at = |minutes: i64| now + time::Duration::minutes(minutes);
        for (recipient, minutes) in operation.recipients.iter_mut().zip([5, 0, 5, 9]) {
            recipient.plan = Some(Plan {
                at: at(minutes),
                end: None,
            });
        }

        let rows = Rows::of([OperationInsert {
            operation: &operation,
            claimed_for: None,
        }]);
        assert_eq!(rows.batches.send_at, [Some(at(0)), None]);
        let microseconds = |at: OffsetDateTime| (at.unix_timestamp_nanos() / 1_000) as i64;
        assert_eq!(
            rows.batches.planned,
            [
                Some(json!([[microseconds(at(5)), 2], [microseconds(at(9)), 1]])),
                None
            ]
        );
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
            badge: None,
            plan: None,
        };
        let operation = NewOperation {
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
            deadline_at: OffsetDateTime::now_utc(),
            guard: None,
            pace: None,
            recipients: vec![recipient; 1001],
            audience: None,
        };

        let rows = Rows::of([OperationInsert {
            operation: &operation,
            claimed_for: None,
        }]);

        assert_eq!(rows.batches.number, [0, 1, 2]);
        assert_eq!(rows.batches.first_position, [0, 500, 1000]);
        assert_eq!(rows.batches.size, [500, 500, 1]);
        assert_eq!(rows.notifications.position, (0..1001).collect::<Vec<_>>());
        assert_eq!(rows.notifications.token.len(), 1001);
    }
}
