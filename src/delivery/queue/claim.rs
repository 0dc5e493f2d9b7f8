//! The claiming loop: takes due batches in hand as far as there is room, and has them loaded and
//! handed to their lanes.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use sqlx::{Connection, PgConnection};
use tokio_util::sync::CancellationToken;

use crate::delivery::dispatch::Dispatch;
use crate::delivery::queue::handed_over;
use crate::delivery::queue::lease::Leases;
use crate::delivery::queue::load::{Loaded, load};
use crate::handoff::local::HandoffReceiver;
use crate::handoff::notifier::Notifier;
use crate::model::operation::BATCH_SIZE;
use crate::store::batches::{self, ClaimedBatch};
use crate::store::dedicated_connection::DedicatedConnection;
use crate::store::senders;

/// Notifications of the largest batch.
const LARGEST: usize = BATCH_SIZE as usize;
/// Most batches that one statement claims.
const MOST_BATCHES: usize = 200;
/// While more is due than there is room for, so often a claim begins with so many batches by age,
/// whatever their rank, if others have room beside them.
const BY_AGE_EVERY: Duration = Duration::from_millis(100);
const BY_AGE: usize = 1;
/// The least time from one look to the next, so that single sends in a busy time are claimed and
/// loaded together.
const CLAIM_EVERY: Duration = Duration::from_millis(5);
/// How long to wait for places before claiming for what places there are.
const ROOM_AFTER: Duration = Duration::from_millis(100);
/// How long a claim and its load may take.
const LIMIT: Duration = Duration::from_secs(10);
/// How long the loop rests after Postgres refused it, and again when Postgres is back: longer than
/// recorders rest, so that what was sent before is recorded before it is claimed anew.
const AFTER_ERROR: Duration = Duration::from_secs(1);

/// What the claiming loop works with.
pub(crate) struct Claimer {
    pub session: DedicatedConnection,
    pub handed: HandoffReceiver,
    pub leases: Arc<Leases>,
    pub dispatch: Dispatch,
    pub notifier: Arc<Notifier>,
    /// The longest time between two looks; the safety net for a ring that got lost.
    pub poll_interval: Duration,
    /// When a claim last went by age, or nothing was left behind by one that went by rank.
    pub by_age_at: Instant,
}

impl Claimer {
    /// Runs until `stop`.
    pub(crate) async fn run(mut self, stop: CancellationToken) {
        while !stop.is_cancelled() {
            let began = Instant::now();
            let full = match self.claim().await {
                Ok(full) => full,
                Err(error) => {
                    tracing::error!(%error, "due batches can't be claimed; trying again");
                    let _ = stop.run_until_cancelled(self.recover()).await;
                    continue;
                }
            };
            let _ = stop
                .run_until_cancelled(self.until_next_claim(began + CLAIM_EVERY, full))
                .await;
        }
        handed_over::close(&mut self.handed, &self.leases);
    }

    /// Takes what is handed over until it is time to claim: not before `earliest`, and as soon as
    /// somebody rings, or, where more was due than there was room for (`full`), as there is room.
    async fn until_next_claim(&mut self, earliest: Instant, full: bool) {
        let poll_interval = self.jittered_poll_interval();
        let (notifier, capacity) = (
            Arc::clone(&self.notifier),
            Arc::clone(&self.dispatch.capacity),
        );
        let mut time = std::pin::pin!(async {
            tokio::time::sleep_until(earliest.into()).await;
            if full {
                let _ = tokio::time::timeout(ROOM_AFTER, capacity.freed.notified()).await;
            } else {
                notifier.wait(poll_interval).await;
            }
        });
        loop {
            tokio::select! {
                () = &mut time => return,
                Some(loaded) = handed_over::receive(&mut self.handed, &self.leases) => if let Err(error) = self.hand_out(loaded).await {
                    tracing::error!(%error, "Credentials can't be read; what needs them goes back");
                },
            }
        }
    }

