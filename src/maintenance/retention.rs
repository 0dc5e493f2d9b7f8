//! Retention: creates the partitions of the coming days, drops those of days past their retention,
//! and deletes expired idempotency keys, tallies of receipts, and provider tokens that have ended.
//!
//! A record's retention counts from its acceptance, also if it is scheduled: its id contains its age,
//! and days are dropped whole. To keep scheduled records longer would keep nearly every day twice as
//! long. A day is dropped whole or, while any batch of it is to be sent, not at all.

use std::fmt;
use std::time::Duration;

use sqlx::{Connection, PgConnection, PgExecutor};
use time::{Date, OffsetDateTime};
use tokio_util::sync::CancellationToken;

use crate::model::id::lowest_id_at;
use crate::model::push_cap::LONGEST_PER;
use crate::store::audit_events;
use crate::store::batch_index;
use crate::store::cancel;
use crate::store::device_imports;
use crate::store::events;
use crate::store::idempotency_keys;
use crate::store::operation_guards;
use crate::store::paces;
use crate::store::partitions::{self, Partition};
use crate::store::pause;
use crate::store::pool::Pool;
use crate::store::provider_tokens;
use crate::store::receipts;
use crate::store::user_pushes;
use crate::telemetry::metrics;

/// How often retention runs. A late run loses nothing: rows of a day without a partition go to the
/// default partition.
const EVERY: Duration = Duration::from_hours(1);
/// How often a change of partitions is tried before it is left to the next run.
const ATTEMPTS: u32 = 10;
const RETRY_AFTER: Duration = Duration::from_secs(1);
/// Idempotency keys that one statement deletes.
const KEYS_AT_A_TIME: i64 = 5_000;
/// Paused and paced Operations that are canceled between two checks.
const RESTING_AT_A_TIME: i64 = 100;
/// No cap counts pushes that are older than this.
const LONGEST_CAP_DAYS: i32 = (LONGEST_PER / 86_400) as i32 + 1;
/// Imports that one statement deletes, each with up to 10,000 errors.
const IMPORTS_AT_A_TIME: i64 = 10;
/// How long one run may take. Postgres may have vanished in the middle of a statement; what is left
/// is done by the next run.
const RUN_LIMIT: Duration = Duration::from_mins(15);
/// Messages to webhooks, and provider tokens, that one statement deletes.
const ROWS_AT_A_TIME: i64 = 5_000;

/// The settings of retention.
#[derive(Debug, Clone, Copy)]
pub struct Retention {
    /// How long records can be read.
    pub period: Duration,
    /// How long the audit log is kept.
    pub audit_period: Duration,
    /// Days after today that get partitions.
    pub partitions_ahead: u16,
}

/// Records past their retention.
#[derive(Debug)]
pub struct Expired {
    /// The first day (UTC) with records that can still be read.
    pub first_kept: Date,
    /// Days before that day, oldest first.
    pub days: Vec<ExpiredDay>,
    /// Rows of earlier days in the default partitions.
    pub strays: i64,
    /// Expired idempotency keys.
    pub idempotency_keys: i64,
}

/// A day whose youngest record is past its retention.
#[derive(Debug)]
pub struct ExpiredDay {
    /// In UTC.
    pub day: Date,
    pub partitions: Vec<Partition>,
    /// Batches that are still to be sent. The day waits for them.
    pub live_batches: i64,
    /// Whether it could not be dropped because a long query or a backup is reading it.
    pub is_read: bool,
}

impl fmt::Display for Expired {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for day in &self.days {
            let fate = match day.live_batches {
                0 if day.is_read => "waits: a long query or a backup is reading it".to_owned(),
                0 => "past its retention".to_owned(),
                live => format!("waits: {live} batches are still to be sent"),
            };
            writeln!(formatter, "{}  {fate}", day.day)?;

            for Partition {
                name, rows, bytes, ..
            } in &day.partitions
            {
                writeln!(
                    formatter,
                    "  {name}  about {rows} rows  {} MiB",
                    bytes / (1024 * 1024)
                )?;
            }
        }

        writeln!(
            formatter,
            "{} rows of days without a partition",
            self.strays
        )?;
        writeln!(
            formatter,
            "{} expired idempotency keys",
            self.idempotency_keys
        )?;
        writeln!(formatter, "kept: {} and all later days", self.first_kept)
    }
}

/// Does `work` on a connection that alone changes partitions meanwhile.
async fn locked<T>(
    pool: &Pool,
    work: impl AsyncFnOnce(&mut PgConnection) -> sqlx::Result<T>,
) -> sqlx::Result<T> {
    // A connection of its own: the lock belongs to its session, and the pool would hand it on.
    let mut connection = pool.connect_apart().await?;
    partitions::lock(&mut connection).await?;

    let done = work(&mut connection).await;

    // Released before the connection is closed: a pooler may keep its session.
    partitions::release(&mut connection).await?;
    connection.close().await?;
    done
}

