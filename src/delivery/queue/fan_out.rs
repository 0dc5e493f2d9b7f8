//! The fan-out loop: turns an Operation to an audience, or one that sends failed notifications again,
//! into notifications and batches, step by step.
//! The batches are then claimed like any others.
//!
//! A step is one statement (`src/store/fan_out_step.sql`, `src/store/resend_step.sql`) that also moves the cursor. So there is
//! nothing to resume after a crash, and replicas share the steps by `SKIP LOCKED` alone. Accounts take
//! turns, so that none waits for the audiences of another.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use time::OffsetDateTime;
use tokio_util::sync::CancellationToken;

use crate::handoff::due_queues::DueQueues;
use crate::handoff::notifier::Notifier;
use crate::model::id::{AccountId, OperationId};
use crate::model::local_time::{Plan, PlanBounds, PlannedEnd};
use crate::store::fan_out::{self, DueFanOut, LocalFanOut, PlannedZone, Step};
use crate::store::pool::Pool;
use crate::store::resend;
use crate::store::users;
use crate::telemetry::metrics;

/// The IANA's database has fewer names.
const MOST_TIMEZONES: i64 = 2_000;
/// Nothing is planned for later than this: the records of the Operation would be gone.
const LONGEST_AHEAD: time::Duration = time::Duration::days(7);
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
    /// The longest time between two searches for due steps.
    pub poll_interval: Duration,
}

impl FanOut {
    pub(crate) async fn run(self, stop: CancellationToken) {
        let steps = async {
            let mut turns = FanOutTurns::default();
            let mut has_failed = false;
            loop {
                let stepped = self.step(&mut turns).await;

                if let Err(error) = &stepped {
                    // Once for each outage.
                    if !has_failed {
                        tracing::error!(%error, "audiences can't be fanned out; trying again until Postgres answers");
                    }
                    tokio::time::sleep(AFTER_ERROR).await;
                }
                has_failed = stepped.is_err();
            }
        };
        stop.run_until_cancelled(steps).await;
    }

    /// Does the next step and rests after it.
    async fn step(&self, turns: &mut FanOutTurns) -> sqlx::Result<()> {
        let began = Instant::now();

        let Some(step) = self.next(turns).await? else {
            self.rest().await;
            return Ok(());
        };
        note(&step);
        if step.needs_zones {
            self.plan_zones(step.operation_id).await?;
        }

        // As long as the step took: Postgres serves others too, and lanes send at less than half of
        // this rate.
        tokio::time::sleep(began.elapsed()).await;
        Ok(())
    }

    /// Does a step of an audience or of a copy; they take turns. `None`: no step is due, or other
    /// replicas are at work on all that are.
    async fn next(&self, turns: &mut FanOutTurns) -> sqlx::Result<Option<Step>> {
        turns.copy_is_next = !turns.copy_is_next;

        if turns.copy_is_next {
            match self.copy().await? {
                None => self.audience(turns).await,
                step => Ok(step),
            }
        } else {
            match self.audience(turns).await? {
                None => self.copy().await,
                step => Ok(step),
            }
        }
    }

    async fn copy(&self) -> sqlx::Result<Option<Step>> {
        let copied = resend::step(&self.pool, None).await?;
        Ok(copied.map(|copied| copied.step))
    }

    /// Does a step of the account whose turn it is.
    async fn audience(&self, turns: &mut FanOutTurns) -> sqlx::Result<Option<Step>> {
        let began = Instant::now();
        if turns.must_search(began) {
            let due = fan_out::due_accounts(&self.pool).await?;
            turns.found_due(&due, began, began.elapsed());
        }

        for due in turns.order() {
            if let Some(step) = fan_out::step(&self.pool, due).await? {
                let weight = self.queues.weight(due.account_id);
                turns.note(due.account_id, step.was_due_at, weight);
                return Ok(Some(step));
            }
            turns.remove(due.account_id);
        }

        Ok(None)
    }

    /// Plans when the Users of each time zone are sent to.
    async fn plan_zones(&self, operation_id: OperationId) -> sqlx::Result<()> {
        let Some(local) = fan_out::local(&self.pool, operation_id).await? else {
            return Ok(());
        };
        let timezones =
            users::known_timezones(&self.pool, local.account_id, MOST_TIMEZONES).await?;

        let zones = planned_zones(&local, timezones);
        fan_out::set_zones(&self.pool, operation_id, &zones).await
    }

