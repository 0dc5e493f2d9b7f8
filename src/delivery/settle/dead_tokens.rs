//! Dead-token pruning: removes dead tokens from their registrations, except after a mass
//! invalidation. If a large part of one Operation's tokens is dead at once, a wrong Credential or
//! environment is more likely than so many lost devices. Then none of them is removed, and an
//! operator is alerted.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use crate::model::id::OperationId;
use crate::store::devices::{self, DeadDevice};
use crate::store::pool::Pool;
use crate::telemetry::metrics;

/// How long the answers for an Operation are collected before any of its tokens is removed, so that
/// a mass invalidation is seen before it has cost a device.
const COLLECT_FOR: Duration = Duration::from_secs(2);
/// How often the pruner removes tokens.
const PRUNE_INTERVAL: Duration = Duration::from_millis(500);
/// An Operation with dead tokens is forgotten after this time without an attempt. One without dead
/// tokens is forgotten after [`COLLECT_FOR`], because there may be many of them.
const FORGET_AFTER: Duration = Duration::from_secs(60);

const _: () = assert!(PRUNE_INTERVAL.as_millis() < COLLECT_FOR.as_millis());
const _: () = assert!(COLLECT_FOR.as_millis() < FORGET_AFTER.as_millis());

/// From when on dead tokens are a mass invalidation: both bounds must be reached.
#[derive(Debug, Clone, Copy)]
pub(crate) struct MassInvalidation {
    /// Dead devices, in percent of the devices that were attempted.
    pub percent: u8,
    /// Dead devices.
    pub count: u32,
}

impl MassInvalidation {
    fn is_reached(self, report: &TokenReport) -> bool {
        let share = u64::from(report.dead) * 100;
        let bound = u64::from(self.percent) * u64::from(report.attempted);

        report.dead >= self.count && share >= bound
    }
}

/// Removes dead tokens in the background.
///
/// Delivery owns the task that [`Self::run`] is, and each lane has a clone to report to it. Nothing
/// wakes it but its timer. It ends when delivery stops; dead tokens that it has not removed by then
/// are found again by the next message to them.
#[derive(Clone)]
pub(crate) struct DeadTokenPruner {
    threshold: MassInvalidation,
    reports: Arc<Mutex<TokenReports>>,
}

/// What is known of the devices of recent Operations, by Operation.
#[derive(Default)]
struct TokenReports(HashMap<OperationId, TokenReport>);

struct TokenReport {
    first_at: Instant,
    last_at: Instant,
    /// Attempts with Users' devices.
    attempted: u32,
    dead: u32,
    /// Dead devices that are still registered.
    registered: Vec<DeadDevice>,
    is_mass_invalidation: bool,
}

/// What the pruner does next.
#[derive(Default)]
struct Pruning {
    remove: Vec<DeadDevice>,
    /// New ones.
    mass_invalidations: Vec<Suspicion>,
}

struct Suspicion {
    operation_id: OperationId,
    attempted: u32,
    dead: u32,
}

impl DeadTokenPruner {
    pub(crate) fn new(threshold: MassInvalidation) -> Self {
        Self {
            threshold,
            reports: Arc::default(),
        }
    }

    /// Notes an attempt with a User's device, and the device if its token turned out dead.
    pub(crate) fn note_attempt(&self, operation_id: OperationId, dead: Option<DeadDevice>) {
        self.reports
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .note_attempt(operation_id, dead, Instant::now());
    }

    /// Prunes until `stop`.
    pub(crate) async fn run(self, pool: Pool, stop: CancellationToken) {
        let mut ticks = tokio::time::interval(PRUNE_INTERVAL);
        let mut has_failed = false;

        while stop.run_until_cancelled(ticks.tick()).await.is_some() {
            let pruning = self.next_pruning();

            for suspicion in pruning.mass_invalidations {
                metrics::mass_invalidation();
                tracing::warn!(
                    operation_id = %suspicion.operation_id,
                    attempted = suspicion.attempted,
                    dead = suspicion.dead,
                    "mass invalidation: so many dead tokens suggest a wrong Credential or environment; none of them is removed",
                );
            }

            if !pruning.remove.is_empty() {
                let removed = devices::remove_dead(&pool, &pruning.remove).await;
                match &removed {
                    Ok(removed) => tracing::debug!(removed, "dead tokens removed"),
                    // They are found again by the next message to them. Once for each outage.
                    Err(error) if !has_failed => {
                        let devices = pruning.remove.len();
                        tracing::warn!(%error, devices, "dead tokens can't be removed");
                    }
                    Err(_) => {}
                }
                has_failed = removed.is_err();
            }
        }
    }

    fn next_pruning(&self) -> Pruning {
        self.reports
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .next_pruning(self.threshold, Instant::now())
    }
}

