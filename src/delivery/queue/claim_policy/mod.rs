//! The decisions of the claim loop, without I/O: which accounts are served, how much each of them gets,
//! by age or by rank, and when to claim again.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use crate::handoff::due_queues::{DueAccount, share};
use crate::handoff::local::GUARANTEED;
use crate::model::id::AccountId;
use crate::model::operation::BATCH_SIZE;
use crate::store::batches::ClaimedBatch;

/// Notifications of the largest batch.
const LARGEST_BATCH: usize = BATCH_SIZE as usize;
/// Most accounts that one claim serves.
const MAX_ACCOUNTS: usize = 50;
/// Batches that one statement claims by rank, for all accounts together.
const MAX_BATCHES: usize = 200;
/// An account may get at least this many of them.
const MIN_BATCHES: usize = 8;
/// The least time between two claims by age for an account.
const BY_AGE_INTERVAL: Duration = Duration::from_millis(100);
/// The least time between the starts of two claims, so that under load single sends are claimed and
/// loaded together.
const CLAIM_INTERVAL: Duration = Duration::from_millis(5);
/// How long an account that has its share waits for the capacity to be half free, before it is served
/// with the room there is.
const ROOM_TIMEOUT: Duration = Duration::from_millis(100);
/// Notifications that an account gets in its first turn, and the fewest in any.
const FIRST_TURN: usize = 5_000;
const SHORTEST_TURN: usize = 2 * LARGEST_BATCH;
/// How long loading and dispatching what an account got may take: the next account waits for it.
const TURN: Duration = Duration::from_millis(50);
/// The same while no other account has work due.
const TURN_ALONE: Duration = Duration::from_millis(100);
/// Accounts whose turns are remembered. One that is forgotten begins anew.
const MAX_REMEMBERED: usize = 10_000;

const _: () = assert!(CLAIM_INTERVAL.as_millis() < BY_AGE_INTERVAL.as_millis());
const _: () = assert!(CLAIM_INTERVAL.as_millis() < ROOM_TIMEOUT.as_millis());
const _: () = assert!(LARGEST_BATCH <= GUARANTEED);
const _: () = assert!(SHORTEST_TURN <= FIRST_TURN);
const _: () = assert!(TURN.as_millis() <= TURN_ALONE.as_millis());

/// Decides what the claim loop does next.
///
/// Accounts share, and rank orders what is an account's own. A claim goes round the accounts that have
/// work due, those with the fewest claimed first. An account gets up to its share of the capacity, and
/// what it has claimed already counts against that. An account alone gets everything; one that comes
/// later and has next to nothing claimed is served at once, out of a reserve.
///
/// Within an account, claims go by rank: `HIGH` before `LOW`, and the first batches of every Operation
/// before the later batches of large ones. Within a rank, batches go in the order in which they came
/// due. Against starvation, ranks are not strict: while more of an account is due than there is room
/// for, its batch that has been due for longest is taken first, every [`BY_AGE_INTERVAL`].
pub(crate) struct ClaimPolicy {
    accounts: HashMap<AccountId, Remembered>,
    /// Counts the turns.
    turns: u64,
    /// Since when accounts wait for room.
    waiting_since: Option<Instant>,
}

/// What is remembered of an account.
struct Remembered {
    /// When a claim last went by age, or left nothing behind.
    last_by_age: Instant,
    /// The number of its last turn.
    last_turn: u64,
    /// Notifications that it gets in one turn: as many as take [`TURN`].
    at_a_time: usize,
}

/// How much more the delivery of this process can take.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Headroom {
    /// Notifications that may be claimed at a time.
    pub limit: usize,
    /// Those that may be claimed before the capacity is exhausted.
    pub free: usize,
    /// The same, with the reserve for accounts that have next to nothing claimed.
    pub free_with_reserve: usize,
    /// Whether at least half of the capacity is free.
    pub is_roomy: bool,
    /// Whether the recorder cannot write its outcomes.
    pub recorder_stalled: bool,
    /// Whether delivery is shutting down.
    pub is_stopping: bool,
}

/// An account with work due, and how much it has claimed.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Contender {
    pub due: DueAccount,
    pub claimed: usize,
}

#[derive(Debug, PartialEq)]
pub(crate) enum Step {
    Claim(ClaimPlan),
    Rest(Rest),
}

#[derive(Debug, PartialEq)]
pub(crate) struct ClaimPlan {
    /// In the order in which they are served.
    pub turns: Vec<Turn>,
    /// Most batches of each account.
    pub batches: usize,
    /// Most notifications of all accounts.
    pub free: usize,
    pub free_with_reserve: usize,
    /// Whether accounts may get more than the capacity that each is guaranteed.
    pub fills: bool,
    /// Whether accounts with work due get nothing this time.
    pub leaves_out: bool,
}

