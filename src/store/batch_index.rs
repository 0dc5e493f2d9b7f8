//! The index by which claims find an account's batches, on the partitions that were there before it.
//!
//! Such a partition may be large, and its index is built without holding up its statements: not in the
//! migration, whose transaction would lock it, but after it. Until then `batches_due` serves, more
//! slowly where many accounts have work. Partitions that are made later get the index with their table.

#![expect(
    clippy::disallowed_methods,
    reason = "the names of partitions are not known when compiling"
)]

use sqlx::{AssertSqlSafe, Connection, PgConnection};

use crate::store::advisory_lock;
use crate::store::partitions::is_busy;
use crate::store::pool::Pool;

/// The key of the advisory lock under which one process at a time builds indexes. The others don't wait
/// for it: a statement that waits would hold the build up, which waits for all older statements.
const LOCK: i64 = 0x6265_6c6c_6964_7800;

/// How long a build waits for older transactions before it is left to the next run.
const LOCK_TIMEOUT: &str = "set lock_timeout = '2s'";

/// Builds the missing indexes. Returns whether none is missing now.
pub async fn build_missing(pool: &Pool) -> sqlx::Result<bool> {
    // Closed at the end, which ends its settings; a pooler may keep its session, and with it the lock.
    let mut connection = pool.connect_apart().await?;
    let built = build_all(&mut connection).await;

    advisory_lock::release_all(&mut connection).await?;
    connection.close().await?;
    built
}

async fn build_all(connection: &mut PgConnection) -> sqlx::Result<bool> {
    if missing(&mut *connection).await?.is_empty() {
        return Ok(true);
    }

    let is_alone = sqlx::query_scalar!(r#"select pg_try_advisory_lock($1) as "is_alone!""#, LOCK)
        .fetch_one(&mut *connection)
        .await?;
    if !is_alone {
        return Ok(false);
    }

    run(&mut *connection, LOCK_TIMEOUT.to_owned()).await?;
    // What another process built meanwhile is not missing any more.
    for partition in missing(&mut *connection).await? {
        match build(connection, &partition).await {
            Ok(()) => tracing::info!(partition, "index of the accounts' batches built"),
            Err(error) if is_busy(&error) => return Ok(false),
            Err(error) => return Err(error),
        }
    }

    Ok(true)
}

/// The partitions without the index.
async fn missing(connection: &mut PgConnection) -> sqlx::Result<Vec<String>> {
    sqlx::query_scalar!(
        r#"
        select pg_class.relname::text as "name!"
        from pg_inherits
        join pg_class on pg_class.oid = pg_inherits.inhrelid
        where pg_inherits.inhparent = 'batches'::regclass
            and not exists (
                select
                from pg_index
                join pg_inherits as index_inherits on index_inherits.inhrelid = pg_index.indexrelid
                where pg_index.indrelid = pg_class.oid
                    and index_inherits.inhparent = 'batches_of_account'::regclass
            )
        order by pg_class.relname
        "#
    )
    .fetch_all(connection)
    .await
}

async fn build(connection: &mut PgConnection, partition: &str) -> sqlx::Result<()> {
    let index = format!("{partition}_of_account");

    // One that was begun and not finished is of no use.
    run(
        connection,
        format!("drop index concurrently if exists {index}"),
    )
    .await?;
    let columns = "(account_id, rank, due_at) where queued > 0";
    run(
        connection,
        format!("create index concurrently {index} on {partition} {columns}"),
    )
    .await?;

    run(
        connection,
        format!("alter index batches_of_account attach partition {index}"),
    )
    .await
}

async fn run(connection: &mut PgConnection, statement: String) -> sqlx::Result<()> {
    // Names come from the catalog and are those of `partitions`, so there is nothing to escape.
    sqlx::query(AssertSqlSafe(statement))
        .execute(connection)
        .await
        .map(drop)
}
