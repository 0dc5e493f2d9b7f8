//! Events: what happened, reported to the webhooks of accounts.
//!
//! ```text
//! recorder, cancel, fan-out, … ─▶ events (outbox) ─▶ planner ─▶ webhook_deliveries ─▶ sender ─▶ receiver
//!    in their own statements                    one transaction               ▲            │
//!                                                                             └─ attempts ─┘
//! ```
//!
//! The statement that makes a change also writes a row of the outbox, so no event is lost. The planner
//! turns rows into messages in one transaction. The sender claims messages by leases, makes their bodies
//! from the database at that moment, and records each attempt. So replicas share the work. A crash can only
//! repeat a message: each is delivered at least once, under the same `webhook-id`.
//!
//! Each webhook has a limit and a pause of its own: one that fails rests, and then gets one message at a time
//! until it accepts one. It slows no push and no other webhook.

mod body;
mod known_webhooks;
mod outage;
mod outbox_bound;
mod plan;
mod planner;
mod request;
mod sender;
mod turns;
mod verdict;

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::crypto::MasterKeys;
use crate::events::outage::Outage;
use crate::events::planner::Planner;
use crate::events::request::Requester;
use crate::events::sender::Sender;
use crate::handoff::notifier::Notifier;
use crate::store::pool::Pool;
use crate::transport::{AddressGuard, Http1Client};

/// What [`Events::start`] needs.
pub(crate) struct EventsParams {
    pub pool: Pool,
    pub master_keys: MasterKeys,
    pub client: Http1Client,
    pub address_guard: AddressGuard,
    /// The longest time between two searches for events and for due messages.
    pub poll_interval: Duration,
}

/// The running worker. The application owns it, and it owns its two tasks, which end by
/// [`Self::stop`]. If it is dropped, messages in flight are sent again when their leases run out.
pub(crate) struct Events {
    stop: CancellationToken,
    tasks: Vec<JoinHandle<()>>,
}

impl Events {
    pub(crate) fn start(params: EventsParams) -> Self {
        let stop = CancellationToken::new();
        // The planner wakes the sender.
        let notifier = Arc::new(Notifier::default());

        let planner = Planner {
            pool: params.pool.clone(),
            sender: Arc::clone(&notifier),
            poll_interval: params.poll_interval,
        };
        let sender = Sender {
            requester: Arc::new(Requester {
                pool: params.pool.clone(),
                master_keys: params.master_keys,
                client: params.client,
                address_guard: params.address_guard,
            }),
            pool: params.pool,
            notifier,
            poll_interval: params.poll_interval,
            outage: Arc::new(Outage::default()),
        };

        Self {
            tasks: vec![
                tokio::spawn(planner.run(stop.clone())),
                tokio::spawn(sender.run(stop.clone())),
            ],
            stop,
        }
    }

    /// Claims nothing more, and lets requests in flight be answered and recorded for up to `grace`.
    pub(crate) async fn stop(self, grace: Duration) {
        self.stop.cancel();

        let ended = async {
            for task in self.tasks {
                let _ = task.await;
            }
        };
        if tokio::time::timeout(grace, ended).await.is_err() {
            tracing::warn!("stopped with messages to webhooks in flight; they are sent again");
        }
    }
}
