//! The one list of metrics. They are counted in the process and read by Prometheus; see
//! `http::metrics`.

#![allow(
    clippy::cast_precision_loss,
    reason = "what is counted stays far below 2^52"
)]

use std::sync::OnceLock;
use std::time::Duration;

use anyhow::Context;
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use time::OffsetDateTime;

mod lane;

pub use lane::LaneMetrics;

const BUILD: &str = "bellwire_build_info";
const HTTP_REQUESTS: &str = "bellwire_http_requests_total";
const HTTP_SECONDS: &str = "bellwire_http_request_seconds";
const OPERATIONS: &str = "bellwire_operations_accepted_total";
const NOTIFICATIONS: &str = "bellwire_push_notifications_accepted_total";
const POSTGRES_UP: &str = "bellwire_postgres_up";
const POOL: &str = "bellwire_pool_connections";
const QUEUE: &str = "bellwire_queue_push_notifications";
const QUEUE_OLDEST: &str = "bellwire_queue_oldest_due_seconds";
const IN_HAND: &str = "bellwire_delivery_in_hand";
const ATTEMPTS: &str = "bellwire_delivery_attempts_total";
const ATTEMPT_SECONDS: &str = "bellwire_delivery_attempt_seconds";
const LANE_IN_FLIGHT: &str = "bellwire_lane_in_flight";
const LANE_WINDOW: &str = "bellwire_lane_window";
const LANE_CONNECTIONS: &str = "bellwire_lane_connections";
const LANE_WAITING: &str = "bellwire_lane_waiting";
const LANE_PACE: &str = "bellwire_lane_pace";
const LANE_OPEN: &str = "bellwire_lane_open";
const RECORD_SECONDS: &str = "bellwire_record_seconds";
const RECORDER_LAG: &str = "bellwire_recorder_lag_seconds";
const OUTCOMES_DROPPED: &str = "bellwire_outcomes_dropped_total";
const REMOVAL_PAUSED: &str = "bellwire_removal_paused_total";
const PARTITIONS_DROPPED: &str = "bellwire_retention_partitions_dropped_total";
const DAYS_WAITING: &str = "bellwire_retention_days_waiting";
const RETENTION_ENDED: &str = "bellwire_retention_last_success_timestamp_seconds";

/// How a metric behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Only grows.
    Counter,
    /// Goes up and down.
    Gauge,
    /// A distribution.
    Histogram,
}

/// Every metric with its meaning. docs/operations.md says more; a test holds the two, the dashboard
/// and the rules together.
pub const ALL: [(&str, Kind, &str); 25] = [
    (BUILD, Kind::Gauge, "1, with the version as a label"),
    (
        HTTP_REQUESTS,
        Kind::Counter,
        "Requests, by method, route and status",
    ),
    (
        HTTP_SECONDS,
        Kind::Histogram,
        "How long a request took to be answered, by method and route",
    ),
    (
        OPERATIONS,
        Kind::Counter,
        "Operations accepted by this process",
    ),
    (
        NOTIFICATIONS,
        Kind::Counter,
        "PushNotifications that this process has made durable",
    ),
    (
        POSTGRES_UP,
        Kind::Gauge,
        "1: Postgres answered at this scrape",
    ),
    (
        POOL,
        Kind::Gauge,
        "Connections to Postgres, by pool and state",
    ),
    (
        QUEUE,
        Kind::Gauge,
        "PushNotifications of the whole database that are unsettled: due, or later (scheduled, waiting for a retry, or in somebody's hand)",
    ),
    (
        QUEUE_OLDEST,
        Kind::Gauge,
        "For how long the oldest due batch of the whole database has been waiting",
    ),
    (
        IN_HAND,
        Kind::Gauge,
        "PushNotifications in this process, from claim to record",
    ),
    (
        ATTEMPTS,
        Kind::Counter,
        "DeviceAttempts to deliver a notification, by provider and outcome",
    ),
    (
        ATTEMPT_SECONDS,
        Kind::Histogram,
        "How long a provider took to answer a try",
    ),
    (
        LANE_IN_FLIGHT,
        Kind::Gauge,
        "Requests that a lane has under way",
    ),
    (
        LANE_WINDOW,
        Kind::Gauge,
        "Requests that a lane may have under way at a time",
    ),
    (
        LANE_CONNECTIONS,
        Kind::Gauge,
        "Connections that a lane has open",
    ),
    (
        LANE_WAITING,
        Kind::Gauge,
        "Notifications that wait in a lane",
    ),
    (
        LANE_PACE,
        Kind::Gauge,
        "Notifications a second that a lane may send at the moment; 0: any number",
    ),
    (
        LANE_OPEN,
        Kind::Gauge,
        "1: the lane sends; 0: it is closed or stalled",
    ),
    (
        RECORD_SECONDS,
        Kind::Histogram,
        "How long it took to make a group of outcomes durable",
    ),
    (
        RECORDER_LAG,
        Kind::Gauge,
        "How long the oldest outcome that is not durable has been waiting for that",
    ),
    (
        OUTCOMES_DROPPED,
        Kind::Counter,
        "Outcomes that came too late: the batch was claimed anew or canceled",
    ),
    (
        REMOVAL_PAUSED,
        Kind::Counter,
        "Operations of which no dead token is removed, because there were too many",
    ),
    (
        PARTITIONS_DROPPED,
        Kind::Counter,
        "Partitions that were dropped because they are past their retention",
    ),
    (
        DAYS_WAITING,
        Kind::Gauge,
        "Days past their retention that wait, because some of them is still to be sent",
    ),
    (
        RETENTION_ENDED,
        Kind::Gauge,
        "When this process last dropped all that is past its retention",
    ),
];

