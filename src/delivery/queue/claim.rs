//! The claim loop: claims due batches as far as there is room, loads them, and hands their
//! notifications to the lanes. [`ClaimPolicy`] decides, this module acts.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use sqlx::{Connection, PgConnection};
use tokio_util::sync::CancellationToken;

use crate::delivery::dispatch::{SharedDispatch, lock};
use crate::delivery::queue::claim_policy::{
    ClaimPlan, ClaimPolicy, Claimed, Contender, Headroom, Rest, Step, Turn,
};
use crate::delivery::queue::lease::{BatchGuard, Leases};
use crate::delivery::queue::load::{LONGEST_REREAD, load};
use crate::delivery::queue::lower_bounds::LowerBounds;
use crate::delivery::settle::recorder;
use crate::handoff::capacity::Capacity;
use crate::handoff::due_queues::DueQueues;
use crate::model::id::AccountId;
use crate::model::queue_key::QueueKey;
use crate::store::batches::{self, AccountClaim, Claim, ClaimBounds, ClaimedBatch};
use crate::store::dedicated_connection::DedicatedConnection;

/// How long a claim may take, and how long a load.
const CLAIM_TIMEOUT: Duration = Duration::from_secs(10);
/// How long the loop rests after Postgres failed, and again when Postgres is back.
const AFTER_ERROR: Duration = Duration::from_secs(1);
/// Accounts with at most this many notifications in a claim are loaded together, before the others.
const SMALL: usize = 100;

const _: () = assert!(LONGEST_REREAD.as_millis() < CLAIM_TIMEOUT.as_millis());
// After an outage recorders write before anything is claimed, so that a batch whose lease ran out is
// not sent again.
const _: () = assert!(recorder::RETRY_LONGEST.as_millis() < AFTER_ERROR.as_millis());

/// The claim loop of a process, run by one task that owns all of this.
///
/// Due queues wake it, and freed capacity does through
/// [`Capacity::freed`](crate::handoff::capacity::Capacity::freed). It ends with the token that
/// [`Self::run`] is given; the lanes end with it and with the task that receives what is handed over,
/// since the two own the dispatch together.
pub(crate) struct Claimer {
    pub connection: DedicatedConnection,
    pub queues: Arc<DueQueues>,
    pub bounds: Arc<LowerBounds>,
    pub capacity: Arc<Capacity>,
    /// Whether the recorder cannot write its outcomes.
    pub recorder_stalled: Arc<AtomicBool>,
    pub leases: Arc<Leases>,
    pub dispatch: SharedDispatch,
    /// The longest time between two reads of the due queues, give or take a quarter.
    pub poll_interval: Duration,
    pub policy: ClaimPolicy,
}

/// A claimed batch that is to be loaded.
type HeldBatch = (ClaimedBatch, BatchGuard);

impl Claimer {
    pub(crate) async fn run(mut self, stop: CancellationToken) {
        while !stop.is_cancelled() {
            let began = Instant::now();

            match self.claim_due(&stop).await {
                Ok(rest) => {
                    let _ = stop.run_until_cancelled(self.rest(rest, began)).await;
                }
                Err(error) => {
                    tracing::error!(%error, "due batches can't be claimed; trying again");
                    // The next connection may lead to another Postgres, where the bounds do not hold.
                    self.bounds.forget();
                    let _ = stop.run_until_cancelled(self.recover()).await;
                }
            }
        }
    }

    /// Claims and dispatches until there is a reason to rest.
    async fn claim_due(&mut self, stop: &CancellationToken) -> sqlx::Result<Rest> {
        loop {
            let headroom = self.headroom(stop);
            let contenders = self.contenders();
            let plan = match self.policy.next(&headroom, contenders, Instant::now()) {
                Step::Claim(plan) => plan,
                Step::Rest(rest) => return Ok(rest),
            };

            // A process that had nothing to claim during an outage learns of it here.
            if self.connection.was_lost().await? {
                self.bounds.forget();
                tokio::time::sleep(AFTER_ERROR).await;
                continue;
            }

            let connections = self.connection.connections();
            // Before the statement begins, so that a lease ends here no later than in Postgres.
            let claimed_at = Instant::now();
            let claims = self.claim(&plan).await?;
            let claimed: Vec<ClaimedBatch> = claims
                .iter()
                .flat_map(|claim| claim.batches.iter().copied())
                .collect();
            let held = self.hold(&claimed, claimed_at);
            self.deliver(&plan, held).await?;

            let is_roomy = self.capacity.is_roomy();
            let taken = self.policy.taken(&plan, &claimed, is_roomy, Instant::now());
            if self.connection.connections() > connections {
                // What the bounds said was about another connection, and perhaps another Postgres.
                self.bounds.forget();
                continue;
            }

            let taken_ids: Vec<AccountId> =
                taken.iter().map(|account| account.account_id).collect();
            for claim in &claims {
                self.bounds.note_claim(claim, queues_of(&plan), |queue| {
                    taken_ids.contains(&queue.account_id)
                });
            }
            // A later announcement or search adds the account again.
            for account in &taken {
                self.queues.remove(account);
            }

            if let Some(rest) = Rest::after(plan.is_taken(&taken), is_roomy) {
                return Ok(rest);
            }
        }
    }

