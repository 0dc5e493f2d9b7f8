//! Connecting to Postgres and bringing its schema up to date.

use std::time::Duration;

use sqlx::migrate::Migrator;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{PgConnection, PgPool};

/// The oldest Postgres whose SQL is understood.
const OLDEST_POSTGRES: u32 = 150_000;

/// Every migration, oldest first.
pub static MIGRATOR: Migrator = sqlx::migrate!();

/// Why a database can't be used.
#[derive(Debug, thiserror::Error)]
pub enum SchemaError {
    /// Too old.
    #[error("Postgres {0} is too old: 15 or newer is needed")]
    TooOld(String),
    /// A migration failed, or the database knows one that this version does not.
    #[error("the database's schema can't be brought up to date: {0}")]
    Migrate(#[from] sqlx::migrate::MigrateError),
    /// Postgres.
    #[error(transparent)]
    Database(#[from] sqlx::Error),
}

/// How every statement is planned. All of them find their rows by index, and a plan that was made while a table was small
/// must not read the whole of it once it is large; just-in-time compilation would cost more than any of them takes.
const PLANNING: [(&str, &str); 4] =
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
    MIGRATOR.run(pool).await?;
    Ok(())
}
