//! The one list of metrics. They are counted in the process and read by Prometheus; see `http::metrics`.

use std::collections::HashMap;
use std::sync::OnceLock;
use std::time::Duration;

use anyhow::Context;
use metrics::{Counter, Gauge, Histogram, Unit};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};

use crate::id::CredentialId;
use crate::provider::Provider;

const ATTEMPTS: &str = "bellwire_delivery_attempts_total";
const ATTEMPT_SECONDS: &str = "bellwire_delivery_attempt_seconds";
const LANE_IN_FLIGHT: &str = "bellwire_lane_in_flight";
const LANE_WINDOW: &str = "bellwire_lane_window";
const LANE_CONNECTIONS: &str = "bellwire_lane_connections";
const LANE_WAITING: &str = "bellwire_lane_waiting";
const LANE_PACE: &str = "bellwire_lane_pace";
const LANE_OPEN: &str = "bellwire_lane_open";
const REMOVAL_PAUSED: &str = "bellwire_removal_paused_total";

/// From a provider next door to one that answers at its timeout, in seconds.
const SECONDS: [f64; 12] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0];

static REGISTRY: OnceLock<PrometheusHandle> = OnceLock::new();

/// Starts counting. A process has one set of metrics, however often this is called.
pub fn start() -> anyhow::Result<()> {
    if REGISTRY.get().is_some() {
        return Ok(());
    }
    let builder = PrometheusBuilder::new().set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &SECONDS);
    let recorder = builder.context("metrics can't be counted")?.build_recorder();
    // Of two that start at the same time, the first counts.
    if REGISTRY.set(recorder.handle()).is_ok() {
        metrics::set_global_recorder(recorder).map_err(|error| anyhow::anyhow!("metrics can't be counted: {error}"))?;
        describe();
    }
    Ok(())
}

/// All metrics in Prometheus' text format.
pub fn render() -> String {
    REGISTRY.get().map(PrometheusHandle::render).unwrap_or_default()
}

/// Folds what was observed since the last time, so that it does not pile up while nobody reads.
pub fn fold() {
    if let Some(registry) = REGISTRY.get() {
        registry.run_upkeep();
    }
}

fn describe() {
    metrics::describe_counter!(ATTEMPTS, "Tries to deliver a notification, by provider and outcome");
    metrics::describe_histogram!(ATTEMPT_SECONDS, Unit::Seconds, "How long a provider took to answer a try");
    metrics::describe_gauge!(LANE_IN_FLIGHT, "Requests that a lane has under way");
    metrics::describe_gauge!(LANE_WINDOW, "Requests that a lane may have under way at a time");
    metrics::describe_gauge!(LANE_CONNECTIONS, "Connections that a lane has open");
    metrics::describe_gauge!(LANE_WAITING, "Notifications that wait in a lane");
    metrics::describe_gauge!(LANE_PACE, "Notifications a second that a lane may send at the moment; 0: any number");
    metrics::describe_gauge!(LANE_OPEN, "1: the lane sends; 0: it is closed or stalled");
    metrics::describe_counter!(
        REMOVAL_PAUSED,
        "Operations of which no dead token is removed, because there were too many"
    );
}

/// The dead tokens of an Operation are not removed, because there were too many.
pub fn removal_paused() {
    metrics::counter!(REMOVAL_PAUSED).increment(1);
}

/// What is counted in a lane.
pub struct LaneMetrics {
    provider: &'static str,
    attempts: HashMap<&'static str, Counter>,
    seconds: Histogram,
    in_flight: Gauge,
    window: Gauge,
    connections: Gauge,
    open: Gauge,
    waiting: Gauge,
    pace: Gauge,
}

impl LaneMetrics {
    /// For the lane of a Credential.
    pub fn new(provider: Provider, credential_id: CredentialId) -> Self {
        let provider = provider.as_str();
        let labels = [("provider", provider.to_owned()), ("credential_id", credential_id.to_string())];
        Self {
            provider,
            attempts: HashMap::new(),
            seconds: metrics::histogram!(ATTEMPT_SECONDS, "provider" => provider),
            in_flight: metrics::gauge!(LANE_IN_FLIGHT, &labels),
            window: metrics::gauge!(LANE_WINDOW, &labels),
            connections: metrics::gauge!(LANE_CONNECTIONS, &labels),
            open: metrics::gauge!(LANE_OPEN, &labels),
            waiting: metrics::gauge!(LANE_WAITING, &labels),
            pace: metrics::gauge!(LANE_PACE, &labels),
        }
    }

    /// A try came to `outcome`.
    pub fn tried(&mut self, outcome: &'static str, duration: Duration) {
        let provider = self.provider;
        let new = || metrics::counter!(ATTEMPTS, "provider" => provider, "outcome" => outcome);
        self.attempts.entry(outcome).or_insert_with(new).increment(1);
        self.seconds.record(duration);
    }

    /// How the lane stands.
    pub fn stands(&self, in_flight: usize, window: usize, connections: usize, is_open: bool) {
        self.in_flight.set(f64::from(in_flight as u32));
        self.window.set(f64::from(window as u32));
        self.connections.set(f64::from(connections as u32));
        self.open.set(f64::from(u8::from(is_open)));
    }

    /// How fast it may be, and what waits in it.
    pub fn pace(&self, pace: Option<f64>, waiting: usize) {
        self.pace.set(pace.unwrap_or(0.0));
        self.waiting.set(f64::from(waiting as u32));
    }
}