/// What an account may get of a claim.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Turn {
    pub account: DueAccount,
    /// Most notifications.
    pub room: usize,
    /// Notifications that it may get out of the reserve.
    pub guaranteed: usize,
    /// Whether its oldest batch is claimed first.
    pub is_by_age: bool,
}

/// What an account got.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Claimed {
    pub batches: usize,
    pub notifications: usize,
}

/// What the loop waits for before it claims again.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Rest {
    /// Nothing more is due, or nothing may be claimed.
    UntilNotified,
    /// More is due than there is room for.
    UntilRoom,
}

/// The bounds of a [`Rest`].
#[derive(Debug, PartialEq)]
pub(crate) struct RestTimes {
    /// No claim before this time.
    pub earliest: Instant,
    /// The longest wait after that.
    pub longest: Duration,
}

/// What [`ClaimPolicy::turn`] decides by.
struct TurnParams<'a> {
    headroom: &'a Headroom,
    contender: Contender,
    /// The account's share of the limit.
    share: usize,
    /// Whether accounts may get more than the capacity that each is guaranteed.
    fills: bool,
    now: Instant,
}

impl ClaimPolicy {
    pub(crate) fn new() -> Self {
        Self {
            accounts: HashMap::new(),
            turns: 0,
            waiting_since: None,
        }
    }

    pub(crate) fn next(
        &mut self,
        headroom: &Headroom,
        mut contenders: Vec<Contender>,
        now: Instant,
    ) -> Step {
        // Outcomes that are not in Postgres stay in memory, so nothing may be added to them.
        if contenders.is_empty() || headroom.recorder_stalled || headroom.is_stopping {
            self.waiting_since = None;
            return Step::Rest(Rest::UntilNotified);
        }

        let weights = contenders
            .iter()
            .map(|contender| u64::from(contender.due.weight))
            .sum();
        // Those who have least first, and then those who have waited longest.
        contenders.sort_by_key(|contender| {
            // The division is of integers. The factor keeps small numbers apart.
            let weighted = contender.claimed * 1_000 / contender.due.weight.max(1) as usize;
            (weighted, self.last_turn(contender.due.account_id))
        });

        let fills = headroom.is_roomy
            || self
                .waiting_since
                .is_none_or(|since| now.saturating_duration_since(since) >= ROOM_TIMEOUT);
        let accounts = contenders.len();
        let mut turns: Vec<Turn> = contenders
            .into_iter()
            .filter_map(|contender| {
                self.turn(TurnParams {
                    headroom,
                    share: share(headroom.limit, contender.due.weight, weights),
                    contender,
                    fills,
                    now,
                })
            })
            .take(MAX_ACCOUNTS)
            .collect();
        if turns.is_empty() {
            self.waiting_since.get_or_insert(now);
            return Step::Rest(Rest::UntilRoom);
        }

        for turn in &mut turns {
            self.begin(turn, now);
        }

        Step::Claim(ClaimPlan {
            batches: (MAX_BATCHES / turns.len()).max(MIN_BATCHES),
            fills,
            leaves_out: turns.len() < accounts,
            turns,
            free: headroom.free,
            free_with_reserve: headroom.free_with_reserve,
        })
    }

    /// What an account may get; `None`: nothing.
    fn turn(&self, params: TurnParams<'_>) -> Option<Turn> {
        let TurnParams {
            headroom,
            contender: Contender { due, claimed },
            share,
            fills,
            now,
        } = params;
        // The largest batch fits into every share, or an account might never get any.
        let share = share.max(LARGEST_BATCH);

        let guaranteed = GUARANTEED
            .min(share)
            .saturating_sub(claimed)
            .min(headroom.free_with_reserve);
        let beyond = if fills {
            share.saturating_sub(claimed).min(headroom.free)
        } else {
            0
        };

        let remembered = self.accounts.get(&due.account_id);
        let at_a_time = remembered.map_or(FIRST_TURN, |remembered| remembered.at_a_time);
        let room = beyond.min(at_a_time).max(guaranteed);
        if room < LARGEST_BATCH {
            return None;
        }

        // A claim by age needs room for other batches beside it.
        let is_by_age = room > LARGEST_BATCH
            && remembered.is_some_and(|remembered| {
                now.saturating_duration_since(remembered.last_by_age) >= BY_AGE_INTERVAL
            });

        Some(Turn {
            account: due,
            room,
            guaranteed,
            is_by_age,
        })
    }

    fn begin(&mut self, turn: &Turn, now: Instant) {
        if self.accounts.len() >= MAX_REMEMBERED {
            self.accounts.clear();
        }

        self.turns += 1;
        let remembered = self
            .accounts
            .entry(turn.account.account_id)
            .or_insert(Remembered {
                last_by_age: now,
                last_turn: 0,
                at_a_time: FIRST_TURN,
            });
        remembered.last_turn = self.turns;
        if turn.is_by_age {
            remembered.last_by_age = now;
        }
    }

