//! Dispatch: every loaded notification gets its guard and goes to its lane with its content, or ends
//! here if it can't be sent.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use sqlx::PgConnection;

use crate::delivery::content::{Content, RecipientContent, RecipientValues};
use crate::delivery::lane::Job;
use crate::delivery::lane::registry::LaneRegistry;
use crate::delivery::queue::deferred_batches::{Deferred, DeferredBatches};
use crate::delivery::queue::lease::{BatchGuard, Lease, NotificationGuard};
use crate::delivery::queue::load::Loaded;
use crate::delivery::queue::user_devices::RemainingDevices;
use crate::delivery::settle::resolution::{self, DeviceDelivery, UserDelivery};
use crate::model::failure::{Failure, FailureCode};
use crate::model::id::CredentialId;
use crate::model::local_time::PlannedEnd;
use crate::model::masked_token::masked;
use crate::model::recipient::Recipient;
use crate::store::batch_load::DueNotification;
use crate::store::batches::BatchKey;
use crate::store::dedicated_connection::DedicatedConnection;
use crate::store::outcome_record::TriedDevice;
use crate::store::senders;

/// Notifications that are dispatched before others may be: those that were handed over wait so long at
/// most.
const SLICE: usize = 100;
/// How long reading Credentials may take.
const READ_TIMEOUT: Duration = Duration::from_secs(10);

/// Where notifications go, and with it the lanes. The claim loop and the task that receives what was
/// handed over own it together. Neither holds its lock across an await.
pub(super) struct Dispatch {
    pub lanes: LaneRegistry,
    pub deferred: DeferredBatches,
}

pub(super) type SharedDispatch = Arc<Mutex<Dispatch>>;

