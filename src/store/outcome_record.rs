//! Recording: writes what became of many notifications of many batches in one statement,
//! `outcome_record.sql`, and so in one transaction.
//!
//! A User's notification that one device's provider has accepted stays QUEUED while other devices
//! are still to be tried, and its row says so (`reached`). So a cancel makes it SENT without reading
//! attempts, and the recorder knows which tally the notification is in.

use std::collections::HashMap;
use std::time::Duration;

use sqlx::PgExecutor;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::model::failure::Failure;
use crate::model::id::CredentialId;
use crate::model::outcome::Answer;
use crate::model::provider::Provider;
use crate::model::status::PushNotificationStatus;
use crate::store::batches::BatchKey;
use crate::store::sparse_column::sparse;

/// The status of a notification, as it is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::Type)]
#[sqlx(type_name = "push_notification_status", rename_all = "UPPERCASE")]
pub(crate) enum Status {
    /// Still to be sent.
    Queued,
    /// Accepted by a provider.
    Sent,
    /// Given up.
    Failed,
    /// Canceled by the client, or withheld by Bellwire itself.
    Canceled,
    /// To a User without a usable token. The API shows it as failed, and counts it apart.
    Unaddressable,
}

impl Status {
    pub(crate) const ALL: &'static [Self] = &[
        Self::Queued,
        Self::Sent,
        Self::Failed,
        Self::Canceled,
        Self::Unaddressable,
    ];

    /// The status that the API shows. `is_scheduled`: the time of the notification is still to come.
    pub(crate) fn public_status(self, is_scheduled: bool) -> PushNotificationStatus {
        match self {
            Self::Queued if is_scheduled => PushNotificationStatus::Scheduled,
            Self::Queued => PushNotificationStatus::Queued,
            Self::Sent => PushNotificationStatus::Sent,
            Self::Failed | Self::Unaddressable => PushNotificationStatus::Failed,
            Self::Canceled => PushNotificationStatus::Canceled,
        }
    }
}

/// What became of one notification while its batch was held.
pub(crate) struct NotificationOutcome {
    /// The claim under which it was sent.
    pub batch: BatchKey,
    /// 0-based within the Operation.
    pub position: i32,
    /// Delivery attempts on record before these.
    pub attempts_before: i16,
    /// One for a device, and one for each device of a User that was tried.
    pub attempts: Vec<Attempt>,
    pub status: Status,
    /// Whether a provider has accepted it, now or before. A User's may be [`Status::Queued`] all the
    /// same, for its other devices.
    pub accepted: bool,
    /// How long until the next attempt; only for [`Status::Queued`].
    pub retry_in: Option<Duration>,
    /// The last one; always for [`Status::Failed`] and [`Status::Unaddressable`], and for
    /// [`Status::Canceled`] why Bellwire withholds it.
    pub failure: Option<Failure>,
}

/// One attempt to deliver, for the record.
pub(crate) struct Attempt {
    pub provider: Provider,
    pub credential_id: CredentialId,
    /// `None`: the notification is for a device, not for a User.
    pub device: Option<TriedDevice>,
    pub answer: Answer,
    pub started_at: OffsetDateTime,
    pub duration: Duration,
}

/// A User's device that was tried.
#[derive(Debug, Clone)]
pub(crate) struct TriedDevice {
    pub id: Uuid,
    pub masked_token: String,
}

/// The end of a claim.
pub(crate) struct Release {
    pub batch: BatchKey,
    /// How long until the batch is due again, if anything in it is left unsettled.
    pub due_in: Duration,
    /// The Credential whose lane had no room for some of it, and recalls it.
    pub waits_for: Option<CredentialId>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Recorded {
    /// How many were written. The others came too late: their claim had been lost.
    pub outcomes: usize,
}

/// A row for each batch of an outcome or a release.
#[derive(Default)]
struct BatchColumns {
    operation_id: Vec<Uuid>,
    number: Vec<i32>,
    claims: Vec<i32>,
    /// In seconds; only for batches that are released.
    due_in: Vec<Option<f64>>,
    /// Only for batches that are released and wait for a lane.
    waits_for: Vec<Option<Uuid>>,
}

#[derive(Default)]
struct OutcomeColumns<'a> {
    operation_id: Vec<Uuid>,
    batch_number: Vec<i32>,
    position: Vec<i32>,
    attempts_before: Vec<i16>,
    attempts_made: Vec<i16>,
    status: Vec<Status>,
    /// `Some(true)` if a device's provider has accepted it, and it is queued for other devices
    /// still; `None` otherwise, as in the table.
    reached: Vec<Option<bool>>,
    /// In seconds.
    retry_in: Vec<Option<f64>>,
    error_code: Vec<Option<&'a str>>,
    error_message: Vec<Option<&'a str>>,
}

#[derive(Default)]
struct AttemptColumns<'a> {
    operation_id: Vec<Uuid>,
    position: Vec<i32>,
    number: Vec<i16>,
    provider: Vec<Provider>,
    credential_id: Vec<Uuid>,
    device_id: Vec<Option<Uuid>>,
    masked_token: Vec<Option<&'a str>>,
    outcome: Vec<&'a str>,
    http_status: Vec<Option<i16>>,
    provider_code: Vec<Option<&'a str>>,
    provider_message: Vec<Option<&'a str>>,
    provider_message_id: Vec<Option<&'a str>>,
    duration_ms: Vec<i32>,
    created_at: Vec<OffsetDateTime>,
}

