//! Who answers for a try. A notification to a device is one try at a time; one to a User is a try
//! with each of the devices, whose endings are gathered into one outcome.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use uuid::Uuid;

use crate::delivery::lane::retry::Next;
use crate::delivery::queue::lease::{Lease, NotificationGuard};
use crate::store::devices::message_id;
use crate::store::outcome_record::{Attempt, NotificationOutcome, Status, TriedDevice};

/// How a duty ends.
#[allow(
    clippy::large_enum_variant,
    reason = "nearly all are tries, and each is moved a few times only"
)]
pub(crate) enum Resolution {
    /// A try was made.
    Tried {
        /// The try.
        attempt: Attempt,
        /// What follows from it.
        next: Next,
        /// Its error's code and text, unless it was accepted.
        error: Option<(String, String)>,
    },
    /// It was not tried, and should be after this time.
    PutBack(Duration),
    /// It was given up without a try: the error's code and text.
    GivenUp(String, String),
}

/// The duty to bring one try to its end; see [`DeviceDelivery::end`].
pub(crate) enum DeviceDelivery {
    /// All that a notification asks for.
    Whole(NotificationGuard),
    /// One device of a User's notification.
    Part(Part),
}

/// One device's part of a [`UserDelivery`]. Dropped without an ending, it goes back.
pub(crate) struct Part {
    gathering: Arc<UserDelivery>,
    lease: Arc<Lease>,
    position: i32,
    device: TriedDevice,
    tries: u16,
    ended: bool,
}

/// What becomes of a User's notification; settled when its last part has ended.
pub(crate) struct UserDelivery {
    guard: Option<NotificationGuard>,
    endings: Mutex<Vec<Resolution>>,
    /// Whether a device's provider accepted it before.
    accepted: bool,
}

impl DeviceDelivery {
    /// The claim under which it is worked on.
    pub(crate) fn lease(&self) -> &Arc<Lease> {
        match self {
            Self::Whole(guard) => &guard.lease,
            Self::Part(part) => &part.lease,
        }
    }

    /// Which of a User's devices it is for.
    pub(crate) fn device(&self) -> Option<&TriedDevice> {
        match self {
            Self::Whole(_) => None,
            Self::Part(part) => Some(&part.device),
        }
    }

    /// How often it was tried before.
    pub(crate) fn tries(&self) -> u16 {
        match self {
            Self::Whole(guard) => guard.attempts_before as u16,
            Self::Part(part) => part.tries,
        }
    }

    /// By what the provider and the record know the message: the same on every try, so that a
    /// repeat can be told from a second message.
    pub(crate) fn message_id(&self) -> Uuid {
        let of = |lease: &Lease, position| {
            lease
                .key()
                .operation_id
                .push_notification(position as u32)
                .as_uuid()
        };
        match self {
            Self::Whole(guard) => of(&guard.lease, guard.position),
            Self::Part(part) => message_id(part.device.id, of(&part.lease, part.position)),
        }
    }

    /// Ends it.
    pub(crate) fn end(self, ending: Resolution) {
        match self {
            Self::Whole(guard) => settle(guard, vec![ending], false),
            Self::Part(mut part) => part.note(ending),
        }
    }

    /// Puts it back for a while, but not beyond its deadline, at which it fails.
    pub(crate) fn postpone(self, deadline: Instant, delay: Duration) {
        let time_left = deadline.saturating_duration_since(Instant::now());
        self.end(Resolution::PutBack(delay.min(time_left)));
    }

    /// Puts back what can't be sent at the moment because of `obstacle`, which somebody can mend;
    /// it fails at its deadline.
    pub(crate) fn wait(self, deadline: Instant, obstacle: &str, delay: Duration) {
        if deadline <= Instant::now() {
            self.expire(Some(obstacle));
        } else {
            self.postpone(deadline, delay);
        }
    }

    /// Fails what it is too late for.
    pub(crate) fn expire(self, obstacle: Option<&str>) {
        let mut message = "It was not sent before its deadline".to_owned();
        if let Some(obstacle) = obstacle {
            message.push_str("; the last obstacle: ");
            message.push_str(obstacle);
        }
        self.fail("EXPIRED", message);
    }

    /// Gives up what can't ever be sent.
    pub(crate) fn fail(self, code: &str, message: String) {
        self.end(Resolution::GivenUp(code.to_owned(), message));
    }
}

impl Part {
    fn note(&mut self, ending: Resolution) {
        self.ended = true;
        self.gathering
            .endings
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(ending);
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        if !self.ended {
            self.note(Resolution::PutBack(Duration::ZERO));
        }
    }
}

impl UserDelivery {
    /// For the notification of `guard`; `accepted`: a device's provider accepted it on an earlier
    /// try.
    pub(crate) fn new(guard: NotificationGuard, accepted: bool) -> Arc<Self> {
        Arc::new(Self {
            guard: Some(guard),
            endings: Mutex::default(),
            accepted,
        })
    }

