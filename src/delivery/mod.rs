//! Delivery: claims due batches, sends their notifications, and records the outcomes.
//!
//! ```text
//! hand-off ──▶┐
//! claim loop ─┴▶ lanes (one for each Credential) ─▶ provider
//!   ▲                                              │
//!   └── due queues ◀── recorder ◀── outcomes ──────┘
//!          ▲
//!        search
//! ```
//!
//! It meets the HTTP side in Postgres; a small Operation is handed over in memory as well, after it
//! was stored. No transaction is open while a provider is called.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::future::select_all;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

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
use crate::delivery::lane::registry::{LaneRegistry, LaneRegistryParams};
use crate::delivery::lane::report::LaneReporter;
use crate::delivery::queue::claim::Claimer;
use crate::delivery::queue::claim_policy::ClaimPolicy;
use crate::delivery::queue::deferred_batches::DeferredBatches;
use crate::delivery::queue::fan_out::FanOut;
use crate::delivery::queue::handed_over::HandedOver;
use crate::delivery::queue::lease::Leases;
use crate::delivery::queue::lower_bounds::LowerBounds;
use crate::delivery::queue::operation_guards::{self, Failures};
use crate::delivery::queue::pacer::Pacer;
use crate::delivery::queue::recall::Recaller;
use crate::delivery::queue::search::Search;
use crate::delivery::queue::{listen, renew};
use crate::delivery::settle::dead_tokens::DeadTokenPruner;
use crate::delivery::settle::recorder::Recorder;
use crate::handoff::capacity::Capacity;
use crate::handoff::delivery_stats::{DeliveryStats, RecorderLag};
use crate::handoff::local::HandoffReceiver;
use crate::handoff::notifier::Notifiers;
use crate::provider::Endpoints;
use crate::store::dedicated_connection::DedicatedConnection;
use crate::store::pool::Pool;

#[derive(Debug, Clone)]
pub(crate) struct Settings {
    /// How long a claimed batch belongs to this process, unless it is renewed.
    pub lease: Duration,
    /// The longest time between two searches for due batches, give or take a quarter.
    pub poll_interval: Duration,
    /// The least time between the starts of two writes of the recorder.
    pub record_interval: Duration,
    pub retry: RetryPolicy,
    /// How fast one Credential may send.
    pub quotas: Quotas,
    /// When an Operation has so many dead tokens that none is removed.
    pub mass_invalidation: MassInvalidation,
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Quotas {
    pub fcm: Quota,
    pub apns: Quota,
}

/// What [`Delivery::start`] needs.
pub(crate) struct DeliveryParams<'a> {
    pub pool: &'a Pool,
    pub settings: &'a Settings,
    pub endpoints: Endpoints,
    pub master_keys: MasterKeys,
    /// They say what is due, and wake the claim loop and the fan-out.
    pub notifiers: Notifiers,
    /// Where group commit hands small Operations over.
    pub handoff: HandoffReceiver,
}

/// The threads of delivery: its own, so that HTTP requests do not wait behind deliveries.
struct Threads(Option<Runtime>);

