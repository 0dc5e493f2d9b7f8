//! From what was loaded to the lanes: every notification gets its guard, its content and its lane,
//! or its end.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use crate::delivery::content::{ContentProblem, RecipientContent};
use crate::delivery::lane::Job;
use crate::delivery::lane::registry::LaneRegistry;
use crate::delivery::queue::deferred_batches::DeferredBatches;
use crate::delivery::queue::lease::NotificationGuard;
use crate::delivery::queue::load::Loaded;
use crate::delivery::queue::user_devices::Pending;
use crate::delivery::settle::resolution::{self, DeviceDelivery, UserDelivery};
use crate::handoff::capacity::Capacity;
use crate::model::failure::{Failure, FailureCode};
use crate::model::id::CredentialId;
use crate::model::masked_token::masked;
use crate::model::provider::Provider;
use crate::model::recipient::Recipient;
use crate::store::outcome_record::TriedDevice;

/// What notifications are handed to.
pub(super) struct Dispatch {
    pub lanes: LaneRegistry,
    pub capacity: Arc<Capacity>,
    pub parked: DeferredBatches,
}

impl Dispatch {
    /// Hands what batches have to send to its lanes.
    pub(super) fn hand_out(&mut self, loaded: Loaded) {
        let lanes = only_lanes(&loaded);
        // What was held for them is free once they have their guards.
        let Loaded {
            batch_guards,
            notifications,
            mut contents,
            mut pending,
            permits: _permits,
        } = loaded;
        for (index, notification) in notifications.into_iter().enumerate() {
            let batch_guard = &batch_guards[notification.batch];
            if !notification.due_in.is_zero() {
                batch_guard.lease().due_again_in(notification.due_in);
                continue;
            }
            let operation_id = batch_guard.lease().key().operation_id;
            let Some(recipient) = notification.recipient else {
                tracing::error!(%operation_id, position = notification.position, "a notification can't be read");
                batch_guard.lease().due_again_in(self.lanes.policy.max);
                continue;
            };
            let guard = batch_guard.notification(
                notification.position,
                notification.attempts,
                &self.capacity,
            );
            let Some(content) = contents.get_mut(&operation_id) else {
                let message = "Its Operation is no longer on record".to_owned();
                let failure = Failure::new(FailureCode::OperationGone, message);
                DeviceDelivery::Direct(guard).fail(failure);
                continue;
            };
            let mut content = content.for_recipient(notification.variables);
            match recipient {
                Recipient::Device {
                    provider,
                    credential_id,
                    token,
                } => {
                    self.send(
                        DeviceDelivery::Direct(guard),
                        provider,
                        credential_id,
                        &token,
                        &mut content,
                    );
                }
                Recipient::User(_) => {
                    self.send_to_user(
                        guard,
                        pending.remove(&index).unwrap_or_default(),
                        &mut content,
                    );
                }
            }
        }
        for (batch, credential_id) in lanes {
            let key = batch_guards[batch].lease().key();
            if let Some(content) = contents.get(&key.operation_id)
                && self
                    .lanes
                    .blocked_for(credential_id, Instant::now())
                    .is_some()
            {
                self.parked.park(key, credential_id, content.deadline);
            }
        }
    }

    fn send(
        &self,
        delivery: DeviceDelivery,
        provider: Provider,
        credential_id: CredentialId,
        token: &[u8],
        content: &mut RecipientContent<'_>,
    ) {
        if let Some(delay) = self.lanes.blocked_for(credential_id, Instant::now())
            && content.deadline() > Instant::now()
        {
            return delivery.postpone(content.deadline(), delay);
        }
        match self
            .lanes
            .master_keys
            .open_token(content.operation().account_id.as_uuid(), token)
        {
            Ok(token) => self.submit(delivery, provider, credential_id, token, content),
            Err(error) => {
                let reason = format!("its token can't be decrypted: {error}");
                let delay = self.lanes.policy.base;
                delivery.postpone_or_expire(content.deadline(), delay, &reason);
            }
        }
    }