    /// Hands out what was loaded, once its lanes are known to be right. On an error it goes back.
    async fn hand_out(&mut self, loaded: Loaded) -> sqlx::Result<()> {
        let asked = self.dispatch.lanes.unknown(loaded.credentials());
        if !asked.is_empty() {
            let looking_up =
                async |connection: &mut PgConnection| senders::by_ids(connection, &asked).await;
            let stored = self.session.within(LIMIT, looking_up).await?;
            self.dispatch.lanes.refresh(&asked, stored);
        }
        self.dispatch.hand_out(loaded);
        Ok(())
    }

    /// Replicas that started together should not look together.
    fn jittered_poll_interval(&self) -> Duration {
        self.poll_interval
            .mul_f64(0.75 + rand::random::<f64>() / 2.0)
    }

    /// Returns when Postgres is back, and recorders have had their time.
    async fn recover(&mut self) {
        loop {
            tokio::time::sleep(AFTER_ERROR).await;
            if self
                .session
                .within(LIMIT, async |connection: &mut PgConnection| {
                    connection.ping().await
                })
                .await
                .is_ok()
            {
                return tokio::time::sleep(AFTER_ERROR).await;
            }
        }
    }

    /// Claims and hands out until nothing more is due (`false`) or there is no room for another
    /// batch (`true`).
    async fn claim(&mut self) -> sqlx::Result<bool> {
        loop {
            // The recorder can't write.
            if self.handed.recorder_stalled.load(Ordering::Relaxed) {
                return Ok(false);
            }
            let room = self.dispatch.capacity.free();
            if room < LARGEST {
                return Ok(true);
            }
            let (batches, notifications, loaded) = self.take(room).await?;
            let all = batches < MOST_BATCHES && notifications + LARGEST <= room;
            if all {
                self.by_age_at = Instant::now();
            }
            self.hand_out(loaded).await?;
            if all || !self.dispatch.capacity.is_roomy() {
                return Ok(!all);
            }
        }
    }

    /// Claims batches of at most `room` notifications. Returns how many batches and notifications,
    /// and what those that are not parked have to send.
    async fn take(&mut self, room: usize) -> sqlx::Result<(usize, usize, Loaded)> {
        let Self {
            session,
            leases,
            dispatch,
            by_age_at,
            ..
        } = self;
        let max_attempts = dispatch.lanes.policy.max_attempts;
        let taking = async |connection: &mut PgConnection| {
            // Before the statement, so that the lease that is counted here ends before the one in
            // the database.
            let claimed_at = Instant::now();
            let (mut claimed, mut room) = (Vec::new(), room);
            if by_age_at.elapsed() >= BY_AGE_EVERY && room > BY_AGE * LARGEST {
                *by_age_at = claimed_at;
                claimed =
                    batches::claim_oldest(&mut *connection, BY_AGE as i64, leases.term()).await?;
                room -= claimed
                    .iter()
                    .map(|batch| batch.queued as usize)
                    .sum::<usize>();
            }
            claimed.extend(
                batches::claim(
                    &mut *connection,
                    MOST_BATCHES as i64,
                    room as i64,
                    leases.term(),
                )
                .await?,
            );
            let all = claimed.iter().map(|batch| batch.queued as usize).sum();
            let (mut wanted, mut batch_guards): (Vec<ClaimedBatch>, Vec<_>) = Default::default();
            for batch in &claimed {
                let guard = leases.open(batch, claimed_at);
                match dispatch.parked.wait(batch.key, &dispatch.lanes, claimed_at) {
                    Some(delay) => guard.lease().due_again_in(delay),
                    None => {
                        wanted.push(*batch);
                        batch_guards.push(guard);
                    }
                }
            }
            if wanted.is_empty() {
                return Ok((claimed.len(), all, Loaded::default()));
            }
            Ok((
                claimed.len(),
                all,
                load(connection, &wanted, batch_guards, max_attempts).await?,
            ))
        };
        session.within(LIMIT, taking).await
    }
}
