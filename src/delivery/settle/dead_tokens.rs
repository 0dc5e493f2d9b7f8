//! `DeadTokenPruner`: takes dead tokens out of registrations, except in a burst. Where much of an Operation
//! turns out dead at once, something else is likelier than so many lost devices, such as a
//! Credential of the wrong environment: nothing of it is removed then, and somebody is told.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use sqlx::PgPool;
use tokio_util::sync::CancellationToken;

use crate::model::id::OperationId;
use crate::store::devices::{self, DeadDevice};
use crate::telemetry::metrics;

/// How long an Operation's answers are gathered before anything of it is removed, so that a burst
/// is seen as one.
const GATHER: Duration = Duration::from_secs(2);
/// How often to look what can be removed.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// An Operation with dead devices, of which nothing has been heard for this long, is forgotten; one
/// without, after [`GATHER`]: there may be many.
const FORGET_AFTER: Duration = Duration::from_secs(60);

/// When removal pauses for an Operation: both must be reached.
#[derive(Debug, Clone, Copy)]
pub(crate) struct MassInvalidation {
    /// Dead devices, in percent of those that were tried.
    pub percent: u8,
    /// Dead devices.
    pub count: u32,
}

/// What is known of the devices of one Operation.
struct Counts {
    first: Instant,
    last: Instant,
    tried: u32,
    dead: u32,
    /// Dead ones that have not been removed.
    waiting: Vec<DeadDevice>,
    paused: bool,
}

impl Counts {
    fn is_burst(&self, burst: MassInvalidation) -> bool {
        let share = u64::from(self.dead) * 100 >= u64::from(burst.percent) * u64::from(self.tried);
        self.dead >= burst.count && share
    }
}

/// A handle; cheap to clone.
#[derive(Clone)]
pub(crate) struct DeadTokenPruner {
    burst: MassInvalidation,
    operations: Arc<Mutex<HashMap<OperationId, Counts>>>,
}

impl DeadTokenPruner {
    /// Removes nothing before [`Self::run`].
    pub(crate) fn new(burst: MassInvalidation) -> Self {
        Self {
            burst,
            operations: Arc::default(),
        }
    }

    /// Notes that a User's device was tried for an Operation, and whether its token turned out
    /// dead.
    pub(crate) fn tried(&self, operation_id: OperationId, dead: Option<DeadDevice>) {
        let now = Instant::now();
        let new = || Counts {
            first: now,
            last: now,
            tried: 0,
            dead: 0,
            waiting: Vec::new(),
            paused: false,
        };
        let mut operations = self
            .operations
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let counts = operations.entry(operation_id).or_insert_with(new);
        counts.last = now;
        counts.tried += 1;
        counts.dead += u32::from(dead.is_some());
        counts.waiting.extend(dead);
    }

    /// Removes what is dead until `stop`.
    pub(crate) async fn run(self, pool: PgPool, stop: CancellationToken) {
        let mut looks = tokio::time::interval(LOOK_EVERY);
        while stop.run_until_cancelled(looks.tick()).await.is_some() {
            let dead = self.take(Instant::now());
            if dead.is_empty() {
                continue;
            }
            match devices::remove_dead(&pool, &dead).await {
                Ok(removed) => tracing::debug!(removed, "dead devices removed"),
                // The next message to them says the same again.
                Err(error) => {
                    tracing::warn!(%error, devices = dead.len(), "dead devices can't be removed");
                }
            }
        }
    }

    /// What may be removed now.
    fn take(&self, now: Instant) -> Vec<DeadDevice> {
        let mut operations = self
            .operations
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        operations.retain(|_, counts| {
            let kept_for = if counts.dead == 0 {
                GATHER
            } else {
                FORGET_AFTER
            };
            !counts.waiting.is_empty() || now.duration_since(counts.last) < kept_for
        });
        let mut dead = Vec::new();
        for (operation_id, counts) in operations
            .iter_mut()
            .filter(|(_, counts)| !counts.waiting.is_empty())
        {
            if counts.is_burst(self.burst) && !counts.paused {
                counts.paused = true;
                metrics::mass_invalidation();
                tracing::warn!(%operation_id, tried = counts.tried, dead = counts.dead,
                    "mass invalidation: so many dead tokens suggest a wrong Credential or environment; none of them is removed");
            }
            if counts.paused {
                counts.waiting.clear();
            } else if now.duration_since(counts.first) >= GATHER {
                dead.append(&mut counts.waiting);
            }
        }
        dead
    }
}

#[cfg(test)]
mod tests {
    use time::OffsetDateTime;
    use uuid::Uuid;

    use super::*;

    const BURST: MassInvalidation = MassInvalidation {
        percent: 20,
        count: 10,
    };

    fn removed(tried: u32, dead: u32) -> usize {
        let (removal, id) = (DeadTokenPruner::new(BURST), OperationId::generate());
        for number in 0..tried {
            let device = DeadDevice {
                id: Uuid::now_v7(),
                since: OffsetDateTime::now_utc(),
            };
            removal.tried(id, (number < dead).then_some(device));
        }
        assert!(
            removal.take(Instant::now()).is_empty(),
            "not before all had time to answer"
        );
        removal.take(Instant::now() + GATHER).len()
    }

    #[test]
    fn a_burst_removes_nothing() {
        assert_eq!(removed(50, 10), 0);
        assert_eq!(removed(10, 10), 0);
    }

    #[test]
    fn few_or_a_small_share_are_removed() {
        assert_eq!(removed(9, 9), 9);
        assert_eq!(removed(51, 10), 10);
        assert_eq!(removed(1000, 150), 150);
    }

    #[test]
    fn an_operation_is_forgotten_in_time() {
        let removal = DeadTokenPruner::new(BURST);
        let dead = DeadDevice {
            id: Uuid::now_v7(),
            since: OffsetDateTime::now_utc(),
        };
        removal.tried(OperationId::generate(), None);
        removal.tried(OperationId::generate(), Some(dead));
        assert_eq!(removal.take(Instant::now() + GATHER).len(), 1);
        assert_eq!(
            removal.operations.lock().unwrap().len(),
            1,
            "only what may yet turn out a burst"
        );
        removal.take(Instant::now() + FORGET_AFTER);
        assert!(removal.operations.lock().unwrap().is_empty());
    }
}
