//! The listener: passes on what other processes announce by Postgres `NOTIFY`, which is new work, and
//! Operations that were canceled or paused.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::delivery::queue::lease::Leases;
use crate::handoff::notifier::Notifiers;
use crate::store::announcement::{Announcement, WAKE_CHANNEL};
use crate::store::cancel::CANCEL_CHANNEL;
use crate::store::listener::Listener;
use crate::store::pause::PAUSE_CHANNEL;
use crate::store::pool::Pool;

/// How long the listener rests after its connection broke.
const AFTER_ERROR: Duration = Duration::from_secs(1);

/// Runs until `stop`. While it has no connection, polls find new work, and a canceled Operation is
/// noticed when its outcomes are recorded.
pub(crate) async fn run(
    pool: Pool,
    notifiers: Notifiers,
    leases: Arc<Leases>,
    stop: CancellationToken,
) {
    let listening = async {
        let mut is_deaf = false;

        loop {
            match Listener::connect(&pool, &[WAKE_CHANNEL, CANCEL_CHANNEL, PAUSE_CHANNEL]).await {
                Ok(listener) => {
                    if is_deaf {
                        tracing::info!("listening for new Operations again");
                        is_deaf = false;
                    }

                    let ended = listen(listener, &notifiers, &leases).await;
                    tracing::debug!(?ended, "the listener's connection has ended");
                }
                Err(error) if !is_deaf => {
                    tracing::warn!(%error, "not listening for new Operations; polling for them");
                    is_deaf = true;
                }
                Err(_) => {}
            }

            tokio::time::sleep(AFTER_ERROR).await;
        }
    };

    // Boxed, because the futures of connections are large.
    stop.run_until_cancelled(Box::pin(listening)).await;
}

/// Listens until the connection breaks.
async fn listen(
    mut listener: Listener,
    notifiers: &Notifiers,
    leases: &Leases,
) -> sqlx::Result<()> {
    // Work may have been announced before this process listened.
    notifiers.notify_all();

    while let Some(notification) = listener.next().await? {
        match notification.channel() {
            CANCEL_CHANNEL | PAUSE_CHANNEL => {
                // A payload that can't be read does no harm: the next renewal or record notices the
                // change.
                if let Ok(id) = notification.payload().parse::<Uuid>() {
                    leases.revoke(id.into());
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
