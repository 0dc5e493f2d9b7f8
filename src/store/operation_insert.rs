//! Accepting: stores whole Operations in one statement, `operation_insert.sql`, and so in one
//! transaction.
//!
//! An Operation, its notifications, its batches and its Idempotency-Key are there together or not at
//! all, and no transaction is ever left open between them.

use serde_json::Value;
use sqlx::PgExecutor;
use sqlx::types::Json;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::model::local_time::LocalSchedule;
use crate::model::message::Message;
use crate::model::provider::Provider;
use crate::store::announcement::{Announcement, WAKE_CHANNEL};
use crate::store::operation_columns::{OperationInsert, Rows};
use crate::store::sparse_column::sparse;

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
        sparse(&operations.sender) as &[Option<&Value>],
        sparse(&operations.tags) as &[Option<&Value>],
        sparse(&operations.audience_tags) as &[Option<&Value>],
        &operations.recipients,
        sparse(&operations.send_at) as &[Option<OffsetDateTime>],
        &operations.deadline_at,
        &operations.created_at,
        sparse(&operations.app_name) as &[Option<&str>],
        sparse(&operations.fcm_credential_id) as &[Option<Uuid>],
        sparse(&operations.apn_credential_id) as &[Option<Uuid>],
        // $14 to $20
        &notifications.operation_id,
        &notifications.position,
        sparse(&notifications.user_id) as &[Option<Uuid>],
        sparse(&notifications.provider) as &[Option<Provider>],
        sparse(&notifications.credential_id) as &[Option<Uuid>],
        sparse(&notifications.token) as &[Option<&[u8]>],
        sparse(&notifications.variables) as &[Option<&Value>],
        // $21 to $29
        &batches.operation_id,
        &batches.number,
        &batches.account_id,
        &batches.first_position,
        &batches.size,
        &batches.rank,
        sparse(&batches.send_at) as &[Option<OffsetDateTime>],
        sparse(&batches.claimed_for) as &[Option<f64>],
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
        announcement.map(Announcement::payload),
        // $43
        sparse(&notifications.badge) as &[Option<i32>],
        // $44
        sparse(&operations.apn_sandbox_credential_id) as &[Option<Uuid>],
        // $45
        &callbacks.url as &[&str],
        // $46 to $48
        &guards.operation_id,
        &guards.failed_percent,
        &guards.after,
        // $49
        sparse(&operations.pace_per_minute) as &[Option<i32>],
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
        sparse(&operations.audience_predicate) as &[Option<String>],
        // $58 and $59
        &fanouts.predicate as &[Option<String>],
        &fanouts.max_users as &[Option<i32>],
        // $60
        sparse(&operations.local_schedule) as &[Option<Json<&LocalSchedule>>],
        // $61 and $62
        sparse(&notifications.planned_at) as &[Option<OffsetDateTime>],
        sparse(&notifications.planned_end) as &[Option<&str>],
        // $63
        sparse(&batches.planned) as &[Option<Value>],
        // $64
        &fanouts.is_local,
        // $65
        sparse(&notifications.external_id) as &[Option<&str>],
        // $66
        &callbacks.operation_id,
    )
    .execute(executor)
    .await?;

    Ok(())
}
