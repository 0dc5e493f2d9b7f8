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
    /// When its notifications become due; their time to live counts from here. A batch may have times of
    /// its own.
    pub starts_at: OffsetDateTime,
    /// The time until the deadline of its notifications; zero: it has passed.
    pub time_left: Duration,
}

/// The time from the database's clock to a later time by the same clock, in whole microseconds;
/// zero for an earlier time.
fn duration(microseconds: i64) -> Duration {
    Duration::from_micros(u64::try_from(microseconds).unwrap_or(0))
}

/// The unsettled notifications of `batches`, including those that are not due yet.
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

    let rows = sqlx::query!(
        r#"
        select
            batch.index as "index!",
            push_notifications.position,
            push_notifications.user_id,
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
            end as "due_in!"
        from unnest($1::uuid[], $2::integer[], $3::integer[])
            with ordinality as batch (operation_id, first_position, end_position, index)
        join push_notifications
            on push_notifications.operation_id = batch.operation_id
            and push_notifications.position >= batch.first_position
            and push_notifications.position < batch.end_position
        where push_notifications.status = 'QUEUED'
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
            provider: row.provider,
            credential_id: row.credential_id,
            token: row.token,
        };
        DueNotification {
            batch: (row.index - 1) as usize,
            position: row.position,
            recipient: recipient.try_into().ok(),
            variables: row.variables,
            badge: row.badge.and_then(|badge| badge.try_into().ok()),
            attempts: row.attempts,
            due_in: duration(row.due_in),
        }
    });
    Ok(notifications.collect())
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
            -- Parsed row by row below, so that one that can't be read does not fail the others.
            message as "message: Json<Box<RawValue>>",
            coalesce(send_at, created_at) as "starts_at!",
            (extract(epoch from deadline_at - now()) * 1000000)::bigint as "time_left!"
        from operations
        where id = any($1)
        "#,
        &ids,
    )
    .fetch_all(executor)
    .await?;

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
        starts_at: row.starts_at,
        time_left: duration(row.time_left),
    });
    Ok(operations.collect())
}
