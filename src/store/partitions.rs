//! Day partitions of the large tables: made ahead, so that a day can be dropped at once.

#![expect(
    clippy::disallowed_methods,
    reason = "the names of partitions are not known when compiling"
)]

use sqlx::error::DatabaseError;
use sqlx::{PgConnection, PgExecutor};
use time::format_description::FormatItem;
use time::macros::format_description;
use time::{Date, Duration, OffsetDateTime, UtcOffset};
use uuid::Uuid;

use crate::model::id::lowest_id_at;
use crate::store::citus;

/// The large tables, parents first, and what each partition of them is stored with. Rows that
/// change get room for their new version on the same page.
const TABLES: [(&str, &str); 4] = [
    ("operations", ""),
    ("push_notifications", "with (fillfactor = 50)"),
    ("delivery_attempts", ""),
    ("batches", "with (fillfactor = 50)"),
];

/// Only one process at a time changes partitions.
const LOCK: i64 = 0x6265_6c6c_7761_7265;

const NAME: &[FormatItem<'_>] = format_description!("[year][month][day]");

/// Where the ids of `day` (UTC) begin.
fn first_id_of(day: Date) -> Uuid {
    lowest_id_at(day.midnight().assume_offset(UtcOffset::UTC))
}

/// For how long a change of partitions may hold up those who are sending before it gives up.
const LOCK_TIMEOUT: &str = "set lock_timeout = '200ms'";

/// Waits until this session alone changes partitions, which it does until its connection is closed.
/// From then on its statements give up a lock of a table after 200 ms; see [`is_busy`].
pub async fn lock(connection: &mut PgConnection) -> sqlx::Result<()> {
    sqlx::query!("select pg_advisory_lock($1)", LOCK)
        .execute(&mut *connection)
        .await?;

    sqlx::query(LOCK_TIMEOUT)
        .execute(connection)
        .await
        .map(drop)
}

/// Whether a change was given up because something long is reading the table: `lock_timeout` was
/// over.
pub fn is_busy(error: &sqlx::Error) -> bool {
    error
        .as_database_error()
        .and_then(DatabaseError::code)
        .as_deref()
        == Some("55P03")
}

/// Postgres' clock.
pub async fn now(executor: impl PgExecutor<'_>) -> sqlx::Result<OffsetDateTime> {
    sqlx::query_scalar!(r#"select now() as "now!""#)
        .fetch_one(executor)
        .await
}

/// Makes the partitions of `days` days from `first` on where they are missing. A day that cannot be
/// made because its rows already lie in the default partition stays there. One statement and one
/// table at a time, so that nobody who is sending waits for more than one of them.
pub async fn create(connection: &mut PgConnection, first: Date, days: u16) -> sqlx::Result<()> {
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
    let Some(next) = day.next_day() else {
        return Ok(());
    };
    let Ok(suffix) = day.format(NAME) else {
        return Ok(());
    };
    let name = format!("{table}_{suffix}");
    let exists = sqlx::query_scalar!(r#"select to_regclass($1) is not null as "exists!""#, name)
        .fetch_one(&mut *connection)
        .await?;
    if exists {
        return Ok(());
    }
    // Names and bounds are made here from a date alone, so there is nothing to escape.
    let statement = format!(
        "create table {name} partition of {table} for values from ('{}') to ('{}') {storage}",
        first_id_of(day),
        first_id_of(next),
    );
    match sqlx::query(sqlx::AssertSqlSafe(statement))
        .execute(&mut *connection)
        .await
    {
        // 23514: the default partition already holds rows of that day. They are safe there.
        Err(error)
            if error
                .as_database_error()
                .and_then(DatabaseError::code)
                .as_deref()
                == Some("23514") =>
        {
            tracing::warn!(%day, table, "rows of this day already lie in the default partition; leaving them there");
            Ok(())
        }
        result => result.map(drop),
    }
}

/// A day's partition of a large table.
#[derive(Debug, Clone)]
pub struct Partition {
    /// Its name.
    pub name: String,
    /// The large table.
    pub table: String,
    /// The day (UTC) of its Operations.
    pub day: Date,
    /// About how many rows it has.
    pub rows: i64,
    /// What it takes on disk, with its indexes.
    pub bytes: i64,
    /// Whether it still belongs to its table: one that was detached and not dropped does not.
    is_attached: bool,
}

/// Every partition of a day before `day`, oldest first.
pub async fn before(connection: &mut PgConnection, day: Date) -> sqlx::Result<Vec<Partition>> {
    let found = sqlx::query!(
        r#"
        select
            relname::text as "name!",
            greatest(reltuples, 0)::bigint as "rows!",
            pg_total_relation_size(pg_class.oid) as "bytes!",
            exists (select from pg_inherits where inhrelid = pg_class.oid) as "is_attached!"
        from pg_class
        join pg_namespace on pg_namespace.oid = relnamespace
        where nspname = current_schema() and relkind = 'r' and relname ~ '^[a-z_]+_[0-9]{8}$'
        order by right(relname, 8), relname
        "#
    )
    .fetch_all(&mut *connection)
    .await?;
    let partitions = found.into_iter().filter_map(|row| {
        let (table, suffix) = row.name.rsplit_once('_')?;
        let (table, _) = TABLES.iter().find(|(name, _)| *name == table)?;
        let day = Date::parse(suffix, NAME).ok()?;
        let (table, name) = ((*table).to_owned(), row.name);
        Some(Partition {
            name,
            table,
            day,
            rows: row.rows,
            bytes: row.bytes,
            is_attached: row.is_attached,
        })
    });
    let mut partitions: Vec<Partition> =
        partitions.filter(|partition| partition.day < day).collect();
    if citus::is_distributed(connection).await? {
        for partition in partitions
            .iter_mut()
            .filter(|partition| partition.table != "batches")
        {
            (partition.rows, partition.bytes) =
                citus::size(&mut *connection, &partition.name).await?;
        }
    }
    Ok(partitions)
}

/// How many batches of the Operations of `day` have something left to send, an audience that is
/// still being found counting as one.
pub async fn live_batches(executor: impl PgExecutor<'_>, day: Date) -> sqlx::Result<i64> {
    let (from, to) = (
        first_id_of(day),
        first_id_of(day.next_day().unwrap_or(Date::MAX)),
    );
    sqlx::query_scalar!(
        r#"
        select
            (select count(*) from batches where operation_id >= $1 and operation_id < $2 and queued > 0)
            + (select count(*) from fanouts where operation_id >= $1 and operation_id < $2) as "live!"
        "#,
        from,
        to
    )
    .fetch_one(executor)
    .await
}

/// Takes `partition` out of its table, unless somebody has: a moment's exclusive lock on the table.
pub async fn detach(connection: &mut PgConnection, partition: &Partition) -> sqlx::Result<()> {
    let Partition {
        name,
        table,
        is_attached,
        ..
    } = partition;
    if !is_attached {
        return Ok(());
    }
    // Names are made from a date alone, so there is nothing to escape.
    let statement = format!("alter table {table} detach partition {name}");
    sqlx::query(sqlx::AssertSqlSafe(statement))
        .execute(connection)
        .await
        .map(drop)
}

/// Drops `partition`, which was detached: its files go, and nobody is hindered.
pub async fn drop_detached(
    connection: &mut PgConnection,
    partition: &Partition,
) -> sqlx::Result<()> {
    sqlx::query(sqlx::AssertSqlSafe(format!(
        "drop table {}",
        partition.name
    )))
    .execute(connection)
    .await
    .map(drop)
}

/// How many rows the default partitions hold of days before `day`.
pub async fn count_in_default(executor: impl PgExecutor<'_>, day: Date) -> sqlx::Result<i64> {
    sqlx::query_scalar!(
        r#"
        select
            (select count(*) from operations_default where id < $1)
            + (select count(*) from batches_default where operation_id < $1)
            + (select count(*) from push_notifications_default where operation_id < $1)
            + (select count(*) from delivery_attempts_default where operation_id < $1) as "rows!"
        "#,
        first_id_of(day)
    )
    .fetch_one(executor)
    .await
}

/// Deletes what the default partitions hold of days before `day`, unless some of it is still to be
/// sent. Returns how many rows.
pub async fn remove_from_default(connection: &mut PgConnection, day: Date) -> sqlx::Result<u64> {
    let end = first_id_of(day);
    let live = sqlx::query_scalar!(
        r#"
        select exists (select from batches_default where operation_id < $1 and queued > 0)
            or exists (select from fanouts where operation_id < $1) as "live!"
        "#,
        end
    )
    .fetch_one(&mut *connection)
    .await?;
    if live {
        return Ok(0);
    }
    let mut removed = sqlx::query!(
        "delete from push_notifications_default where operation_id < $1",
        end
    )
    .execute(&mut *connection)
    .await?
    .rows_affected();
    removed += sqlx::query!(
        "delete from delivery_attempts_default where operation_id < $1",
        end
    )
    .execute(&mut *connection)
    .await?
    .rows_affected();
    removed += sqlx::query!("delete from batches_default where operation_id < $1", end)
        .execute(&mut *connection)
        .await?
        .rows_affected();
    removed += sqlx::query!("delete from operations_default where id < $1", end)
        .execute(connection)
        .await?
        .rows_affected();
    Ok(removed)
}
