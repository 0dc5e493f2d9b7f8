//! The metrics of one lane.

use std::collections::HashMap;
use std::time::Duration;

use metrics::{Counter, Gauge, Histogram};

use super::{
    ATTEMPT_SECONDS, ATTEMPTS, LANE_BACKLOG, LANE_CONCURRENCY_LIMIT, LANE_CONNECTIONS,
    LANE_IN_FLIGHT, LANE_RATE_LIMIT, LANE_TRIPPED,
};
use crate::model::id::CredentialId;
use crate::model::outcome::OutcomeKind;
use crate::model::provider::Provider;

/// Handles of one lane's metrics, looked up once, because every answer counts.
pub(crate) struct LaneMetrics {
    provider: &'static str,
    attempts: HashMap<OutcomeKind, Counter>,
    attempt_seconds: Histogram,
    in_flight: Gauge,
    concurrency_limit: Gauge,
    connections: Gauge,
    backlog: Gauge,
    rate_limit: Gauge,
    tripped: Gauge,
}

/// What a lane's gauges show. The default is that of a lane that has ended.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct LaneStatus {
    pub in_flight: usize,
    pub concurrency_limit: usize,
    pub connections: usize,
    /// Notifications that wait in memory.
    pub backlog: usize,
    /// Notifications a second; `None`: no limit.
    pub rate_limit: Option<f64>,
    /// The breaker is tripped, or the provider does not answer.
    pub is_tripped: bool,
}

impl LaneMetrics {
    pub(crate) fn new(provider: Provider, credential_id: CredentialId) -> Self {
        let provider = provider.as_str();
        let labels = [
            ("provider", provider.to_owned()),
            ("credential_id", credential_id.to_string()),
        ];

        Self {
            provider,
            attempts: HashMap::new(),
            attempt_seconds: metrics::histogram!(ATTEMPT_SECONDS, "provider" => provider),
            in_flight: metrics::gauge!(LANE_IN_FLIGHT, &labels),
            concurrency_limit: metrics::gauge!(LANE_CONCURRENCY_LIMIT, &labels),
            connections: metrics::gauge!(LANE_CONNECTIONS, &labels),
            backlog: metrics::gauge!(LANE_BACKLOG, &labels),
            rate_limit: metrics::gauge!(LANE_RATE_LIMIT, &labels),
            tripped: metrics::gauge!(LANE_TRIPPED, &labels),
        }
    }

    pub(crate) fn attempted(&mut self, outcome: OutcomeKind, duration: Duration) {
        let provider = self.provider;
        let new =
            || metrics::counter!(ATTEMPTS, "provider" => provider, "outcome" => outcome.as_str());

        // Made at the first attempt with this outcome, so that no series shows what a lane never
        // saw.
        self.attempts
            .entry(outcome)
            .or_insert_with(new)
            .increment(1);

        self.attempt_seconds.record(duration);
    }

    pub(crate) fn set(&self, status: LaneStatus) {
        self.in_flight.set(f64::from(status.in_flight as u32));
        self.concurrency_limit
            .set(f64::from(status.concurrency_limit as u32));
        self.connections.set(f64::from(status.connections as u32));
        self.backlog.set(f64::from(status.backlog as u32));
        self.rate_limit.set(status.rate_limit.unwrap_or(0.0));
        self.tripped.set(f64::from(u8::from(status.is_tripped)));
    }
}
