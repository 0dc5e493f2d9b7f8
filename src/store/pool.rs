//! Connections to Postgres: the pool, the wait until Postgres answers, and the making of a database.

#![expect(
    clippy::disallowed_methods,
    reason = "the name of a database is not known when compiling"
)]

use std::time::{Duration, Instant};

use sqlx::error::DatabaseError;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{AssertSqlSafe, Connection, PgConnection, PgPool};

use crate::store::dedicated_connection::TRUSTED_FOR;
use crate::store::releases::APPLICATION_NAME;

/// How every statement is planned. All of them find their rows by an index, and a plan that was made
/// while a table was small must not read the whole of it once it is large. Just-in-time compilation
/// would cost more than any of the statements takes.
pub(super) const PLANNING: [(&str, &str); 4] = [
    ("enable_seqscan", "off"),
    ("enable_hashjoin", "off"),
    ("enable_mergejoin", "off"),
    ("jit", "off"),
];

/// The waits between two attempts to connect or to migrate: each is twice the one before.
pub(super) const FIRST_DELAY: Duration = Duration::from_millis(250);
pub(super) const LONGEST_DELAY: Duration = Duration::from_secs(5);

const _: () = assert!(FIRST_DELAY.as_millis() <= LONGEST_DELAY.as_millis());

/// Connections to a database, at most `max_connections`, each of which is made when it is needed.
pub fn open(options: PgConnectOptions, max_connections: u32, acquire_timeout: Duration) -> PgPool {
    PgPoolOptions::new()
        .max_connections(max_connections)
        .acquire_timeout(acquire_timeout)
        // A connection that was used a moment ago is trusted, which saves a round trip.
        .test_before_acquire(false)
        .before_acquire(|connection, metadata| {
            Box::pin(async move {
                Ok(metadata.idle_for < TRUSTED_FOR || connection.ping().await.is_ok())
            })
        })
        .connect_lazy_with(options.application_name(APPLICATION_NAME).options(PLANNING))
}

/// Makes the database `name` unless it exists. `name` must need no escaping within quotes.
pub async fn create_database(connection: &mut PgConnection, name: &str) -> sqlx::Result<()> {
    let exists = sqlx::query_scalar!(
        r#"select exists (select from pg_database where datname = $1) as "exists!""#,
        name,
    )
    .fetch_one(&mut *connection)
    .await?;
    if exists {
        return Ok(());
    }

    sqlx::query(AssertSqlSafe(format!(r#"create database "{name}""#)))
        .execute(connection)
        .await
        .map(drop)
}

/// Returns once Postgres takes connections. Fails if it does not within `timeout`, or at once if
/// waiting can't help.
pub(crate) async fn reachable(options: &PgConnectOptions, timeout: Duration) -> sqlx::Result<()> {
    let deadline = Instant::now() + timeout;
    let mut delay = FIRST_DELAY;

    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        let connecting = tokio::time::timeout(left, PgConnection::connect_with(options)).await;
        let error = match connecting.unwrap_or(Err(sqlx::Error::PoolTimedOut)) {
            Ok(connection) => return connection.close().await,
            Err(error) => error,
        };
        if !is_transient(&error) || left <= delay {
            return Err(error);
        }

        tracing::warn!(%error, again_in = ?delay, "waiting for Postgres");
        tokio::time::sleep(delay).await;
        delay = (delay * 2).min(LONGEST_DELAY);
    }
}

/// Whether it is worth trying again: nothing answers, or Postgres is starting, shutting down or out
/// of connections.
fn is_transient(error: &sqlx::Error) -> bool {
    match error.as_database_error().and_then(DatabaseError::code) {
        // Class 57P: operator intervention. 53300: too many connections.
        Some(code) => code.starts_with("57P") || code == "53300",
        None => matches!(error, sqlx::Error::Io(_)),
    }
}
