//! What is not sent, and why: `waitingFor` of QUEUED notifications and their Operations, and `error` of
//! FAILED ones, and of CANCELED ones that Bellwire withheld.

use std::collections::HashMap;

use serde::Serialize;
use time::OffsetDateTime;
use utoipa::ToSchema;

use crate::http::date::Date;
use crate::model::failure::is_withheld;
use crate::model::id::{CredentialId, OperationId};
use crate::model::lane_state::LaneError;
use crate::store::lane_states;
use crate::store::notification_reasons::{
    self, NotificationKey, NotificationReason, UnsettledBatch,
};
use crate::store::pool::Pool;

/// What a notification waits for (extension).
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct WaitingFor {
    /// For people.
    reason: String,
    since: Date,
    /// Null: not known, or its time has come.
    next_try: Option<Date>,
}

impl WaitingFor {
    /// Of a paused Operation.
    pub(crate) fn a_resume(since: OffsetDateTime) -> Self {
        Self {
            reason: "The Operation is paused: resume it.".to_owned(),
            since: Date(since),
            next_try: None,
        }
    }
}

/// Why a notification failed (extension), as in the Operation's Errors, or why Bellwire withheld it.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub(crate) struct NotificationError {
    /// The provider's code, or Bellwire's.
    code: String,
    message: Option<String>,
}

/// What is on record about some notifications, and about the lanes that they go to.
pub(crate) struct Reasons {
    by_notification: HashMap<NotificationKey, NotificationReason>,
    lane_errors: HashMap<CredentialId, LaneError>,
}

impl Reasons {
    /// Reads what is on record about these notifications, which are QUEUED, FAILED or CANCELED.
    pub(crate) async fn read(pool: &Pool, keys: &[NotificationKey]) -> sqlx::Result<Self> {
        // Notifications that were sent have no reasons, so most pages need no statement.
        if keys.is_empty() {
            return Ok(Self {
                by_notification: HashMap::new(),
                lane_errors: HashMap::new(),
            });
        }

        let by_notification = notification_reasons::fetch(pool, keys).await?;
        let credentials: Vec<CredentialId> = by_notification
            .values()
            .flat_map(|reason| reason.credentials.iter().copied())
            .collect();
        let lane_errors = lane_states::errors(pool, &credentials).await?;

        Ok(Self {
            by_notification,
            lane_errors,
        })
    }

    /// What a QUEUED notification waits for; `None`: it is about to be sent.
    pub(crate) fn waiting_for(&self, key: NotificationKey) -> Option<WaitingFor> {
        let reason = self.by_notification.get(&key)?;
        let error = reason
            .credentials
            .iter()
            // A notification to a User may go by several lanes. It waits for the first of them that
            // sends nothing.
            .find_map(|credential_id| self.lane_errors.get(credential_id));

        waiting_for(reason, error, OffsetDateTime::now_utc())
    }

    /// Why a FAILED notification failed.
    pub(crate) fn error(&self, key: NotificationKey) -> Option<NotificationError> {
        let reason = self.by_notification.get(&key)?;

        Some(NotificationError {
            code: reason.error_code.clone()?,
            message: reason.error_message.clone(),
        })
    }

    /// Why Bellwire withheld a CANCELED notification; `None`: the client canceled it.
    pub(crate) fn withheld(&self, key: NotificationKey) -> Option<NotificationError> {
        self.error(key).filter(|error| is_withheld(&error.code))
    }
}

/// Notifications that are examined to say what the Operations of a list wait for.
const MAX_EXAMINED: usize = 10_000;

/// What Operations with unsettled notifications wait for: what the first of each does. An Operation is
/// left out if it does not wait, or if too many notifications would have to be examined.
pub(crate) async fn of_operations(
    pool: &Pool,
    operation_ids: &[OperationId],
) -> sqlx::Result<HashMap<OperationId, WaitingFor>> {
    if operation_ids.is_empty() {
        return Ok(HashMap::new());
    }

    let batches = notification_reasons::unsettled_batches(pool, operation_ids).await?;
    // A page may have 1,000 Operations, and the first unsettled notification of each may be the
    // last of 500 in its batch.
    let keys = notification_reasons::first_unsettled(pool, affordable(&batches)).await?;
    let reasons = Reasons::read(pool, &keys).await?;

    let waiting = keys.into_iter().filter_map(|key| {
        let (operation_id, _) = key;
        Some((operation_id, reasons.waiting_for(key)?))
    });
    Ok(waiting.collect())
}

/// The first of `batches` that can be examined.
fn affordable(batches: &[UnsettledBatch]) -> &[UnsettledBatch] {
    let mut cost = 0;
    let end = batches.iter().position(|batch| {
        cost += batch.cost();
        cost > MAX_EXAMINED
    });

    &batches[..end.unwrap_or(batches.len())]
}

