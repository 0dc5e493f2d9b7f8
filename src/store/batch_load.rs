//! What claimed batches have to send: their unsettled notifications, and the content of their
//! Operations, each once.

use std::time::Duration;

use serde_json::Value;
use serde_json::value::RawValue;
use sqlx::PgExecutor;
use sqlx::types::Json;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::model::id::{AccountId, CredentialId, OperationId};
use crate::model::local_time::PlannedEnd;
use crate::model::message::Message;
use crate::model::operation::UserSenders;
use crate::model::provider::Provider;
use crate::model::recipient::Recipient;
use crate::store::batches::ClaimedBatch;
use crate::store::recipient_columns::RecipientColumns;

/// An unsettled notification of a claimed batch.
pub(crate) struct DueNotification {
    /// Index of its batch in the slice that was loaded.
    pub batch: usize,
    /// 0-based within its Operation.
    pub position: i32,
    /// `None`: this version can't read it.
    pub recipient: Option<Recipient>,
    /// The recipient's template variables.
    pub variables: Option<Value>,
    /// In place of the message's badge.
    pub badge: Option<u32>,
    /// Delivery attempts on record.
    pub attempts: i16,
    /// How long until its next attempt; zero: now.
    pub due_in: Duration,
    /// Its own time, which has come; `None`: that of the Operation.
    pub planned: Option<PlannedTime>,
}

/// The time at which a notification should go by its recipient's clock.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PlannedTime {
    pub at: OffsetDateTime,
    /// How long ago it was.
    pub since: Duration,
    /// What becomes of the notification instead of being sent.
    pub end: Option<PlannedEnd>,
}

/// The content of an Operation, and what applies to all of its notifications.
#[derive(Clone)]
pub(crate) struct DueOperation {
    pub id: OperationId,
    pub account_id: AccountId,
    /// An error: this version can't read it, perhaps because a newer one wrote it.
    pub message: Result<Message, String>,
    pub senders: UserSenders,
    /// Users are sent to only on devices with all of these tags; `None`: on all devices.
    pub audience_tags: Option<Value>,
    /// Users are sent to only on devices that fulfil this jsonpath predicate; `None`: on all devices.
    pub audience_predicate: Option<String>,
    /// The Operation's own tags.
    pub tags: Option<Value>,
    /// When its notifications become due; their time to live counts from here. A batch may have times of
    /// its own.
    pub starts_at: OffsetDateTime,
    /// The time until the deadline of its notifications; zero: it has passed.
    pub time_left: Duration,
    /// The time from a notification's time to its deadline.
    pub deadline_after: Duration,
}

impl DueOperation {
    /// The Operation for notifications that have a time of their own.
    pub(crate) fn at(&self, planned: &PlannedTime) -> Self {
        Self {
            starts_at: planned.at,
            time_left: self.deadline_after.saturating_sub(planned.since),
            ..self.clone()
        }
    }
}

/// The time from the database's clock to a later time by the same clock, in whole microseconds;
/// zero for an earlier time.
fn duration(microseconds: i64) -> Duration {
    Duration::from_micros(u64::try_from(microseconds).unwrap_or(0))
}

/// The unsettled notifications of `batches` that were tried before, or whose time has come: those that
/// are not due yet are among them if they are tried again.
pub(crate) async fn notifications(
    executor: impl PgExecutor<'_>,
    batches: &[ClaimedBatch],
) -> sqlx::Result<Vec<DueNotification>> {
    let mut operation_ids: Vec<Uuid> = Vec::with_capacity(batches.len());
    let mut first_positions: Vec<i32> = Vec::with_capacity(batches.len());
    let mut end_positions: Vec<i32> = Vec::with_capacity(batches.len());
    for batch in batches {
        operation_ids.push(batch.key.operation_id.as_uuid());
        first_positions.push(batch.first_position);
        end_positions.push(batch.first_position + batch.size);
    }

    // By positions: a row of a notification names no batch. So a change of pace can divide batches
    // without writing their notifications.
    let rows = sqlx::query!(
        r#"
        select
            batch.index as "index!",
            push_notifications.position,
            push_notifications.user_id,
            push_notifications.external_id,
            push_notifications.provider as "provider: Provider",
            push_notifications.credential_id,
            push_notifications.token,
            push_notifications.variables,
            push_notifications.badge,
            push_notifications.attempts,
            -- Microseconds by the database's clock: this machine's may differ.
            case
                when push_notifications.next_attempt_at > now()
                    then (extract(epoch from push_notifications.next_attempt_at - now()) * 1000000)::bigint
                else 0
            end as "due_in!",
            push_notifications.planned_at,
            push_notifications.planned_end,
            coalesce((extract(epoch from now() - push_notifications.planned_at) * 1000000)::bigint, 0)
                as "planned_since!"
        from unnest($1::uuid[], $2::integer[], $3::integer[])
            with ordinality as batch (operation_id, first_position, end_position, index)
        join push_notifications
            on push_notifications.operation_id = batch.operation_id
            and push_notifications.position >= batch.first_position
            and push_notifications.position < batch.end_position
        where push_notifications.status = 'QUEUED'
            -- What is for later is not read before: a batch may have notifications for many times.
            and (push_notifications.planned_at is null or push_notifications.planned_at <= now())
        "#,
        &operation_ids,
        &first_positions,
        &end_positions,
    )
    .fetch_all(executor)
    .await?;

    let notifications = rows.into_iter().map(|row| {
        let recipient = RecipientColumns {
            user_id: row.user_id,
            external_id: row.external_id,
            provider: row.provider,
            credential_id: row.credential_id,
            token: row.token,
        };
        DueNotification {
            batch: (row.index - 1) as usize,
            position: row.position,
            // No error: a row of a later release must not keep the other batches of the claim from
            // being sent.
            recipient: recipient.try_into().ok(),
            variables: row.variables,
            badge: row.badge.and_then(|badge| badge.try_into().ok()),
            attempts: row.attempts,
            due_in: duration(row.due_in),
            planned: row.planned_at.map(|at| PlannedTime {
                at,
                since: duration(row.planned_since),
                end: row.planned_end.as_deref().and_then(PlannedEnd::named),
            }),
        }
    });
    Ok(notifications.collect())
}

