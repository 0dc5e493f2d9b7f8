//! Batches whose lane takes nothing: until it does, there is no use in loading them again and
//! again. A large Operation to a provider that is away would keep everybody busy otherwise.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use crate::delivery::lane::registry::LaneRegistry;
use crate::model::id::{CredentialId, OperationId};
use crate::store::batches::BatchKey;

/// Batches that are remembered; more are loaded again, which is only slower.
const MOST: usize = 100_000;
/// What is put back comes again within this share of the wait after it, so that not all of it comes
/// at once.
const SPREAD: f64 = 0.5;

/// What waits for which lane.
#[derive(Default)]
pub(crate) struct DeferredBatches(HashMap<(OperationId, i32), Awaited>);

/// What a batch waits for.
struct Awaited {
    credential_id: CredentialId,
    /// When its notifications are to fail, lane or not.
    deadline: Instant,
}

impl DeferredBatches {
    /// Remembers a batch of which everything goes to the lane of this Credential.
    pub(crate) fn park(&mut self, batch: BatchKey, credential_id: CredentialId, deadline: Instant) {
        if self.0.len() >= MOST {
            self.0.clear();
        }
        self.0.insert(
            (batch.operation_id, batch.number),
            Awaited {
                credential_id,
                deadline,
            },
        );
    }

    /// How long to put a claimed batch back for; `None`: it is to be loaded.
    pub(crate) fn wait(
        &mut self,
        batch: BatchKey,
        lanes: &LaneRegistry,
        now: Instant,
    ) -> Option<Duration> {
        let awaited = self.0.remove(&(batch.operation_id, batch.number))?;
        let closed_for = lanes.blocked_for(awaited.credential_id, now)?;
        let left = awaited
            .deadline
            .checked_duration_since(now)
            .filter(|left| !left.is_zero())?;
        self.0.insert((batch.operation_id, batch.number), awaited);
        Some(
            closed_for
                .mul_f64(1.0 + SPREAD * rand::random::<f64>())
                .min(left),
        )
    }
}