/// The error of the lane says most; without one, the notification waits for its own next attempt.
fn waiting_for(
    reason: &NotificationReason,
    error: Option<&LaneError>,
    now: OffsetDateTime,
) -> Option<WaitingFor> {
    if let Some(error) = error {
        return Some(WaitingFor {
            reason: sentence(&error.reason),
            since: Date(error.since),
            // A time in the past: it is being tried.
            next_try: error.next_try_at.filter(|at| *at > now).map(Date),
        });
    }

    let next_attempt_at = reason.next_attempt_at.filter(|at| *at > now)?;
    let error = [&reason.error_code, &reason.error_message];
    let error: Vec<&str> = error
        .into_iter()
        .filter_map(|part| part.as_deref())
        .collect();

    let mut text = "It waits for its next attempt.".to_owned();
    if !error.is_empty() {
        text.push_str(" The last one failed: ");
        text.push_str(&sentence(&error.join(": ")));
    }

    Some(WaitingFor {
        reason: text,
        since: Date(reason.updated_at?),
        next_try: Some(Date(next_attempt_at)),
    })
}

/// `text` as a sentence: the reasons of lanes are also parts of sentences, in logs and errors. A code at the
/// beginning has capitals already, or is another program's word in its own spelling.
fn sentence(text: &str) -> String {
    let text = text.trim();
    let first_word = text.split([' ', ':']).next().unwrap_or_default();
    let is_word = first_word.bytes().all(|byte| byte.is_ascii_lowercase());

    let mut sentence = String::with_capacity(text.len() + 1);
    let mut characters = text.chars();
    if is_word && let Some(first) = characters.next() {
        sentence.push(first.to_ascii_uppercase());
    }
    sentence.push_str(characters.as_str());
    if !text.is_empty() && !text.ends_with(['.', '!', '?', '…']) {
        sentence.push('.');
    }
    sentence
}

#[cfg(test)]
mod tests {
    use time::Duration;

    use super::*;

    fn reason(next_attempt_at: Option<OffsetDateTime>, now: OffsetDateTime) -> NotificationReason {
        NotificationReason {
            credentials: Vec::new(),
            next_attempt_at,
            error_code: Some("UNAVAILABLE".to_owned()),
            error_message: Some("try later".to_owned()),
            updated_at: Some(now),
        }
    }

    #[test]
    fn few_notifications_are_examined_for_a_list() {
        let batch = |queued| UnsettledBatch {
            operation_id: uuid::Uuid::nil(),
            first_position: 0,
            size: 500,
            queued,
        };

        assert_eq!(affordable(&vec![batch(500); 1_000]).len(), 1_000);
        assert_eq!(affordable(&vec![batch(1); 1_000]).len(), 20);
        assert!(affordable(&[]).is_empty());
    }

    #[test]
    fn reasons_are_sentences() {
        for (text, expected) in [
            (
                "the provider asks for a pause: QUOTA_EXCEEDED",
                "The provider asks for a pause: QUOTA_EXCEEDED.",
            ),
            (
                "InvalidProviderToken: It could not be verified.",
                "InvalidProviderToken: It could not be verified.",
            ),
            ("iOS says no", "iOS says no."),
            ("", ""),
        ] {
            assert_eq!(sentence(text), expected);
        }
    }

    #[test]
    fn a_notification_waits_for_its_lane_or_for_its_next_attempt() {
        let now = OffsetDateTime::now_utc();
        let later = now + Duration::MINUTE;
        let error = LaneError {
            reason: "the provider refuses the Credential".to_owned(),
            since: now,
            next_try_at: Some(later),
        };

        let lane = waiting_for(&reason(None, now), Some(&error), now).unwrap();
        assert_eq!(lane.reason, "The provider refuses the Credential.");
        assert_eq!(lane.next_try, Some(Date(later)));
        let probing = waiting_for(&reason(None, now), Some(&error), later).unwrap();
        assert_eq!(probing.next_try, None, "its time is over");

        let retry = waiting_for(&reason(Some(later), now), None, now).unwrap();
        assert_eq!(
            retry.reason,
            "It waits for its next attempt. The last one failed: UNAVAILABLE: try later."
        );
        let silent = NotificationReason {
            error_code: None,
            error_message: None,
            ..reason(Some(later), now)
        };
        let silent = waiting_for(&silent, None, now).unwrap();
        assert_eq!(silent.reason, "It waits for its next attempt.");

        assert_eq!(waiting_for(&reason(None, now), None, now), None);
        assert_eq!(waiting_for(&reason(Some(now), now), None, now), None);
    }
}
