//! What comes and goes with time: partitions of the coming days are made ahead, those of days past
//! the retention are dropped, old idempotency keys are forgotten.

use std::fmt;
use std::time::Duration;

use sqlx::{Connection, PgConnection, PgPool};
use time::{Date, OffsetDateTime};
use tokio_util::sync::CancellationToken;

use crate::store::idempotency_keys;
use crate::store::partitions::{self, Partition};
use crate::telemetry::metrics;

/// How often to look. A day too late costs nothing: rows of a missing day go to the default
/// partition.
const EVERY: Duration = Duration::from_hours(1);
/// How often it tries again before it leaves the day to the next look, and what it waits in
/// between.
const TRIES: u32 = 10;
const TRY_AGAIN_AFTER: Duration = Duration::from_secs(1);
/// Idempotency keys that one statement forgets.
const KEYS_AT_A_TIME: i64 = 5_000;

/// For how long records are kept, and for how many days partitions are made ahead.
#[derive(Debug, Clone, Copy)]
pub struct Retention {
    /// How long records can be read.
    pub period: Duration,
    /// Days after today.
    pub partitions_ahead: u16,
}

/// What is past the retention.
#[derive(Debug)]
pub struct Expired {
    /// The first day (UTC) of which something can still be read.
    pub first_kept: Date,
    /// Days before that, oldest first.
    pub days: Vec<ExpiredDay>,
    /// Rows of days before that which have no partition.
    pub strays: i64,
    /// How many idempotency keys are past their time.
    pub idempotency_keys: i64,
}

/// A day whose youngest record is past the retention.
#[derive(Debug)]
pub struct ExpiredDay {
    /// The day (UTC).
    pub day: Date,
    /// What is left of it.
    pub partitions: Vec<Partition>,
    /// Batches that are still to be sent: the day waits for them.
    pub live_batches: i64,
    /// Whether it could not be dropped, since something long is reading it.
    pub is_read: bool,
}

