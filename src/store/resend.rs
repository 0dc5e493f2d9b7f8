//! Sending again: makes an Operation of the failed notifications of another.
//!
//! They are copied step by step, as an audience is fanned out (`resend_step.sql`): each step is one
//! statement that also moves the cursor, a row of `fanouts` with a source.

use sqlx::PgExecutor;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::model::failure::FailureCode;
use crate::model::id::{AccountId, OperationId};
use crate::model::message::Priority;
use crate::model::operation::BATCH_SIZE;
use crate::model::outcome::OutcomeKind;
use crate::model::pace;
use crate::store::announcement::WAKE_CHANNEL;
use crate::store::fan_out::Step;
use crate::store::rank;

/// Batches of the source that one step handles: 10,000 notifications.
const STEP_BATCHES: i64 = 20;
/// Most positions in an answer that did not fail.
const MAX_NAMED: i64 = 50;

/// Codes of Bellwire's own that come again if nothing else changes.
const PERMANENT_CODES: [FailureCode; 5] = [
    FailureCode::InvalidTemplate,
    FailureCode::InvalidContent,
    FailureCode::Unaddressable,
    FailureCode::OptedOut,
    FailureCode::DeviceGone,
];
/// Outcomes that come again: the token or the message is at fault.
const PERMANENT_OUTCOMES: [OutcomeKind; 3] = [
    OutcomeKind::TokenDead,
    OutcomeKind::TokenRefused,
    OutcomeKind::MessageRefused,
];

/// What is sent again.
pub(crate) struct Resend<'a> {
    /// The new Operation.
    pub id: OperationId,
    pub source_id: OperationId,
    pub account_id: AccountId,
    /// Only failures with one of these codes; `None`: those that are not permanent, unless positions
    /// are named.
    pub codes: Option<&'a [String]>,
    /// Only these positions of the source.
    pub positions: Option<&'a [i32]>,
}

/// Those of `positions` whose notifications have not failed, as indexes into it; at most 50.
pub(crate) async fn not_failed(
    executor: impl PgExecutor<'_>,
    source_id: OperationId,
    positions: &[i32],
) -> sqlx::Result<Vec<usize>> {
    let indexes = sqlx::query_scalar!(
        r#"
        select named.index as "index!"
        from unnest($2::integer[]) with ordinality as named (position, index)
        where not exists (
            select
            from push_notifications
            where push_notifications.operation_id = $1
                and push_notifications.position = named.position
                and push_notifications.status in ('FAILED', 'UNADDRESSABLE')
        )
        order by named.index
        limit $3
        "#,
        source_id.as_uuid(),
        positions,
        MAX_NAMED,
    )
    .fetch_all(executor)
    .await?;

    // Postgres counts from 1.
    Ok(indexes
        .into_iter()
        .map(|index| index as usize - 1)
        .collect())
}

/// Stores the new Operation, without notifications, and the cursor of its copy. It is tried for as long
/// as the source was, and has its pace. Returns `false` if the account has no such source.
pub(crate) async fn insert(
    executor: impl PgExecutor<'_>,
    resend: &Resend<'_>,
) -> sqlx::Result<bool> {
    let created_at: OffsetDateTime = resend.id.created_at();

    // The steps of audiences take rows by `due_at`, so that of a copy lies far ahead. Copies take
    // turns by `turn_at`. The rank is that of a large Operation, because the number of
    // notifications is not known yet.
    let inserted = sqlx::query_scalar!(
        r#"
        with source as materialized (
            select
                id, account_id, message, sender, tags, audience_tags, audience_predicate, app_name, fcm_credential_id,
                apn_credential_id, apn_sandbox_credential_id, pace_per_minute,
                deadline_at - coalesce(send_at, created_at) as deadline
            from operations
            where id = $2 and account_id = $3
        ),
        operation as (
            insert into operations (
                id, account_id, message, sender, tags, audience_tags, audience_predicate, recipients, deadline_at,
                created_at, app_name, fcm_credential_id, apn_credential_id, apn_sandbox_credential_id, pace_per_minute,
                resend_of
            )
            select
                $1, account_id, message, sender, tags, audience_tags, audience_predicate, 0,
                $4::timestamptz + deadline, $4, app_name, fcm_credential_id, apn_credential_id,
                apn_sandbox_credential_id, pace_per_minute, id
            from source
        ),
        pace as (
            insert into paces (operation_id, account_id, per_minute, next_at, deadline_after)
            select
                $1,
                account_id,
                pace_per_minute,
                now(),
                extract(epoch from deadline)::double precision
            from source
            where pace_per_minute is not null
        ),
        copy as (
            insert into fanouts (
                operation_id, account_id, app_name, priority_rank, due_at, source_id, codes, positions, turn_at, pace_per_minute
            )
            select
                $1,
                account_id,
                coalesce(app_name, ''),
                case when message ->> 'priority' = 'LOW' then $5::smallint else $6::smallint end,
                now() + interval '100 years',
                id,
                $7::text[],
                $8::integer[],
                now(),
                pace_per_minute
            from source
            returning operation_id
        )
        select operation_id from copy
        "#,
        resend.id.as_uuid(),
        resend.source_id.as_uuid(),
        resend.account_id.as_uuid(),
        created_at,
        rank::of_batch(Priority::Low, 0),
        rank::of_batch(Priority::High, 0),
        resend.codes,
        resend.positions,
    )
    .fetch_optional(executor)
    .await?;

    Ok(inserted.is_some())
}

/// Does the next step of the copy of `operation_id`, or of the copy that has waited longest. `None`:
/// there is none, or other replicas are at work on all.
pub(crate) async fn step(
    executor: impl PgExecutor<'_>,
    operation_id: Option<OperationId>,
) -> sqlx::Result<Option<CopyStep>> {
    let permanent_codes: Vec<&str> = PERMANENT_CODES.iter().map(FailureCode::as_str).collect();
    let permanent_outcomes: Vec<&str> = PERMANENT_OUTCOMES
        .iter()
        .map(|outcome| outcome.as_str())
        .collect();

    // The codes are parameters, so that only the model has their names.
    let row = sqlx::query_file!(
        "src/store/resend_step.sql",
        operation_id.map(OperationId::as_uuid) as Option<Uuid>,
        STEP_BATCHES,
        &permanent_codes as &[&str],
        &permanent_outcomes as &[&str],
        BATCH_SIZE as i32,
        &rank::STARTS,
        WAKE_CHANNEL,
        &pace::STARTS,
        &pace::SECONDS,
    )
    .fetch_optional(executor)
    .await?;

    Ok(row.map(|row| CopyStep {
        step: Step {
            operation_id: row.operation_id.into(),
            notifications: row.notifications,
            is_full: false,
            needs_zones: false,
            failure: None,
            // Copies take turns by another time.
            was_due_at: OffsetDateTime::now_utc(),
        },
        is_done: row.is_done,
    }))
}

#[derive(Debug, Clone)]
pub(crate) struct CopyStep {
    pub step: Step,
    /// Whether it was the last.
    pub is_done: bool,
}