impl BatchColumns {
    fn of(outcomes: &[NotificationOutcome], releases: &[Release]) -> Self {
        // Each batch once: a row that came twice would be counted twice.
        let mut batches: HashMap<BatchKey, Option<&Release>> = HashMap::new();
        for outcome in outcomes {
            batches.insert(outcome.batch, None);
        }
        // After the outcomes, because a batch may have both, and the release has more to say.
        for release in releases {
            batches.insert(release.batch, Some(release));
        }

        let mut columns = Self::default();
        for (batch, release) in batches {
            let waits_for = release.and_then(|release| release.waits_for);

            columns.operation_id.push(batch.operation_id.as_uuid());
            columns.number.push(batch.number);
            columns.claims.push(batch.claims);
            columns
                .due_in
                .push(release.map(|release| release.due_in.as_secs_f64()));
            columns.waits_for.push(waits_for.map(CredentialId::as_uuid));
        }

        columns
    }
}

impl<'a> OutcomeColumns<'a> {
    fn of(outcomes: &'a [NotificationOutcome]) -> Self {
        let mut columns = Self::default();
        for outcome in outcomes {
            columns.push(outcome);
        }

        columns
    }

    fn push(&mut self, outcome: &'a NotificationOutcome) {
        let reached = outcome.accepted && outcome.status == Status::Queued;
        let retry_in = outcome.retry_in.map(|delay| delay.as_secs_f64());
        let failure = outcome.failure.as_ref();

        self.operation_id.push(outcome.batch.operation_id.as_uuid());
        self.batch_number.push(outcome.batch.number);
        self.position.push(outcome.position);
        self.attempts_before.push(outcome.attempts_before);
        self.attempts_made.push(outcome.attempts.len() as i16);
        self.status.push(outcome.status);
        self.reached.push(reached.then_some(true));
        self.retry_in.push(retry_in);
        self.error_code
            .push(failure.map(|failure| failure.code.as_str()));
        self.error_message
            .push(failure.map(|failure| failure.message.as_str()));
    }
}

impl<'a> AttemptColumns<'a> {
    fn of(outcomes: &'a [NotificationOutcome]) -> Self {
        let mut columns = Self::default();
        for outcome in outcomes {
            // The numbers go on from what the batch was loaded with. The statement writes attempts
            // only if that is still the number on record.
            for (number, attempt) in (outcome.attempts_before + 1..).zip(&outcome.attempts) {
                columns.push(outcome, number, attempt);
            }
        }

        columns
    }

    fn push(&mut self, outcome: &'a NotificationOutcome, number: i16, attempt: &'a Attempt) {
        let answer = &attempt.answer;
        let device = attempt.device.as_ref();

        self.operation_id.push(outcome.batch.operation_id.as_uuid());
        self.position.push(outcome.position);
        self.number.push(number);
        self.provider.push(attempt.provider);
        self.credential_id.push(attempt.credential_id.as_uuid());
        self.device_id.push(device.map(|device| device.id));
        self.masked_token
            .push(device.map(|device| device.masked_token.as_str()));
        self.outcome.push(answer.outcome.kind().as_str());
        self.http_status
            .push(answer.http_status.map(|status| status as i16));
        self.provider_code.push(answer.code.as_deref());
        self.provider_message.push(answer.message.as_deref());
        self.provider_message_id.push(answer.message_id.as_deref());
        self.duration_ms.push(attempt.duration.as_millis() as i32);
        self.created_at.push(attempt.started_at);
    }
}

/// Writes attempts, notifications, tallies and releases in one statement: all of them or none.
/// Outcomes and releases under a claim that has been lost are left out. `outcomes` must name each
/// notification at most once.
pub(crate) async fn record(
    executor: impl PgExecutor<'_>,
    outcomes: &[NotificationOutcome],
    releases: &[Release],
) -> sqlx::Result<Recorded> {
    let batches = BatchColumns::of(outcomes, releases);
    let notifications = OutcomeColumns::of(outcomes);
    let attempts = AttemptColumns::of(outcomes);

    let recorded = sqlx::query_file_scalar!(
        "src/store/outcome_record.sql",
        // $1 to $4
        &batches.operation_id,
        &batches.number,
        &batches.claims,
        sparse(&batches.due_in) as &[Option<f64>],
        // $5 to $14
        &notifications.operation_id,
        &notifications.batch_number,
        &notifications.position,
        &notifications.attempts_before,
        &notifications.attempts_made,
        &notifications.status as &[Status],
        sparse(&notifications.reached) as &[Option<bool>],
        sparse(&notifications.retry_in) as &[Option<f64>],
        sparse(&notifications.error_code) as &[Option<&str>],
        sparse(&notifications.error_message) as &[Option<&str>],
        // $15 to $28
        &attempts.operation_id,
        &attempts.position,
        &attempts.number,
        &attempts.provider as &[Provider],
        &attempts.credential_id,
        sparse(&attempts.device_id) as &[Option<Uuid>],
        sparse(&attempts.masked_token) as &[Option<&str>],
        &attempts.outcome as &[&str],
        sparse(&attempts.http_status) as &[Option<i16>],
        sparse(&attempts.provider_code) as &[Option<&str>],
        sparse(&attempts.provider_message) as &[Option<&str>],
        sparse(&attempts.provider_message_id) as &[Option<&str>],
        &attempts.duration_ms,
        &attempts.created_at,
        // $29
        sparse(&batches.waits_for) as &[Option<Uuid>],
    )
    .fetch_one(executor)
    .await?;

    Ok(Recorded {
        outcomes: recorded as usize,
    })
}
