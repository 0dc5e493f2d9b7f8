//! What is counted in a lane.

use std::collections::HashMap;
use std::time::Duration;

use metrics::{Counter, Gauge, Histogram};

use super::{
    ATTEMPT_SECONDS, ATTEMPTS, LANE_CONNECTIONS, LANE_IN_FLIGHT, LANE_OPEN, LANE_PACE,
    LANE_WAITING, LANE_WINDOW,
};
use crate::model::id::CredentialId;
use crate::model::provider::Provider;

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
        let labels = [
            ("provider", provider.to_owned()),
            ("credential_id", credential_id.to_string()),
        ];
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
        self.attempts
            .entry(outcome)
            .or_insert_with(new)
            .increment(1);
        self.seconds.record(duration);
    }

    /// How the lane stands.
    pub fn stands(&self, in_flight: usize, window: usize, connections: usize, is_open: bool) {
        self.in_flight.set(f64::from(in_flight as u32));
        self.window.set(f64::from(window as u32));
        self.connections.set(f64::from(connections as u32));
        self.open.set(f64::from(u8::from(is_open)));
    }

    /// The lane has ended: nothing of it is left to worry about.
    pub fn ended(&self) {
        self.stands(0, 0, 0, true);
        self.pace(None, 0);
    }

    /// How fast it may be, and what waits in it.
    pub fn pace(&self, pace: Option<f64>, waiting: usize) {
        self.pace.set(pace.unwrap_or(0.0));
        self.waiting.set(f64::from(waiting as u32));
    }
}
