//! A connection that one task keeps for itself, for tasks that query Postgres all the time: the
//! claimer, the recorder, group commit, and the look-ups that requests share.
//!
//! It is always at hand, each of its waits has a limit, and it is replaced after any error.

use std::sync::Arc;
use std::time::{Duration, Instant};

use sqlx::PgConnection;
use sqlx::postgres::PgConnectOptions;

use crate::store::connection::{self, Idle};
use crate::store::pool::{LONGEST_LIMIT, Pool};

/// Connects when it is first used, and again after any error. The task that owns it is the only one
/// that uses it.
pub struct DedicatedConnection {
    options: Arc<PgConnectOptions>,
    plans_once: bool,
    idle: Option<Idle>,
    connected_at: Option<Instant>,
    connections: u64,
}

impl DedicatedConnection {
    /// Connects to the same database as `pool`, beside the pool's own connections.
    pub fn beside(pool: &Pool) -> Self {
        Self {
            options: pool.options(),
            plans_once: false,
            idle: None,
            connected_at: None,
            connections: 0,
        }
    }

    /// Has each statement planned once for all parameters, and not for each execution. Not for statements on
    /// tables that Citus distributes, which it can't plan without their parameters.
    #[must_use]
    pub fn planning_once(self) -> Self {
        Self {
            plans_once: true,
            ..self
        }
    }

    /// How often it has connected: a new connection may lead to another server than the one before.
    pub(crate) fn connections(&self) -> u64 {
        self.connections
    }

    /// Makes sure that there is a connection. Whether an earlier one was lost: Postgres was away, or
    /// another server is there now.
    pub(crate) async fn was_lost(&mut self) -> sqlx::Result<bool> {
        let before = self.connections;
        let connection = self.take().await?;
        self.idle = Some(Idle::new(connection));

        // The first connection of all replaces none.
        Ok(before > 0 && self.connections > before)
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
        let done = connection::within(limit, work(&mut connection)).await?;

        self.idle = Some(Idle::new(connection));
        Ok(done)
    }

    /// Closes the connection if it was opened longer than `age` ago. What the role or the database has
    /// set since is seen by a new one alone.
    pub(crate) fn close_if_older_than(&mut self, age: Duration) {
        if self.connected_at.is_some_and(|at| at.elapsed() > age) {
            self.idle = None;
        }
    }

    async fn take(&mut self) -> sqlx::Result<PgConnection> {
        if let Some(idle) = self.idle.take()
            && let Some(connection) = idle.checked().await
        {
            return Ok(connection);
        }

        // Counted before it succeeds: after a failed attempt Postgres was away, and what the caller
        // knows of it is out of date.
        self.connections += 1;
        let mut connection = connection::connect(&self.options, LONGEST_LIMIT).await?;
        if self.plans_once {
            connection::plan_once(&mut connection).await?;
        }
        self.connected_at = Some(Instant::now());
        Ok(connection)
    }
}
