//! Deferred batches: all that is left of such a batch goes to one lane, and that lane sends nothing at
//! the moment. When they are claimed again, they are put back without being loaded. Otherwise a large
//! Operation to a provider that is down would keep this process and Postgres busy.
//!
//! Scheduled sends are no deferred batches: their batches become due at `due_at`
//! (`store/batches.rs`).
//!
//! A `credential_id` on `batches` could keep them from being claimed at all, but a batch of Users, or
//! of devices with several Credentials, has no such id.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use crate::model::id::{CredentialId, OperationId};
use crate::store::batches::BatchKey;

/// Most batches that are remembered. Batches that are forgotten are loaded again, which is slower and
/// does no harm.
const MAX_BATCHES: usize = 100_000;
/// A delay is prolonged by up to this share of it, so that not all batches are due at the same time.
const SPREAD: f64 = 0.5;

/// The deferred batches of a process, by Operation and number. The claim loop owns them: it adds
/// batches after a dispatch and asks for each claimed batch. They end with the process; then any
/// process may load their batches again.
#[derive(Default)]
pub(crate) struct DeferredBatches(HashMap<(OperationId, i32), Deferred>);

#[derive(Clone, Copy)]
pub(crate) struct Deferred {
    /// Whose lane the batch waits for.
    pub credential_id: CredentialId,
    /// At this time its notifications fail. For that it is loaded, whatever its lane does.
    pub deadline: Instant,
}

/// Why and for how long a batch is put back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Deferral {
    /// Whose lane the batch waits for.
    pub credential_id: CredentialId,
    pub delay: Duration,
}

impl DeferredBatches {
    pub(crate) fn defer(&mut self, batch: BatchKey, deferred: Deferred) {
        if self.0.len() >= MAX_BATCHES {
            self.0.clear();
        }

        self.0.insert((batch.operation_id, batch.number), deferred);
    }

    /// How long to put a claimed batch back for. `None`: it is not deferred, or no longer, and must be
    /// loaded. `blocked_for`: how long a Credential's lane sends nothing.
    pub(crate) fn delay(
        &mut self,
        batch: BatchKey,
        now: Instant,
        blocked_for: impl FnOnce(CredentialId) -> Option<Duration>,
    ) -> Option<Deferral> {
        let key = (batch.operation_id, batch.number);
        let deferred = *self.0.get(&key)?;

        let time_left = deferred.deadline.saturating_duration_since(now);
        let blocked_for = blocked_for(deferred.credential_id).filter(|_| !time_left.is_zero());
        let Some(blocked_for) = blocked_for else {
            self.0.remove(&key);
            return None;
        };

        let spread = 1.0 + SPREAD * rand::random::<f64>();
        Some(Deferral {
            credential_id: deferred.credential_id,
            delay: blocked_for.mul_f64(spread).min(time_left),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn batch() -> BatchKey {
        BatchKey {
            operation_id: OperationId::generate(),
            number: 0,
            claims: 1,
        }
    }

    fn deferred_until(deadline: Instant) -> Deferred {
        Deferred {
            credential_id: CredentialId::generate(),
            deadline,
        }
    }

    #[test]
    fn a_batch_is_put_back_as_long_as_its_lane_is_blocked() {
        let now = Instant::now();
        let deferred = deferred_until(now + 60 * SECOND);
        let batch = batch();
        let mut batches = DeferredBatches::default();
        batches.defer(batch, deferred);

        for _ in 0..10 {
            let delay = batches.delay(batch, now, |id| {
                (id == deferred.credential_id).then_some(4 * SECOND)
            });
            let delay = delay.unwrap().delay;
            assert!((4 * SECOND..=6 * SECOND).contains(&delay), "{delay:?}");
        }

        // Its lane sends again: the batch is forgotten.
        assert_eq!(batches.delay(batch, now, |_| None), None);
        assert_eq!(batches.delay(batch, now, |_| Some(SECOND)), None);
    }

    #[test]
    fn a_claim_that_is_newer_finds_its_batch() {
        let now = Instant::now();
        let batch = batch();
        let mut batches = DeferredBatches::default();
        batches.defer(batch, deferred_until(now + 60 * SECOND));

        let newer = BatchKey { claims: 2, ..batch };
        assert!(batches.delay(newer, now, |_| Some(SECOND)).is_some());
    }

    #[test]
    fn a_batch_is_not_put_back_beyond_its_deadline() {
        let now = Instant::now();
        let batch = batch();
        let mut batches = DeferredBatches::default();
        batches.defer(batch, deferred_until(now + 2 * SECOND));

        let delay = batches.delay(batch, now, |_| Some(9 * SECOND));
        assert_eq!(delay.unwrap().delay, 2 * SECOND);

        let delay = batches.delay(batch, now + 2 * SECOND, |_| Some(9 * SECOND));
        assert_eq!(delay, None, "it is loaded and fails");
    }

    #[test]
    fn memory_is_bounded() {
        let deadline = Instant::now() + SECOND;
        let batch = batch();
        let mut batches = DeferredBatches::default();

        for number in 0..=MAX_BATCHES as i32 {
            let batch = BatchKey { number, ..batch };
            batches.defer(batch, deferred_until(deadline));
        }
        assert_eq!(batches.0.len(), 1);
    }
}
