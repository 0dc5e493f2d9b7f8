//! How the service is while something goes on: its memory, and how soon its health answers.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::process::Process;
use crate::report::percentile;
use crate::world::World;

const EVERY: Duration = Duration::from_millis(20);
/// After this, health counts as without an answer.
const PATIENCE: Duration = Duration::from_secs(30);

/// Figures of one span of time.
pub struct Vitals {
    /// The most memory that was in use, in MB.
    pub peak_memory: f64,
    /// The longest that `/healthz` took, in milliseconds.
    pub slowest_health: f64,
    /// The 99th percentile of `/readyz`, in milliseconds.
    pub readiness_p99: f64,
    /// How many answers of `/readyz` were not 200, or did not come.
    pub not_ready: usize,
}

/// Looks until it is asked for the figures. It has a thread of its own, so that the load that this
/// process makes does not delay it.
pub struct Watch {
    thread: JoinHandle<anyhow::Result<Seen>>,
    ended: Arc<AtomicBool>,
}

#[derive(Default)]
struct Seen {
    memory: f64,
    health: f64,
    readiness: Vec<f64>,
    not_ready: usize,
}

impl Watch {
    pub fn begin(world: &World) -> Self {
        let address = world.api.address();
        let process = world.service.id();
        let ended = Arc::new(AtomicBool::new(false));
        let is_ended = Arc::clone(&ended);

        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()?;
            runtime.block_on(look(address, process, &is_ended))
        });
        Self { thread, ended }
    }

    pub fn end(self) -> anyhow::Result<Vitals> {
        self.ended.store(true, Ordering::Relaxed);

        let looked = self.thread.join();
        let mut seen = looked.map_err(|_| anyhow::anyhow!("looking at the service failed"))??;
        Ok(Vitals {
            peak_memory: seen.memory,
            slowest_health: seen.health,
            readiness_p99: percentile(&mut seen.readiness, 0.99),
            not_ready: seen.not_ready,
        })
    }
}

async fn look(address: SocketAddr, process: u32, ended: &AtomicBool) -> anyhow::Result<Seen> {
    let client = reqwest::Client::builder().timeout(PATIENCE).build()?;
    let mut seen = Seen::default();
    let mut ticks = tokio::time::interval(EVERY);

    while !ended.load(Ordering::Relaxed) {
        ticks.tick().await;

        seen.memory = seen.memory.max(Process::rss_of(process)?);
        let began = Instant::now();
        // An answer that does not come took the whole of the patience.
        let _ = client.get(format!("http://{address}/healthz")).send().await;
        seen.health = seen.health.max(began.elapsed().as_secs_f64() * 1000.0);

        let began = Instant::now();
        let answer = client.get(format!("http://{address}/readyz")).send().await;
        seen.readiness.push(began.elapsed().as_secs_f64() * 1000.0);
        seen.not_ready += usize::from(!answer.is_ok_and(|answer| answer.status().is_success()));
    }
    Ok(seen)
}
