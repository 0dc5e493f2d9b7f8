//! The claim loop: claims due batches as far as there is room, loads them, and hands their
//! notifications to the lanes. [`ClaimPolicy`] decides, this module acts.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use sqlx::{Connection, PgConnection};
use tokio_util::sync::CancellationToken;

use crate::delivery::dispatch::Dispatch;
use crate::delivery::queue::claim_policy::{
    ClaimPlan, ClaimPolicy, Claimed, Headroom, MAX_BATCHES, Rest, Step,
};
use crate::delivery::queue::handed_over;
use crate::delivery::queue::lease::Leases;
use crate::delivery::queue::load::{LONGEST_REREAD, Loaded, load};
use crate::delivery::settle::recorder;
use crate::handoff::local::HandoffReceiver;
use crate::handoff::notifier::Notifier;
use crate::store::batches::{self, ClaimedBatch};
use crate::store::dedicated_connection::DedicatedConnection;
use crate::store::senders;

/// How long a claim with its load may take.
const CLAIM_TIMEOUT: Duration = Duration::from_secs(10);
/// How long the loop rests after Postgres failed, and again when Postgres is back.
const AFTER_ERROR: Duration = Duration::from_secs(1);

const _: () = assert!(LONGEST_REREAD.as_millis() < CLAIM_TIMEOUT.as_millis());
// After an outage recorders write before anything is claimed, so that a batch whose lease ran out is
// not sent again.
const _: () = assert!(recorder::RETRY_LONGEST.as_millis() < AFTER_ERROR.as_millis());

/// The claim loop of a process, run by one task that owns all of this.
///
/// New work wakes it through the notifier, small Operations through the hand-off, and freed capacity
/// through [`Capacity::freed`](crate::handoff::capacity::Capacity::freed). A poll is the safety net
/// for a notification that got lost. It ends with the token that [`Self::run`] is given; with it end
/// the lanes, which [`Dispatch`] owns.
pub(crate) struct Claimer {
    pub connection: DedicatedConnection,
    pub handoff: HandoffReceiver,
    pub leases: Arc<Leases>,
    pub dispatch: Dispatch,
    pub notifier: Arc<Notifier>,
    /// The longest time between two claims, give or take a quarter.
    pub poll_interval: Duration,
    pub policy: ClaimPolicy,
}

impl Claimer {
    pub(crate) async fn run(mut self, stop: CancellationToken) {
        while !stop.is_cancelled() {
            let began = Instant::now();

            match self.claim_due().await {
                Ok(rest) => {
                    let _ = stop.run_until_cancelled(self.rest(rest, began)).await;
                }
                Err(error) => {
                    tracing::error!(%error, "due batches can't be claimed; trying again");
                    let _ = stop.run_until_cancelled(self.recover()).await;
                }
            }
        }

        handed_over::close(&mut self.handoff, &self.leases);
    }

    /// Claims and dispatches until there is a reason to rest.
    async fn claim_due(&mut self) -> sqlx::Result<Rest> {
        loop {
            let headroom = Headroom {
                free: self.dispatch.capacity.free(),
                recorder_stalled: self.handoff.recorder_stalled.load(Ordering::Relaxed),
            };
            let plan = match self.policy.next(&headroom, Instant::now()) {
                Step::Claim(plan) => plan,
                Step::Rest(rest) => return Ok(rest),
            };

            let (claimed, loaded) = self.claim(&plan).await?;
            let took_all = self.policy.took_all(&plan, claimed, Instant::now());
            self.dispatch(loaded).await?;

            if let Some(rest) = Rest::after(took_all, self.dispatch.capacity.is_roomy()) {
                return Ok(rest);
            }
        }
    }

    /// Claims batches and loads those that are not deferred.
    async fn claim(&mut self, plan: &ClaimPlan) -> sqlx::Result<(Claimed, Loaded)> {
        let Self {
            connection,
            leases,
            dispatch,
            ..
        } = self;
        let max_attempts = dispatch.lanes.policy.max_attempts;

        let claiming = async |connection: &mut PgConnection| {
            // Taken before the statements, so that the lease that is counted here ends before the
            // one in Postgres.
            let claimed_at = Instant::now();
            let batches = claim_batches(&mut *connection, plan, leases.term()).await?;

            let mut to_load = Vec::new();
            let mut batch_guards = Vec::new();
            for batch in &batches {
                let guard = leases.add(batch, claimed_at);
                match dispatch.deferral(batch.key, claimed_at) {
                    // The guard is dropped here, which releases the batch.
                    Some(delay) => guard.lease().due_again_in(delay),
                    None => {
                        to_load.push(*batch);
                        batch_guards.push(guard);
                    }
                }
            }

            let loaded = load(connection, &to_load, batch_guards, max_attempts).await?;
            Ok((Claimed::of(&batches), loaded))
        };

        connection.within(CLAIM_TIMEOUT, claiming).await
    }

    /// Hands what was loaded to its lanes, after their Credentials were refreshed. On an error the
    /// batches are released.
    async fn dispatch(&mut self, loaded: Loaded) -> sqlx::Result<()> {
        let unknown = self.dispatch.lanes.unknown(loaded.credentials());
        if !unknown.is_empty() {
            let reading =
                async |connection: &mut PgConnection| senders::by_ids(connection, &unknown).await;
            let stored = self.connection.within(CLAIM_TIMEOUT, reading).await?;
            self.dispatch.lanes.refresh(&unknown, stored);
        }

        self.dispatch.dispatch(loaded);
        Ok(())
    }

    /// Rests until it is time to claim. Operations that are handed over meanwhile are dispatched at
    /// once.
    async fn rest(&mut self, rest: Rest, began: Instant) {
        let times = rest.times(began, self.poll_interval, rand::random());
        let notifier = Arc::clone(&self.notifier);
        let capacity = Arc::clone(&self.dispatch.capacity);
        let mut wait = std::pin::pin!(async {
            tokio::time::sleep_until(times.earliest.into()).await;
            match rest {
                Rest::UntilNotified => notifier.wait(times.longest).await,
                Rest::UntilRoom => {
                    let _ = tokio::time::timeout(times.longest, capacity.freed.notified()).await;
                }
            }
        });

        loop {
            tokio::select! {
                () = &mut wait => return,
                Some(loaded) = handed_over::receive(&mut self.handoff, &self.leases) => {
                    if let Err(error) = self.dispatch(loaded).await {
                        tracing::error!(%error, "Credentials can't be read; their notifications are put back");
                    }
                },
            }
        }
    }

    /// Returns when Postgres is back and the recorders have had time to write.
    async fn recover(&mut self) {
        loop {
            tokio::time::sleep(AFTER_ERROR).await;

            let ping = async |connection: &mut PgConnection| connection.ping().await;
            if self.connection.within(CLAIM_TIMEOUT, ping).await.is_ok() {
                tokio::time::sleep(AFTER_ERROR).await;
                return;
            }
        }
    }
}

async fn claim_batches(
    connection: &mut PgConnection,
    plan: &ClaimPlan,
    lease: Duration,
) -> sqlx::Result<Vec<ClaimedBatch>> {
    let mut claimed = Vec::new();
    if plan.by_age > 0 {
        claimed = batches::claim_oldest(&mut *connection, plan.by_age as i64, lease).await?;
    }

    let room = plan.room_beside(Claimed::of(&claimed));
    let by_rank = batches::claim(connection, MAX_BATCHES as i64, room as i64, lease).await?;
    claimed.extend(by_rank);

    Ok(claimed)
}
