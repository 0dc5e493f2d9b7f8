//! What keeps vacuum from removing what is done: transactions that are open for long, prepared ones,
//! and replication slots. While one of them is old, dead rows and index entries stay.

use sqlx::PgExecutor;

/// Holders that are read, oldest first.
const MAX_HOLDERS: i64 = 20;

/// Something that holds an old snapshot of the database.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct SnapshotHolder {
    /// `transaction`, `prepared transaction` or `replication slot`.
    pub kind: String,
    /// The application's name, the prepared transaction's id, or the slot's name; may be empty.
    pub name: String,
    /// The server process, if there is one.
    pub pid: Option<i32>,
    /// The oldest transaction that it may still need, which shows whether it moves on.
    pub oldest_needed: String,
    /// How many transactions have begun since.
    pub transactions: i64,
    /// For how long it has been open, in seconds. `None`: it is not known, or this role may not see it.
    pub seconds: Option<f64>,
}

/// The holders of old snapshots, oldest first, without this connection. Any role may read this; only
/// one that is a member of `pg_read_all_stats` sees since when the transactions of other roles are
/// open.
pub(crate) async fn holders(executor: impl PgExecutor<'_>) -> sqlx::Result<Vec<SnapshotHolder>> {
    // By the age of what each still needs, and not by the time for which it is open: a slot has no
    // such time.
    sqlx::query_as!(
        SnapshotHolder,
        r#"
        select
            holder.kind as "kind!",
            coalesce(holder.name, '') as "name!",
            holder.pid as "pid?",
            holder.oldest_needed::text as "oldest_needed!",
            age(holder.oldest_needed)::bigint as "transactions!",
            holder.seconds::float8 as "seconds?"
        from (
            select
                'transaction' as kind,
                coalesce(nullif(pg_stat_activity.application_name, ''), pg_stat_activity.backend_type) as name,
                pg_stat_activity.pid,
                coalesce(pg_stat_activity.backend_xmin, pg_stat_activity.backend_xid) as oldest_needed,
                extract(epoch from clock_timestamp() - pg_stat_activity.xact_start) as seconds
            from pg_stat_activity
            where pg_stat_activity.pid <> pg_backend_pid()
                -- A standby that reports its queries belongs to no database and holds all of them.
                and coalesce(pg_stat_activity.datname, current_database()) = current_database()
            union all
            select
                'prepared transaction',
                pg_prepared_xacts.gid,
                null,
                pg_prepared_xacts.transaction,
                extract(epoch from clock_timestamp() - pg_prepared_xacts.prepared)
            from pg_prepared_xacts
            where pg_prepared_xacts.database = current_database()
            union all
            -- catalog_xmin holds only the catalog's tables.
            select 'replication slot', pg_replication_slots.slot_name, pg_replication_slots.active_pid,
                pg_replication_slots.xmin, null
            from pg_replication_slots
        ) as holder
        where holder.oldest_needed is not null
        order by age(holder.oldest_needed) desc
        limit $1
        "#,
        MAX_HOLDERS,
    )
    .fetch_all(executor)
    .await
}
