//! The listener: passes on what other processes announce by Postgres `NOTIFY`, which is new work and
//! canceled Operations.

use std::sync::Arc;
use std::time::Duration;

use sqlx::PgPool;
use sqlx::postgres::PgListener;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::delivery::queue::lease::Leases;
use crate::handoff::notifier::Notifiers;
use crate::store::cancel::CANCEL_CHANNEL;
use crate::store::operation_insert::{Announcement, WAKE_CHANNEL};

/// How long the listener rests after its connection broke.
const AFTER_ERROR: Duration = Duration::from_secs(1);

/// Runs until `stop`. While it has no connection, polls find new work, and a canceled Operation is
/// noticed when its outcomes are recorded.
pub(crate) async fn run(
    pool: PgPool,
    notifiers: Notifiers,
    leases: Arc<Leases>,
    stop: CancellationToken,
) {
    let listening = async {
        loop {
            if let Err(error) = listen(&pool, &notifiers, &leases).await {
                tracing::warn!(%error, "not listening for new Operations; polling for them");
            }
            tokio::time::sleep(AFTER_ERROR).await;
        }
    };

    stop.run_until_cancelled(listening).await;
}

/// Listens until the connection breaks.
async fn listen(pool: &PgPool, notifiers: &Notifiers, leases: &Leases) -> sqlx::Result<()> {
    let mut listener = PgListener::connect_with(pool).await?;
    listener.listen_all([WAKE_CHANNEL, CANCEL_CHANNEL]).await?;

    // Work may have been announced before this process listened.
    notifiers.notify_all();

    while let Some(notification) = listener.try_recv().await? {
        match notification.channel() {
            CANCEL_CHANNEL => {
                if let Ok(id) = notification.payload().parse::<Uuid>() {
                    leases.cancel(id.into());
                }
            }
            _ => pass_on(notifiers, notification.payload()),
        }
    }

    Ok(())
}

/// Passes on that work is due: in the queues that are named, or in any.
fn pass_on(notifiers: &Notifiers, payload: &str) {
    match Announcement::parse(payload) {
        Some(queues) => {
            let due = queues.into_iter().map(|queue| (queue, Duration::ZERO));
            notifiers.queues.announce_all(due);
            notifiers.fan_out.notify();
        }
        None => notifiers.notify_all(),
    }
}
