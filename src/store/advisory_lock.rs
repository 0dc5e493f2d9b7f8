//! Locks under which one process at a time changes the schema or the partitions.
//!
//! A lock is tried again and again and not waited for in Postgres: a statement that waits keeps an
//! index from being built concurrently, and so would wait for itself.

use std::time::Duration;

use sqlx::{PgConnection, PgExecutor};
use tokio::time::Instant;

const TRY_EVERY: Duration = Duration::from_millis(250);
/// How often it is logged that another process is waited for.
const LOG_EVERY: Duration = Duration::from_secs(10);

/// Takes the lock `key` for this session, and logs for whom it waits. `purpose` completes "waiting for
/// another process that …".
pub(super) async fn acquire(
    connection: &mut PgConnection,
    key: i64,
    purpose: &str,
) -> sqlx::Result<()> {
    let mut logged_at: Option<Instant> = None;

    while !is_acquired(&mut *connection, key).await? {
        // Logged at once and then every 10 s: an operator sees what a start or a migration waits
        // for.
        if logged_at.is_none_or(|at| at.elapsed() >= LOG_EVERY) {
            logged_at = Some(Instant::now());
            log_wait(connection, key, purpose).await?;
        }
        tokio::time::sleep(TRY_EVERY).await;
    }

    Ok(())
}

async fn log_wait(connection: &mut PgConnection, key: i64, purpose: &str) -> sqlx::Result<()> {
    // It may have ended since.
    let Some(holder) = holder(connection, key).await? else {
        return Ok(());
    };

    tracing::warn!(
        pid = holder.pid,
        address = holder.address.as_deref().unwrap_or("a Unix socket"),
        connected_at = ?holder.connected_at,
        "waiting for another process that {purpose}; pid and address are those of its connection in \
         pg_stat_activity"
    );
    Ok(())
}

async fn is_acquired(executor: impl PgExecutor<'_>, key: i64) -> sqlx::Result<bool> {
    sqlx::query_scalar!(r#"select pg_try_advisory_lock($1) as "is_acquired!""#, key)
        .fetch_one(executor)
        .await
}

/// The session that has a lock.
struct Holder {
    pid: Option<i32>,
    address: Option<String>,
    connected_at: Option<time::OffsetDateTime>,
}

async fn holder(executor: impl PgExecutor<'_>, key: i64) -> sqlx::Result<Option<Holder>> {
    // pg_locks shows the high 32 bits of a key as classid and the low ones as objid. Keys of other
    // databases of the server look the same, so the database is compared as well.
    sqlx::query_as!(
        Holder,
        r#"
        select
            pg_locks.pid,
            host(pg_stat_activity.client_addr) as address,
            pg_stat_activity.backend_start as connected_at
        from pg_locks
        left join pg_stat_activity on pg_stat_activity.pid = pg_locks.pid
        where pg_locks.locktype = 'advisory'
            and pg_locks.granted
            and pg_locks.database = (select oid from pg_database where datname = current_database())
            and pg_locks.classid::bigint = ($1::bigint >> 32) & 4294967295
            and pg_locks.objid::bigint = $1::bigint & 4294967295
        limit 1
        "#,
        key,
    )
    .fetch_optional(executor)
    .await
}

/// Releases every lock of this session. A pooler keeps the session when its client has gone.
pub(super) async fn release_all(executor: impl PgExecutor<'_>) -> sqlx::Result<()> {
    sqlx::query!("select pg_advisory_unlock_all()")
        .execute(executor)
        .await
        .map(drop)
}