/// Counters without labels, which are shown before they first count, so that their growth can be
/// seen.
const PLAIN_COUNTERS: [&str; 5] = [
    OPERATIONS,
    NOTIFICATIONS,
    OUTCOMES_DROPPED,
    REMOVAL_PAUSED,
    PARTITIONS_DROPPED,
];

/// From a provider next door to one that answers at its timeout, in seconds.
const SECONDS: [f64; 12] = [
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0,
];

static REGISTRY: OnceLock<PrometheusHandle> = OnceLock::new();

/// Starts counting. A process has one set of metrics, however often this is called.
pub fn start() -> anyhow::Result<()> {
    if REGISTRY.get().is_some() {
        return Ok(());
    }
    // Only what is a distribution ends so: timestamps and lags are gauges.
    let builder = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &SECONDS);
    let recorder = builder
        .context("metrics can't be counted")?
        .build_recorder();
    // Of two that start at the same time, the first counts.
    if REGISTRY.set(recorder.handle()).is_ok() {
        metrics::set_global_recorder(recorder)
            .map_err(|error| anyhow::anyhow!("metrics can't be counted: {error}"))?;
        begin();
    }
    Ok(())
}

fn begin() {
    for (name, kind, text) in ALL {
        match kind {
            Kind::Counter => metrics::describe_counter!(name, text),
            Kind::Gauge => metrics::describe_gauge!(name, text),
            Kind::Histogram => metrics::describe_histogram!(name, text),
        }
    }
    for name in PLAIN_COUNTERS {
        metrics::counter!(name).increment(0);
    }
    metrics::gauge!(BUILD, "version" => env!("CARGO_PKG_VERSION")).set(1);
}

/// All metrics in Prometheus' text format.
pub fn render() -> String {
    REGISTRY
        .get()
        .map(PrometheusHandle::render)
        .unwrap_or_default()
}

/// Folds what was observed since the last time, so that it does not pile up while nobody reads.
pub fn fold() {
    if let Some(registry) = REGISTRY.get() {
        registry.run_upkeep();
    }
}

/// A request was answered.
pub fn answered(method: &'static str, route: String, status: u16, duration: Duration) {
    let (seconds, status) = (route.clone(), status.to_string());
    metrics::counter!(HTTP_REQUESTS, "method" => method, "route" => route, "status" => status)
        .increment(1);
    metrics::histogram!(HTTP_SECONDS, "method" => method, "route" => seconds).record(duration);
}

/// Operations and their notifications have become durable.
pub fn accepted(operations: usize, notifications: usize) {
    metrics::counter!(OPERATIONS).increment(operations as u64);
    metrics::counter!(NOTIFICATIONS).increment(notifications as u64);
}

/// Whether Postgres answers.
pub fn postgres(is_up: bool) {
    metrics::gauge!(POSTGRES_UP).set(f64::from(u8::from(is_up)));
}

/// The queue of the whole database: due notifications, and how long the oldest due batch has waited.
pub(crate) fn queue_due(notifications: i64, oldest: Duration) {
    metrics::gauge!(QUEUE, "state" => "due").set(notifications as f64);
    metrics::gauge!(QUEUE_OLDEST).set(oldest.as_secs_f64());
}

/// How many notifications are unsettled and not due.
pub fn later(notifications: i64) {
    metrics::gauge!(QUEUE, "state" => "later").set(notifications as f64);
}

/// How many connections of a pool are used, and how many are not.
pub fn pool(name: &'static str, used: usize, idle: usize) {
    metrics::gauge!(POOL, "pool" => name, "state" => "used").set(used as f64);
    metrics::gauge!(POOL, "pool" => name, "state" => "idle").set(idle as f64);
}

/// How delivery stands: what it has in hand, and for how long its oldest outcome has not been
/// durable.
pub fn delivery(in_hand: usize, recorder_lag: Duration) {
    metrics::gauge!(IN_HAND).set(in_hand as f64);
    metrics::gauge!(RECORDER_LAG).set(recorder_lag.as_secs_f64());
}

/// A group of outcomes has become durable, of which `dropped` came too late.
pub fn recorded(duration: Duration, dropped: usize) {
    metrics::histogram!(RECORD_SECONDS).record(duration);
    metrics::counter!(OUTCOMES_DROPPED).increment(dropped as u64);
}

/// The dead tokens of an Operation are not removed, because there were too many.
pub fn removal_paused() {
    metrics::counter!(REMOVAL_PAUSED).increment(1);
}

/// A partition past its retention was dropped.
pub fn partition_dropped() {
    metrics::counter!(PARTITIONS_DROPPED).increment(1);
}

/// All that was past its retention at `now` is gone, but for `waiting` days.
pub fn retention_ended(now: OffsetDateTime, waiting: usize) {
    metrics::gauge!(DAYS_WAITING).set(waiting as f64);
    metrics::gauge!(RETENTION_ENDED).set(now.unix_timestamp() as f64);
}