    /// The part of `device`, which was tried `tries` times before. `None`: the notification is
    /// settled, which can't be while anybody holds the gathering.
    pub(crate) fn part(
        self: &Arc<Self>,
        device: TriedDevice,
        tries: u16,
    ) -> Option<DeviceDelivery> {
        let guard = self.guard.as_ref()?;
        let (lease, position) = (Arc::clone(&guard.lease), guard.position);
        Some(DeviceDelivery::Part(Part {
            gathering: Arc::clone(self),
            lease,
            position,
            device,
            tries,
            ended: false,
        }))
    }
}

impl Drop for UserDelivery {
    fn drop(&mut self) {
        let endings = std::mem::take(
            self.endings
                .get_mut()
                .unwrap_or_else(PoisonError::into_inner),
        );
        if let Some(guard) = self.guard.take() {
            settle(guard, endings, self.accepted);
        }
    }
}

/// What several endings come to.
#[derive(Default)]
struct Sum {
    attempts: Vec<Attempt>,
    accepted: bool,
    /// The shortest of the waits that were asked for.
    retry_in: Option<Duration>,
    error: Option<(String, String)>,
}

impl Sum {
    fn add(&mut self, ending: Resolution) {
        let retry_in = match ending {
            Resolution::Tried {
                attempt,
                next,
                error,
            } => {
                self.attempts.push(attempt);
                self.accepted |= next == Next::Sent;
                self.error = error.or(self.error.take());
                match next {
                    Next::Retry(delay) => Some(delay),
                    Next::Sent | Next::Failed => None,
                }
            }
            Resolution::PutBack(delay) => Some(delay),
            Resolution::GivenUp(code, message) => {
                self.error = Some((code, message));
                None
            }
        };
        self.retry_in = [self.retry_in, retry_in].into_iter().flatten().min();
    }

    /// What is left to be tried again keeps the notification open; else one acceptance is enough.
    fn status(&self) -> Status {
        match (self.retry_in, self.accepted) {
            (Some(_), _) => Status::Queued,
            (None, true) => Status::Sent,
            (None, false) => Status::Failed,
        }
    }
}

fn settle(guard: NotificationGuard, endings: Vec<Resolution>, accepted: bool) {
    let mut sum = Sum {
        accepted,
        ..Sum::default()
    };
    for ending in endings {
        sum.add(ending);
    }
    match sum.retry_in {
        Some(delay) if sum.attempts.is_empty() => guard.put_back(delay),
        _ => {
            let status = sum.status();
            finish(guard, status, sum);
        }
    }
}

/// Ends the notification of a User whom no device was found for.
pub(crate) fn unaddressable(guard: NotificationGuard, message: String) {
    let error = Some(("UNADDRESSABLE".to_owned(), message));
    finish(
        guard,
        Status::Unaddressable,
        Sum {
            error,
            ..Sum::default()
        },
    );
}

fn finish(guard: NotificationGuard, status: Status, sum: Sum) {
    let outcome = NotificationOutcome {
        batch: guard.lease.key(),
        position: guard.position,
        attempts_before: guard.attempts_before,
        attempts: sum.attempts,
        status,
        accepted: sum.accepted,
        retry_in: sum.retry_in,
        error: sum.error.filter(|_| status != Status::Sent),
    };
    guard.settle(outcome);
}

#[cfg(test)]
mod tests {
    use time::OffsetDateTime;

    use super::*;
    use crate::model::id::CredentialId;
    use crate::model::outcome::{Answer, Outcome};
    use crate::model::provider::Provider;

    fn tried(outcome: Outcome, next: Next) -> Resolution {
        let answer = Answer {
            outcome,
            http_status: None,
            code: None,
            message: None,
            message_id: None,
        };
        let attempt = Attempt {
            provider: Provider::Fcm,
            credential_id: CredentialId::generate(),
            device: None,
            answer,
            started_at: OffsetDateTime::now_utc(),
            duration: Duration::ZERO,
        };
        let error = (next != Next::Sent).then(|| (outcome.as_str().to_owned(), String::new()));
        Resolution::Tried {
            attempt,
            next,
            error,
        }
    }

    fn sum(endings: impl IntoIterator<Item = Resolution>) -> (Status, usize, Option<Duration>) {
        let mut sum = Sum::default();
        for ending in endings {
            sum.add(ending);
        }
        (sum.status(), sum.attempts.len(), sum.retry_in)
    }

    #[test]
    fn one_acceptance_is_enough_once_nothing_is_left_to_try() {
        let dead = || tried(Outcome::TokenDead { since: None }, Next::Failed);
        let sent = || tried(Outcome::Accepted, Next::Sent);
        let again = |seconds| {
            tried(
                Outcome::Ambiguous,
                Next::Retry(Duration::from_secs(seconds)),
            )
        };
        assert_eq!(sum([dead(), sent()]), (Status::Sent, 2, None));
        assert_eq!(sum([sent(), dead()]), (Status::Sent, 2, None));
        assert_eq!(sum([dead(), dead()]), (Status::Failed, 2, None));
        assert_eq!(
            sum([sent(), again(9), again(5)]),
            (Status::Queued, 3, Some(Duration::from_secs(5)))
        );
        let put_back = Resolution::PutBack(Duration::from_secs(7));
        assert_eq!(
            sum([again(9), put_back]),
            (Status::Queued, 1, Some(Duration::from_secs(7)))
        );
    }
}