    async fn rest(&self) {
        // An error is left to the next step, which meets the same and logs it.
        if let Ok(Some(due_in)) = fan_out::due_in(&self.pool).await {
            self.notifier.notify_after(due_in);
        }

        self.notifier.wait(self.poll_interval).await;
    }
}

/// After a search of all accounts, the next one waits for this many times the duration of the search. A search
/// passes the index entries of all completed steps while a transaction elsewhere keeps vacuum from removing them.
const SEARCH_PAUSE_FACTOR: u32 = 50;
/// The longest time between two searches.
const LONGEST_SEARCH_PAUSE: Duration = Duration::from_secs(1);

/// Whose turn it is: each account's steps, divided by its weight. The account with the fewest is next.
/// One that comes later begins with as many as the others have, so it does not make up for the past.
#[derive(Default)]
struct FanOutTurns {
    accounts: HashMap<AccountId, Turn>,
    /// No search before this time, unless no account is left.
    next_search: Option<Instant>,
    /// Whether a copy goes before the next audience.
    copy_is_next: bool,
}

struct Turn {
    steps: f64,
    /// Before this time, the account has no step.
    since: OffsetDateTime,
}

impl FanOutTurns {
    fn must_search(&self, now: Instant) -> bool {
        self.accounts.is_empty() || self.next_search.is_none_or(|at| at <= now)
    }

    /// Takes over the accounts that have steps due, as a search at `now` found them. The others are
    /// forgotten.
    fn found_due(&mut self, due: &[DueFanOut], now: Instant, took: Duration) {
        let is_due =
            |account_id: &AccountId| due.iter().any(|found| found.account_id == *account_id);
        self.accounts.retain(|account_id, _| is_due(account_id));

        let steps = self.accounts.values().map(|turn| turn.steps);
        let fewest = steps.fold(f64::INFINITY, f64::min);
        let begin = if fewest.is_finite() { fewest } else { 0.0 };
        for found in due {
            self.accounts
                .entry(found.account_id)
                .and_modify(|turn| turn.since = found.since)
                .or_insert(Turn {
                    steps: begin,
                    since: found.since,
                });
        }

        self.next_search = Some(now + (took * SEARCH_PAUSE_FACTOR).min(LONGEST_SEARCH_PAUSE));
    }

    /// The accounts in the order of their turns.
    fn order(&self) -> Vec<DueFanOut> {
        let mut order: Vec<_> = self.accounts.iter().collect();
        order.sort_by(|(_, one), (_, other)| one.steps.total_cmp(&other.steps));

        let due = order.into_iter().map(|(account_id, turn)| DueFanOut {
            account_id: *account_id,
            since: turn.since,
        });
        due.collect()
    }

    /// Notes a step, which had been due since `was_due_at`.
    fn note(&mut self, account_id: AccountId, was_due_at: OffsetDateTime, weight: u32) {
        if let Some(turn) = self.accounts.get_mut(&account_id) {
            turn.steps += 1.0 / f64::from(weight.max(1));
            turn.since = was_due_at;
        }
    }

    /// Forgets an account that has no step due, or none that is not locked.
    fn remove(&mut self, account_id: AccountId) {
        self.accounts.remove(&account_id);
    }
}

/// When the Users of each zone are sent to, and those without one, the earliest first.
fn planned_zones(local: &LocalFanOut, timezones: Vec<String>) -> Vec<PlannedZone> {
    let bounds = PlanBounds {
        now: local.now,
        starts_at: local.send_at.unwrap_or(local.now).max(local.now),
        latest: local.now + LONGEST_AHEAD,
    };

    let names = timezones.into_iter().map(Some).chain([None]);
    let mut zones: Vec<(Plan, Option<String>)> = names
        .map(|timezone| (local.schedule.plan(timezone.as_deref(), &bounds), timezone))
        .collect();
    zones.sort_by_key(|(plan, _)| plan.at);

    zones
        .into_iter()
        .map(|(plan, timezone)| PlannedZone {
            timezone,
            at: i64::try_from(plan.at.unix_timestamp_nanos() / 1_000).unwrap_or_default(),
            end: plan.end.map(PlannedEnd::as_str),
        })
        .collect()
}

