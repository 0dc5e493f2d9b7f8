//! The claiming loop: takes due batches in hand as far as there is room, and has them loaded and handed to their lanes.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use sqlx::{Connection, PgConnection};
use tokio_util::sync::CancellationToken;

use crate::delivery::dispatch::Dispatch;
use crate::delivery::lease::Leases;
use crate::delivery::load::{Loaded, load};
use crate::delivery::wake::Wake;
use crate::store::batches::{self, ClaimedBatch};
use crate::store::session::Session;

/// Most batches that one statement claims.
const MOST_BATCHES: usize = 200;
/// The least time from one look to the next, so that single sends in a busy time are claimed and loaded together.
const CLAIM_EVERY: Duration = Duration::from_millis(5);
/// How long to wait for places before claiming for what places there are.
const ROOM_AFTER: Duration = Duration::from_millis(100);
/// How long a claim and its load may take.
const LIMIT: Duration = Duration::from_secs(10);
/// How long the loop rests after Postgres refused it, and again when Postgres is back: longer than recorders rest, so that
/// what was sent before is recorded before it is claimed anew.
const AFTER_ERROR: Duration = Duration::from_secs(1);

/// What the claiming loop works with.
pub struct Claimer {
    pub(super) session: Session,
    pub(super) leases: Arc<Leases>,
    pub(super) dispatch: Dispatch,
    pub(super) wake: Arc<Wake>,
    /// Whether the recorder can't write: nothing more is claimed then.
    pub(super) stalled: Arc<AtomicBool>,
    /// The longest time between two looks; the safety net for a ring that got lost.
    pub(super) poll_interval: Duration,
}

impl Claimer {
    /// Runs until `stop`.
    pub async fn run(mut self, stop: CancellationToken) {
        let mut last = tokio::time::Instant::now();
        while !stop.is_cancelled() {
            tokio::time::sleep_until(last + CLAIM_EVERY).await;
            last = tokio::time::Instant::now();
            let full = match self.claim().await {
                Ok(full) => full,
                Err(error) => {
                    tracing::error!(%error, "due batches can't be claimed; trying again");
                    let _ = stop.run_until_cancelled(self.recover()).await;
                    continue;
                }
            };
            let capacity = &self.dispatch.capacity;
            tokio::select! {
                () = stop.cancelled() => return,
                // More is due than there was room for: go on as soon as there is, not when somebody rings.
                () = capacity.freed.notified(), if full => {}
                () = tokio::time::sleep(ROOM_AFTER), if full => {}
                () = self.wake.wait(self.jittered_poll_interval()), if !full => {}
            }
        }
    }

    /// Replicas that started together should not look together.
    fn jittered_poll_interval(&self) -> Duration {
        self.poll_interval.mul_f64(0.75 + rand::random::<f64>() / 2.0)
    }

    /// Returns when Postgres is back, and recorders have had their time.
    async fn recover(&mut self) {
        loop {
            tokio::time::sleep(AFTER_ERROR).await;
            if self.session.within(LIMIT, async |connection: &mut PgConnection| connection.ping().await).await.is_ok() {
                return tokio::time::sleep(AFTER_ERROR).await;
            }
        }
    }

    /// Claims and hands out until nothing more is due (`false`) or there is no room (`true`).
    async fn claim(&mut self) -> sqlx::Result<bool> {
        loop {
            if self.stalled.load(Ordering::Relaxed) {
                return Ok(false);
            }
            let room = self.dispatch.capacity.free();
            if room == 0 {
                return Ok(true);
            }
            let (claimed, loaded) = self.take(room).await?;
            let all = claimed < MOST_BATCHES && loaded.notifications.len() < room;
            self.dispatch.hand_out(loaded);
            if all || !self.dispatch.capacity.is_roomy() {
                return Ok(!all);
            }
        }
    }

    /// Claims batches of about `room` notifications. Returns how many, and what those that are not parked have to send.
    async fn take(&mut self, room: usize) -> sqlx::Result<(usize, Loaded)> {
        let Self { session, leases, dispatch, .. } = self;
        let max_attempts = dispatch.lanes.policy.max_attempts;
        let taking = async |connection: &mut PgConnection| {
            // Before the statement, so that the lease that is counted here ends before the one in the database.
            let claimed_at = Instant::now();
            let claimed = batches::claim(&mut *connection, MOST_BATCHES as i64, room as i64, leases.term()).await?;
            let (mut wanted, mut openings): (Vec<ClaimedBatch>, Vec<_>) = Default::default();
            for batch in &claimed {
                let opening = leases.open(batch, claimed_at);
                match dispatch.parked.wait(batch.key, &dispatch.lanes, claimed_at) {
                    Some(delay) => opening.lease().due_again_in(delay),
                    None => {
                        wanted.push(*batch);
                        openings.push(opening);
                    }
                }
            }
            if wanted.is_empty() {
                return Ok((claimed.len(), Loaded::default()));
            }
            Ok((claimed.len(), load(connection, &wanted, openings, max_attempts).await?))
        };
        session.within(LIMIT, taking).await
    }
}
