//! A connection that one task keeps for itself: no wait for a free one, no question whether it
//! still lives, and an end to every wait for an answer.

use std::sync::Arc;
use std::time::{Duration, Instant};

use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions, Connection, PgConnection, PgPool};
use tokio::time::timeout;

/// How long connecting may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// A connection that nobody has used for longer is asked whether it lives: Postgres may have been
/// restarted since.
pub const TRUSTED_FOR: Duration = Duration::from_millis(50);

/// A connection that is made when it is needed, and made anew after any error.
pub struct DedicatedConnection {
    options: Arc<PgConnectOptions>,
    /// With the moment of its last use.
    connection: Option<(PgConnection, Instant)>,
}

impl DedicatedConnection {
    /// Connects as `pool` does, beside it.
    pub fn beside(pool: &PgPool) -> Self {
        Self {
            options: pool.connect_options(),
            connection: None,
        }
    }

    /// Does `work` with the connection within `limit`. After an error, or when it was not done by
    /// then, the connection is closed: nobody knows what is under way on it, or whether anybody is
    /// at its other end.
    pub async fn within<T>(
        &mut self,
        limit: Duration,
        work: impl AsyncFnOnce(&mut PgConnection) -> sqlx::Result<T>,
    ) -> sqlx::Result<T> {
        let mut connection = self.take().await?;
        let done = timeout(limit, work(&mut connection))
            .await
            .unwrap_or_else(|_| Err(late()))?;
        self.connection = Some((connection, Instant::now()));
        Ok(done)
    }

    async fn take(&mut self) -> sqlx::Result<PgConnection> {
        if let Some((mut connection, used_at)) = self.connection.take()
            && (used_at.elapsed() < TRUSTED_FOR
                || matches!(
                    timeout(CONNECT_TIMEOUT, connection.ping()).await,
                    Ok(Ok(()))
                ))
        {
            return Ok(connection);
        }
        timeout(CONNECT_TIMEOUT, self.options.connect())
            .await
            .unwrap_or_else(|_| Err(late()))
    }
}

fn late() -> sqlx::Error {
    sqlx::Error::Io(std::io::ErrorKind::TimedOut.into())
}
