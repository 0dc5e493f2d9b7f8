//! The devices with which a notification to a User still has to be tried.

use std::collections::HashMap;
use std::sync::Arc;

use sqlx::PgConnection;

use crate::delivery::content::Content;
use crate::model::apns_device::TokenKind;
use crate::model::failure::Failure;
use crate::model::id::{AccountId, CredentialId, OperationId, UserId};
use crate::model::outcome::OutcomeKind;
use crate::model::recipient::UserRecipient;
use crate::provider::Payload;
use crate::store::batch_load::{DueNotification, DueOperation};
use crate::store::batches::ClaimedBatch;
use crate::store::device_attempts::{self, DeviceAttempts, TriedNotification};
use crate::store::devices::{self, DevicesOf, UserDevice};
use crate::store::external_ids;
use crate::store::users::{self, MessageProfile};

/// What is left of a notification to a User.
#[derive(Default)]
pub(crate) struct RemainingDevices {
    pub devices: Vec<RemainingDevice>,
    /// Whether the provider of one device accepted it on an earlier attempt.
    pub accepted: bool,
    /// Why it is not sent, although there are devices.
    pub withheld: Option<Failure>,
    /// Why the User gets nothing, although there may be devices.
    pub opted_out: Option<String>,
    /// What the User's message depends on, if it does.
    pub profile: MessageProfile,
}

pub(crate) struct RemainingDevice {
    pub device: UserDevice,
    /// The Credential that reaches it.
    pub credential_id: CredentialId,
    /// Attempts on record with this device.
    pub attempts: u16,
}

/// A due notification to a User.
pub(crate) struct UserNotification<'a> {
    /// Index among the notifications that were loaded.
    pub(super) index: usize,
    pub(super) position: i32,
    pub(super) attempts: i16,
    pub(super) operation: &'a DueOperation,
    user: &'a UserRecipient,
    /// Whether the message depends on the User's language or variables.
    is_personal: bool,
}

/// The due notifications among `notifications` whose recipients are Users.
pub(crate) fn of_users<'a>(
    batches: &[ClaimedBatch],
    notifications: &'a [DueNotification],
    contents: &'a HashMap<OperationId, Arc<Content>>,
) -> Vec<UserNotification<'a>> {
    let to_user = |(index, notification): (usize, &'a DueNotification)| {
        let user = notification.recipient.as_ref()?.user()?;
        let is_sent = notification
            .planned
            .is_none_or(|planned| planned.end.is_none());
        // What is not sent now needs no look-up of its devices.
        if !notification.due_in.is_zero() || !is_sent {
            return None;
        }
        let operation_id = batches[notification.batch].key.operation_id;
        let content = contents.get(&operation_id)?;

        Some(UserNotification {
            index,
            position: notification.position,
            attempts: notification.attempts,
            user,
            operation: &content.operation,
            is_personal: content.is_personal(),
        })
    };

    notifications
        .iter()
        .enumerate()
        .filter_map(to_user)
        .collect()
}