/// A panic in the middle of a dispatch leaves some notifications without their lane, and their guards
/// put them back. So a poisoned lock is still consistent.
pub(super) fn lock(dispatch: &SharedDispatch) -> MutexGuard<'_, Dispatch> {
    dispatch.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Dispatch {
    /// Puts a claimed batch back unread, if its lane is blocked. Returns whether it did; if not, the
    /// batch must be loaded.
    pub(super) fn put_back_unread(&mut self, lease: &Lease, now: Instant) -> bool {
        let lanes = &self.lanes;
        let deferral = self.deferred.delay(lease.key(), now, |credential_id| {
            lanes.blocked_for(credential_id, now)
        });

        if let Some(deferral) = &deferral {
            lease.wait_for_lane(deferral.credential_id);
            lease.due_again_in(deferral.delay);
        }
        deferral.is_some()
    }

    /// Hands a notification to its lane, or ends it. `user_devices`: the devices that are left, if it
    /// is for a User.
    fn dispatch_one(
        &self,
        notification: DueNotification,
        batch_guard: &BatchGuard,
        content: Option<&Arc<Content>>,
        user_devices: Option<RemainingDevices>,
    ) {
        // This notification waits for its next attempt. The batch was claimed for others.
        if !notification.due_in.is_zero() {
            batch_guard.lease().due_again_in(notification.due_in);
            return;
        }

        let operation_id = batch_guard.lease().key().operation_id;
        // It waits instead of failing: a newer release may have written it, and can send it.
        let Some(recipient) = notification.recipient else {
            tracing::error!(
                %operation_id,
                position = notification.position,
                "a notification can't be read"
            );
            batch_guard.lease().due_again_in(self.lanes.policy.max);
            return;
        };

        let guard = batch_guard.notification(notification.position, notification.attempts);
        let Some(content) = content else {
            let failure = Failure::new(
                FailureCode::OperationGone,
                "Its Operation is no longer stored",
            );
            DeviceDelivery::Direct(guard).fail(failure);
            return;
        };
        if let Some(end) = notification.planned.and_then(|planned| planned.end) {
            return end_as_planned(guard, end);
        }

        let receipt_token = content.has_receipts().then(|| {
            let id = operation_id.push_notification(notification.position as u32);
            self.lanes.master_keys.receipt_token(id.as_uuid())
        });
        let mut user_devices = user_devices.unwrap_or_default();
        let profile = std::mem::take(&mut user_devices.profile);
        let content = content.for_recipient(RecipientValues {
            variables: notification.variables,
            defaults: profile.variables,
            language: profile.language,
            badge: notification.badge,
            receipt_token,
        });
        match recipient {
            Recipient::Device {
                credential_id,
                token,
                ..
            } => {
                let delivery = DeviceDelivery::Direct(guard);
                self.send_to_device(delivery, credential_id, &token, &content);
            }
            Recipient::User(_) => {
                self.send_to_user(guard, user_devices, &content);
            }
        }
    }

    /// Defers a batch whose unsettled notifications all go with one Credential, if its lane is
    /// blocked.
    fn defer_if_blocked(
        &mut self,
        batch: BatchKey,
        credential_id: CredentialId,
        deadline: Instant,
    ) {
        if self
            .lanes
            .blocked_for(credential_id, Instant::now())
            .is_some()
        {
            let deferred = Deferred {
                credential_id,
                deadline,
            };
            self.deferred.defer(batch, deferred);
        }
    }

    fn send_to_device(
        &self,
        delivery: DeviceDelivery,
        credential_id: CredentialId,
        sealed_token: &[u8],
        content: &RecipientContent,
    ) {
        // A lane that sends nothing now would put the notification back: the token need not be
        // decrypted for that, nor the payload rendered. At its deadline, the lane fails it.
        let now = Instant::now();
        if let Some(delay) = self.lanes.blocked_for(credential_id, now)
            && content.deadline() > now
        {
            delivery.lease().wait_for_lane(credential_id);
            return delivery.postpone(content.deadline(), delay);
        }

        let account_id = content.operation().account_id.as_uuid();
        match self
            .lanes
            .master_keys
            .open_direct_token(account_id, sealed_token)
        {
            Ok(token) => self.submit(delivery, credential_id, token, content),
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
        credential_id: CredentialId,
        token: String,
        content: &RecipientContent,
    ) {
        let job = Job {
            delivery,
            token,
            deadline: content.deadline(),
            content: content.clone(),
        };
        self.lanes.submit(credential_id, job);
    }

    fn send_to_user(
        &self,
        guard: NotificationGuard,
        remaining: RemainingDevices,
        content: &RecipientContent,
    ) {
        if let Some(failure) = remaining.withheld {
            return resolution::withheld(guard, failure);
        }
        // One device that accepted the message before is enough, even if that device is removed by now.
        if remaining.devices.is_empty() && !remaining.accepted {
            return match remaining.opted_out {
                Some(reason) => {
                    let failure = Failure::new(FailureCode::OptedOut, reason);
                    resolution::unaddressable(guard, failure);
                }
                None => end_without_device(guard, content),
            };
        }

        // The devices of a User are tried side by side. The delivery settles when the last of them
        // ends.
        let user_delivery = UserDelivery::new(guard, remaining.accepted);
        for device in remaining.devices {
            let credential_id = device.credential_id;
            let account_id = content.operation().account_id.as_uuid();
            let token = self.lanes.master_keys.open_device_token(
                account_id,
                device.device.id,
                &device.device.token,
            );
            let tried = TriedDevice {
                id: device.device.id,
                // A token that can't be decrypted gets no attempt, so the empty value is recorded
                // nowhere.
                masked_token: token.as_deref().map(masked).unwrap_or_default(),
            };

            let delivery = user_delivery.to_device(tried, device.attempts);
            match token {
                Ok(token) => self.submit(delivery, credential_id, token, content),
                Err(error) => {
                    let reason = format!("a token can't be decrypted: {error}");
                    let delay = self.lanes.policy.base;
                    delivery.postpone_or_expire(content.deadline(), delay, &reason);
                }
            }
        }
    }
}

impl Loaded {
    /// Hands what was loaded to its lanes, after their Credentials were refreshed over `connection`. On
    /// an error the batches are released.
    pub(super) async fn dispatch(
        self,
        dispatch: &SharedDispatch,
        connection: &mut DedicatedConnection,
    ) -> sqlx::Result<()> {
        let unknown = lock(dispatch).lanes.unknown(self.credentials());
        // Read without the lock, which the hand-off and the lanes need meanwhile.
        if !unknown.is_empty() {
            let reading =
                async |connection: &mut PgConnection| senders::changed(connection, &unknown).await;
            let stored = connection.within(READ_TIMEOUT, reading).await?;
            lock(dispatch).lanes.refresh(&unknown, stored);
        }

        self.dispatch_in_slices(dispatch).await;
        Ok(())
    }

    async fn dispatch_in_slices(self, dispatch: &SharedDispatch) {
        let single_lanes = single_lanes(&self);
        let contents: Vec<Option<Arc<Content>>> = self
            .notifications
            .iter()
            .map(|notification| {
                self.content(notification.batch, notification.planned.as_ref())
                    .cloned()
            })
            .collect();
        let batch_contents: Vec<Option<Arc<Content>>> = (0..self.batch_guards.len())
            .map(|batch| self.content(batch, None).cloned())
            .collect();
        // The permits of Operations that were handed over are returned at the end, when each
        // notification has its own.
        let Self {
            batch_guards,
            notifications,
            later,
            mut user_devices,
            permits: _permits,
            ..
        } = self;

        for (batch, due_in) in later {
            batch_guards[batch].lease().due_again_in(due_in);
        }

        // The lock and the thread are given up between slices: a large claim must not hold up the
        // hand-off of a small send.
        let mut notifications = notifications.into_iter().enumerate().peekable();
        while notifications.peek().is_some() {
            {
                let dispatch = lock(dispatch);
                for (index, notification) in notifications.by_ref().take(SLICE) {
                    let batch_guard = &batch_guards[notification.batch];
                    let devices = user_devices.remove(&index);
                    let content = contents[index].as_ref();
                    dispatch.dispatch_one(notification, batch_guard, content, devices);
                }
            }
            tokio::task::yield_now().await;
        }

        // After the dispatch, when each lane knows its notifications.
        let mut dispatch = lock(dispatch);
        for (batch, credential_id) in single_lanes {
            let key = batch_guards[batch].lease().key();
            if let Some(content) = &batch_contents[batch] {
                dispatch.defer_if_blocked(key, credential_id, content.deadline);
            }
        }
    }
}

/// Ends a notification that was not to be sent when its time came.
fn end_as_planned(guard: NotificationGuard, end: PlannedEnd) {
    match end {
        PlannedEnd::Expired => {
            let failure = Failure::new(
                FailureCode::Expired,
                "The schedule's window opens too late in the recipient's time zone",
            );
            DeviceDelivery::Direct(guard).fail(failure);
        }
        PlannedEnd::Skipped => {
            let failure = Failure::new(
                FailureCode::Skipped,
                "Its time had already passed in the recipient's time zone",
            );
            resolution::withheld(guard, failure);
        }
    }
}

/// Ends the notification of a User who has no device left to try.
fn end_without_device(guard: NotificationGuard, content: &RecipientContent) {
    // An attempt shows that there was a device. Only a User who never had one is unaddressable.
    if guard.attempts_before > 0 {
        let failure = Failure::new(
            FailureCode::DeviceGone,
            "The User's devices have been removed since the last attempt",
        );
        return DeviceDelivery::Direct(guard).fail(failure);
    }

    let senders = &content.operation().senders;
    let app_name = senders.app_name.as_deref().unwrap_or_default();
    let message =
        format!("The User has no device in the App {app_name} for the Credentials in use");
    let failure = Failure::new(FailureCode::Unaddressable, message);
    resolution::unaddressable(guard, failure);
}

/// The batches, by index, whose unsettled notifications all go with one Credential, at the time of their
/// Operation.
fn single_lanes(loaded: &Loaded) -> Vec<(usize, CredentialId)> {
    let mut lanes: HashMap<usize, Option<CredentialId>> = HashMap::new();

    for notification in &loaded.notifications {
        let lane = match notification.recipient {
            // Each of these has a time of its own.
            _ if notification.planned.is_some() => None,
            Some(Recipient::Device { credential_id, .. }) => Some(credential_id),
            // The devices of a User may need several.
            Some(Recipient::User(_)) | None => None,
        };
        lanes
            .entry(notification.batch)
            .and_modify(|common| *common = common.filter(|_| *common == lane))
            .or_insert(lane);
    }

    lanes
        .into_iter()
        .filter_map(|(batch, lane)| Some((batch, lane?)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::id::UserId;
    use crate::model::provider::Provider;
    use crate::store::batch_load::DueNotification;

    #[test]
    fn a_batch_has_a_single_lane_if_all_its_unsettled_notifications_go_there() {
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
            (2, Some(Recipient::User(UserId::generate().into())), 0),
            (3, None, 0),
        ] {
            let due_in = Duration::from_secs(due_in);
            let new = DueNotification {
                batch,
                position: 0,
                recipient,
                variables: None,
                badge: None,
                attempts: 0,
                due_in,
                planned: None,
            };
            loaded.notifications.push(new);
        }

        assert_eq!(single_lanes(&loaded), [(0, first)]);
    }
}
