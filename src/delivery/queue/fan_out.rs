//! The fan-out loop: turns an Operation to an audience into notifications and batches, step by step.
//! The batches are then claimed like any others.
//!
//! A step is one statement (`src/store/fan_out_step.sql`) that also moves the cursor. So there is
//! nothing to resume after a crash, and replicas share the steps by `SKIP LOCKED` alone. Accounts take
//! turns, so that none waits for the audiences of another.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use crate::handoff::due_queues::DueQueues;
use crate::handoff::notifier::Notifier;
use crate::model::id::{AccountId, MAX_POSITIONS};
use crate::store::fan_out::{self, Step};
use crate::store::pool::Pool;
use crate::telemetry::metrics;

/// How long the loop rests after Postgres failed.
const AFTER_ERROR: Duration = Duration::from_secs(1);

/// The fan-out loop of a process, run by one task that owns all of this.
///
/// The notifier wakes it when an Operation to an audience was accepted, or when the next scheduled one
/// is due; a poll is the safety net. It ends with the token that [`Self::run`] is given. A step that
/// runs at that time either completes in Postgres or is rolled back.
pub(crate) struct FanOut {
    pub pool: Pool,
    pub notifier: Arc<Notifier>,
    /// They know the accounts' weights.
    pub queues: Arc<DueQueues>,
    /// The longest time between two looks for due steps.
    pub poll_interval: Duration,
}

impl FanOut {
    pub(crate) async fn run(self, stop: CancellationToken) {
        let steps = async {
            let mut turns = FanOutTurns::default();
            loop {
                self.step(&mut turns).await;
            }
        };
        stop.run_until_cancelled(steps).await;
    }

    /// Does the next step and rests after it.
    async fn step(&self, turns: &mut FanOutTurns) {
        let began = Instant::now();

        match self.next(turns).await {
            Ok(Some(step)) => {
                note(&step);
                // As long as the step took: Postgres serves others too, and lanes send at less than
                // half of this rate.
                tokio::time::sleep(began.elapsed()).await;
            }
            Ok(None) => self.rest().await,
            Err(error) => {
                tracing::error!(%error, "an audience can't be fanned out; trying again");
                tokio::time::sleep(AFTER_ERROR).await;
            }
        }
    }

    /// Does a step of the account whose turn it is. `None`: no step is due, or other replicas are at
    /// work on all that are.
    async fn next(&self, turns: &mut FanOutTurns) -> sqlx::Result<Option<Step>> {
        let accounts = fan_out::due_accounts(&self.pool).await?;

        for account_id in turns.order(&accounts) {
            if let Some(step) = fan_out::step(&self.pool, account_id).await? {
                turns.note(account_id, self.queues.weight(account_id));
                return Ok(Some(step));
            }
        }

        Ok(None)
    }

    async fn rest(&self) {
        if let Ok(Some(due_in)) = fan_out::due_in(&self.pool).await {
            self.notifier.notify_after(due_in);
        }

        self.notifier.wait(self.poll_interval).await;
    }
}

/// Whose turn it is: each account's steps, divided by its weight. The account with the fewest is next.
/// One that comes later begins with as many as the others have, so it does not make up for the past.
#[derive(Default)]
struct FanOutTurns(HashMap<AccountId, f64>);

impl FanOutTurns {
    /// The `accounts` that have steps due, in the order of their turns. The others are forgotten.
    fn order(&mut self, accounts: &[AccountId]) -> Vec<AccountId> {
        self.0.retain(|account_id, _| accounts.contains(account_id));

        let fewest = self.0.values().copied().fold(f64::INFINITY, f64::min);
        let begin = if fewest.is_finite() { fewest } else { 0.0 };
        for account_id in accounts {
            self.0.entry(*account_id).or_insert(begin);
        }

        let mut order = accounts.to_vec();
        order.sort_by(|one, other| self.0[one].total_cmp(&self.0[other]));
        order
    }

    fn note(&mut self, account_id: AccountId, weight: u32) {
        *self.0.entry(account_id).or_default() += 1.0 / f64::from(weight.max(1));
    }
}

fn note(step: &Step) {
    metrics::operations_accepted(0, step.notifications as usize);
    tracing::debug!(
        operation_id = %step.operation_id,
        notifications = step.notifications,
        "fanned out"
    );

    if step.is_full {
        tracing::error!(
            operation_id = %step.operation_id,
            max = MAX_POSITIONS,
            "an audience is larger than an Operation can be; the rest of its Users get nothing"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The accounts of the next `count` turns, of which each is taken.
    fn turns(
        turns: &mut FanOutTurns,
        accounts: &[AccountId],
        weights: &[u32],
        count: usize,
    ) -> Vec<usize> {
        (0..count)
            .map(|_| {
                let next = turns.order(accounts)[0];
                let index = accounts.iter().position(|id| *id == next).unwrap();
                turns.note(next, weights[index]);
                index
            })
            .collect()
    }

    #[test]
    fn accounts_take_turns_by_their_weights() {
        let accounts = [AccountId::generate(), AccountId::generate()];

        let mut fair = FanOutTurns::default();
        assert_eq!(turns(&mut fair, &accounts, &[1, 1], 4), [0, 1, 0, 1]);

        let mut weighted = FanOutTurns::default();
        let order = turns(&mut weighted, &accounts, &[3, 1], 400);
        assert_eq!(order.iter().filter(|index| **index == 0).count(), 300);
    }

    #[test]
    fn an_account_that_comes_later_takes_the_next_turn_and_no_more_than_that() {
        let accounts = [AccountId::generate(), AccountId::generate()];
        let mut fair = FanOutTurns::default();
        turns(&mut fair, &accounts[..1], &[1], 100);

        let order = turns(&mut fair, &accounts, &[1, 1], 10);
        assert_eq!(order.iter().filter(|index| **index == 1).count(), 5);
    }
}
