//! What other processes announce by Postgres `NOTIFY`. The connection has a heartbeat: one whose peer
//! has vanished would be waited on for ever, since nothing is sent on it.

#![expect(
    clippy::disallowed_methods,
    reason = "the heartbeat is no statement that needs a check"
)]

use std::time::Duration;

use sqlx::Executor;
use sqlx::postgres::{PgListener, PgNotification, PgPoolOptions};
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at};

use crate::store::connection::{self, CONNECT_TIMEOUT, PING_TIMEOUT};
use crate::store::pool::Pool;

const HEARTBEAT: Duration = Duration::from_secs(5);

/// A connection that listens.
pub(crate) struct Listener {
    listener: PgListener,
    heartbeat: Interval,
}

impl Listener {
    /// Listens to `channels` on a connection beside those of `pool`.
    pub(crate) async fn connect(pool: &Pool, channels: &[&str]) -> sqlx::Result<Self> {
        // A listener takes its connection from a pool of sqlx's own.
        let own = PgPoolOptions::new()
            .max_connections(1)
            .acquire_timeout(CONNECT_TIMEOUT)
            .test_before_acquire(false)
            .idle_timeout(None)
            .max_lifetime(None)
            .connect_lazy_with((*pool.options()).clone());

        let listening = async {
            let mut listener = PgListener::connect_with(&own).await?;
            // The caller must learn of a lost connection: notifications were missed meanwhile.
            listener.eager_reconnect(false);
            listener.listen_all(channels.iter().copied()).await?;
            Ok(listener)
        };
        let listener = connection::within(CONNECT_TIMEOUT, listening).await?;

        let mut heartbeat = interval_at(Instant::now() + HEARTBEAT, HEARTBEAT);
        // A process that was suspended makes up for no missed beats.
        heartbeat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Ok(Self {
            listener,
            heartbeat,
        })
    }

    /// The next notification. `None`: the connection has ended. After `None` or an error, a new
    /// listener is needed, and notifications may have been missed.
    pub(crate) async fn next(&mut self) -> sqlx::Result<Option<PgNotification>> {
        loop {
            tokio::select! {
                received = self.listener.try_recv() => return received,
                _ = self.heartbeat.tick() => {
                    // Without an answer in time, the caller connects anew, as after a connection
                    // that has ended.
                    let beat = self.listener.execute("select 1");
                    connection::within(PING_TIMEOUT, beat).await?;
                }
            }
        }
    }
}
