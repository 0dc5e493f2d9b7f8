//! What claimed batches have to send: their unsettled notifications, and each Operation's content
//! once.

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
use crate::store::recipients::RecipientColumns;

/// An unsettled notification of a claimed batch.
pub struct DueNotification {
    /// Index of its batch in the slice that was asked for.
    pub batch: usize,
    /// 0-based within its Operation.
    pub position: i32,
    /// Whom it is for; `None`: this version can't tell.
    pub recipient: Option<Recipient>,
    /// What templates are filled in with.
    pub variables: Option<Value>,
    /// Delivery attempts on record.
    pub attempts: i16,
    /// How long until its next try; zero: now.
    pub due_in: Duration,
}

/// What an Operation sends.
pub struct DueOperation {
    /// Which one.
    pub id: OperationId,
    /// Whose it is.
    pub account_id: AccountId,
    /// Its content; an error: this version can't read it, perhaps since a newer one wrote it.
    pub message: Result<Message, String>,
    /// What Users are reached by.
    pub senders: UserSenders,
    /// Only devices with all of these tags.
    pub audience_tags: Option<Value>,
    /// When its notifications become due; what a lifetime counts from.
    pub starts_at: OffsetDateTime,
    /// What is left of the time in which its notifications may be sent; zero: over.
    pub time_left: Duration,
}

/// The time from the database's now to a moment of its own clock, in whole microseconds; zero for
/// one that is past.
fn duration(microseconds: i64) -> Duration {
    Duration::from_micros(u64::try_from(microseconds).unwrap_or(0))
}

/// The unsettled notifications of `batches`, those whose time has not come included.
pub async fn notifications(
    executor: impl PgExecutor<'_>,
    batches: &[ClaimedBatch],
) -> sqlx::Result<Vec<DueNotification>> {
    let operation_ids: Vec<Uuid> = batches
        .iter()
        .map(|batch| batch.key.operation_id.as_uuid())
        .collect();
    let first: Vec<i32> = batches.iter().map(|batch| batch.first_position).collect();
    let end: Vec<i32> = batches
        .iter()
        .map(|batch| batch.first_position + batch.size)
        .collect();
    let rows = sqlx::query!(
        r#"
        select
            batch.index as "index!",
            position,
            user_id,
            provider as "provider: Provider",
            credential_id,
            token,
            variables,
            attempts,
            case
                when next_attempt_at > now() then (extract(epoch from next_attempt_at - now()) * 1000000)::bigint
                else 0
            end as "due_in!"
        from unnest($1::uuid[], $2::integer[], $3::integer[])
            with ordinality as batch (operation_id, first_position, end_position, index)
        join push_notifications
            on push_notifications.operation_id = batch.operation_id
            and position >= first_position
            and position < end_position
        where status = 'QUEUED'
        "#,
        &operation_ids,
        &first,
        &end,
    )
    .fetch_all(executor)
    .await?;
    let notifications = rows.into_iter().map(|row| DueNotification {
        batch: (row.index - 1) as usize,
        position: row.position,
        recipient: Recipient::try_from(RecipientColumns {
            user_id: row.user_id,
            provider: row.provider,
            credential_id: row.credential_id,
            token: row.token,
        })
        .ok(),
        variables: row.variables,
        attempts: row.attempts,
        due_in: duration(row.due_in),
    });
    Ok(notifications.collect())
}

/// The Operations with these ids.
pub async fn operations(
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
            audience_tags,
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
        senders: UserSenders {
            app_name: row.app_name,
            fcm: row.fcm_credential_id.map(CredentialId::from),
            apn: row.apn_credential_id.map(CredentialId::from),
        },
        audience_tags: row.audience_tags,
        message: serde_json::from_str(row.message.0.get()).map_err(|error| error.to_string()),
        starts_at: row.starts_at,
        time_left: duration(row.time_left),
    });
    Ok(operations.collect())
}
