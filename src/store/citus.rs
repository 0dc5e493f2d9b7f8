//! Citus: the large tables are distributed by the Operation's id over several machines.
//!
//! `batches` and all small tables stay on the coordinator, because rows can be locked and skipped
//! only there; a batch is one row for up to 500 notifications, so one machine can hold the queue.
//!
//! The statements of this folder run on Citus and on plain Postgres alike:
//! * rows of a distributed table are read or changed in a CTE of their own, which is joined with
//!   arrays or other CTEs, and never with a local table;
//! * a time is computed in a CTE before it is set;
//! * a statement that locks rows does not join on the level that is read;
//! * a claim compares what it loads with the batch's tally, because a commit is seen on one machine
//!   after the other.
//!
//! The statements in this file are not checked when compiling: what they name exists only with Citus.

#![expect(
    clippy::disallowed_methods,
    reason = "what these statements ask for is there only with Citus"
)]

use sqlx::{AssertSqlSafe, Connection, PgConnection, PgExecutor};

use crate::store::{connection, partitions};

/// The distributed tables, each with the column that it is distributed by. The rows of one Operation
/// lie together on one machine.
const TABLES: [(&str, &str); 3] = [
    ("operations", "id"),
    ("push_notifications", "operation_id"),
    ("delivery_attempts", "operation_id"),
];

/// Settings for changes of rows on several machines.
const CHANGES: [(&str, &str); 2] = [
    // Otherwise each statement waits until the one before is committed, even for other rows.
    ("citus.all_modifications_commutative", "on"),
    // One connection to each machine: every further one is one more two-phase commit.
    ("citus.multi_shard_modify_mode", "sequential"),
];

/// Why the tables can't be distributed.
#[derive(Debug, thiserror::Error)]
pub enum CitusError {
    #[error(
        "this database has no Citus: run `create extension citus` in it on the coordinator and on every worker, then `select citus_add_node('WORKER', 5432)` on the coordinator for each worker"
    )]
    NoExtension,
    #[error("this database is on a worker: database.url must be the coordinator's")]
    Worker,
    #[error(
        "Citus has no workers: run `select citus_add_node('WORKER', 5432)` in this database for each"
    )]
    NoWorkers,
    #[error(transparent)]
    Database(#[from] sqlx::Error),
}

/// Returns whether the large tables are distributed.
pub(crate) async fn is_distributed(connection: &mut PgConnection) -> sqlx::Result<bool> {
    let has_citus: bool =
        sqlx::query_scalar("select to_regclass('pg_catalog.pg_dist_partition') is not null")
            .fetch_one(&mut *connection)
            .await?;

    // The tables are distributed together or not at all, so the first one stands for all.
    Ok(has_citus && is_table_distributed(connection, TABLES[0].0).await?)
}

async fn is_table_distributed(executor: impl PgExecutor<'_>, table: &str) -> sqlx::Result<bool> {
    let statement =
        "select exists (select from pg_dist_partition where logicalrelid = $1::text::regclass)";

    sqlx::query_scalar(statement)
        .bind(table)
        .fetch_one(executor)
        .await
}

/// Distributes the large tables with their rows, all or none. The schema must be up to date. Returns
/// `false` if they are distributed already; the planner's settings are written in any case, so that
/// workers that were added since get them too.
pub async fn distribute(connection: &mut PgConnection) -> Result<bool, CitusError> {
    check(connection).await?;
    configure(connection).await?;

    // Held until this connection is closed.
    partitions::lock(&mut *connection).await?;
    if is_distributed(connection).await? {
        return Ok(false);
    }

    // In one transaction: statements join these tables by the Operation's id, which needs all of
    // them on the same machines, or all of them here.
    let mut transaction = connection.begin().await?;
    for (table, column) in TABLES {
        distribute_table(&mut transaction, table, column).await?;
    }
    transaction.commit().await?;

    Ok(true)
}

/// Checks that this is the coordinator of a cluster with workers.
async fn check(connection: &mut PgConnection) -> Result<(), CitusError> {
    let has_citus: bool =
        sqlx::query_scalar("select exists (select from pg_extension where extname = 'citus')")
            .fetch_one(&mut *connection)
            .await?;
    if !has_citus {
        return Err(CitusError::NoExtension);
    }

    // The coordinator's group is 0.
    let group: i32 = sqlx::query_scalar("select groupid from pg_dist_local_group")
        .fetch_one(&mut *connection)
        .await?;
    if group != 0 {
        return Err(CitusError::Worker);
    }

    let workers = "select exists (select from pg_dist_node where isactive and shouldhaveshards)";
    let has_workers: bool = sqlx::query_scalar(workers).fetch_one(connection).await?;
    if !has_workers {
        return Err(CitusError::NoWorkers);
    }

    Ok(())
}

/// Writes settings to this role in this database. Citus does the same on the workers.
async fn configure(connection: &mut PgConnection) -> sqlx::Result<()> {
    let template = "select format('alter role current_user in database %I set %s = %L', current_database(), $1, $2)";

    // Written to the role and not only set: a worker plans its part of a statement by settings of
    // its own sessions.
    for (name, value) in connection::PLANNING.into_iter().chain(CHANGES) {
        let statement: String = sqlx::query_scalar(template)
            .bind(name)
            .bind(value)
            .fetch_one(&mut *connection)
            .await?;

        sqlx::query(AssertSqlSafe(statement))
            .execute(&mut *connection)
            .await?;
    }

    Ok(())
}

async fn distribute_table(
    connection: &mut PgConnection,
    table: &str,
    column: &str,
) -> sqlx::Result<()> {
    // The first table begins the group of co-located ones.
    let beside = if table == TABLES[0].0 {
        "none"
    } else {
        TABLES[0].0
    };

    let statements = [
        format!(
            "select create_distributed_table('{table}', '{column}', colocate_with => '{beside}')"
        ),
        // The rows have been copied to the workers; those that are left here only take space.
        format!("select truncate_local_data_after_distributing_table('{table}')"),
    ];
    for statement in statements {
        sqlx::query(AssertSqlSafe(statement))
            .execute(&mut *connection)
            .await?;
    }

    Ok(())
}

/// The size of a distributed table or partition.
#[derive(sqlx::FromRow)]
pub(super) struct Size {
    /// An estimate.
    pub(super) rows: i64,
    /// On all disks, with the indexes.
    pub(super) bytes: i64,
}

pub(super) async fn size(executor: impl PgExecutor<'_>, table: &str) -> sqlx::Result<Size> {
    let statement = "
        select
            coalesce(sum(greatest(result::double precision, 0)), 0)::bigint as rows,
            citus_total_relation_size($1::text::regclass) as bytes
        from run_command_on_shards($1::text::regclass, $$select reltuples from pg_class where oid = '%s'::regclass$$)
        where success";

    sqlx::query_as(statement)
        .bind(table)
        .fetch_one(executor)
        .await
}