/// The batches that have notifications for later, as indexes into `batches`, each with the time until
/// the earliest of them. `loaded`: those that were read before, by Operation and position.
pub(crate) async fn later(
    executor: impl PgExecutor<'_>,
    batches: &[ClaimedBatch],
    loaded: &[(OperationId, i32)],
) -> sqlx::Result<Vec<(usize, Duration)>> {
    let loaded_ids: Vec<Uuid> = loaded.iter().map(|(id, _)| id.as_uuid()).collect();
    let loaded_positions: Vec<i32> = loaded.iter().map(|(_, position)| *position).collect();
    let operation_ids: Vec<Uuid> = batches
        .iter()
        .map(|batch| batch.key.operation_id.as_uuid())
        .collect();
    let first_positions: Vec<i32> = batches.iter().map(|batch| batch.first_position).collect();
    let end_positions: Vec<i32> = batches
        .iter()
        .map(|batch| batch.first_position + batch.size)
        .collect();

    // Read after the notifications that are due: a batch must become due again for what it has for
    // later.
    let rows = sqlx::query!(
        r#"
        select
            batch.index as "index!",
            (extract(epoch from min(push_notifications.planned_at) - now()) * 1000000)::bigint as "due_in!"
        from unnest($1::uuid[], $2::integer[], $3::integer[])
            with ordinality as batch (operation_id, first_position, end_position, index)
        join push_notifications
            on push_notifications.operation_id = batch.operation_id
            and push_notifications.position >= batch.first_position
            and push_notifications.position < batch.end_position
        where push_notifications.status = 'QUEUED'
            and push_notifications.planned_at is not null
            -- Not by the time: one whose time has come since the others were read must not be passed over.
            and (
                (push_notifications.operation_id, push_notifications.position)
                in (select * from unnest($4::uuid[], $5::integer[]))
            ) is not true
        group by batch.index
        "#,
        &operation_ids,
        &first_positions,
        &end_positions,
        &loaded_ids,
        &loaded_positions,
    )
    .fetch_all(executor)
    .await?;

    let later = rows
        .into_iter()
        .map(|row| ((row.index - 1) as usize, duration(row.due_in)));
    Ok(later.collect())
}

/// The Operations with these ids, in no particular order.
pub(crate) async fn operations(
    executor: impl PgExecutor<'_>,
    ids: &[OperationId],
) -> sqlx::Result<Vec<DueOperation>> {
    let ids: Vec<Uuid> = ids.iter().map(|id| id.as_uuid()).collect();

    let rows = sqlx::query!(
        r#"
        select
            id,
            account_id,
            app_name,
            fcm_credential_id,
            apn_credential_id,
            apn_sandbox_credential_id,
            audience_tags,
            audience_predicate::text as audience_predicate,
            tags,
            -- Parsed row by row below, so that one that can't be read does not fail the others.
            message as "message: Json<Box<RawValue>>",
            coalesce(send_at, created_at) as "starts_at!",
            (extract(epoch from deadline_at - now()) * 1000000)::bigint as "time_left!",
            (extract(epoch from deadline_at - coalesce(send_at, created_at)) * 1000000)::bigint as "deadline_after!"
        from operations
        where id = any($1)
        "#,
        &ids,
    )
    .fetch_all(executor)
    .await?;

    // The deadline is a duration, because the clock of this machine may differ from that of the
    // database.
    let operations = rows.into_iter().map(|row| DueOperation {
        id: row.id.into(),
        account_id: row.account_id.into(),
        message: serde_json::from_str(row.message.0.get()).map_err(|error| error.to_string()),
        senders: UserSenders {
            app_name: row.app_name,
            fcm: row.fcm_credential_id.map(CredentialId::from),
            apn: row.apn_credential_id.map(CredentialId::from),
            apn_sandbox: row.apn_sandbox_credential_id.map(CredentialId::from),
        },
        audience_tags: row.audience_tags,
        audience_predicate: row.audience_predicate,
        tags: row.tags,
        starts_at: row.starts_at,
        time_left: duration(row.time_left),
        deadline_after: duration(row.deadline_after),
    });
    Ok(operations.collect())
}
