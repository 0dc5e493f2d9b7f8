//! The devices that a User's notification still has to be tried with.

use std::collections::HashMap;

use sqlx::PgConnection;

use crate::delivery::content::Content;
use crate::model::id::{CredentialId, OperationId};
use crate::model::outcome::OutcomeKind;
use crate::model::recipient::Recipient;
use crate::store::batch_load::DueNotification;
use crate::store::batches::ClaimedBatch;
use crate::store::device_attempts::{self, DeviceAttempts};
use crate::store::devices::{self, DevicesOf, UserDevice};

/// What is left to be done for a User's notification.
#[derive(Default)]
pub(crate) struct Pending {
    /// The devices, each with the Credential that it is reached by and the number of tries so far.
    pub devices: Vec<(UserDevice, CredentialId, u16)>,
    /// Whether a device's provider accepted it on an earlier try.
    pub accepted: bool,
}

/// What is left to be done for those of `notifications` that are Users', by their index. A device
/// that was tried `max_attempts` times is done with.
pub(crate) async fn pending(
    connection: &mut PgConnection,
    claimed: &[ClaimedBatch],
    notifications: &[DueNotification],
    contents: &HashMap<OperationId, Content>,
    max_attempts: u16,
) -> sqlx::Result<HashMap<usize, Pending>> {
    let (mut wanted, mut indexes, mut tried) = (Vec::new(), Vec::new(), Vec::new());
    for (index, notification) in notifications
        .iter()
        .enumerate()
        .filter(|(_, due)| due.due_in.is_zero())
    {
        let operation_id = claimed[notification.batch].key.operation_id;
        let Some(Recipient::User(user_id)) = notification.recipient else {
            continue;
        };
        let Some(operation) = contents
            .get(&operation_id)
            .map(|content| &content.operation)
        else {
            continue;
        };
        let app_name = operation.senders.app_name.as_deref().unwrap_or_default();
        let (account_id, tags) = (operation.account_id, operation.audience_tags.as_ref());
        wanted.push(DevicesOf {
            account_id,
            app_name,
            user_id,
            tags,
        });
        indexes.push((index, operation));
        if notification.attempts > 0 {
            tried.push((index, operation_id, notification.position));
        }
    }
    let mut pending: HashMap<usize, Pending> = indexes
        .iter()
        .map(|(index, _)| (*index, Pending::default()))
        .collect();
    if wanted.is_empty() {
        return Ok(pending);
    }
    let tries = if tried.is_empty() {
        HashMap::new()
    } else {
        device_attempts::of_devices(&mut *connection, &tried).await?
    };
    for (index, tries) in &tries {
        if let Some(pending) = pending.get_mut(index) {
            pending.accepted = tries
                .values()
                .any(|tries| tries.outcomes.contains(&Some(OutcomeKind::Accepted)));
        }
    }
    for device in devices::of_users(connection, &wanted).await? {
        let (index, operation) = indexes[device.index];
        let before = tries.get(&index).and_then(|tries| tries.get(&device.id));
        if let (Some(pending), Some(credential_id), false) = (
            pending.get_mut(&index),
            operation.senders.of(device.provider),
            before.is_some_and(|before| is_done(before, max_attempts)),
        ) {
            let count = before.map_or(0, |before| before.outcomes.len() as u16);
            pending.devices.push((device, credential_id, count));
        }
    }
    Ok(pending)
}

fn is_done(tries: &DeviceAttempts, max_attempts: u16) -> bool {
    let is_last = tries.outcomes.len() >= usize::from(max_attempts);

    match tries.outcomes.last().copied().flatten() {
        Some(
            OutcomeKind::Accepted
            | OutcomeKind::TokenDead
            | OutcomeKind::TokenRefused
            | OutcomeKind::MessageRefused,
        ) => true,
        // These wait for as long as it takes: nothing is wrong with the notification.
        Some(OutcomeKind::CredentialRefused | OutcomeKind::Throttled) => false,
        Some(OutcomeKind::Unavailable | OutcomeKind::Ambiguous) | None => is_last,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tries(outcomes: &[OutcomeKind]) -> DeviceAttempts {
        DeviceAttempts {
            outcomes: outcomes.iter().copied().map(Some).collect(),
        }
    }

    #[test]
    fn a_device_is_done_with_after_a_final_answer_or_its_last_try() {
        use OutcomeKind::{
            Accepted, Ambiguous, CredentialRefused, MessageRefused, TokenDead, TokenRefused,
            Unavailable,
        };

        for last in [Accepted, TokenDead, TokenRefused, MessageRefused] {
            assert!(is_done(&tries(&[Ambiguous, last]), 10), "{last:?}");
        }

        assert!(!is_done(&tries(&[Unavailable, Ambiguous]), 3));
        assert!(is_done(&tries(&[Unavailable, Ambiguous, Ambiguous]), 3));
        assert!(!is_done(&tries(&[CredentialRefused; 9]), 3));
    }

    #[test]
    fn an_outcome_of_a_later_release_counts_as_an_attempt() {
        let unknown = DeviceAttempts {
            outcomes: vec![None; 3],
        };

        assert!(is_done(&unknown, 3));
        assert!(!is_done(&unknown, 4));
    }
}
