//! Indexes of the large tables that were added after their rows.
//!
//! A migration can't build them: its statements are written before the days' partitions exist, and one
//! statement for all of them would block sends until it ends. So each partition's index is built
//! concurrently, and then attached to that of its table. A partition that is created later gets its
//! index with it.

#![expect(
    clippy::disallowed_methods,
    reason = "the names of partitions are not known when compiling"
)]

use std::time::Duration;

use sqlx::{AssertSqlSafe, PgConnection, PgExecutor};

use crate::store::citus;
use crate::store::partitions::is_busy;

struct Index {
    table: &'static str,
    name: &'static str,
    columns: &'static str,
}

/// The end of the name of a partition's index.
const SUFFIX: &str = "of_user";

/// A User's notifications, in the order of lists.
const OF_USER: Index = Index {
    table: "push_notifications",
    name: "push_notifications_of_user",
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

    let Index {
        table,
        name,
        columns,
    } = OF_USER;
    if citus::is_distributed(connection).await? {
        tracing::info!(index = name, "building an index on all workers");
        return execute(
            connection,
            &format!("create index if not exists {name} on {table} {columns}"),
        )
        .await;
    }

    let parent = format!("create index if not exists {name} on only {table} {columns}");
    execute_briefly(connection, &parent).await?;
    for partition in without_index(connection, &OF_USER).await? {
        build_on(connection, &OF_USER, &partition).await?;
    }

    Ok(())
}

/// A partition whose index is not attached to that of its table.
struct Partition {
    name: String,
    /// Whether its own index is there, and complete.
    has_index: bool,
}

async fn without_index(
    connection: &mut PgConnection,
    index: &Index,
) -> sqlx::Result<Vec<Partition>> {
    sqlx::query_as!(
        Partition,
        r#"
        select
            partition.relname::text as "name!",
            exists (
                select
                from pg_index
                where pg_index.indrelid = partition.oid
                    and pg_index.indexrelid = to_regclass(partition.relname || '_' || $3)
                    and pg_index.indisvalid
            ) as "has_index!"
        from pg_inherits
        join pg_class as partition on partition.oid = pg_inherits.inhrelid
        where pg_inherits.inhparent = to_regclass($1)
            and not exists (
                select
                from pg_index
                join pg_inherits as attached on attached.inhrelid = pg_index.indexrelid
                where pg_index.indrelid = partition.oid and attached.inhparent = to_regclass($2)
            )
        order by partition.relname
        "#,
        index.table,
        index.name,
        SUFFIX,
    )
    .fetch_all(connection)
    .await
}

async fn build_on(
    connection: &mut PgConnection,
    index: &Index,
    partition: &Partition,
) -> sqlx::Result<()> {
    // Names come from constants and the catalog's names of partitions, which are made of constants
    // and dates.
    let name = format!("{}_{SUFFIX}", partition.name);

    if !partition.has_index {
        tracing::info!(index = name, "building an index; sends go on meanwhile");
        execute(connection, PATIENT_LOCK).await?;

        // One that an interrupted build has left is not complete, and is never used.
        let leftover = format!("drop index concurrently if exists {name}");
        execute(connection, &leftover).await?;
        let build = format!(
            "create index concurrently {name} on {} {}",
            partition.name, index.columns
        );
        execute(connection, &build).await?;
    }

    let attach = format!("alter index {} attach partition {name}", index.name);
    execute_briefly(connection, &attach).await
}

async fn execute(connection: &mut PgConnection, statement: &str) -> sqlx::Result<()> {
    sqlx::query(AssertSqlSafe(statement.to_owned()))
        .execute(connection)
        .await
        .map(drop)
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
