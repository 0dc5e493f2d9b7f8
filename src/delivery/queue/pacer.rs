//! The pacer: makes notifications of paced Operations due, turn by turn. [`pace_plan`] decides, this
//! module reads and writes.
//!
//! A turn is one transaction, and replicas share the turns by `SKIP LOCKED`. So a pace holds however
//! many replicas there are, and a crash leaves no turn half done.
//!
//! [`pace_plan`]: crate::delivery::queue::pace_plan

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use sqlx::PgConnection;
use tokio_util::sync::CancellationToken;

use crate::delivery::queue::pace_plan::{self, Turn};
use crate::handoff::due_queues::DueQueues;
use crate::handoff::notifier::Notifier;
use crate::model::id::OperationId;
use crate::model::queue_key::QueueKey;
use crate::store::paces::{self, BatchTurn, DuePace, NextTurn, Waiting};
use crate::store::pool::Pool;

/// Operations whose turns one transaction takes.
const AT_A_TIME: i64 = 50;
/// The longest rest while any Operation is paced: another process may change its pace.
const WHILE_PACED: Duration = Duration::from_millis(500);
/// The shortest rest.
const SHORTEST: Duration = Duration::from_millis(10);
/// How long the pacer rests after Postgres failed.
const AFTER_ERROR: Duration = Duration::from_secs(1);
/// How long a turn may take.
const LIMIT: Duration = Duration::from_secs(10);
/// How many of the last batches show whether lanes accept them.
const RECENT: usize = 5;

/// The pacer of a process, run by one task that owns all of this.
///
/// The notifier wakes it when a paced Operation was accepted; a poll is the safety net, and says when
/// the next turn is. It ends with the token that [`Self::run`] is given; a transaction that runs at that
/// time is rolled back.
pub(crate) struct Pacer {
    pub pool: Pool,
    pub notifier: Arc<Notifier>,
    /// They learn what has become due.
    pub queues: Arc<DueQueues>,
    /// The longest time between two searches while no Operation is paced.
    pub poll_interval: Duration,
}

impl Pacer {
    pub(crate) async fn run(self, stop: CancellationToken) {
        let pacing = async {
            let pool = self.pool.limited_to(LIMIT);
            let mut has_failed = false;

            loop {
                match self.step(&pool).await {
                    Ok(rest) => {
                        if has_failed {
                            tracing::info!("paced Operations continue");
                            has_failed = false;
                        }
                        self.notifier.wait(rest).await;
                    }
                    Err(error) => {
                        // Once for each outage.
                        if !has_failed {
                            tracing::error!(%error, "paced Operations can't continue; trying again until Postgres answers");
                            has_failed = true;
                        }
                        tokio::time::sleep(AFTER_ERROR).await;
                    }
                }
            }
        };
        stop.run_until_cancelled(pacing).await;
    }

    /// Takes the turns that are due. Returns the time until the next search.
    async fn step(&self, pool: &Pool) -> sqlx::Result<Duration> {
        // Without a transaction, because most looks find no turn that is due.
        let next = pool
            .within(async |connection: &mut PgConnection| paces::next_in(connection).await)
            .await?;
        let Some(seconds) = next else {
            return Ok(self.poll_interval);
        };
        if let Ok(rest) = Duration::try_from_secs_f64(seconds)
            && !rest.is_zero()
        {
            return Ok(rest.min(WHILE_PACED));
        }

        let made_due = pool
            .transaction(async |connection: &mut PgConnection| take_turns(connection).await)
            .await?;
        // After the commit: a claim that is woken earlier would not see the batches.
        if !made_due.is_empty() {
            let due = made_due.into_iter().map(|queue| (queue, Duration::ZERO));
            self.queues.announce_all(due);
        }
        Ok(SHORTEST)
    }
}

/// Returns the queues that have become due.
async fn take_turns(connection: &mut PgConnection) -> sqlx::Result<BTreeSet<QueueKey>> {
    let due = paces::due(&mut *connection, AT_A_TIME).await?;
    if due.is_empty() {
        return Ok(BTreeSet::new());
    }

    let asked: Vec<(OperationId, i64)> = due
        .iter()
        .map(|due| {
            let batches = pace_plan::batches_of(due.pace);
            (due.operation_id, i64::from(batches))
        })
        .collect();
    let waiting = paces::waiting(&mut *connection, &asked).await?;

    let mut made_due = Vec::new();
    let mut next_turns = Vec::new();
    for (index, due) in due.iter().enumerate() {
        let own: Vec<&Waiting> = waiting
            .iter()
            .filter(|batch| batch.operation == index)
            .collect();
        let sizes: Vec<u32> = own
            .iter()
            .map(|batch| batch.queued.unsigned_abs())
            .collect();
        // The statement has returned as many as were asked for, so there may be more.
        let has_more = own.len() as i64 == asked[index].1;
        let taken = pace_plan::take(turn(due), &sizes, has_more);

        let new: Vec<BatchTurn> = own
            .iter()
            .take(taken.batches)
            .map(|batch| BatchTurn {
                operation_id: due.operation_id,
                number: batch.number,
                deadline_after: due.deadline_after,
            })
            .collect();
        next_turns.push(NextTurn {
            operation_id: due.operation_id,
            next_at: taken.next_at,
            recent: recent(due, &new),
        });
        made_due.extend(new);
    }

    // One statement for all Operations, however many have a turn at this time.
    let queues = paces::make_due(&mut *connection, &made_due).await?;
    for turn in &next_turns {
        paces::set_next_turn(&mut *connection, turn).await?;
    }
    Ok(queues.into_iter().collect())
}

fn turn(due: &DuePace) -> Turn {
    Turn {
        pace: due.pace,
        next_at: due.next_at,
        stuck: u32::try_from(due.stuck).unwrap_or(u32::MAX),
        is_growing: due.is_growing,
        now: due.now,
    }
}

/// The numbers of the last batches that became due.
fn recent(due: &DuePace, new: &[BatchTurn]) -> Vec<i32> {
    let numbers = due.recent.iter().copied();
    let numbers: Vec<i32> = numbers.chain(new.iter().map(|turn| turn.number)).collect();

    // A turn may take several batches: those of three turns.
    let kept = RECENT.max(3 * new.len());
    numbers[numbers.len().saturating_sub(kept)..].to_vec()
}