    fn submit(
        &self,
        delivery: DeviceDelivery,
        provider: Provider,
        credential_id: CredentialId,
        token: String,
        content: &mut RecipientContent<'_>,
    ) {
        let deadline = content.deadline();
        match content.payload(provider) {
            Err(ContentProblem::Invalid(failure)) => delivery.fail(failure),
            Err(ContentProblem::Unreadable(reason)) => {
                delivery.postpone_or_expire(deadline, self.lanes.policy.base, &reason);
            }
            Ok(payload) => self.lanes.submit(
                credential_id,
                Job {
                    delivery,
                    token,
                    payload,
                    deadline,
                },
            ),
        }
    }

    fn send_to_user(
        &self,
        guard: NotificationGuard,
        pending: Pending,
        content: &mut RecipientContent<'_>,
    ) {
        if pending.devices.is_empty() && !pending.accepted && guard.attempts_before == 0 {
            let app_name = content
                .operation()
                .senders
                .app_name
                .as_deref()
                .unwrap_or_default();
            let message =
                format!("The User has no device in the App {app_name} for the Credentials in use");
            return resolution::unaddressable(guard, message);
        }
        if pending.devices.is_empty() && !pending.accepted {
            let message = "The User's devices have been removed since the last try".to_owned();
            let failure = Failure::new(FailureCode::DeviceGone, message);
            return DeviceDelivery::Direct(guard).fail(failure);
        }
        let user_delivery = UserDelivery::new(guard, pending.accepted);
        for (device, credential_id, attempts) in pending.devices {
            let account_id = content.operation().account_id.as_uuid();
            let token = self.lanes.master_keys.open_token(account_id, &device.token);
            let masked_token = token.as_deref().map(masked).unwrap_or_default();
            let tried = TriedDevice {
                id: device.id,
                masked_token,
            };
            let delivery = user_delivery.to_device(tried, attempts);
            match token {
                Ok(token) => self.submit(delivery, device.provider, credential_id, token, content),
                Err(error) => {
                    let reason = format!("a token can't be decrypted: {error}");
                    let delay = self.lanes.policy.base;
                    delivery.postpone_or_expire(content.deadline(), delay, &reason);
                }
            }
        }
    }
}

/// The batches, by their index, of which everything that is unsettled goes with one and the same
/// Credential, and that.
fn only_lanes(loaded: &Loaded) -> Vec<(usize, CredentialId)> {
    let mut lanes: HashMap<usize, Option<CredentialId>> = HashMap::new();
    for notification in &loaded.notifications {
        let lane = match notification.recipient {
            Some(Recipient::Device { credential_id, .. }) => Some(credential_id),
            // A User may need several.
            Some(Recipient::User(_)) | None => None,
        };
        lanes
            .entry(notification.batch)
            .and_modify(|all| *all = all.filter(|_| *all == lane))
            .or_insert(lane);
    }
    lanes
        .into_iter()
        .filter_map(|(batch, lane)| Some((batch, lane?)))
        .collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::model::id::UserId;
    use crate::store::batch_load::DueNotification;

    #[test]
    fn a_batch_has_one_lane_if_all_that_is_unsettled_goes_there_due_or_not() {
        let [first, second] = [CredentialId::generate(), CredentialId::generate()];
        let device = |credential_id| Recipient::Device {
            provider: Provider::Fcm,
            credential_id,
            token: Vec::new(),
        };
        let mut loaded = Loaded::default();
        for (batch, recipient, due_in) in [
            (0, Some(device(first)), 0),
            (0, Some(device(first)), 9),
            (1, Some(device(first)), 0),
            (1, Some(device(second)), 9),
            (2, Some(device(first)), 0),
            (2, Some(Recipient::User(UserId::generate())), 0),
            (3, None, 0),
        ] {
            let due_in = Duration::from_secs(due_in);
            let new = DueNotification {
                batch,
                position: 0,
                recipient,
                variables: None,
                attempts: 0,
                due_in,
            };
            loaded.notifications.push(new);
        }
        assert_eq!(only_lanes(&loaded), [(0, first)]);
    }
}
