//! Day partitions of the large tables, which are made ahead, so that a day can be dropped at once.
//!
//! A day is that of the Operation's acceptance, because its id carries that time: a record's
//! retention counts from there, for a scheduled Operation too. To keep scheduled ones for longer
//! would keep nearly every day for longer. A default partition beside the days
//! takes the rows of a missing one, so that no request ever fails for it. A day is dropped as a
//! whole, or, while anything of it is still to be sent, not at all.

#![expect(
    clippy::disallowed_methods,
    reason = "the names of partitions are not known when compiling"
)]

use sqlx::error::DatabaseError;
use sqlx::{AssertSqlSafe, PgConnection, PgExecutor};
use time::format_description::FormatItem;
use time::macros::format_description;
use time::{Date, Duration, OffsetDateTime, UtcOffset};
use uuid::Uuid;

use crate::model::id::lowest_id_at;
use crate::store::schema::{INSUFFICIENT_PRIVILEGE, LOCK_NOT_AVAILABLE};
use crate::store::{advisory_lock, citus};

/// The large tables, parents first, and the storage parameters of their partitions. Rows that change
/// get room for their new version on the same page, so that no index has to change.
const TABLES: [(&str, &str); 4] = [
    ("operations", ""),
    ("push_notifications", "with (fillfactor = 50)"),
    ("delivery_attempts", ""),
    ("batches", "with (fillfactor = 50)"),
];

/// The key of the advisory lock under which one process at a time changes partitions.
const LOCK: i64 = 0x6265_6c6c_7761_7265;

/// How long a change of partitions may hold up sends and deliveries before it gives up.
const LOCK_TIMEOUT: &str = "set lock_timeout = '200ms'";

