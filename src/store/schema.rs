//! Connecting to Postgres and bringing its schema up to date.

use std::time::{Duration, Instant};

use sqlx::error::DatabaseError;
use sqlx::migrate::Migrator;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{Connection, PgConnection, PgPool};

/// The oldest Postgres whose SQL is understood.
const OLDEST_POSTGRES: u32 = 150_000;

/// The first and the longest wait between two looks for Postgres.
const WAIT_FIRST: Duration = Duration::from_millis(250);
const WAIT_LONGEST: Duration = Duration::from_secs(5);

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
    #[error("the database's schema can't be brought up to date: {0}")]
    Migrate(#[from] sqlx::migrate::MigrateError),
    /// Postgres.
    #[error(transparent)]
    Database(#[from] sqlx::Error),
}

/// How every statement is planned. All of them find their rows by index, and a plan that was made while a table was small
/// must not read the whole of it once it is large; just-in-time compilation would cost more than any of them takes.
pub(super) const PLANNING: [(&str, &str); 4] =
    [("enable_seqscan", "off"), ("enable_hashjoin", "off"), ("enable_mergejoin", "off"), ("jit", "off")];

/// Connections to a database, made when they are needed, at most `max_connections`.
pub fn pool(options: PgConnectOptions, max_connections: u32, acquire_timeout: Duration) -> PgPool {
    PgPoolOptions::new()
        .max_connections(max_connections)
        .acquire_timeout(acquire_timeout)
        .connect_lazy_with(options.application_name("bellwire").options(PLANNING))
}

/// Makes the database `name` unless there is one. `name` must be a plain word.
pub async fn create_database(connection: &mut PgConnection, name: &str) -> sqlx::Result<()> {
    let exists =
        sqlx::query_scalar!(r#"select exists (select from pg_database where datname = $1) as "exists!""#, name)
            .fetch_one(&mut *connection)
            .await?;
    if !exists {
        let statement = format!(r#"create database "{name}""#);
        sqlx::query(sqlx::AssertSqlSafe(statement)).execute(connection).await?;
    }
    Ok(())
}

/// Runs the migrations that are missing; one process at a time does so, by a lock in the database.
pub async fn migrate(pool: &PgPool) -> Result<(), SchemaError> {
    let version = sqlx::query!(
        r#"select current_setting('server_version_num')::integer as "number!", current_setting('server_version') as "name!""#
    )
    .fetch_one(pool)
    .await?;
    if (version.number as u32) < OLDEST_POSTGRES {
        return Err(SchemaError::TooOld(version.name));
    }
    if let Some(found) = version_of(pool).await?
        && found > newest()
    {
        return Err(SchemaError::Newer { found, known: newest() });
    }
    MIGRATOR.run(pool).await?;
    Ok(())
}

/// The newest migration that this version knows.
pub fn newest() -> i64 {
    MIGRATOR.iter().map(|migration| migration.version).max().unwrap_or_default()
}

/// The newest migration in the database; `None`: there is none yet.
pub async fn version_of(pool: &PgPool) -> sqlx::Result<Option<i64>> {
    let is_new = sqlx::query_scalar!(r#"select to_regclass('_sqlx_migrations') is null as "is_new!""#);
    if is_new.fetch_one(pool).await? {
        return Ok(None);
    }
    // Not checked when compiling: the table is the migrator's own.
    sqlx::query_scalar("select max(version) from _sqlx_migrations where success").fetch_one(pool).await
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
    match error.as_database_error().and_then(DatabaseError::code) {
        Some(code) => code.starts_with("57P") || code == "53300",
        None => matches!(error, sqlx::Error::Io(_)),
    }
}
