//! The renewal task: extends the leases of batches that take long, so that none runs out under a live
//! process.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use crate::delivery::queue::lease::{CHECKS_PER_TERM, Leases};
use crate::store::batches;
use crate::store::pool::Pool;

/// How long a renewal may take. It is tried again several times before a lease runs out.
const LIMIT: Duration = Duration::from_secs(5);

/// Runs until `stop`.
pub(crate) async fn run(pool: Pool, leases: Arc<Leases>, stop: CancellationToken) {
    let pool = pool.limited_to(LIMIT);
    let mut ticks = tokio::time::interval(leases.term() / CHECKS_PER_TERM);

    let mut has_failed = false;

    while stop.run_until_cancelled(ticks.tick()).await.is_some() {
        let due = leases.due_for_renewal();
        if due.is_empty() {
            continue;
        }

        // Taken before the statement, so that no lease seems longer here than it is in Postgres.
        let renewed_at = Instant::now();
        let keys: Vec<_> = due.iter().map(|lease| lease.key()).collect();
        match batches::renew(&pool, &keys, leases.term()).await {
            Ok(renewed) => {
                has_failed = false;
                leases.apply_renewal(&due, &renewed, renewed_at);
            }
            // The leases keep the time that is left. Sending ends with it, before another process
            // may claim.
            Err(error) => {
                // Once for each outage.
                if !has_failed {
                    tracing::warn!(%error, leases = due.len(), "leases can't be renewed; trying again");
                }
                has_failed = true;
            }
        }
    }
}
