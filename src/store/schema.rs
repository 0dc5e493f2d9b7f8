//! Connecting to Postgres and bringing its schema up to date.

#![expect(
    clippy::disallowed_methods,
    reason = "the migrator's table, settings and names of databases are not known when compiling"
)]

use std::borrow::Cow;
use std::fmt;
use std::time::{Duration, Instant};

use sqlx::error::DatabaseError;
use sqlx::migrate::{Migrate, MigrateError, Migrator};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{Connection, PgConnection, PgPool};

use crate::store::dedicated_connection::TRUSTED_FOR;

/// The oldest Postgres whose SQL is understood.
const OLDEST_POSTGRES: u32 = 150_000;

/// The first and the longest wait between two looks for Postgres.
const WAIT_FIRST: Duration = Duration::from_millis(250);
const WAIT_LONGEST: Duration = Duration::from_secs(5);

/// For how long a migration that waits for a table may hold up those who come after it, before it
/// makes way and tries again.
const LOCK_TIMEOUT: &str = "set lock_timeout = '500ms'";

/// Every migration, oldest first.
pub static MIGRATOR: Migrator = sqlx::migrate!();

/// Why a database can't be used.
#[derive(Debug, thiserror::Error)]
pub enum SchemaError {
    /// Too old.
    #[error("Postgres {0} is too old: 15 or newer is needed")]
    TooOld(String),
    /// A newer version of Bellwire has been here.
    #[error(
        "its schema is of version {found}, and this bellwire knows up to {known}: run the version that brought it there, or a newer one"
    )]
    Newer {
        /// The newest migration in the database.
        found: i64,
        /// The newest that this version knows.
        known: i64,
    },
    /// A migration failed.
    #[error("its schema can't be brought up to date")]
    Migrate(#[from] MigrateError),
    /// Postgres.
    #[error(transparent)]
    Database(#[from] sqlx::Error),
}

/// How every statement is planned. All of them find their rows by index, and a plan that was made
/// while a table was small must not read the whole of it once it is large; just-in-time compilation
/// would cost more than any of them takes.
pub(super) const PLANNING: [(&str, &str); 4] = [
    ("enable_seqscan", "off"),
    ("enable_hashjoin", "off"),
    ("enable_mergejoin", "off"),
    ("jit", "off"),
];

/// Connections to a database, made when they are needed, at most `max_connections`.
pub fn pool(options: PgConnectOptions, max_connections: u32, acquire_timeout: Duration) -> PgPool {
    PgPoolOptions::new()
        .max_connections(max_connections)
        .acquire_timeout(acquire_timeout)
        // What was used a moment ago lives.
        .test_before_acquire(false)
        .before_acquire(|connection, metadata| {
            Box::pin(async move {
                Ok(metadata.idle_for < TRUSTED_FOR || connection.ping().await.is_ok())
            })
        })
        .connect_lazy_with(options.application_name("bellwire").options(PLANNING))
}

/// Makes the database `name` unless there is one. `name` must be a plain word.
pub async fn create_database(connection: &mut PgConnection, name: &str) -> sqlx::Result<()> {
    let exists = sqlx::query_scalar!(
        r#"select exists (select from pg_database where datname = $1) as "exists!""#,
        name
    )
    .fetch_one(&mut *connection)
    .await?;
    if !exists {
        let statement = format!(r#"create database "{name}""#);
        sqlx::query(sqlx::AssertSqlSafe(statement))
            .execute(connection)
            .await?;
    }
    Ok(())
}

/// What [`migrate`] did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Migrated {
    /// The newest migration that was there before; `None`: the database was empty.
    pub before: Option<i64>,
    /// The newest that is there now.
    pub now: i64,
}

/// For people.
impl fmt::Display for Migrated {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { before, now } = self;
        match before {
            Some(before) if before == now => {
                write!(formatter, "the schema was up to date: version {now}")
            }
            Some(before) => write!(
                formatter,
                "the schema is up to date: version {now}, from {before}"
            ),
            None => write!(
                formatter,
                "the schema is up to date: version {now}, from nothing"
            ),
        }
    }
}

