//! Indexes of the large tables that were added after their rows, and that a release needs before it
//! serves: `migrate` builds them.

use std::time::Duration;

use sqlx::{PgConnection, PgExecutor};

use crate::store::citus;
use crate::store::partition_index::{PartitionIndex, execute};
use crate::store::partitions::is_busy;

/// A User's notifications, in the order of lists.
const OF_USER: PartitionIndex = PartitionIndex {
    table: "push_notifications",
    name: "push_notifications_of_user",
    suffix: "of_user",
    columns: "(user_id, operation_id desc, position) where user_id is not null",
};

/// How long a statement that needs a table for itself may hold up others, before it gives way.
const BRIEF_LOCK: &str = "set lock_timeout = '500ms'";
/// An index that is built concurrently holds nothing up while it waits.
const PATIENT_LOCK: &str = "set lock_timeout = 0";
/// How long a statement that gave way rests.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// Whether all indexes are there.
pub(super) async fn are_complete(executor: impl PgExecutor<'_>) -> sqlx::Result<bool> {
    sqlx::query_scalar!(
        r#"
        select exists (
            select
            from pg_index
            where indexrelid = to_regclass($1) and indisvalid
        ) as "are_complete!"
        "#,
        OF_USER.name,
    )
    .fetch_one(executor)
    .await
}

/// Builds what is missing, partition by partition. Goes on where an earlier call was interrupted. The
/// caller holds the lock for migrations.
pub(super) async fn build_missing(connection: &mut PgConnection) -> sqlx::Result<()> {
    if are_complete(&mut *connection).await? {
        return Ok(());
    }

    let PartitionIndex {
        table,
        name,
        columns,
        ..
    } = OF_USER;
    if citus::is_distributed(connection).await? {
        tracing::info!(index = name, "building an index on all workers");
        return execute(
            connection,
            &format!("create index if not exists {name} on {table} {columns}"),
        )
        .await;
    }

    // On the parent alone, which takes a moment. With its partitions it would block sends for as long as
    // the index is built.
    let parent = format!("create index if not exists {name} on only {table} {columns}");
    execute_briefly(connection, &parent).await?;
    for partition in OF_USER.missing(connection).await? {
        tracing::info!(
            index = name,
            partition = partition.name,
            "building an index; sends go on meanwhile"
        );
        execute(connection, PATIENT_LOCK).await?;
        OF_USER.build(connection, &partition).await?;

        // Once the index of every partition is attached, Postgres marks that of the table as valid.
        // `are_complete` asks for this mark.
        execute_briefly(connection, &OF_USER.attach(&partition)).await?;
    }

    Ok(())
}

/// Executes a statement that needs a table for itself for a moment. It gives way to others, and tries
/// again.
async fn execute_briefly(connection: &mut PgConnection, statement: &str) -> sqlx::Result<()> {
    execute(connection, BRIEF_LOCK).await?;

    loop {
        match execute(connection, statement).await {
            Err(error) if is_busy(&error) => {
                tracing::warn!(%error, "waiting for a transaction that is using a table");
                tokio::time::sleep(RETRY_AFTER).await;
            }
            result => return result,
        }
    }
}
