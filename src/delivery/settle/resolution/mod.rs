//! How deliveries end. A notification to a device token is one delivery; a notification to a User is
//! one for each of its devices, and their resolutions are merged into one outcome.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use uuid::Uuid;

use crate::delivery::lane::retry::Next;
use crate::delivery::queue::lease::{Lease, NotificationGuard};
use crate::model::failure::Failure;
use crate::store::devices::message_id;
use crate::store::outcome_record::{Attempt, NotificationOutcome, Status, TriedDevice};

/// How one delivery to one device ends.
#[allow(
    clippy::large_enum_variant,
    reason = "nearly all are attempts, and each is moved a few times only"
)]
pub(crate) enum Resolution {
    /// A request was sent; it may have reached the provider.
    Attempted {
        attempt: Attempt,
        next: Next,
        /// `None`: the provider accepted the message.
        failure: Option<Failure>,
    },
    /// No request was sent; the delivery is due again after this delay.
    PutBack(Duration),
    /// No request was sent, and none will be.
    Failed(Failure),
    /// No request was sent, and none will be, because a rule of the client says so. It counts as
    /// canceled.
    Withheld(Failure),
}

/// The duty to resolve one delivery to one device. It is handed from dispatch to a lane, which ends
/// it by [`Self::resolve`]. If it is dropped instead, the delivery is put back.
pub(crate) enum DeviceDelivery {
    /// The notification is for this device alone.
    Direct(NotificationGuard),
    /// The notification is for a User; this is one of the User's devices.
    OfUser(UserDeviceDelivery),
}

/// The delivery of a User's notification to one of the devices.
pub(crate) struct UserDeviceDelivery {
    user_delivery: Arc<UserDelivery>,
    device: TriedDevice,
    /// Attempts with this device on record.
    attempts: u16,
    is_resolved: bool,
}

/// Collects the resolutions of a User's notification. Its device deliveries, in any number of lanes,
/// own it together. Nothing waits for it: the last delivery that is resolved or dropped drops it,
/// and that settles the notification.
pub(crate) struct UserDelivery {
    /// `None` while it is being dropped.
    guard: Option<NotificationGuard>,
    lease: Arc<Lease>,
    notification_id: Uuid,
    resolutions: Mutex<Vec<Resolution>>,
    /// Whether the provider of one of the devices accepted the message on an earlier attempt.
    was_accepted: bool,
}

impl DeviceDelivery {
    /// The claim under which the notification is delivered.
    pub(crate) fn lease(&self) -> &Arc<Lease> {
        match self {
            Self::Direct(guard) => &guard.lease,
            Self::OfUser(delivery) => &delivery.user_delivery.lease,
        }
    }

    /// `None`: the notification is for a device token, not for a User.
    pub(crate) fn device(&self) -> Option<&TriedDevice> {
        match self {
            Self::Direct(_) => None,
            Self::OfUser(delivery) => Some(&delivery.device),
        }
    }

    /// Attempts on record.
    pub(crate) fn attempts(&self) -> u16 {
        match self {
            Self::Direct(guard) => guard.attempts_before as u16,
            Self::OfUser(delivery) => delivery.attempts,
        }
    }

    /// The id by which the provider and the record know the message: the same on every attempt, so
    /// that a repeat can be distinguished from a second message.
    pub(crate) fn message_id(&self) -> Uuid {
        match self {
            Self::Direct(guard) => notification_id(guard),
            Self::OfUser(delivery) => {
                message_id(delivery.device.id, delivery.user_delivery.notification_id)
            }
        }
    }

    pub(crate) fn resolve(self, resolution: Resolution) {
        match self {
            // A notification to one device is settled by its first acceptance, so no earlier
            // attempt was accepted.
            Self::Direct(guard) => settle(guard, [resolution], false),
            Self::OfUser(mut delivery) => delivery.note(resolution),
        }
    }

    /// Puts it back for `delay`, but not beyond its deadline, at which it fails.
    pub(crate) fn postpone(self, deadline: Instant, delay: Duration) {
        let time_left = deadline.saturating_duration_since(Instant::now());

        self.resolve(Resolution::PutBack(delay.min(time_left)));
    }

    /// Puts it back for `delay`, because an operator can remove `reason`; fails it if its deadline is
    /// over.
    pub(crate) fn postpone_or_expire(self, deadline: Instant, delay: Duration, reason: &str) {
        if deadline <= Instant::now() {
            self.fail(Failure::expired(Some(reason)));
        } else {
            self.postpone(deadline, delay);
        }
    }

    pub(crate) fn fail(self, failure: Failure) {
        self.resolve(Resolution::Failed(failure));
    }
}

impl UserDeviceDelivery {
    fn note(&mut self, resolution: Resolution) {
        self.is_resolved = true;

        self.user_delivery
            .resolutions
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(resolution);
    }
}

impl Drop for UserDeviceDelivery {
    fn drop(&mut self) {
        // A panic, or a lane that broke, must not hold the User's other devices up.
        if !self.is_resolved {
            self.note(Resolution::PutBack(Duration::ZERO));
        }
    }
}