/// The devices that are left for each of `notifications`, by its index. A device with `max_attempts`
/// attempts is not tried again.
pub(crate) async fn remaining(
    connection: &mut PgConnection,
    notifications: &[UserNotification<'_>],
    max_attempts: u16,
) -> sqlx::Result<HashMap<usize, RemainingDevices>> {
    if notifications.is_empty() {
        return Ok(HashMap::new());
    }

    let attempts = attempts(&mut *connection, notifications).await?;
    let known = with_external_ids(&mut *connection, notifications).await?;
    let users: Vec<_> = notifications
        .iter()
        .map(|notification| notification.devices_wanted(&known))
        .collect();
    let devices = devices::of_users(&mut *connection, &users).await?;

    let mut remaining: HashMap<usize, RemainingDevices> = notifications
        .iter()
        .map(|notification| (notification.index, RemainingDevices::default()))
        .collect();

    for (index, profile) in profiles(connection, notifications, &known).await? {
        if let Some(remaining) = remaining.get_mut(&index) {
            remaining.profile = profile;
        }
    }

    // One device that accepted it makes the notification sent, whatever becomes of the others.
    for (index, attempts) in &attempts {
        if let Some(remaining) = remaining.get_mut(index) {
            remaining.accepted = attempts.values().any(is_accepted);
        }
    }

    for device in devices {
        let notification = &notifications[device.index];
        // Read with the devices, at the last moment: the User may have opted out since the send.
        let opted_out = device.opt_out.reason(notification.operation.tags.as_ref());
        if let Some(reason) = opted_out {
            if let Some(remaining) = remaining.get_mut(&notification.index) {
                remaining.opted_out = Some(reason);
            }
            continue;
        }
        let Some(credential_id) = notification.credential_for(&device) else {
            continue;
        };
        let earlier = attempts
            .get(&notification.index)
            .and_then(|attempts| attempts.get(&device.id));
        if earlier.is_some_and(|attempts| is_done(attempts, max_attempts)) {
            continue;
        }

        if let Some(remaining) = remaining.get_mut(&notification.index) {
            remaining.devices.push(RemainingDevice {
                attempts: earlier.map_or(0, |attempts| attempts.outcomes.len() as u16),
                device,
                credential_id,
            });
        }
    }

    Ok(remaining)
}

/// The Users who have the external ids of those recipients that no User had when they were accepted.
async fn with_external_ids(
    connection: &mut PgConnection,
    notifications: &[UserNotification<'_>],
) -> sqlx::Result<HashMap<UserId, UserId>> {
    let wanted: Vec<(AccountId, &str)> = notifications
        .iter()
        .filter(|notification| notification.user.id.stands_for_external_id())
        .filter_map(|notification| {
            let external_id = notification.user.external_id.as_deref()?;
            Some((notification.operation.account_id, external_id))
        })
        .collect();
    // Most recipients are Users, and need no statement.
    if wanted.is_empty() {
        return Ok(HashMap::new());
    }

    let known = external_ids::users_with(connection, &wanted).await?;
    Ok(known
        .into_iter()
        .map(|known| {
            let placeholder = UserId::of_external_id(known.account_id, &known.external_id);
            (placeholder, known.user_id)
        })
        .collect())
}

/// The profiles of the Users whose messages depend on them, by the notification's index.
async fn profiles(
    connection: &mut PgConnection,
    notifications: &[UserNotification<'_>],
    known: &HashMap<UserId, UserId>,
) -> sqlx::Result<Vec<(usize, MessageProfile)>> {
    let personal: Vec<_> = notifications
        .iter()
        .filter(|notification| notification.is_personal)
        .collect();
    // Most messages are the same for all Users and need no statement.
    if personal.is_empty() {
        return Ok(Vec::new());
    }

    let users: Vec<_> = personal
        .iter()
        .map(|notification| {
            let id = notification.user.id;
            let id = known.get(&id).copied().unwrap_or(id);
            (notification.operation.account_id, id)
        })
        .collect();
    let profiles = users::message_profiles(connection, &users).await?;

    let indexes = personal.iter().map(|notification| notification.index);
    Ok(indexes.zip(profiles).collect())
}

/// The earlier attempts with each device, by the notification's index.
async fn attempts(
    connection: &mut PgConnection,
    notifications: &[UserNotification<'_>],
) -> sqlx::Result<HashMap<usize, HashMap<uuid::Uuid, DeviceAttempts>>> {
    let tried: Vec<_> = notifications
        .iter()
        .filter(|notification| notification.attempts > 0)
        .map(|notification| TriedNotification {
            index: notification.index,
            operation_id: notification.operation.id,
            position: notification.position,
        })
        .collect();
    // Most notifications are on their first attempt and need no statement.
    if tried.is_empty() {
        return Ok(HashMap::new());
    }

    device_attempts::of_devices(connection, &tried).await
}

impl UserNotification<'_> {
    /// The Credential by which a device of the User gets the message; `None`: the device does not get it.
    fn credential_for(&self, device: &UserDevice) -> Option<CredentialId> {
        // Senders may have no Credential for the device's provider; then it is not reached.
        let senders = &self.operation.senders;
        let credential_id = senders.of(device.provider, device.environment)?;

        // Of an app that takes calls, one token gets calls and the other all else.
        let message = self.operation.message.as_ref();
        let is_voip = message.is_ok_and(Payload::is_voip);
        TokenKind::takes(device.kind, is_voip).then_some(credential_id)
    }

    /// Whether it is sent however many pushes the User has got.
    pub(super) fn ignores_cap(&self) -> bool {
        self.operation
            .message
            .as_ref()
            .is_ok_and(|message| message.ignores_cap)
    }

    /// `known`: the Users for whom recipients stand that no User was found for before.
    fn devices_wanted(&self, known: &HashMap<UserId, UserId>) -> DevicesOf<'_> {
        DevicesOf {
            account_id: self.operation.account_id,
            app_name: self
                .operation
                .senders
                .app_name
                .as_deref()
                .unwrap_or_default(),
            user_id: known.get(&self.user.id).copied().unwrap_or(self.user.id),
            tags: self.operation.audience_tags.as_ref(),
            predicate: self.operation.audience_predicate.as_deref(),
        }
    }
}

fn is_accepted(attempts: &DeviceAttempts) -> bool {
    attempts.outcomes.contains(&Some(OutcomeKind::Accepted))
}

/// Whether a device needs no further attempt: its last outcome is final, or its attempts are used up.
fn is_done(attempts: &DeviceAttempts, max_attempts: u16) -> bool {
    let is_used_up = attempts.outcomes.len() >= usize::from(max_attempts);

    match attempts.outcomes.last().copied().flatten() {
        Some(
            OutcomeKind::Accepted
            | OutcomeKind::TokenDead
            | OutcomeKind::TokenRefused
            | OutcomeKind::MessageRefused,
        ) => true,
        // These wait until the deadline: nothing is wrong with the notification.
        Some(OutcomeKind::CredentialRefused | OutcomeKind::Throttled) => false,
        Some(OutcomeKind::Unavailable | OutcomeKind::Ambiguous) | None => is_used_up,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attempts(outcomes: &[OutcomeKind]) -> DeviceAttempts {
        DeviceAttempts {
            outcomes: outcomes.iter().copied().map(Some).collect(),
        }
    }

    #[test]
    fn a_device_is_done_after_a_final_outcome_or_its_last_attempt() {
        use OutcomeKind::{
            Accepted, Ambiguous, CredentialRefused, MessageRefused, Throttled, TokenDead,
            TokenRefused, Unavailable,
        };

        for last in [Accepted, TokenDead, TokenRefused, MessageRefused] {
            assert!(is_done(&attempts(&[Ambiguous, last]), 10), "{last:?}");
        }

        assert!(!is_done(&attempts(&[Unavailable, Ambiguous]), 3));
        assert!(is_done(&attempts(&[Unavailable, Ambiguous, Ambiguous]), 3));

        assert!(!is_done(&attempts(&[CredentialRefused; 9]), 3));
        assert!(!is_done(&attempts(&[Throttled; 9]), 3));
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