/// Runs the migrations that are missing; one process at a time does so, by a lock in the database.
pub async fn migrate(pool: &PgPool) -> Result<Migrated, SchemaError> {
    // A connection of its own, whose end frees the lock that it holds.
    let mut connection = pool.acquire().await?.detach();
    let version = sqlx::query!(
        r#"select current_setting('server_version_num')::integer as "number!", current_setting('server_version') as "name!""#
    )
    .fetch_one(&mut connection)
    .await?;
    check_postgres(version.number as u32, &version.name)?;
    // The migrator takes it again. Taken here, so that what is there is known for certain.
    connection.lock().await?;
    let before = version_of(&mut connection).await?;
    if let Some(found) = before
        && found > newest()
    {
        return Err(SchemaError::Newer {
            found,
            known: newest(),
        });
    }
    sqlx::query(LOCK_TIMEOUT).execute(&mut connection).await?;
    let mut delay = WAIT_FIRST;
    while let Err(error) = MIGRATOR.run(&mut connection).await {
        // 55P03: something long, such as a backup, is reading a table that a migration needs for
        // itself.
        if !matches!(&error, MigrateError::ExecuteMigration(error, _) if code(error).as_deref() == Some("55P03"))
        {
            return Err(error.into());
        }
        tracing::warn!(%error, again_in = ?delay, "waiting for what is reading the tables");
        tokio::time::sleep(delay).await;
        delay = (delay * 2).min(WAIT_LONGEST);
    }
    connection.close().await?;
    Ok(Migrated {
        before,
        now: newest(),
    })
}

fn check_postgres(number: u32, name: &str) -> Result<(), SchemaError> {
    if number < OLDEST_POSTGRES {
        Err(SchemaError::TooOld(name.to_owned()))
    } else {
        Ok(())
    }
}

/// The newest migration that this version knows.
pub fn newest() -> i64 {
    MIGRATOR
        .iter()
        .map(|migration| migration.version)
        .max()
        .unwrap_or_default()
}

/// The newest migration in the database; `None`: there is none yet.
pub async fn version_of(connection: &mut PgConnection) -> sqlx::Result<Option<i64>> {
    let is_new =
        sqlx::query_scalar!(r#"select to_regclass('_sqlx_migrations') is null as "is_new!""#);
    if is_new.fetch_one(&mut *connection).await? {
        return Ok(None);
    }
    // Not checked when compiling: the table is the migrator's own.
    sqlx::query_scalar("select max(version) from _sqlx_migrations where success")
        .fetch_one(connection)
        .await
}

/// Returns once Postgres takes connections; an error: it did not within `timeout`, or will not.
pub async fn reachable(options: &PgConnectOptions, timeout: Duration) -> sqlx::Result<()> {
    let (until, mut delay) = (Instant::now() + timeout, WAIT_FIRST);
    loop {
        let left = until.saturating_duration_since(Instant::now());
        let connecting = tokio::time::timeout(left, PgConnection::connect_with(options)).await;
        let error = match connecting.unwrap_or(Err(sqlx::Error::PoolTimedOut)) {
            Ok(connection) => return connection.close().await,
            Err(error) if !may_pass(&error) || left <= delay => return Err(error),
            Err(error) => error,
        };
        tracing::warn!(%error, again_in = ?delay, "waiting for Postgres");
        tokio::time::sleep(delay).await;
        delay = (delay * 2).min(WAIT_LONGEST);
    }
}

/// Whether it is worth trying again: nobody answers, or Postgres is starting, ending or full.
fn may_pass(error: &sqlx::Error) -> bool {
    match code(error) {
        Some(code) => code.starts_with("57P") || code == "53300",
        None => matches!(error, sqlx::Error::Io(_)),
    }
}

fn code(error: &sqlx::Error) -> Option<Cow<'_, str>> {
    error.as_database_error().and_then(DatabaseError::code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_postgres_that_is_too_old_is_told_so() {
        let refused = check_postgres(140_019, "14.19 (Debian 14.19-1)")
            .unwrap_err()
            .to_string();
        assert_eq!(
            refused,
            "Postgres 14.19 (Debian 14.19-1) is too old: 15 or newer is needed"
        );
        for new_enough in [150_000, 150_013, 180_000] {
            check_postgres(new_enough, "").unwrap();
        }
    }
}
