//! Recording: what became of many notifications of many batches, in one statement and so in one transaction.

use std::time::Duration;

use sqlx::PgExecutor;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::id::CredentialId;
use crate::provider::{Answer, Provider};
use crate::store::batches::BatchKey;

/// The status that a notification gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::Type)]
#[sqlx(type_name = "push_notification_status", rename_all = "UPPERCASE")]
pub enum Status {
    /// To be tried again.
    Queued,
    /// The provider accepted it.
    Sent,
    /// It will not be tried again.
    Failed,
    /// Canceled by the client.
    Canceled,
}

/// What became of one notification while its batch was held.
pub struct NotificationOutcome {
    /// The claim under which it happened.
    pub batch: BatchKey,
    /// 0-based within the Operation.
    pub position: i32,
    /// Delivery attempts on record before this.
    pub attempts_before: i16,
    /// The attempt that was made; `None`: it was settled without one.
    pub attempt: Option<Attempt>,
    /// What it is now.
    pub status: Status,
    /// How long until the next try; only for [`Status::Queued`].
    pub retry_in: Option<Duration>,
    /// The last error's code and text; always for [`Status::Failed`].
    pub error: Option<(String, String)>,
}

/// One try with a provider, for the record.
pub struct Attempt {
    /// Which provider.
    pub provider: Provider,
    /// Authenticated with what.
    pub credential_id: CredentialId,
    /// What it brought back.
    pub answer: Answer,
    /// When it began.
    pub started_at: OffsetDateTime,
    /// How long it took.
    pub duration: Duration,
}

/// The end of a claim: when the batch is due again, if anything in it is left unsettled.
pub struct Release {
    /// The claim that ends.
    pub batch: BatchKey,
    /// How long until its earliest notification is due again.
    pub due_in: Duration,
}

/// What [`record`] did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Recorded {
    /// Outcomes that were written. The others came too late: their claim had been lost.
    pub outcomes: usize,
}

#[derive(Default)]
struct BatchColumns {
    operation_id: Vec<Uuid>,
    number: Vec<i32>,
    claims: Vec<i32>,
    /// Only for batches that are released.
    due_in: Vec<Option<f64>>,
}

#[derive(Default)]
struct OutcomeColumns<'a> {
    operation_id: Vec<Uuid>,
    batch_number: Vec<i32>,
    position: Vec<i32>,
    attempts_before: Vec<i16>,
    status: Vec<Status>,
    retry_in: Vec<Option<f64>>,
    error_code: Vec<Option<&'a str>>,
    error_message: Vec<Option<&'a str>>,
}

#[derive(Default)]
struct AttemptColumns<'a> {
    made: Vec<bool>,
    provider: Vec<Option<Provider>>,
    credential_id: Vec<Option<Uuid>>,
    outcome: Vec<Option<&'a str>>,
    http_status: Vec<Option<i16>>,
    code: Vec<Option<&'a str>>,
    message: Vec<Option<&'a str>>,
    message_id: Vec<Option<&'a str>>,
    duration_ms: Vec<Option<i32>>,
    started_at: Vec<Option<OffsetDateTime>>,
}

impl BatchColumns {
    /// Every batch once, the released ones with the time of their next claim.
    fn of(outcomes: &[NotificationOutcome], releases: &[Release]) -> Self {
        let mut due_in: std::collections::HashMap<BatchKey, Option<f64>> =
            outcomes.iter().map(|outcome| (outcome.batch, None)).collect();
        for release in releases {
            due_in.insert(release.batch, Some(release.due_in.as_secs_f64()));
        }
        let mut columns = Self::default();
        for (batch, due_in) in due_in {
            columns.operation_id.push(batch.operation_id.as_uuid());
            columns.number.push(batch.number);
            columns.claims.push(batch.claims);
            columns.due_in.push(due_in);
        }
        columns
    }
}

impl<'a> OutcomeColumns<'a> {
    fn of(outcomes: &'a [NotificationOutcome]) -> Self {
        let mut columns = Self::default();
        for outcome in outcomes {
            columns.operation_id.push(outcome.batch.operation_id.as_uuid());
            columns.batch_number.push(outcome.batch.number);
            columns.position.push(outcome.position);
            columns.attempts_before.push(outcome.attempts_before);
            columns.status.push(outcome.status);
            columns.retry_in.push(outcome.retry_in.map(|delay| delay.as_secs_f64()));
            columns.error_code.push(outcome.error.as_ref().map(|(code, _)| code.as_str()));
            columns.error_message.push(outcome.error.as_ref().map(|(_, message)| message.as_str()));
        }
        columns
    }
}

impl<'a> AttemptColumns<'a> {
    fn of(outcomes: &'a [NotificationOutcome]) -> Self {
        let mut columns = Self::default();
        for outcome in outcomes {
            let attempt = outcome.attempt.as_ref();
            let answer = attempt.map(|attempt| &attempt.answer);
            columns.made.push(attempt.is_some());
            columns.provider.push(attempt.map(|attempt| attempt.provider));
            columns.credential_id.push(attempt.map(|attempt| attempt.credential_id.as_uuid()));
            columns.outcome.push(answer.map(|answer| answer.outcome.as_str()));
            columns.http_status.push(answer.and_then(|answer| answer.http_status).map(|status| status as i16));
            columns.code.push(answer.and_then(|answer| answer.code.as_deref()));
            columns.message.push(answer.and_then(|answer| answer.message.as_deref()));
            columns.message_id.push(answer.and_then(|answer| answer.message_id.as_deref()));
            columns.duration_ms.push(attempt.map(|attempt| attempt.duration.as_millis() as i32));
            columns.started_at.push(attempt.map(|attempt| attempt.started_at));
        }
        columns
    }
}

/// Writes attempts, notifications, tallies and releases: all or nothing. Outcomes and releases of a claim that has been
/// lost are left out. `outcomes` names a notification once at most.
pub async fn record(
    executor: impl PgExecutor<'_>,
    outcomes: &[NotificationOutcome],
    releases: &[Release],
) -> sqlx::Result<Recorded> {
    let batches = BatchColumns::of(outcomes, releases);
    let notifications = OutcomeColumns::of(outcomes);
    let attempts = AttemptColumns::of(outcomes);
    let recorded = sqlx::query_file_scalar!(
        "src/store/outcomes_record.sql",
        &batches.operation_id,
        &batches.number,
        &batches.claims,
        &batches.due_in as &[Option<f64>],
        &notifications.operation_id,
        &notifications.batch_number,
        &notifications.position,
        &notifications.attempts_before,
        &notifications.status as &[Status],
        &notifications.retry_in as &[Option<f64>],
        &notifications.error_code as &[Option<&str>],
        &notifications.error_message as &[Option<&str>],
        &attempts.made,
        &attempts.provider as &[Option<Provider>],
        &attempts.credential_id as &[Option<Uuid>],
        &attempts.outcome as &[Option<&str>],
        &attempts.http_status as &[Option<i16>],
        &attempts.code as &[Option<&str>],
        &attempts.message as &[Option<&str>],
        &attempts.message_id as &[Option<&str>],
        &attempts.duration_ms as &[Option<i32>],
        &attempts.started_at as &[Option<OffsetDateTime>],
    )
    .fetch_one(executor)
    .await?;
    Ok(Recorded { outcomes: recorded as usize })
}