fn note(step: &Step) {
    metrics::operations_accepted(0, step.notifications as usize);
    tracing::debug!(
        operation_id = %step.operation_id,
        notifications = step.notifications,
        "fanned out"
    );

    if let Some(failure) = &step.failure {
        tracing::warn!(
            operation_id = %step.operation_id,
            failure,
            "an Operation does not reach all of its audience"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::local_time::LocalSchedule;

    /// The accounts of the next `count` turns, of which each is taken.
    fn turns(
        turns: &mut FanOutTurns,
        accounts: &[AccountId],
        weights: &[u32],
        count: usize,
    ) -> Vec<usize> {
        let since = OffsetDateTime::now_utc();
        let due: Vec<DueFanOut> = accounts
            .iter()
            .map(|account_id| DueFanOut {
                account_id: *account_id,
                since,
            })
            .collect();

        (0..count)
            .map(|_| {
                turns.found_due(&due, Instant::now(), Duration::ZERO);
                let next = turns.order()[0].account_id;
                let index = accounts.iter().position(|id| *id == next).unwrap();
                turns.note(next, since, weights[index]);
                index
            })
            .collect()
    }

    #[test]
    fn zones_are_planned_in_the_order_of_their_times() {
        let now = time::macros::datetime!(2026-11-30 07:30 UTC);
        let local = LocalFanOut {
            account_id: AccountId::generate(),
            schedule: LocalSchedule {
                send_at: "2026-11-30T09:00:00".parse().ok(),
                ..LocalSchedule::default()
            },
            send_at: None,
            now,
        };
        let names = ["Europe/Berlin", "America/New_York", "Asia/Tokyo"].map(str::to_owned);

        let zones = planned_zones(&local, names.into());
        let order: Vec<Option<&str>> = zones.iter().map(|zone| zone.timezone.as_deref()).collect();
        assert_eq!(
            order,
            [
                // It has passed there, and goes at once.
                Some("Asia/Tokyo"),
                Some("Europe/Berlin"),
                None,
                Some("America/New_York"),
            ]
        );
        assert_eq!(zones[0].at, now.unix_timestamp() * 1_000_000);
        assert_eq!(zones[1].at - zones[0].at, 30 * 60 * 1_000_000);
    }

    #[test]
    fn accounts_take_turns_by_their_weights() {
        let accounts = [AccountId::generate(), AccountId::generate()];

        let mut fair = FanOutTurns::default();
        let order = turns(&mut fair, &accounts, &[1, 1], 4);
        assert_eq!(order.iter().filter(|index| **index == 0).count(), 2);
        assert_ne!(order[0], order[1]);
        assert_ne!(order[2], order[3]);

        let mut weighted = FanOutTurns::default();
        let order = turns(&mut weighted, &accounts, &[4, 1], 500);
        assert_eq!(order.iter().filter(|index| **index == 0).count(), 400);
    }

    #[test]
    fn an_account_that_comes_later_takes_its_turns_and_no_more_than_that() {
        let accounts = [AccountId::generate(), AccountId::generate()];
        let mut fair = FanOutTurns::default();
        turns(&mut fair, &accounts[..1], &[1], 100);

        let order = turns(&mut fair, &accounts, &[1, 1], 10);
        assert_eq!(order.iter().filter(|index| **index == 1).count(), 5);
    }

    #[test]
    fn a_step_is_searched_from_the_last_one_on_until_the_next_search() {
        let now = Instant::now();
        let start = OffsetDateTime::now_utc();
        let account_id = AccountId::generate();
        let found = DueFanOut {
            account_id,
            since: start,
        };
        let mut turns = FanOutTurns::default();
        assert!(turns.must_search(now));

        let took = Duration::from_millis(4);
        turns.found_due(&[found], now, took);
        turns.note(account_id, start + Duration::from_secs(5), 1);
        assert_eq!(turns.order()[0].since, start + Duration::from_secs(5));

        assert!(!turns.must_search(now + took));
        assert!(turns.must_search(now + SEARCH_PAUSE_FACTOR * took));
        turns.found_due(&[found], now, took);
        assert_eq!(turns.order()[0].since, start, "one that was locked, say");

        turns.remove(account_id);
        assert!(turns.must_search(now), "none is left");
    }
}
