//! The index by which claims find an account's batches, on the partitions that were there before it.
//!
//! Such a partition may be large, and its index is built without holding up its statements: not in the
//! migration, whose transaction would lock it, but after it. Until then `batches_due` serves, more
//! slowly where many accounts have work. Partitions that are made later get the index with their table.

use sqlx::{Connection, PgConnection};

use crate::store::advisory_lock;
use crate::store::partition_index::{Partition, PartitionIndex, execute};
use crate::store::partitions::is_busy;
use crate::store::pool::Pool;

const OF_ACCOUNT: PartitionIndex = PartitionIndex {
    table: "batches",
    name: "batches_of_account",
    suffix: "of_account",
    columns: "(account_id, rank, due_at) where queued > 0",
};

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
    // The usual case needs no lock: retention asks every hour.
    if OF_ACCOUNT.missing(connection).await?.is_empty() {
        return Ok(true);
    }

    let is_alone = sqlx::query_scalar!(r#"select pg_try_advisory_lock($1) as "is_alone!""#, LOCK)
        .fetch_one(&mut *connection)
        .await?;

    // Another process builds them. The caller does not wait, and asks again later.
    if !is_alone {
        return Ok(false);
    }

    execute(connection, LOCK_TIMEOUT).await?;
    // What another process built meanwhile is not missing any more.
    for partition in OF_ACCOUNT.missing(connection).await? {
        match build(connection, &partition).await {
            Ok(()) => tracing::info!(
                partition = partition.name,
                "index of the accounts' batches built"
            ),
            // An old transaction is in the way. The indexes that are built stay, and the next run
            // begins after them.
            Err(error) if is_busy(&error) => return Ok(false),
            Err(error) => return Err(error),
        }
    }

    Ok(true)
}

async fn build(connection: &mut PgConnection, partition: &Partition) -> sqlx::Result<()> {
    OF_ACCOUNT.build(connection, partition).await?;

    execute(connection, &OF_ACCOUNT.attach(partition)).await
}
