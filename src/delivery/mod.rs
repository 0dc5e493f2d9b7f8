//! Delivery: claims due batches, sends what is in them, and records what became of it.
//!
//! ```text
//! handover ─▶┐
//! claim ─────┴▶ lanes (one per Credential) ─▶ provider
//!   ▲                                       │
//!   └── wake ◀── recorder ◀── outcomes ─────┘
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

mod backlog;
mod breaker;
mod claim;
mod content;
mod devices;
mod dispatch;
mod duty;
mod fanout;
mod handover;
mod lane;
mod lanes;
mod lease;
mod load;
mod pace;
mod parked;
mod recorder;
mod removal;
mod retry;
mod standing;
mod wake;
mod window;

pub use handover::{Handed, Handover, Place, can_be_handed_over, handover};
pub use pace::Quota;
pub use removal::Burst;
pub use retry::RetryPolicy;
pub use standing::Standing;
pub use wake::Bell;

use crate::provider::Endpoints;
use crate::secret::MasterKeys;
use crate::store::batches;
use crate::store::cancel::CANCEL_CHANNEL;
use crate::store::operations::WAKE_CHANNEL;
use crate::store::session::Session;
use claim::Claimer;
use dispatch::Dispatch;
use lanes::Lanes;
use lease::Leases;
use parked::Parked;
use recorder::Recorder;
use removal::Removal;
use standing::Lag;

/// How long the listener rests after its connection broke.
const LISTEN_AGAIN_AFTER: Duration = Duration::from_secs(1);

/// How delivery works.
#[derive(Debug, Clone)]
pub struct Settings {
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
    pub burst: Burst,
}

/// Each provider's quota.
#[derive(Debug, Clone, Copy)]
pub struct Quotas {
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
pub struct Delivery {
    _threads: Threads,
    stop: CancellationToken,
    standing: Standing,
    claiming: JoinHandle<()>,
    recording: JoinHandle<()>,
    around: Vec<JoinHandle<()>>,
}

impl Delivery {
    /// Starts delivering what is due in the database behind `pool`.
    /// The bell wakes it, and it takes what is handed over. An error: its threads can't be started.
    pub fn start(
        pool: &PgPool,
        settings: &Settings,
        endpoints: Endpoints,
        master_keys: MasterKeys,
        (bell, handed): (Bell, Handed),
    ) -> std::io::Result<Self> {
        let threads = Builder::new_multi_thread()
            .thread_name("delivery")
            .enable_all()
            .build()?;
        // What is spawned from here on runs on them.
        let entered = threads.enter();
        let stop = CancellationToken::new();
        let wake = Arc::clone(&bell.batches);
        let fanout_wake = Arc::clone(&bell.fanouts);
        let capacity = Arc::clone(&handed.capacity);
        let (entries, recorded) = mpsc::unbounded_channel();
        let leases = Arc::new(Leases::new(settings.lease, entries));
        let standing = Standing {
            capacity: Arc::clone(&capacity),
            lag: Arc::new(Lag::new()),
        };
        let lag = Arc::clone(&standing.lag);
        let (session, window) = (Session::beside(pool), settings.recorder_window);
        let recorder = Recorder::new(
            session,
            window,
            Arc::clone(&wake),
            Arc::clone(&handed.stalled),
            lag,
        );
        let removal = Removal::new(settings.burst);
        let lanes = Lanes {
            master_keys,
            endpoints,
            policy: settings.retry,
            quotas: settings.quotas,
            removal: removal.clone(),
            capacity: Arc::clone(&capacity),
            by_credential: HashMap::new(),
        };
        let claimer = Claimer {
            session: Session::beside(pool),
            handed,
            leases: Arc::clone(&leases),
            dispatch: Dispatch {
                lanes,
                capacity,
                parked: Parked::default(),
            },
            wake,
            poll_interval: settings.poll_interval,
            by_age_at: Instant::now(),
        };
        let around = vec![
            tokio::spawn(listen(
                pool.clone(),
                bell,
                Arc::clone(&leases),
                stop.clone(),
            )),
            tokio::spawn(fanout::run(
                pool.clone(),
                fanout_wake,
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
            standing,
            claiming,
            recording,
            around,
            stop,
        })
    }

    /// Returns if it comes to an end that nobody asked for: a defect.
    pub async fn broken(&mut self) {
        tokio::select! {
            _ = &mut self.claiming => {}
            _ = &mut self.recording => {}
            _ = select_all(&mut self.around) => {}
        }
    }

    /// How it stands, from now on.
    pub fn standing(&self) -> Standing {
        self.standing.clone()
    }

    /// Stops claiming, lets what is under way end and be recorded for up to `grace`, and gives the
    /// rest back. What is not done by then is delivered by whoever claims it when its lease runs
    /// out.
    pub async fn stop(self, grace: Duration) {
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
                notifications = self.standing.in_hand(),
                "stopped with notifications in hand; their leases will run out"
            );
        }
    }
}

/// Wakes the claimer and the fan-out when an Operation has been accepted anywhere, and lets go of
/// what has been canceled.
async fn listen(pool: PgPool, bell: Bell, leases: Arc<Leases>, stop: CancellationToken) {
    let listening = async {
        loop {
            if let Err(error) = listen_until_broken(&pool, &bell, &leases).await {
                tracing::warn!(%error, "not listening for new Operations; looking for them now and then");
            }
            tokio::time::sleep(LISTEN_AGAIN_AFTER).await;
        }
    };
    stop.run_until_cancelled(listening).await;
}

async fn listen_until_broken(pool: &PgPool, bell: &Bell, leases: &Leases) -> sqlx::Result<()> {
    let mut listener = PgListener::connect_with(pool).await?;
    listener.listen_all([WAKE_CHANNEL, CANCEL_CHANNEL]).await?;
    // What was accepted while nobody listened.
    bell.ring();
    while let Some(notice) = listener.try_recv().await? {
        match notice.channel() {
            CANCEL_CHANNEL => notice
                .payload()
                .parse()
                .into_iter()
                .for_each(|id: Uuid| leases.cancel(id.into())),
            _ => bell.ring(),
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
                tracing::warn!(%error, leases = aging.len(), "leases can't be renewed; trying again")
            }
        }
    }
}