impl TokenReports {
    fn note_attempt(&mut self, operation_id: OperationId, dead: Option<DeadDevice>, now: Instant) {
        // Attempts with live tokens count as well: whether the dead ones are many depends on both.
        let report = self.0.entry(operation_id).or_insert_with(|| TokenReport {
            first_at: now,
            last_at: now,
            attempted: 0,
            dead: 0,
            registered: Vec::new(),
            is_mass_invalidation: false,
        });

        report.last_at = now;
        report.attempted += 1;
        report.dead += u32::from(dead.is_some());
        report.registered.extend(dead);
    }

    fn next_pruning(&mut self, threshold: MassInvalidation, now: Instant) -> Pruning {
        self.forget_old(now);

        let mut pruning = Pruning::default();
        for (operation_id, report) in &mut self.0 {
            if report.registered.is_empty() {
                continue;
            }

            if !report.is_mass_invalidation && threshold.is_reached(report) {
                // The mark stays until the Operation is forgotten, so dead tokens that come later
                // are kept too.
                report.is_mass_invalidation = true;
                pruning.mass_invalidations.push(Suspicion {
                    operation_id: *operation_id,
                    attempted: report.attempted,
                    dead: report.dead,
                });
            }

            // They stay registered, and are forgotten here: they wait for nothing.
            if report.is_mass_invalidation {
                report.registered.clear();
            } else if now.saturating_duration_since(report.first_at) >= COLLECT_FOR {
                pruning.remove.append(&mut report.registered);
            }
        }

        pruning
    }

    fn forget_old(&mut self, now: Instant) {
        self.0.retain(|_, report| {
            let kept_for = if report.dead == 0 {
                COLLECT_FOR
            } else {
                FORGET_AFTER
            };

            let is_recent = now.saturating_duration_since(report.last_at) < kept_for;
            is_recent || !report.registered.is_empty()
        });
    }
}

#[cfg(test)]
mod tests {
    use time::OffsetDateTime;
    use uuid::Uuid;

    use super::*;

    const THRESHOLD: MassInvalidation = MassInvalidation {
        percent: 20,
        count: 10,
    };

    fn dead_device() -> DeadDevice {
        DeadDevice {
            id: Uuid::now_v7(),
            since: OffsetDateTime::now_utc(),
        }
    }

    /// The reports of an Operation with `attempted` devices, of which `dead` are dead.
    fn reports(attempted: u32, dead: u32, now: Instant) -> TokenReports {
        let operation_id = OperationId::generate();
        let mut reports = TokenReports::default();
        for number in 0..attempted {
            let device = (number < dead).then(dead_device);
            reports.note_attempt(operation_id, device, now);
        }

        reports
    }

    #[test]
    fn a_mass_invalidation_is_reported_once_and_removes_nothing() {
        for (attempted, dead) in [(50, 10), (10, 10)] {
            let now = Instant::now();
            let mut reports = reports(attempted, dead, now);

            let pruning = reports.next_pruning(THRESHOLD, now);
            assert_eq!(pruning.mass_invalidations.len(), 1);
            assert_eq!(pruning.mass_invalidations[0].dead, dead);
            assert!(pruning.remove.is_empty());

            let pruning = reports.next_pruning(THRESHOLD, now + COLLECT_FOR);
            assert!(pruning.mass_invalidations.is_empty());
            assert!(pruning.remove.is_empty());
        }
    }

    #[test]
    fn few_dead_tokens_or_a_small_share_are_removed_once_all_had_time_to_answer() {
        for (attempted, dead) in [(9, 9), (51, 10), (1000, 150)] {
            let now = Instant::now();
            let mut reports = reports(attempted, dead, now);

            let pruning = reports.next_pruning(THRESHOLD, now);
            assert!(pruning.remove.is_empty());

            let pruning = reports.next_pruning(THRESHOLD, now + COLLECT_FOR);
            assert_eq!(pruning.remove.len(), dead as usize);
            assert!(pruning.mass_invalidations.is_empty());

            let pruning = reports.next_pruning(THRESHOLD, now + COLLECT_FOR);
            assert!(pruning.remove.is_empty(), "once");
        }
    }

    #[test]
    fn an_operation_is_forgotten_in_time() {
        let now = Instant::now();
        let mut reports = reports(1, 0, now);
        reports.note_attempt(OperationId::generate(), Some(dead_device()), now);

        let pruning = reports.next_pruning(THRESHOLD, now + COLLECT_FOR);
        assert_eq!(pruning.remove.len(), 1);
        assert_eq!(reports.0.len(), 1, "only the one with a dead token");

        reports.next_pruning(THRESHOLD, now + FORGET_AFTER);
        assert!(reports.0.is_empty());
    }
}