    fn headroom(&self, stop: &CancellationToken) -> Headroom {
        Headroom {
            limit: self.capacity.limit(),
            free: self.capacity.free(),
            free_with_reserve: self.capacity.free_with_reserve(),
            is_roomy: self.capacity.is_roomy(),
            recorder_stalled: self.recorder_stalled.load(Ordering::Relaxed),
            is_stopping: stop.is_cancelled(),
        }
    }

    fn contenders(&self) -> Vec<Contender> {
        let contender = |due: crate::handoff::due_queues::DueAccount| Contender {
            claimed: self.capacity.claimed_by(due.account_id),
            due,
        };

        self.queues.due().into_iter().map(contender).collect()
    }

    /// Claims by age, where that is due, and then by rank.
    async fn claim(&mut self, plan: &ClaimPlan) -> sqlx::Result<Vec<Claim>> {
        let Self {
            connection,
            bounds,
            leases,
            ..
        } = self;
        let lease = leases.term();

        let claiming = async |connection: &mut PgConnection| {
            let mut claims = Vec::new();

            let by_age: Vec<AccountClaim> = plan
                .turns
                .iter()
                .filter(|turn| turn.is_by_age)
                .map(|turn| account_claim(turn, Claimed::default(), bounds))
                .collect();
            if !by_age.is_empty() {
                // Two statements: each reads its index in its own order, and stops when the room is used up.
                claims.push(batches::claim_oldest(&mut *connection, &by_age, lease).await?);
            }

            // The claim by age reduces the room of the claim by rank.
            let oldest = claims.first().map_or(&[][..], |claim| &claim.batches);
            let of_all = Claimed::of(oldest);
            let by_account = Claimed::by_account(oldest);
            let by_rank: Vec<AccountClaim> = plan
                .turns
                .iter()
                .map(|turn| {
                    let before = by_account.get(&turn.account.account_id);
                    account_claim(turn, before.copied().unwrap_or_default(), bounds)
                })
                .collect();
            let claim_bounds = ClaimBounds {
                batches: plan.batches as i64,
                free: plan.free.saturating_sub(of_all.notifications) as i64,
                free_with_reserve: plan.free_with_reserve.saturating_sub(of_all.notifications)
                    as i64,
                lease,
            };
            // If this fails, what the claim by age has taken waits until its leases run out: one
            // batch for each account.
            claims.push(batches::claim(connection, &by_rank, &claim_bounds).await?);

            Ok(claims)
        };

        connection.within(CLAIM_TIMEOUT, claiming).await
    }

    /// Gives the claimed batches their leases. Deferred ones are put back at once, and left out.
    fn hold(&self, claimed: &[ClaimedBatch], claimed_at: Instant) -> Vec<HeldBatch> {
        let mut dispatch = lock(&self.dispatch);
        let mut held = Vec::with_capacity(claimed.len());

        for batch in claimed {
            let guard = self.leases.add(batch, claimed_at);
            // The guard of a batch that is put back is dropped here, which releases the batch.
            if !dispatch.put_back_unread(guard.lease(), claimed_at) {
                held.push((*batch, guard));
            }
        }

        held
    }

    /// Loads batches and hands their notifications to the lanes, one large account after the other. On
    /// an error the batches that are left are released.
    async fn deliver(&mut self, plan: &ClaimPlan, held: Vec<HeldBatch>) -> sqlx::Result<()> {
        let is_alone = plan.turns.len() == 1 && !plan.leaves_out;

        for portion in portions(held) {
            let began = Instant::now();
            let notifications = portion
                .batches
                .iter()
                .map(|(batch, _)| batch.queued as usize)
                .sum();

            self.load_and_dispatch(portion.batches).await?;

            if let Some(account_id) = portion.account_id {
                let elapsed = began.elapsed();
                self.policy
                    .note_turn(account_id, notifications, elapsed, is_alone);
            }
        }

        Ok(())
    }