impl UserDelivery {
    /// `was_accepted`: the provider of one of the devices accepted the message on an earlier attempt.
    pub(crate) fn new(guard: NotificationGuard, was_accepted: bool) -> Arc<Self> {
        Arc::new(Self {
            lease: Arc::clone(&guard.lease),
            notification_id: notification_id(&guard),
            guard: Some(guard),
            resolutions: Mutex::default(),
            was_accepted,
        })
    }

    /// The delivery to `device`, with `attempts` on record.
    pub(crate) fn to_device(
        self: &Arc<Self>,
        device: TriedDevice,
        attempts: u16,
    ) -> DeviceDelivery {
        DeviceDelivery::OfUser(UserDeviceDelivery {
            user_delivery: Arc::clone(self),
            device,
            attempts,
            is_resolved: false,
        })
    }
}

impl Drop for UserDelivery {
    fn drop(&mut self) {
        // No lock: only the drop of the last owner runs this.
        let resolutions = self
            .resolutions
            .get_mut()
            .unwrap_or_else(PoisonError::into_inner);
        let resolutions = std::mem::take(resolutions);

        if let Some(guard) = self.guard.take() {
            settle(guard, resolutions, self.was_accepted);
        }
    }
}

fn notification_id(guard: &NotificationGuard) -> Uuid {
    let operation_id = guard.lease.key().operation_id;

    operation_id
        .push_notification(guard.position as u32)
        .as_uuid()
}

/// What the resolutions of one notification come to.
#[derive(Default)]
struct MergedResolution {
    attempts: Vec<Attempt>,
    /// Whether the provider of any device has accepted the message, now or before.
    is_accepted: bool,
    /// The shortest delay that was asked for. `None`: no delivery is left.
    retry_in: Option<Duration>,
    /// Whether a delivery was withheld.
    is_withheld: bool,
    /// Why a delivery was withheld, or else the last failure.
    failure: Option<Failure>,
}

/// What to do with a notification whose deliveries are all resolved.
#[derive(Debug, PartialEq, Eq)]
enum Settlement {
    /// Nothing is worth a record: it is due again after this delay.
    PutBack(Duration),
    Record(Status),
}

impl MergedResolution {
    fn of(resolutions: impl IntoIterator<Item = Resolution>, was_accepted: bool) -> Self {
        let mut merged = Self {
            is_accepted: was_accepted,
            ..Self::default()
        };

        for resolution in resolutions {
            merged.add(resolution);
        }

        merged
    }

    fn add(&mut self, resolution: Resolution) {
        let retry_in = match resolution {
            Resolution::Attempted {
                attempt,
                next,
                failure,
            } => {
                self.attempts.push(attempt);
                self.is_accepted |= next == Next::Sent;
                if let Some(failure) = failure {
                    self.note_failure(failure);
                }

                match next {
                    Next::Retry(delay) => Some(delay),
                    Next::Sent | Next::Failed => None,
                }
            }
            Resolution::PutBack(delay) => Some(delay),
            Resolution::Failed(failure) => {
                self.note_failure(failure);

                None
            }
            Resolution::Withheld(failure) => {
                self.is_withheld = true;
                self.failure = Some(failure);

                None
            }
        };

        self.retry_in = [self.retry_in, retry_in].into_iter().flatten().min();
    }

    fn note_failure(&mut self, failure: Failure) {
        if !self.is_withheld {
            self.failure = Some(failure);
        }
    }

    fn settlement(&self) -> Settlement {
        match self.retry_in {
            // A device that failed without an attempt is forgotten here. The next claim finds the
            // failure again.
            Some(delay) if self.attempts.is_empty() => Settlement::PutBack(delay),
            // A device is left to be attempted again.
            Some(_) => Settlement::Record(Status::Queued),
            // One device is enough.
            None if self.is_accepted => Settlement::Record(Status::Sent),
            None if self.is_withheld => Settlement::Record(Status::Canceled),
            None => Settlement::Record(Status::Failed),
        }
    }
}

fn settle(
    guard: NotificationGuard,
    resolutions: impl IntoIterator<Item = Resolution>,
    was_accepted: bool,
) {
    let merged = MergedResolution::of(resolutions, was_accepted);

    match merged.settlement() {
        Settlement::PutBack(delay) => guard.put_back(delay),
        Settlement::Record(status) => record(guard, status, merged),
    }
}

/// Ends the notification of a User who has no device, or wants no notification.
pub(crate) fn unaddressable(guard: NotificationGuard, failure: Failure) {
    let merged = MergedResolution {
        failure: Some(failure),
        ..MergedResolution::default()
    };

    record(guard, Status::Unaddressable, merged);
}

/// Ends a notification that a rule of the client withholds from its recipient. It counts as canceled.
pub(crate) fn withheld(guard: NotificationGuard, failure: Failure) {
    settle(guard, [Resolution::Withheld(failure)], false);
}

fn record(guard: NotificationGuard, status: Status, merged: MergedResolution) {
    let outcome = NotificationOutcome {
        batch: guard.lease.key(),
        position: guard.position,
        attempts_before: guard.attempts_before,
        attempts: merged.attempts,
        status,
        accepted: merged.is_accepted,
        retry_in: merged.retry_in,
        // The other devices' failures do not matter to one that was sent.
        failure: merged.failure.filter(|_| status != Status::Sent),
    };

    guard.settle(outcome);
}

#[cfg(test)]
mod tests;
