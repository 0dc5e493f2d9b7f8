//! A connection that one task keeps for itself, for tasks that query Postgres all the time: the
//! claimer, the recorder, group commit, and the look-ups that requests share.
//!
//! A pool pings a connection on checkout and on return, so one statement costs three round trips;
//! and with a dead peer, a query hangs until the TCP timeout. A dedicated connection is pinged only
//! after a pause, each of its waits has a limit, and it is replaced after any error.

use std::sync::Arc;
use std::time::{Duration, Instant};

use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions, Connection, PgConnection, PgPool};
use tokio::time::timeout;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// A connection that was idle for longer is pinged before it is used: Postgres may have been
/// restarted since.
pub(super) const TRUSTED_FOR: Duration = Duration::from_millis(50);

/// Connects when it is first used, and again after any error. The task that owns it is the only one
/// that uses it.
pub struct DedicatedConnection {
    options: Arc<PgConnectOptions>,
    idle: Option<Idle>,
    connections: u64,
}

struct Idle {
    connection: PgConnection,
    used_at: Instant,
}

impl DedicatedConnection {
    /// Connects to the same database as `pool`, beside the pool's own connections.
    pub fn beside(pool: &PgPool) -> Self {
        Self {
            options: pool.connect_options(),
            idle: None,
            connections: 0,
        }
    }

    /// How often it has connected: a new connection may lead to another server than the one before.
    pub(crate) fn connections(&self) -> u64 {
        self.connections
    }

    /// Runs `work` on the connection, for at most `limit`; a first connect or a ping comes on top.
    /// After an error the connection is closed: what was sent on it may be running still, or nothing
    /// may be at its other end.
    pub async fn within<T>(
        &mut self,
        limit: Duration,
        work: impl AsyncFnOnce(&mut PgConnection) -> sqlx::Result<T>,
    ) -> sqlx::Result<T> {
        let mut connection = self.take().await?;

        // On an error, `connection` is dropped here and not put back.
        let done = timeout(limit, work(&mut connection))
            .await
            .unwrap_or_else(|_| Err(timed_out()))?;

        self.idle = Some(Idle {
            connection,
            used_at: Instant::now(),
        });
        Ok(done)
    }

    async fn take(&mut self) -> sqlx::Result<PgConnection> {
        if let Some(idle) = self.idle.take()
            && let Some(connection) = idle.checked().await
        {
            return Ok(connection);
        }

        self.connections += 1;
        timeout(CONNECT_TIMEOUT, self.options.connect())
            .await
            .unwrap_or_else(|_| Err(timed_out()))
    }
}

impl Idle {
    /// The connection, unless it is found dead.
    async fn checked(mut self) -> Option<PgConnection> {
        let is_alive = self.used_at.elapsed() < TRUSTED_FOR
            || matches!(
                timeout(CONNECT_TIMEOUT, self.connection.ping()).await,
                Ok(Ok(()))
            );

        is_alive.then_some(self.connection)
    }
}

fn timed_out() -> sqlx::Error {
    sqlx::Error::Io(std::io::ErrorKind::TimedOut.into())
}