impl Drop for Threads {
    fn drop(&mut self) {
        // Dropping a runtime waits for its tasks, and must not happen on a thread of another runtime.
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

/// The running delivery.
///
/// The application owns it, and it owns its threads and tasks: the claim loop, the recorder and the
/// background tasks. Each task waits for what its module says; nothing waits for this handle.
/// [`Self::stop`] ends it in order. If it is dropped, its tasks end where they are, and other processes
/// claim its batches when the leases run out.
pub(crate) struct Delivery {
    _threads: Threads,
    stop: CancellationToken,
    stats: DeliveryStats,
    claiming: JoinHandle<()>,
    recording: JoinHandle<()>,
    background: Vec<JoinHandle<()>>,
}

fn runtime() -> std::io::Result<Runtime> {
    Builder::new_multi_thread()
        .thread_name("delivery")
        .enable_all()
        .build()
}

/// What several tasks of delivery use.
struct Shared {
    pool: Pool,
    notifiers: Notifiers,
    leases: Arc<Leases>,
    bounds: Arc<LowerBounds>,
    poll_interval: Duration,
    stop: CancellationToken,
}

/// The lanes, and the tasks that act on what lanes find.
struct Lanes {
    dispatch: Arc<Mutex<Dispatch>>,
    pruner: DeadTokenPruner,
    recaller: Recaller,
    reporter: LaneReporter,
}

impl Lanes {
    fn new(settings: &Settings, endpoints: Endpoints, master_keys: MasterKeys) -> Self {
        let pruner = DeadTokenPruner::new(settings.mass_invalidation);
        let recaller = Recaller::new();
        let reporter = LaneReporter::new();

        let lanes = LaneRegistry::new(LaneRegistryParams {
            master_keys,
            endpoints,
            policy: settings.retry,
            quotas: settings.quotas,
            pruner: pruner.clone(),
            recalls: recaller.recalls(),
            reports: reporter.reports(),
        });
        let dispatch = Dispatch {
            lanes,
            deferred: DeferredBatches::default(),
        };

        Self {
            dispatch: Arc::new(Mutex::new(dispatch)),
            pruner,
            recaller,
            reporter,
        }
    }

    /// Starts the tasks. The lanes themselves end with the last task that dispatches to them.
    fn spawn(self, shared: &Shared) -> [JoinHandle<()>; 3] {
        let Shared { pool, stop, .. } = shared;
        let queues = Arc::clone(&shared.notifiers.queues);

        [
            tokio::spawn(self.pruner.run(pool.clone(), stop.clone())),
            tokio::spawn(self.recaller.run(pool.clone(), queues, stop.clone())),
            tokio::spawn(self.reporter.run(pool.clone(), stop.clone())),
        ]
    }
}

impl Shared {
    fn claimer(&self, handoff: &HandoffReceiver, lanes: &Lanes) -> Claimer {
        Claimer {
            connection: DedicatedConnection::beside(&self.pool),
            queues: Arc::clone(&self.notifiers.queues),
            bounds: Arc::clone(&self.bounds),
            capacity: Arc::clone(&handoff.capacity),
            recorder_stalled: Arc::clone(&handoff.recorder_stalled),
            leases: Arc::clone(&self.leases),
            dispatch: Arc::clone(&lanes.dispatch),
            poll_interval: self.poll_interval,
            policy: ClaimPolicy::new(),
        }
    }

    fn recorder(
        &self,
        settings: &Settings,
        handoff: &HandoffReceiver,
        stats: &DeliveryStats,
        failures: Failures,
    ) -> Recorder {
        Recorder {
            // A connection of its own, so that outcomes do not wait for the other statements of
            // delivery, which share its pool.
            connection: DedicatedConnection::beside(&self.pool),
            record_interval: settings.record_interval,
            queues: Arc::clone(&self.notifiers.queues),
            is_stalled: Arc::clone(&handoff.recorder_stalled),
            lag: Arc::clone(&stats.lag),
            failures,
        }
    }

    /// Starts the tasks that make batches, or make them due.
    fn spawn_makers(&self) -> [JoinHandle<()>; 2] {
        let fan_out = FanOut {
            pool: self.pool.clone(),
            notifier: Arc::clone(&self.notifiers.fan_out),
            queues: Arc::clone(&self.notifiers.queues),
            poll_interval: self.poll_interval,
        };
        let pacer = Pacer {
            pool: self.pool.clone(),
            notifier: Arc::clone(&self.notifiers.pacer),
            queues: Arc::clone(&self.notifiers.queues),
            poll_interval: self.poll_interval,
        };

        [
            tokio::spawn(fan_out.run(self.stop.clone())),
            tokio::spawn(pacer.run(self.stop.clone())),
        ]
    }

    /// Starts the tasks that learn of due batches, and renew the leases of claimed ones.
    fn spawn_watchers(&self, capacity: Arc<Capacity>) -> [JoinHandle<()>; 3] {
        let search = Search {
            pool: self.pool.clone(),
            queues: Arc::clone(&self.notifiers.queues),
            bounds: Arc::clone(&self.bounds),
            capacity,
            poll_interval: self.poll_interval,
        };
        let listening = listen::run(
            self.pool.clone(),
            self.notifiers.clone(),
            Arc::clone(&self.leases),
            self.stop.clone(),
        );
        let renewing = renew::run(
            self.pool.clone(),
            Arc::clone(&self.leases),
            self.stop.clone(),
        );

        [
            tokio::spawn(search.run(self.stop.clone())),
            tokio::spawn(listening),
            tokio::spawn(renewing),
        ]
    }
}

impl Delivery {
    /// Starts to deliver what is due in the database of `pool`. It fails if its threads can't be
    /// started.
    pub(crate) fn start(params: DeliveryParams<'_>) -> std::io::Result<Self> {
        let DeliveryParams {
            pool,
            settings,
            endpoints,
            master_keys,
            notifiers,
            handoff,
        } = params;

        let threads = runtime()?;
        // Tasks that are spawned from here on run on these threads.
        let entered = threads.enter();

        let capacity = Arc::clone(&handoff.capacity);
        let stats = DeliveryStats {
            capacity: Arc::clone(&capacity),
            lag: Arc::new(RecorderLag::new()),
        };
        // Unbounded, because guards send to it when they are dropped, and a drop can't wait. The
        // capacity bounds what is claimed, and with it what is sent here.
        let (entries, recorded) = mpsc::unbounded_channel();
        let leases = Leases::new(settings.lease, entries, Arc::clone(&capacity));
        let shared = Shared {
            pool: pool.clone(),
            notifiers,
            leases: Arc::new(leases),
            bounds: Arc::default(),
            poll_interval: settings.poll_interval,
            stop: CancellationToken::new(),
        };

        // Unbounded, because the recorder must not wait for the guard task.
        let (failures, failed) = mpsc::unbounded_channel();
        let recorder = shared.recorder(settings, &handoff, &stats, failures);
        let lanes = Lanes::new(settings, endpoints, master_keys);
        let claimer = shared.claimer(&handoff, &lanes);
        let handed_over = HandedOver {
            receiver: handoff,
            connection: DedicatedConnection::beside(pool),
            leases: Arc::clone(&shared.leases),
            dispatch: Arc::clone(&lanes.dispatch),
        };

        let stop = shared.stop.clone();
        let mut background = vec![
            tokio::spawn(handed_over.run(stop.clone())),
            tokio::spawn(operation_guards::run(pool.clone(), failed, stop.clone())),
        ];
        background.extend(shared.spawn_watchers(capacity));
        background.extend(shared.spawn_makers());
        background.extend(lanes.spawn(&shared));
        let claiming = tokio::spawn(claimer.run(stop.clone()));
        // It gets no `stop`: it must write the outcomes of the last requests, and ends after the
        // last lease.
        let recording = tokio::spawn(recorder.run(recorded));
        drop(entered);

        Ok(Self {
            _threads: Threads(Some(threads)),
            stats,
            claiming,
            recording,
            background,
            stop,
        })
    }

    /// Returns when a task of delivery ends although nothing asked it to. That is a defect.
    pub(crate) async fn broken(&mut self) {
        tokio::select! {
            _ = &mut self.claiming => {}
            _ = &mut self.recording => {}
            _ = select_all(&mut self.background) => {}
        }
    }

    pub(crate) fn stats(&self) -> DeliveryStats {
        self.stats.clone()
    }

    /// Stops claiming, puts back what waits in lanes, and lets requests in flight be answered and
    /// recorded for up to `grace`. Other processes claim the rest when its leases run out.
    pub(crate) async fn stop(self, grace: Duration) {
        self.stop.cancel();

        let ended = async {
            // The end of the claim loop and of the hand-off ends the lanes; with the last guard of a
            // lane ends the last lease, and with the last lease the recorder.
            let _ = self.claiming.await;
            for task in self.background {
                let _ = task.await;
            }
            let _ = self.recording.await;
        };

        if tokio::time::timeout(grace, ended).await.is_err() {
            tracing::warn!(
                notifications = self.stats.claimed(),
                "stopped with notifications still claimed; their leases will run out"
            );
        }
    }
}