    fn last_turn(&self, account_id: AccountId) -> u64 {
        self.accounts
            .get(&account_id)
            .map_or(0, |remembered| remembered.last_turn)
    }

    /// The accounts of which a claim took all that was due. None of their batches waits behind others.
    pub(crate) fn taken(
        &mut self,
        plan: &ClaimPlan,
        claimed: &[ClaimedBatch],
        is_roomy: bool,
        now: Instant,
    ) -> Vec<DueAccount> {
        let by_account = Claimed::by_account(claimed);
        let of_all = Claimed::of(claimed);

        let mut taken = Vec::new();
        for turn in &plan.turns {
            let account_id = turn.account.account_id;
            let of_account = by_account.get(&account_id).copied().unwrap_or_default();
            if !plan.took_all(turn, of_account, of_all) {
                continue;
            }

            if let Some(remembered) = self.accounts.get_mut(&account_id) {
                remembered.last_by_age = now;
            }
            taken.push(turn.account.clone());
        }

        let is_waiting = !plan.is_taken(&taken) && !is_roomy;
        self.waiting_since = match self.waiting_since.filter(|_| !plan.fills) {
            _ if !is_waiting => None,
            // Those who were left out go on waiting.
            Some(since) => Some(since),
            None => Some(now),
        };

        taken
    }

    /// Notes how long it took to load and dispatch `notifications` of an account. `is_alone`: whether
    /// no other account had work due.
    pub(crate) fn note_turn(
        &mut self,
        account_id: AccountId,
        notifications: usize,
        elapsed: Duration,
        is_alone: bool,
    ) {
        let Some(remembered) = self.accounts.get_mut(&account_id) else {
            return;
        };
        let target = if is_alone { TURN_ALONE } else { TURN };
        // A small turn is mostly the fixed cost of its statements, and says little about a large
        // one.
        if notifications < LARGEST_BATCH && elapsed < target {
            return;
        }

        let elapsed = elapsed.as_micros().max(1);
        let fitting = notifications as u128 * target.as_micros() / elapsed;
        remembered.at_a_time = usize::try_from(fitting)
            .unwrap_or(usize::MAX)
            .max(SHORTEST_TURN);
    }
}

impl ClaimPlan {
    /// Whether nothing more is due, if all that was due was taken of the accounts `taken`.
    pub(crate) fn is_taken(&self, taken: &[DueAccount]) -> bool {
        taken.len() == self.turns.len() && !self.leaves_out
    }

    /// Whether a turn took all that was due: none of its bounds was reached.
    fn took_all(&self, turn: &Turn, of_account: Claimed, of_all: Claimed) -> bool {
        // Another batch would have fitted.
        let notifications = of_account.notifications + LARGEST_BATCH;
        let notifications_of_all = of_all.notifications + LARGEST_BATCH;

        of_account.batches < self.batches
            && notifications <= turn.room
            && (notifications_of_all <= self.free
                || notifications <= turn.guaranteed
                    && notifications_of_all <= self.free_with_reserve)
    }
}

impl Claimed {
    pub(crate) fn of(batches: &[ClaimedBatch]) -> Self {
        let mut claimed = Self::default();
        for batch in batches {
            claimed.add(batch);
        }

        claimed
    }

    pub(crate) fn by_account(batches: &[ClaimedBatch]) -> HashMap<AccountId, Self> {
        let mut claimed: HashMap<AccountId, Self> = HashMap::new();
        for batch in batches {
            claimed
                .entry(batch.queue.account_id)
                .or_default()
                .add(batch);
        }

        claimed
    }

    fn add(&mut self, batch: &ClaimedBatch) {
        self.batches += 1;
        self.notifications += batch.queued as usize;
    }
}

impl Rest {
    /// The rest after a claim. `None`: more is due and there is room for a large claim, so the loop
    /// claims again at once.
    pub(crate) fn after(took_all: bool, is_roomy: bool) -> Option<Self> {
        match (took_all, is_roomy) {
            (true, _) => Some(Self::UntilNotified),
            (false, false) => Some(Self::UntilRoom),
            (false, true) => None,
        }
    }

    /// `began`: when the claims before this rest began; `random`: from 0 to 1.
    pub(crate) fn times(self, began: Instant, poll_interval: Duration, random: f64) -> RestTimes {
        let longest = match self {
            // Replicas that started together should not poll together.
            Self::UntilNotified => poll_interval.mul_f64(0.75 + random / 2.0),
            Self::UntilRoom => ROOM_TIMEOUT,
        };

        RestTimes {
            earliest: began + CLAIM_INTERVAL,
            longest,
        }
    }
}

#[cfg(test)]
mod tests;