/// For people.
impl fmt::Display for Expired {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for day in &self.days {
            let fate = match day.live_batches {
                0 if day.is_read => "waits: something long is reading it".to_owned(),
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
        writeln!(formatter, "{} rows of days without partitions", self.strays)?;
        writeln!(
            formatter,
            "{} idempotency keys past their time",
            self.idempotency_keys
        )?;
        writeln!(formatter, "kept: everything from {} on", self.first_kept)
    }
}

/// A connection of its own, whose end frees the lock that it holds.
async fn connect(pool: &PgPool) -> sqlx::Result<PgConnection> {
    let mut connection = pool.acquire().await?.detach();
    partitions::lock(&mut connection).await?;
    Ok(connection)
}

/// Makes the partitions of today and the `days_ahead` days after it.
pub async fn make_partitions(pool: &PgPool, days_ahead: u16) -> sqlx::Result<()> {
    let mut connection = connect(pool).await?;
    let today = OffsetDateTime::now_utc().date();
    let days = days_ahead.saturating_add(1);
    if !patiently(&mut connection, Change::Create(today, days)).await? {
        tracing::warn!(
            "no partitions can be made ahead now, since something long is reading the tables"
        );
    }
    connection.close().await
}

/// A change that needs a table to itself for a moment.
#[derive(Clone, Copy)]
enum Change<'a> {
    /// So many days from this one on.
    Create(Date, u16),
    Detach(&'a Partition),
    Drop(&'a Partition),
}

/// Makes a change as soon as nothing long is reading the table. `false`: something is.
async fn patiently(connection: &mut PgConnection, change: Change<'_>) -> sqlx::Result<bool> {
    for _ in 0..TRIES {
        let changed = match change {
            Change::Create(first, days) => partitions::create(connection, first, days).await,
            Change::Detach(partition) => partitions::detach(connection, partition).await,
            Change::Drop(partition) => partitions::drop_detached(connection, partition).await,
        };
        match changed {
            Err(error) if partitions::is_busy(&error) => tokio::time::sleep(TRY_AGAIN_AFTER).await,
            result => return result.map(|()| true),
        }
    }
    Ok(false)
}

/// What is past `period`, by the earlier of this machine's clock and Postgres': a clock that is
/// wrong must not make anything older than it is.
pub async fn expired(connection: &mut PgConnection, period: Duration) -> sqlx::Result<Expired> {
    let now = OffsetDateTime::now_utc().min(partitions::now(&mut *connection).await?);
    let first_kept = (now - period).date();
    let mut days: Vec<ExpiredDay> = Vec::new();
    for partition in partitions::before(connection, first_kept).await? {
        match days.last_mut() {
            Some(last) if last.day == partition.day => last.partitions.push(partition),
            _ => {
                let (day, live_batches) = (
                    partition.day,
                    partitions::live_batches(&mut *connection, partition.day).await?,
                );
                days.push(ExpiredDay {
                    day,
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

/// What is past `period`, and nothing is changed.
pub async fn look(pool: &PgPool, period: Duration) -> sqlx::Result<Expired> {
    expired(&mut *pool.acquire().await?, period).await
}

/// Drops what is past `period` but for days with something left to send. Returns what was found;
/// one process does so at a time.
pub async fn remove(pool: &PgPool, period: Duration) -> sqlx::Result<Expired> {
    let mut connection = connect(pool).await?;
    let mut expired = expired(&mut connection, period).await?;
    for day in &mut expired.days {
        day.is_read = !remove_day(&mut connection, day).await?;
    }
    if expired.strays > 0 {
        let rows = partitions::remove_from_default(&mut connection, expired.first_kept).await?;
        tracing::info!(
            rows,
            "removed from the default partitions what is past its retention"
        );
    }
    while idempotency_keys::forget(&mut connection, KEYS_AT_A_TIME).await? == KEYS_AT_A_TIME as u64
    {
    }
    connection.close().await?;
    Ok(expired)
}

/// Drops a day, unless it waits. `false`: something long is reading it.
async fn remove_day(connection: &mut PgConnection, day: &ExpiredDay) -> sqlx::Result<bool> {
    let ExpiredDay {
        day,
        partitions,
        live_batches,
        ..
    } = day;
    if *live_batches > 0 {
        tracing::warn!(%day, live_batches, "a day past its retention waits: some of it is still to be sent");
        return Ok(true);
    }
    for partition in partitions {
        for change in [Change::Detach(partition), Change::Drop(partition)] {
            if !patiently(connection, change).await? {
                let partition = &partition.name;
                tracing::warn!(
                    partition,
                    "can't be dropped now, since something long is reading its table"
                );
                return Ok(false);
            }
        }
        metrics::partition_dropped();
        tracing::info!(
            partition = partition.name,
            rows = partition.rows,
            bytes = partition.bytes,
            "dropped"
        );
    }
    Ok(true)
}

/// Keeps partitions ahead of the calendar and drops those past the retention, until `stop`.
pub async fn run(pool: PgPool, retention: Retention, stop: CancellationToken) {
    let mut ticks = tokio::time::interval(EVERY);
    while stop.run_until_cancelled(ticks.tick()).await.is_some() {
        // What a stop interrupts here is gone on with by the next who looks.
        let Some(()) = stop.run_until_cancelled(turn(&pool, retention)).await else {
            return;
        };
    }
}

async fn turn(pool: &PgPool, retention: Retention) {
    if let Err(error) = make_partitions(pool, retention.partitions_ahead).await {
        tracing::error!(%error, "partitions of the coming days can't be made; trying again in an hour");
    }
    match remove(pool, retention.period).await {
        // It has said so itself, and the next look tries again.
        Ok(expired) if expired.days.iter().any(|day| day.is_read) => {}
        Ok(expired) => {
            let waiting = expired
                .days
                .iter()
                .filter(|day| day.live_batches > 0)
                .count();
            metrics::retention_succeeded(OffsetDateTime::now_utc(), waiting);
        }
        Err(error) => {
            tracing::error!(%error, "what is past its retention can't be dropped; trying again in an hour");
        }
    }
}