    async fn load_and_dispatch(&mut self, held: Vec<HeldBatch>) -> sqlx::Result<()> {
        let max_attempts = lock(&self.dispatch).lanes.policy.max_attempts;
        let (batches, guards): (Vec<ClaimedBatch>, Vec<BatchGuard>) = held.into_iter().unzip();

        let loading = async |connection: &mut PgConnection| {
            load(connection, &batches, guards, max_attempts).await
        };
        let loaded = self.connection.within(CLAIM_TIMEOUT, loading).await?;

        loaded.dispatch(&self.dispatch, &mut self.connection).await
    }

    /// Rests until it is time to claim.
    async fn rest(&mut self, rest: Rest, began: Instant) {
        let times = rest.times(began, self.poll_interval, rand::random());
        tokio::time::sleep_until(times.earliest.into()).await;

        match rest {
            Rest::UntilNotified => self.queues.wait(times.longest).await,
            // An account that has less than its share need not wait for room.
            Rest::UntilRoom => tokio::select! {
                () = self.capacity.freed.notified() => {}
                () = self.queues.wait(times.longest) => {}
            },
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

fn queues_of(plan: &ClaimPlan) -> impl Iterator<Item = QueueKey> {
    plan.turns.iter().flat_map(|turn| {
        let account_id = turn.account.account_id;

        turn.account.ranks.iter().map(move |rank| QueueKey {
            account_id,
            rank: *rank,
        })
    })
}

/// What `turn` may get beside what it got `before`.
fn account_claim(turn: &Turn, before: Claimed, bounds: &LowerBounds) -> AccountClaim {
    let account_id = turn.account.account_id;
    let queue = |rank: &i16| {
        let since = bounds.since(QueueKey {
            account_id,
            rank: *rank,
        });

        (*rank, since)
    };

    AccountClaim {
        account_id,
        queues: turn.account.ranks.iter().map(queue).collect(),
        room: turn.room.saturating_sub(before.notifications) as i64,
        guaranteed: turn.guaranteed.saturating_sub(before.notifications) as i64,
    }
}

/// Batches that are loaded together.
struct Portion {
    /// `None`: several small ones.
    account_id: Option<AccountId>,
    batches: Vec<HeldBatch>,
}

/// Splits claimed batches, so that what is little does not wait until what is much is loaded: the small
/// accounts together first, then each of the others.
fn portions(held: Vec<HeldBatch>) -> Vec<Portion> {
    let mut notifications: HashMap<AccountId, usize> = HashMap::new();
    for (batch, _) in &held {
        *notifications.entry(batch.queue.account_id).or_default() += batch.queued as usize;
    }

    let mut small = Vec::new();
    let mut large: Vec<Portion> = Vec::new();
    for (batch, guard) in held {
        let account_id = batch.queue.account_id;
        if notifications[&account_id] <= SMALL {
            small.push((batch, guard));
            continue;
        }

        // A claim serves at most 50 accounts, so this search is short.
        match large
            .iter_mut()
            .find(|portion| portion.account_id == Some(account_id))
        {
            Some(portion) => portion.batches.push((batch, guard)),
            None => large.push(Portion {
                account_id: Some(account_id),
                batches: vec![(batch, guard)],
            }),
        }
    }

    let mut portions = large;
    if !small.is_empty() {
        portions.insert(
            0,
            Portion {
                account_id: None,
                batches: small,
            },
        );
    }

    portions
}

#[cfg(test)]
mod tests {
    use tokio::sync::mpsc;

    use super::*;
    use crate::model::id::OperationId;
    use crate::store::batches::BatchKey;

    #[test]
    fn small_accounts_are_loaded_together_and_first() {
        let (recorder, _entries) = mpsc::unbounded_channel();
        let leases = Leases::new(Duration::from_secs(30), recorder, Capacity::new(10_000));
        let [large, larger, small, smaller] = [(); 4].map(|()| AccountId::generate());
        let hold = |(account_id, queued): (AccountId, i32)| {
            let batch = ClaimedBatch {
                key: BatchKey {
                    operation_id: OperationId::generate(),
                    number: 0,
                    claims: 1,
                },
                queue: QueueKey {
                    account_id,
                    rank: 0,
                },
                first_position: 0,
                size: queued,
                queued,
                planned: None,
            };
            (batch, leases.add(&batch, Instant::now()))
        };

        let held = [
            (large, 60),
            (small, 1),
            (larger, 500),
            (large, 60),
            (smaller, 9),
        ]
        .map(hold);
        let portions = portions(held.into());

        let accounts: Vec<_> = portions.iter().map(|portion| portion.account_id).collect();
        assert_eq!(accounts, [None, Some(large), Some(larger)]);
        let sizes: Vec<_> = portions
            .iter()
            .map(|portion| portion.batches.len())
            .collect();
        assert_eq!(sizes, [2, 2, 1]);
    }
}