/// Creates the partitions of today and of the `days_ahead` days after it. Leaves them to a process with
/// another role if this one may not create them.
pub async fn make_partitions(pool: &Pool, days_ahead: u16) -> sqlx::Result<()> {
    let first = OffsetDateTime::now_utc().date();
    let days = days_ahead.saturating_add(1);

    let made = locked(pool, async |connection: &mut PgConnection| {
        patiently(connection, Change::Create { first, days }).await
    })
    .await;
    match made {
        Ok(true) => Ok(()),
        Ok(false) => {
            tracing::warn!(
                "partitions can't be created now: a long query or a backup is reading the tables"
            );
            Ok(())
        }
        Err(error) if partitions::is_forbidden(&error) => {
            tracing::warn!(
                "this role may not create partitions: run `bellwire retention` every day with the \
                 role that owns the tables, or the rows of new days go to the default partition"
            );
            Ok(())
        }
        Err(error) => Err(error),
    }
}

/// A change that needs an exclusive lock of a table.
#[derive(Clone, Copy)]
enum Change<'a> {
    Create { first: Date, days: u16 },
    Detach(&'a Partition),
    Drop(&'a Partition),
}

/// Makes a change, trying again while others read the table. `false`: they still do.
async fn patiently(connection: &mut PgConnection, change: Change<'_>) -> sqlx::Result<bool> {
    for _ in 0..ATTEMPTS {
        let changed = match change {
            Change::Create { first, days } => partitions::create(connection, first, days).await,
            Change::Detach(partition) => partitions::detach(connection, partition).await,
            Change::Drop(partition) => partitions::drop_detached(connection, partition).await,
        };
        match changed {
            Err(error) if partitions::is_busy(&error) => tokio::time::sleep(RETRY_AFTER).await,
            result => return result.map(|()| true),
        }
    }

    Ok(false)
}

/// The time that `period` before now was. Of this machine's clock and Postgres' the earlier one counts:
/// a wrong clock must not make records older than they are.
async fn period_ago(
    executor: impl PgExecutor<'_>,
    period: Duration,
) -> sqlx::Result<OffsetDateTime> {
    let now = OffsetDateTime::now_utc().min(partitions::now(executor).await?);

    Ok(now - period)
}

/// Finds records older than `period`.
pub async fn expired(connection: &mut PgConnection, period: Duration) -> sqlx::Result<Expired> {
    let first_kept = period_ago(&mut *connection, period).await?.date();

    let mut days: Vec<ExpiredDay> = Vec::new();
    for partition in partitions::before(connection, first_kept).await? {
        match days.last_mut() {
            Some(last) if last.day == partition.day => last.partitions.push(partition),
            _ => {
                let live_batches =
                    partitions::live_batches(&mut *connection, partition.day).await?;
                days.push(ExpiredDay {
                    day: partition.day,
                    partitions: vec![partition],
                    live_batches,
                    is_read: false,
                });
            }
        }
    }

    let strays = partitions::count_in_default(&mut *connection, first_kept).await?;
    Ok(Expired {
        first_kept,
        days,
        strays,
        idempotency_keys: idempotency_keys::count_old(connection).await?,
    })
}

/// Finds records older than `period`, and changes nothing.
pub async fn find_expired(pool: &Pool, period: Duration) -> sqlx::Result<Expired> {
    let mut connection = pool.connect_apart().await?;

    expired(&mut connection, period).await
}

/// Drops records older than `period`, except days with batches that are still to be sent. Returns
/// what it found. One process does this at a time.
pub async fn remove(pool: &Pool, period: Duration) -> sqlx::Result<Expired> {
    locked(pool, async |connection: &mut PgConnection| {
        remove_on(connection, period).await
    })
    .await
}

async fn remove_on(connection: &mut PgConnection, period: Duration) -> sqlx::Result<Expired> {
    let before = period_ago(&mut *connection, period).await?;
    // First, so that a day with nothing but paused batches is dropped by this run.
    cancel_resting(connection, before.date()).await?;
    let expired = expired(connection, period).await;

    // Before the days, because it needs no more than the service itself may do.
    while idempotency_keys::forget(&mut *connection, KEYS_AT_A_TIME).await? == KEYS_AT_A_TIME as u64
    {
    }

    let mut expired = expired?;
    for day in &mut expired.days {
        day.is_read = !remove_day(connection, day).await?;
    }

    if expired.strays > 0 {
        let rows = partitions::remove_from_default(connection, expired.first_kept).await?;
        tracing::info!(
            rows,
            "rows past their retention deleted from the default partitions"
        );
    }

    // In small statements: each commits by itself, so if the process stops, the next run goes on
    // from there.
    let oldest = lowest_id_at(before);
    while events::forget(&mut *connection, oldest, ROWS_AT_A_TIME).await? >= ROWS_AT_A_TIME as u64 {
    }

    while events::forget_unknown(&mut *connection, before, ROWS_AT_A_TIME).await?
        >= ROWS_AT_A_TIME as u64
    {}

    while device_imports::delete_before(&mut *connection, before, IMPORTS_AT_A_TIME).await?
        == IMPORTS_AT_A_TIME as u64
    {}

    let first_kept = lowest_id_at(expired.first_kept.midnight().assume_utc());
    while receipts::remove_tallies(&mut *connection, first_kept).await? > 0 {}
    while user_pushes::remove_old(&mut *connection, LONGEST_CAP_DAYS).await? > 0 {}

    while provider_tokens::delete_ended(&mut *connection, ROWS_AT_A_TIME).await?
        >= ROWS_AT_A_TIME as u64
    {}

    Ok(expired)
}

/// Cancels what is left of paused and paced Operations of days before `day`, so that no day waits for
/// ever.
async fn cancel_resting(connection: &mut PgConnection, day: Date) -> sqlx::Result<()> {
    let end = lowest_id_at(day.midnight().assume_utc());

    loop {
        let mut resting = pause::paused_before(&mut *connection, end, RESTING_AT_A_TIME).await?;
        resting.extend(paces::before(&mut *connection, end, RESTING_AT_A_TIME).await?);
        if resting.is_empty() {
            break;
        }

        let mut has_canceled = false;
        for id in resting {
            // One for each Operation, so that a large cancel does not hold the locks of those
            // before it.
            let mut transaction = connection.begin().await?;
            has_canceled |= cancel::operation(&mut transaction, id).await?;
            transaction.commit().await?;
            tracing::warn!(operation_id = %id, "an Operation that is paused or has a pace is past its retention, and was canceled");
        }
        // Nothing may be left to cancel of one that is half gone.
        if !has_canceled {
            break;
        }
    }

    operation_guards::remove_before(connection, end).await
}

/// Deletes events of the audit log that are older than `period`.
pub async fn forget_audit_events(pool: &Pool, period: Duration) -> sqlx::Result<()> {
    let before = period_ago(pool, period).await?;
    while audit_events::forget(pool, before, ROWS_AT_A_TIME).await? == ROWS_AT_A_TIME as u64 {}

    Ok(())
}

/// Drops a day, unless it waits for batches. `false`: a long query or a backup is reading it.
async fn remove_day(connection: &mut PgConnection, day: &ExpiredDay) -> sqlx::Result<bool> {
    let ExpiredDay {
        day,
        partitions,
        live_batches,
        ..
    } = day;
    if *live_batches > 0 {
        tracing::warn!(%day, live_batches, "a day past its retention waits: some of its batches are still to be sent");
        return Ok(true);
    }

    for partition in partitions {
        for change in [Change::Detach(partition), Change::Drop(partition)] {
            if !patiently(connection, change).await? {
                let partition = &partition.name;
                tracing::warn!(
                    partition,
                    "a partition can't be dropped now: a long query or a backup is reading its table"
                );
                return Ok(false);
            }
        }

        metrics::partition_dropped();
        tracing::info!(
            partition = partition.name,
            rows = partition.rows,
            bytes = partition.bytes,
            "partition dropped"
        );
    }

    Ok(true)
}

/// Runs retention every hour until `stop`.
pub async fn run(pool: Pool, retention: Retention, stop: CancellationToken) {
    let mut ticks = tokio::time::interval(EVERY);
    while stop.run_until_cancelled(ticks.tick()).await.is_some() {
        // Each step is complete in itself: the next run, of any process, continues after a stop.
        let run = tokio::time::timeout(RUN_LIMIT, run_once(&pool, retention));
        if let Some(Err(_)) = stop.run_until_cancelled(run).await {
            tracing::error!(
                limit = ?RUN_LIMIT,
                "retention did not end within its limit; trying again in an hour"
            );
        }
    }
}

async fn run_once(pool: &Pool, retention: Retention) {
    // Each step is tried although another has failed: they need different rights and locks.
    if let Err(error) = make_partitions(pool, retention.partitions_ahead).await {
        tracing::error!(%error, "partitions of the coming days can't be created; trying again in an hour");
    }
    if let Err(error) = batch_index::build_missing(pool).await {
        tracing::error!(%error, "an index of batches can't be built; trying again in an hour");
    }
    if let Err(error) = forget_audit_events(pool, retention.audit_period).await {
        tracing::error!(%error, "old events of the audit log can't be deleted; trying again in an hour");
    }

    match remove(pool, retention.period).await {
        // `remove_day` has logged it, and the next run tries again.
        Ok(expired) if expired.days.iter().any(|day| day.is_read) => {}
        Ok(expired) => {
            let waiting = expired
                .days
                .iter()
                .filter(|day| day.live_batches > 0)
                .count();
            metrics::retention_succeeded(OffsetDateTime::now_utc(), waiting);
        }
        Err(error) if partitions::is_forbidden(&error) => tracing::warn!(
            "this role may not drop partitions: run `bellwire retention` every day with the role that \
             owns the tables"
        ),
        Err(error) => {
            tracing::error!(%error, "records past their retention can't be dropped; trying again in an hour");
        }
    }
}
