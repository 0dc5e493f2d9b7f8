//! Delivery: claims due batches, sends what is in them, and records what became of it.
//!
//! ```text
//! handover ─▶┐
//! claim ─────┴▶ lanes (one per Credential) ─▶ provider
//!   ▲                                       │
//!   └── notifier ◀── recorder ◀── outcomes ─────┘
//! ```
//!
//! It meets the HTTP side in Postgres. A small Operation is handed over in memory as well, once it
//! is stored. No transaction is open while a provider is called.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::select_all;
use sqlx::PgPool;
use sqlx::postgres::PgListener;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

mod content;
mod dispatch;
mod lane;
mod queue;
mod settle;

pub(crate) use lane::rate_limiter::Quota;
pub(crate) use lane::retry::RetryPolicy;
pub(crate) use settle::dead_tokens::MassInvalidation;

use crate::crypto::MasterKeys;
use crate::delivery::dispatch::Dispatch;
use crate::delivery::lane::registry::LaneRegistry;
use crate::delivery::queue::claim::Claimer;
use crate::delivery::queue::deferred_batches::DeferredBatches;
use crate::delivery::queue::fan_out;
use crate::delivery::queue::lease::Leases;
use crate::delivery::settle::dead_tokens::DeadTokenPruner;
use crate::delivery::settle::recorder::Recorder;
use crate::handoff::delivery_stats::{DeliveryStats, RecorderLag};
use crate::handoff::local::HandoffReceiver;
use crate::handoff::notifier::Notifiers;
use crate::provider::Endpoints;
use crate::store::batches;
use crate::store::cancel::CANCEL_CHANNEL;
use crate::store::dedicated_connection::DedicatedConnection;
use crate::store::operation_insert::WAKE_CHANNEL;

/// How long the listener rests after its connection broke.
const LISTEN_AGAIN_AFTER: Duration = Duration::from_secs(1);

/// How delivery works.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    /// How long a batch is this process's before others may claim it.
    pub lease: Duration,
    /// The longest time between two looks for due batches, give or take a quarter.
    pub poll_interval: Duration,
    /// The least time from one write of the recorder to the next.
    pub recorder_window: Duration,
    /// The rules of retries.
    pub retry: RetryPolicy,
    /// How fast each provider may be sent to with one Credential.
    pub quotas: Quotas,
    /// When so many tokens are dead that none is removed.
    pub burst: MassInvalidation,
}

/// Each provider's quota.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Quotas {
    /// FCM's.
    pub fcm: Quota,
    /// APNs'.
    pub apns: Quota,
}

/// The threads of delivery: its own, so that those who ask or send do not wait behind what is being
/// delivered.
struct Threads(Option<Runtime>);

