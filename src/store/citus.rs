//! Citus: the large tables distributed by the Operation's id over several machines. Batches and all
//! small tables stay on the coordinator, where the queue is.
//!
//! Nothing here is checked when compiling: what these statements ask for is there only with Citus.

#![expect(
    clippy::disallowed_methods,
    reason = "what these statements ask for is there only with Citus"
)]

use sqlx::{AssertSqlSafe, Connection, PgConnection, PgExecutor};

use crate::store::{partitions, schema};

/// What is distributed and by which column. Rows of one Operation lie together, on one machine.
const TABLES: [(&str, &str); 3] = [
    ("operations", "id"),
    ("push_notifications", "operation_id"),
    ("delivery_attempts", "operation_id"),
];

/// How rows on several machines are changed: beside other changes, where each would wait for the
/// one before to be committed, whatever its rows are; and over one connection to each machine,
/// since every further one is one more commit in two phases.
const CHANGES: [(&str, &str); 2] = [
    ("citus.all_modifications_commutative", "on"),
    ("citus.multi_shard_modify_mode", "sequential"),
];

/// Why a schema can't be distributed.
#[derive(Debug, thiserror::Error)]
pub enum CitusError {
    /// A plain Postgres.
    #[error(
        "this database has no Citus: run `create extension citus` in it here and on every worker, then `select citus_add_node('worker', 5432)` here for each"
    )]
    NoExtension,
    /// A worker of a cluster.
    #[error("this is a worker: database.url must be the coordinator's")]
    Worker,
    /// Nowhere to put anything.
    #[error("there is no worker: run `select citus_add_node('worker', 5432)` here for each")]
    NoWorkers,
    /// Postgres.
    #[error(transparent)]
    Database(#[from] sqlx::Error),
}

/// Whether the large tables are distributed.
pub async fn is_distributed(connection: &mut PgConnection) -> sqlx::Result<bool> {
    let has_citus: bool =
        sqlx::query_scalar("select to_regclass('pg_catalog.pg_dist_partition') is not null")
            .fetch_one(&mut *connection)
            .await?;
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

/// Distributes the large tables with what is in them, all or none. The schema must be up to date.
/// `false`: they have been already. What new sessions are planned with is set either way, so that
/// machines that were added since get it too.
pub async fn distribute(connection: &mut PgConnection) -> Result<bool, CitusError> {
    check(connection).await?;
    for (name, value) in schema::PLANNING.into_iter().chain(CHANGES) {
        // Citus makes the workers' role alike.
        let statement = "select format('alter role current_user in database %I set %s = %L', current_database(), $1, $2)";
        let statement: String = sqlx::query_scalar(statement)
            .bind(name)
            .bind(value)
            .fetch_one(&mut *connection)
            .await?;
        sqlx::query(AssertSqlSafe(statement))
            .execute(&mut *connection)
            .await?;
    }
    // Until this connection is closed.
    partitions::lock(&mut *connection).await?;
    if is_distributed(connection).await? {
        return Ok(false);
    }
    let mut transaction = connection.begin().await?;
    for (table, column) in TABLES {
        let beside = if table == TABLES[0].0 {
            "none"
        } else {
            TABLES[0].0
        };
        for statement in [
            format!(
                "select create_distributed_table('{table}', '{column}', colocate_with => '{beside}')"
            ),
            // The rows have been copied; what is left of them here is dead weight.
            format!("select truncate_local_data_after_distributing_table('{table}')"),
        ] {
            sqlx::query(AssertSqlSafe(statement))
                .execute(&mut *transaction)
                .await?;
        }
    }
    transaction.commit().await?;
    Ok(true)
}

/// Whether this is the coordinator of a cluster with workers.
async fn check(connection: &mut PgConnection) -> Result<(), CitusError> {
    let has_citus: bool =
        sqlx::query_scalar("select exists (select from pg_extension where extname = 'citus')")
            .fetch_one(&mut *connection)
            .await?;
    if !has_citus {
        return Err(CitusError::NoExtension);
    }
    let group: i32 = sqlx::query_scalar("select groupid from pg_dist_local_group")
        .fetch_one(&mut *connection)
        .await?;
    if group != 0 {
        return Err(CitusError::Worker);
    }
    let workers = "select exists (select from pg_dist_node where isactive and shouldhaveshards)";
    if sqlx::query_scalar(workers).fetch_one(connection).await? {
        Ok(())
    } else {
        Err(CitusError::NoWorkers)
    }
}

/// About how many rows a distributed table or partition has, and what it takes on all disks with
/// its indexes.
pub async fn size(executor: impl PgExecutor<'_>, table: &str) -> sqlx::Result<(i64, i64)> {
    let statement = "
        select coalesce(sum(greatest(result::double precision, 0)), 0)::bigint, citus_total_relation_size($1::text::regclass)
        from run_command_on_shards($1::text::regclass, $$select reltuples from pg_class where oid = '%s'::regclass$$)
        where success";
    sqlx::query_as(statement)
        .bind(table)
        .fetch_one(executor)
        .await
}
