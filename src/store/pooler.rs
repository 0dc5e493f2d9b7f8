//! Whether a pooler between this process and Postgres keeps each connection's session. In `PgBouncer`'s
//! transaction mode a session belongs to a client for one transaction alone, so settings, prepared
//! statements, locks and `LISTEN` would be those of other clients.

#![expect(
    clippy::disallowed_methods,
    reason = "a prepared statement would fail in the mode that is to be found"
)]

use std::time::Duration;

use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions, Connection, PgConnection, Row};

use crate::store::connection::{self, named};

/// How long the check may take. A pooler with few connections may let it wait.
const LIMIT: Duration = Duration::from_secs(5);

/// `database.url` leads to a pooler that does not keep sessions.
#[derive(Debug, thiserror::Error)]
#[error(
    "database.url leads to a connection pooler in transaction or statement mode, and Bellwire needs \
     session mode for its settings, locks and LISTEN: set pool_mode = session for this database in \
     PgBouncer, or connect to Postgres itself"
)]
pub(crate) struct SharedSessions;

/// Refuses a pooler that does not keep sessions.
pub(crate) async fn check(options: &PgConnectOptions) -> Result<(), SharedSessions> {
    let options = named(options.clone());

    match connection::within(LIMIT, are_sessions_shared(&options)).await {
        Ok(true) => Err(SharedSessions),
        Ok(false) => Ok(()),
        Err(error) if is_statement_mode(&error) => Err(SharedSessions),
        // Whatever it is, the service meets it again.
        Err(error) => {
            tracing::debug!(%error, "it is not known whether a pooler shares sessions");
            Ok(())
        }
    }
}

/// Whether a process of the server that has served one connection is given to another.
async fn are_sessions_shared(options: &PgConnectOptions) -> sqlx::Result<bool> {
    let mut first = options.connect().await?;
    let process = process(&mut first).await?;

    // A pooler takes an idle process before it opens a connection for a new one. Each of these keeps
    // what it gets in a transaction.
    let mut others = Vec::new();
    for _ in 0..2 {
        let mut other = options.connect().await?;
        sqlx::raw_sql("begin").execute(&mut other).await?;
        if self::process(&mut other).await? == process {
            return Ok(true);
        }
        others.push(other);

        if self::process(&mut first).await? != process {
            return Ok(true);
        }
    }

    for mut other in others {
        sqlx::raw_sql("rollback").execute(&mut other).await?;
        other.close().await?;
    }
    first.close().await?;
    Ok(false)
}

/// The process of the server that serves a connection.
async fn process(connection: &mut PgConnection) -> sqlx::Result<i32> {
    sqlx::raw_sql("select pg_backend_pid()")
        .fetch_one(connection)
        .await?
        .try_get(0)
}

/// `PgBouncer` refuses transactions in statement mode.
fn is_statement_mode(error: &sqlx::Error) -> bool {
    error
        .as_database_error()
        .is_some_and(|error| error.message().contains("statement pooling mode"))
}
