//! How the service is while something goes on: its memory, and how soon its health answers.

use std::time::{Duration, Instant};

use anyhow::Context;
use tokio::task::JoinHandle;

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

/// Looks until it is asked for the figures.
pub struct Watch {
    task: JoinHandle<anyhow::Result<()>>,
    seen: std::sync::Arc<std::sync::Mutex<Seen>>,
}

#[derive(Default)]
struct Seen {
    memory: f64,
    health: f64,
    readiness: Vec<f64>,
    not_ready: usize,
}

impl Watch {
    pub fn begin(world: &World) -> anyhow::Result<Self> {
        let address = world.api.address();
        let process = world.service.id();
        let client = reqwest::Client::builder().timeout(PATIENCE).build()?;
        let seen = std::sync::Arc::<std::sync::Mutex<Seen>>::default();
        let kept = seen.clone();

        let task = tokio::spawn(async move {
            let mut ticks = tokio::time::interval(EVERY);
            loop {
                ticks.tick().await;

                let memory = Process::rss_of(process)?;
                let began = Instant::now();
                // An answer that does not come took the whole of the patience.
                let _ = client.get(format!("http://{address}/healthz")).send().await;
                let health = began.elapsed().as_secs_f64() * 1000.0;

                let began = Instant::now();
                let answer = client.get(format!("http://{address}/readyz")).send().await;
                let readiness = began.elapsed().as_secs_f64() * 1000.0;
                let ready = answer.is_ok_and(|answer| answer.status().is_success());

                let mut seen = kept.lock().map_err(|_| anyhow::anyhow!("poisoned"))?;
                seen.memory = seen.memory.max(memory);
                seen.health = seen.health.max(health);
                seen.readiness.push(readiness);
                seen.not_ready += usize::from(!ready);
            }
        });
        Ok(Self { task, seen })
    }

    pub fn end(self) -> anyhow::Result<Vitals> {
        self.task.abort();

        let mut seen = self
            .seen
            .lock()
            .ok()
            .context("looking at the service failed")?;
        Ok(Vitals {
            peak_memory: seen.memory,
            slowest_health: seen.health,
            readiness_p99: percentile(&mut seen.readiness, 0.99),
            not_ready: seen.not_ready,
        })
    }
}
