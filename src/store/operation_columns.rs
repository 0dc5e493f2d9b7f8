//! The rows of accepted Operations, as `operation_insert.sql` takes them: an array for each column of each
//! table.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};
use sqlx::types::Json;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::model::id::{CredentialId, MAX_POSITIONS};
use crate::model::local_time::{LocalSchedule, Plan};
use crate::model::message::Message;
use crate::model::operation::{BATCH_SIZE, NewOperation};
use crate::model::provider::Provider;
use crate::model::recipient::Recipient;
use crate::store::rank;

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

/// The rows of one statement.
#[derive(Default)]
pub(super) struct Rows<'a> {
    pub operations: OperationColumns<'a>,
    pub notifications: NotificationColumns<'a>,
    pub batches: BatchColumns,
    pub requests: RequestColumns<'a>,
    pub fanouts: FanoutColumns<'a>,
    pub callbacks: CallbackColumns<'a>,
    pub guards: GuardColumns,
    pub paces: PaceColumns,
}

#[derive(Default)]
pub(super) struct OperationColumns<'a> {
    pub id: Vec<Uuid>,
    pub account_id: Vec<Uuid>,
    pub message: Vec<Json<&'a Message>>,
    pub sender: Vec<Option<&'a Value>>,
    pub tags: Vec<Option<&'a Value>>,
    pub audience_tags: Vec<Option<&'a Value>>,
    pub recipients: Vec<i32>,
    pub send_at: Vec<Option<OffsetDateTime>>,
    pub deadline_at: Vec<OffsetDateTime>,
    pub created_at: Vec<OffsetDateTime>,
    pub app_name: Vec<Option<&'a str>>,
    pub fcm_credential_id: Vec<Option<Uuid>>,
    pub apn_credential_id: Vec<Option<Uuid>>,
    pub apn_sandbox_credential_id: Vec<Option<Uuid>>,
    pub pace_per_minute: Vec<Option<i32>>,
    pub audience_predicate: Vec<Option<String>>,
    pub local_schedule: Vec<Option<Json<&'a LocalSchedule>>>,
}

#[derive(Default)]
pub(super) struct NotificationColumns<'a> {
    pub operation_id: Vec<Uuid>,
    pub position: Vec<i32>,
    pub user_id: Vec<Option<Uuid>>,
    pub external_id: Vec<Option<&'a str>>,
    pub provider: Vec<Option<Provider>>,
    pub credential_id: Vec<Option<Uuid>>,
    pub token: Vec<Option<&'a [u8]>>,
    pub variables: Vec<Option<&'a Value>>,
    pub badge: Vec<Option<i32>>,
    pub planned_at: Vec<Option<OffsetDateTime>>,
    pub planned_end: Vec<Option<&'static str>>,
}

#[derive(Default)]
pub(super) struct BatchColumns {
    pub operation_id: Vec<Uuid>,
    pub number: Vec<i32>,
    pub account_id: Vec<Uuid>,
    pub first_position: Vec<i32>,
    pub size: Vec<i32>,
    pub rank: Vec<i16>,
    pub send_at: Vec<Option<OffsetDateTime>>,
    /// In seconds.
    pub claimed_for: Vec<Option<f64>>,
    pub created_at: Vec<OffsetDateTime>,
    pub awaits_turn: Vec<bool>,
    /// What is planned in the batch, as JSON: see [`planned`].
    pub planned: Vec<Option<Value>>,
}

#[derive(Default)]
pub(super) struct RequestColumns<'a> {
    pub account_id: Vec<Uuid>,
    pub key: Vec<&'a str>,
    pub fingerprint: Vec<&'a [u8]>,
    pub location: Vec<&'a str>,
    pub answer: Vec<&'a Value>,
}

#[derive(Default)]
pub(super) struct FanoutColumns<'a> {
    pub operation_id: Vec<Uuid>,
    pub account_id: Vec<Uuid>,
    pub app_name: Vec<&'a str>,
    pub tags: Vec<Option<&'a Value>>,
    pub priority_rank: Vec<i16>,
    pub send_at: Vec<Option<OffsetDateTime>>,
    pub pace_per_minute: Vec<Option<i32>>,
    pub predicate: Vec<Option<String>>,
    pub max_users: Vec<Option<i32>>,
    pub is_local: Vec<bool>,
}

#[derive(Default)]
pub(super) struct PaceColumns {
    pub operation_id: Vec<Uuid>,
    pub account_id: Vec<Uuid>,
    pub per_minute: Vec<i32>,
    pub send_at: Vec<Option<OffsetDateTime>>,
    /// In seconds.
    pub deadline_after: Vec<f64>,
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
        // The time to the deadline counts from the turn of each batch.
        self.deadline_after
            .push((operation.deadline_at - starts_at).as_seconds_f64());
    }
}

#[derive(Default)]
pub(super) struct CallbackColumns<'a> {
    pub operation_id: Vec<Uuid>,
    pub url: Vec<&'a str>,
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
pub(super) struct GuardColumns {
    pub operation_id: Vec<Uuid>,
    pub failed_percent: Vec<i16>,
    pub after: Vec<i32>,
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
    pub(super) fn of(inserts: impl IntoIterator<Item = OperationInsert<'a>>) -> Self {
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
            // Sizes and numbers as the fan-out computes them in SQL, from the same constants.
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
    // What is due at once is not SCHEDULED, so the stats need no entry for it.
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::id::{AccountId, OperationId};
    use crate::model::operation::{NewRecipient, UserSenders};

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
