//! Day partitions of the large tables: made ahead, so that a day can be dropped at once.

use sqlx::PgConnection;
use sqlx::error::DatabaseError;
use time::format_description::FormatItem;
use time::macros::format_description;
use time::{Date, Duration, UtcOffset};
use uuid::Uuid;

use crate::id::least_at;

/// The large tables, parents first, and what each partition of them is stored with. Rows that change get room for their
/// new version on the same page.
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
    least_at(day.midnight().assume_offset(UtcOffset::UTC))
}

/// Makes the partitions of `days` days from `first` on where they are missing. A day that cannot be made because its rows
/// already lie in the default partition stays there.
pub async fn create(connection: &mut PgConnection, first: Date, days: u16) -> sqlx::Result<()> {
    sqlx::query!("select pg_advisory_lock($1)", LOCK).execute(&mut *connection).await?;
    let created = create_locked(connection, first, days).await;
    sqlx::query!("select pg_advisory_unlock($1)", LOCK).fetch_one(&mut *connection).await?;
    created
}

/// One statement and one table at a time, so that nobody who is sending waits for more than one of them.
async fn create_locked(connection: &mut PgConnection, first: Date, days: u16) -> sqlx::Result<()> {
    for day in (0..i64::from(days)).filter_map(|offset| first.checked_add(Duration::days(offset))) {
        for (table, storage) in TABLES {
            create_one(connection, table, storage, day).await?;
        }
    }
    Ok(())
}

async fn create_one(connection: &mut PgConnection, table: &str, storage: &str, day: Date) -> sqlx::Result<()> {
    let Some(next) = day.next_day() else { return Ok(()) };
    let Ok(suffix) = day.format(NAME) else { return Ok(()) };
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
    match sqlx::query(sqlx::AssertSqlSafe(statement)).execute(&mut *connection).await {
        // 23514: the default partition already holds rows of that day. They are safe there.
        Err(error) if error.as_database_error().and_then(DatabaseError::code).as_deref() == Some("23514") => {
            tracing::warn!(%day, table, "rows of this day already lie in the default partition; leaving them there");
            Ok(())
        }
        result => result.map(drop),
    }
}