/// The end of a partition's name.
const DAY: &[FormatItem<'_>] = format_description!("[year][month][day]");

/// SQLSTATE `check_violation`.
const CHECK_VIOLATION: &str = "23514";

/// The lowest id of anything created on `day` (UTC).
fn first_id_of(day: Date) -> Uuid {
    lowest_id_at(day.midnight().assume_offset(UtcOffset::UTC))
}

fn sqlstate_is(error: &sqlx::Error, code: &str) -> bool {
    let found = error.as_database_error().and_then(DatabaseError::code);

    found.as_deref() == Some(code)
}

/// Waits until this connection alone changes partitions, which it does until [`release`]. From then
/// on its statements give up a lock of a table after 200 ms: see [`is_busy`].
pub async fn lock(connection: &mut PgConnection) -> sqlx::Result<()> {
    advisory_lock::acquire(connection, LOCK, "changes the partitions").await?;

    sqlx::query(LOCK_TIMEOUT)
        .execute(connection)
        .await
        .map(drop)
}

/// Lets others change partitions.
pub(crate) async fn release(connection: &mut PgConnection) -> sqlx::Result<()> {
    advisory_lock::release_all(connection).await
}

/// Whether the role may not change partitions: it does not own the tables.
pub(crate) fn is_forbidden(error: &sqlx::Error) -> bool {
    sqlstate_is(error, INSUFFICIENT_PRIVILEGE)
}

/// Whether a change was given up because another transaction is using the table.
pub(crate) fn is_busy(error: &sqlx::Error) -> bool {
    sqlstate_is(error, LOCK_NOT_AVAILABLE)
}

/// The database's clock.
pub(crate) async fn now(executor: impl PgExecutor<'_>) -> sqlx::Result<OffsetDateTime> {
    sqlx::query_scalar!(r#"select now() as "now!""#)
        .fetch_one(executor)
        .await
}

/// Makes the missing partitions of `days` days from `first` on. A day stays in the default partition
/// if rows of it are there already.
pub async fn create(connection: &mut PgConnection, first: Date, days: u16) -> sqlx::Result<()> {
    // One table at a time, so that a request waits for one of these statements at most.
    for day in (0..i64::from(days)).filter_map(|offset| first.checked_add(Duration::days(offset))) {
        for (table, storage) in TABLES {
            create_one(connection, table, storage, day).await?;
        }
    }

    Ok(())
}

async fn create_one(
    connection: &mut PgConnection,
    table: &str,
    storage: &str,
    day: Date,
) -> sqlx::Result<()> {
    // Both fail only at the end of the calendar.
    let Some(next) = day.next_day() else {
        return Ok(());
    };
    let Ok(suffix) = day.format(DAY) else {
        return Ok(());
    };

    let name = format!("{table}_{suffix}");
    let exists = sqlx::query_scalar!(r#"select to_regclass($1) is not null as "exists!""#, name)
        .fetch_one(&mut *connection)
        .await?;

    // The usual case: days are made ahead, and each run asks for all of them.
    if exists {
        return Ok(());
    }

    // Names and bounds come from constants and a date, so there is nothing to escape.
    let statement = format!(
        "create table {name} partition of {table} for values from ('{}') to ('{}') {storage}",
        first_id_of(day),
        first_id_of(next),
    );
    match sqlx::query(AssertSqlSafe(statement))
        .execute(&mut *connection)
        .await
    {
        // The default partition holds rows of that day.
        Err(error) if sqlstate_is(&error, CHECK_VIOLATION) => {
            tracing::warn!(%day, table, "rows of this day are already in the default partition; leaving them there");
            Ok(())
        }
        result => result.map(drop),
    }
}

/// A day's partition of a large table.
#[derive(Debug, Clone)]
pub struct Partition {
    pub name: String,
    /// The large table.
    pub table: String,
    /// The day (UTC) of its Operations.
    pub day: Date,
    /// An estimate.
    pub rows: i64,
    /// On disk, with its indexes.
    pub bytes: i64,
    /// Whether it belongs to its table: one that was detached and not dropped yet does not.
    is_attached: bool,
}

/// The partitions of all days before `day`, oldest first.
pub(crate) async fn before(
    connection: &mut PgConnection,
    day: Date,
) -> sqlx::Result<Vec<Partition>> {
    let mut partitions = all(&mut *connection).await?;
    partitions.retain(|partition| partition.day < day);

    // The coordinator's catalog knows nothing of the rows on the workers.
    if citus::is_distributed(connection).await? {
        for partition in &mut partitions {
            if partition.table != "batches" {
                let size = citus::size(&mut *connection, &partition.name).await?;
                partition.rows = size.rows;
                partition.bytes = size.bytes;
            }
        }
    }

    Ok(partitions)
}

/// The partitions of all days, oldest first.
async fn all(executor: impl PgExecutor<'_>) -> sqlx::Result<Vec<Partition>> {
    let rows = sqlx::query!(
        r#"
        select
            pg_class.relname::text as "name!",
            greatest(pg_class.reltuples, 0)::bigint as "rows!",
            pg_total_relation_size(pg_class.oid) as "bytes!",
            exists (select from pg_inherits where pg_inherits.inhrelid = pg_class.oid) as "is_attached!"
        from pg_class
        join pg_namespace on pg_namespace.oid = pg_class.relnamespace
        where pg_namespace.nspname = current_schema()
            and pg_class.relkind = 'r'
            and pg_class.relname ~ '^[a-z_]+_[0-9]{8}$'
        order by right(pg_class.relname, 8), pg_class.relname
        "#
    )
    .fetch_all(executor)
    .await?;

    let partitions = rows.into_iter().filter_map(|row| {
        let (table, suffix) = row.name.rsplit_once('_')?;
        let (table, _) = TABLES.iter().find(|(name, _)| *name == table)?;
        let day = Date::parse(suffix, DAY).ok()?;

        Some(Partition {
            table: (*table).to_owned(),
            day,
            rows: row.rows,
            bytes: row.bytes,
            is_attached: row.is_attached,
            name: row.name,
        })
    });
    Ok(partitions.collect())
}

/// How many batches of the Operations of `day` have anything left to send. A fan-out that is not
/// over counts as one.
pub(crate) async fn live_batches(executor: impl PgExecutor<'_>, day: Date) -> sqlx::Result<i64> {
    let next = day.next_day().unwrap_or(Date::MAX);

    sqlx::query_scalar!(
        r#"
        select
            (select count(*) from batches where operation_id >= $1 and operation_id < $2 and queued > 0)
            + (select count(*) from fanouts where operation_id >= $1 and operation_id < $2) as "live!"
        "#,
        first_id_of(day),
        first_id_of(next),
    )
    .fetch_one(executor)
    .await
}

/// Takes `partition` out of its table, unless that was done before. Needs the table to itself for a
/// moment.
pub(crate) async fn detach(
    connection: &mut PgConnection,
    partition: &Partition,
) -> sqlx::Result<()> {
    if !partition.is_attached {
        // A run was interrupted before the drop. Its partition is only dropped now.
        return Ok(());
    }

    // Names come from constants and a date, so there is nothing to escape.
    let statement = format!(
        "alter table {} detach partition {}",
        partition.table, partition.name
    );
    sqlx::query(AssertSqlSafe(statement))
        .execute(connection)
        .await
        .map(drop)
}

/// Drops `partition`, which was detached: its files are deleted, and nothing waits for it.
pub(crate) async fn drop_detached(
    connection: &mut PgConnection,
    partition: &Partition,
) -> sqlx::Result<()> {
    let statement = format!("drop table {}", partition.name);

    sqlx::query(AssertSqlSafe(statement))
        .execute(connection)
        .await
        .map(drop)
}

/// How many rows of days before `day` the default partitions hold.
pub(crate) async fn count_in_default(
    executor: impl PgExecutor<'_>,
    day: Date,
) -> sqlx::Result<i64> {
    sqlx::query_scalar!(
        r#"
        select
            (select count(*) from operations_default where id < $1)
            + (select count(*) from batches_default where operation_id < $1)
            + (select count(*) from push_notifications_default where operation_id < $1)
            + (select count(*) from delivery_attempts_default where operation_id < $1) as "rows!"
        "#,
        first_id_of(day),
    )
    .fetch_one(executor)
    .await
}

/// Deletes the rows of days before `day` from the default partitions, unless any of them is still to
/// be sent. Returns how many rows.
pub(crate) async fn remove_from_default(
    connection: &mut PgConnection,
    day: Date,
) -> sqlx::Result<u64> {
    let end = first_id_of(day);

    let is_live = sqlx::query_scalar!(
        r#"
        select exists (select from batches_default where operation_id < $1 and queued > 0)
            or exists (select from fanouts where operation_id < $1) as "live!"
        "#,
        end,
    )
    .fetch_one(&mut *connection)
    .await?;
    if is_live {
        return Ok(0);
    }

    // The Operations last, so that an interrupted run leaves no rows without their Operation.
    let notifications = sqlx::query!(
        "delete from push_notifications_default where operation_id < $1",
        end,
    )
    .execute(&mut *connection)
    .await?;

    let attempts = sqlx::query!(
        "delete from delivery_attempts_default where operation_id < $1",
        end,
    )
    .execute(&mut *connection)
    .await?;

    let batches = sqlx::query!("delete from batches_default where operation_id < $1", end)
        .execute(&mut *connection)
        .await?;

    let operations = sqlx::query!("delete from operations_default where id < $1", end)
        .execute(connection)
        .await?;

    Ok(notifications.rows_affected()
        + attempts.rows_affected()
        + batches.rows_affected()
        + operations.rows_affected())
}