impl Drop for Threads {
    fn drop(&mut self) {
        // Waiting for them would block whoever drops this.
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

/// The running engine.
pub(crate) struct Delivery {
    _threads: Threads,
    stop: CancellationToken,
    stats: DeliveryStats,
    claiming: JoinHandle<()>,
    recording: JoinHandle<()>,
    around: Vec<JoinHandle<()>>,
}

impl Delivery {
    /// Starts delivering what is due in the database behind `pool`.
    /// The notifiers notifiers it, and it takes what is handed over. An error: its threads can't be started.
    pub(crate) fn start(
        pool: &PgPool,
        settings: &Settings,
        endpoints: Endpoints,
        master_keys: MasterKeys,
        (notifiers, handed): (Notifiers, HandoffReceiver),
    ) -> std::io::Result<Self> {
        let threads = Builder::new_multi_thread()
            .thread_name("delivery")
            .enable_all()
            .build()?;
        // What is spawned from here on runs on them.
        let entered = threads.enter();
        let stop = CancellationToken::new();
        let notifier = Arc::clone(&notifiers.batches);
        let fan_out_notifier = Arc::clone(&notifiers.fan_out);
        let capacity = Arc::clone(&handed.capacity);
        let (entries, recorded) = mpsc::unbounded_channel();
        let leases = Arc::new(Leases::new(settings.lease, entries));
        let stats = DeliveryStats {
            capacity: Arc::clone(&capacity),
            lag: Arc::new(RecorderLag::new()),
        };
        let lag = Arc::clone(&stats.lag);
        let (session, window) = (DedicatedConnection::beside(pool), settings.recorder_window);
        let recorder = Recorder::new(
            session,
            window,
            Arc::clone(&notifier),
            Arc::clone(&handed.recorder_stalled),
            lag,
        );
        let removal = DeadTokenPruner::new(settings.burst);
        let lanes = LaneRegistry {
            master_keys,
            endpoints,
            policy: settings.retry,
            quotas: settings.quotas,
            removal: removal.clone(),
            capacity: Arc::clone(&capacity),
            by_credential: HashMap::new(),
        };
        let claimer = Claimer {
            session: DedicatedConnection::beside(pool),
            handed,
            leases: Arc::clone(&leases),
            dispatch: Dispatch {
                lanes,
                capacity,
                parked: DeferredBatches::default(),
            },
            notifier,
            poll_interval: settings.poll_interval,
            by_age_at: Instant::now(),
        };
        let around = vec![
            tokio::spawn(listen(
                pool.clone(),
                notifiers,
                Arc::clone(&leases),
                stop.clone(),
            )),
            tokio::spawn(fan_out::run(
                pool.clone(),
                fan_out_notifier,
                settings.poll_interval,
                stop.clone(),
            )),
            tokio::spawn(renew(pool.clone(), leases, stop.clone())),
            tokio::spawn(removal.run(pool.clone(), stop.clone())),
        ];
        let (claiming, recording) = (
            tokio::spawn(claimer.run(stop.clone())),
            tokio::spawn(recorder.run(recorded)),
        );
        drop(entered);
        Ok(Self {
            _threads: Threads(Some(threads)),
            stats,
            claiming,
            recording,
            around,
            stop,
        })
    }

    /// Returns if it comes to an end that nobody asked for: a defect.
    pub(crate) async fn broken(&mut self) {
        tokio::select! {
            _ = &mut self.claiming => {}
            _ = &mut self.recording => {}
            _ = select_all(&mut self.around) => {}
        }
    }

    /// How it stands, from now on.
    pub(crate) fn stats(&self) -> DeliveryStats {
        self.stats.clone()
    }

    /// Stops claiming, lets what is under way end and be recorded for up to `grace`, and gives the
    /// rest back. What is not done by then is delivered by whoever claims it when its lease runs
    /// out.
    pub(crate) async fn stop(self, grace: Duration) {
        self.stop.cancel();
        let ended = async {
            // The claimer's end ends its lanes, theirs the leases, and theirs the recorder.
            let _ = self.claiming.await;
            for task in self.around {
                let _ = task.await;
            }
            let _ = self.recording.await;
        };
        if tokio::time::timeout(grace, ended).await.is_err() {
            tracing::warn!(
                notifications = self.stats.claimed(),
                "stopped with notifications in hand; their leases will run out"
            );
        }
    }
}

/// Wakes the claimer and the fan-out when an Operation has been accepted anywhere, and lets go of
/// what has been canceled.
async fn listen(pool: PgPool, notifiers: Notifiers, leases: Arc<Leases>, stop: CancellationToken) {
    let listening = async {
        loop {
            if let Err(error) = listen_until_broken(&pool, &notifiers, &leases).await {
                tracing::warn!(%error, "not listening for new Operations; looking for them now and then");
            }
            tokio::time::sleep(LISTEN_AGAIN_AFTER).await;
        }
    };
    stop.run_until_cancelled(listening).await;
}

async fn listen_until_broken(
    pool: &PgPool,
    notifiers: &Notifiers,
    leases: &Leases,
) -> sqlx::Result<()> {
    let mut listener = PgListener::connect_with(pool).await?;
    listener.listen_all([WAKE_CHANNEL, CANCEL_CHANNEL]).await?;
    // What was accepted while nobody listened.
    notifiers.notify_all();
    while let Some(notice) = listener.try_recv().await? {
        match notice.channel() {
            CANCEL_CHANNEL => notice
                .payload()
                .parse()
                .into_iter()
                .for_each(|id: Uuid| leases.cancel(id.into())),
            _ => notifiers.notify_all(),
        }
    }
    Ok(())
}

/// Renews the leases of batches that take long, so that none runs out under a live process.
async fn renew(pool: PgPool, leases: Arc<Leases>, stop: CancellationToken) {
    let mut ticks = tokio::time::interval(leases.term() / 6);
    while stop.run_until_cancelled(ticks.tick()).await.is_some() {
        let aging = leases.aging();
        if aging.is_empty() {
            continue;
        }
        let began = Instant::now();
        let keys: Vec<_> = aging.iter().map(|lease| lease.key()).collect();
        match batches::renew(&pool, &keys, leases.term()).await {
            Ok(held) => leases.renewed(&aging, &held, began),
            Err(error) => {
                tracing::warn!(%error, leases = aging.len(), "leases can't be renewed; trying again");
            }
        }
    }
}
