//! The one list of metrics. Every part of the process counts here, and `http::metrics` renders them
//! for Prometheus.

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
mod snapshots;

pub(crate) use lane::{LaneMetrics, LaneStatus};
pub(crate) use snapshots::SnapshotMetric;

const BUILD: &str = "bellwire_build_info";
const HTTP_REQUESTS: &str = "bellwire_http_requests_total";
const HTTP_SECONDS: &str = "bellwire_http_request_seconds";
const FAILED_LOGINS: &str = "bellwire_http_failed_logins_total";
const OPERATIONS: &str = "bellwire_operations_accepted_total";
const NOTIFICATIONS: &str = "bellwire_push_notifications_accepted_total";
const POSTGRES_UP: &str = "bellwire_postgres_up";
const OLDEST_SNAPSHOT: &str = "bellwire_postgres_oldest_snapshot_seconds";
const POSTGRES_READ_ONLY: &str = "bellwire_postgres_read_only";
const POOL: &str = "bellwire_pool_connections";
const QUEUE: &str = "bellwire_queue_push_notifications";
const QUEUE_OLDEST: &str = "bellwire_queue_oldest_due_seconds";
const CLAIMED: &str = "bellwire_delivery_claimed";
const ATTEMPTS: &str = "bellwire_delivery_attempts_total";
const ATTEMPT_SECONDS: &str = "bellwire_delivery_attempt_seconds";
const LANE_IN_FLIGHT: &str = "bellwire_lane_in_flight";
const LANE_CONCURRENCY_LIMIT: &str = "bellwire_lane_concurrency_limit";
const LANE_CONNECTIONS: &str = "bellwire_lane_connections";
const LANE_BACKLOG: &str = "bellwire_lane_backlog";
const LANE_RATE_LIMIT: &str = "bellwire_lane_rate_limit";
const LANE_TRIPPED: &str = "bellwire_lane_tripped";
const RECORD_SECONDS: &str = "bellwire_record_seconds";
const RECORDER_LAG: &str = "bellwire_recorder_lag_seconds";
const OUTCOMES_DROPPED: &str = "bellwire_outcomes_dropped_total";
const MASS_INVALIDATIONS: &str = "bellwire_mass_invalidations_total";
const RECEIPTS: &str = "bellwire_receipts_total";
const WEBHOOK_ATTEMPTS: &str = "bellwire_webhook_attempts_total";
const WEBHOOKS_DISABLED: &str = "bellwire_webhooks_disabled_total";
const PARTITIONS_DROPPED: &str = "bellwire_retention_partitions_dropped_total";
const DAYS_WAITING: &str = "bellwire_retention_days_waiting";
const RETENTION_SUCCESS: &str = "bellwire_retention_last_success_timestamp_seconds";
const CERTIFICATE_END: &str = "bellwire_certificate_end_timestamp_seconds";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Counter,
    Gauge,
    Histogram,
}

#[derive(Debug, Clone, Copy)]
pub struct Metric {
    pub name: &'static str,
    pub kind: Kind,
    /// The text behind `# HELP`.
    pub help: &'static str,
}

const fn counter(name: &'static str, help: &'static str) -> Metric {
    Metric {
        name,
        kind: Kind::Counter,
        help,
    }
}

const fn gauge(name: &'static str, help: &'static str) -> Metric {
    Metric {
        name,
        kind: Kind::Gauge,
        help,
    }
}

const fn histogram(name: &'static str, help: &'static str) -> Metric {
    Metric {
        name,
        kind: Kind::Histogram,
        help,
    }
}

/// Every metric. docs/operations.md explains each in more words; a test holds this list, that
/// document, the dashboard and the alert rules together.
pub const ALL: [Metric; 32] = [
    gauge(BUILD, "Always 1; the version is a label"),
    counter(
        HTTP_REQUESTS,
        "Requests answered, by method, route and status",
    ),
    histogram(
        HTTP_SECONDS,
        "Seconds from a request's head to its response, by method and route",
    ),
    counter(
        FAILED_LOGINS,
        "Requests refused because of an unknown API key or a wrong secret",
    ),
    counter(OPERATIONS, "Operations that this process accepted"),
    counter(
        NOTIFICATIONS,
        "PushNotifications that this process made durable",
    ),
    gauge(
        POSTGRES_UP,
        "1: Postgres responded during this scrape; 0: it did not",
    ),
    gauge(
        OLDEST_SNAPSHOT,
        "Seconds that the oldest snapshot of the database has been held, which keeps vacuum from \
         removing dead rows; kind and name identify the holder",
    ),
    gauge(
        POSTGRES_READ_ONLY,
        "1: Postgres takes no writes: the server is a standby, or the database is read-only; 0: it takes them",
    ),
    gauge(POOL, "Connections to Postgres, by pool and state"),
    gauge(
        QUEUE,
        "Unsettled PushNotifications in the whole database; due: may be claimed; later: scheduled, waiting for a retry or for room in a lane, or claimed",
    ),
    gauge(
        QUEUE_OLDEST,
        "Seconds that the oldest due batch in the whole database has been waiting",
    ),
    gauge(
        CLAIMED,
        "PushNotifications that this process has claimed and not yet recorded",
    ),
    counter(ATTEMPTS, "Delivery attempts, by provider and outcome"),
    histogram(
        ATTEMPT_SECONDS,
        "Seconds that a provider took to answer an attempt",
    ),
    gauge(LANE_IN_FLIGHT, "Requests of a lane that are in flight"),
    gauge(
        LANE_CONCURRENCY_LIMIT,
        "Requests that a lane may have in flight at the same time",
    ),
    gauge(LANE_CONNECTIONS, "Open connections of a lane"),
    gauge(
        LANE_BACKLOG,
        "PushNotifications that wait in a lane's memory",
    ),
    gauge(
        LANE_RATE_LIMIT,
        "PushNotifications a second that a lane may send now; 0: no limit",
    ),
    gauge(
        LANE_TRIPPED,
        "1: the lane's circuit breaker is tripped, or its provider does not answer; 0: it sends",
    ),
    histogram(
        RECORD_SECONDS,
        "Seconds that the successful write of a group of outcomes took",
    ),
    gauge(
        RECORDER_LAG,
        "Seconds that the oldest unrecorded outcome has been waiting",
    ),
    counter(
        OUTCOMES_DROPPED,
        "Outcomes that came too late: another process had claimed the batch, or the notification was canceled",
    ),
    counter(
        MASS_INVALIDATIONS,
        "Operations with so many dead tokens that none of them was removed",
    ),
    counter(
        RECEIPTS,
        "Receipts from apps, by event; unknown: of no notification of this installation",
    ),
    counter(
        WEBHOOK_ATTEMPTS,
        "Requests to webhooks, by result: taken, or failed",
    ),
    counter(
        WEBHOOKS_DISABLED,
        "Webhooks disabled, because they answered 410 or failed for days",
    ),
    counter(
        PARTITIONS_DROPPED,
        "Partitions dropped because their retention is over",
    ),
    gauge(
        DAYS_WAITING,
        "Expired days that still have PushNotifications to send",
    ),
    gauge(
        RETENTION_SUCCESS,
        "Unix time at which this process last dropped all expired records",
    ),
    gauge(
        CERTIFICATE_END,
        "Unix time at which the first certificate of all Credentials ends; +Inf: there is none",
    ),
];

/// Counters without labels. They start at 0, so that Prometheus sees their first increase.
const PLAIN_COUNTERS: [&str; 7] = [
    FAILED_LOGINS,
    WEBHOOKS_DISABLED,
    OPERATIONS,
    NOTIFICATIONS,
    OUTCOMES_DROPPED,
    MASS_INVALIDATIONS,
    PARTITIONS_DROPPED,
];

/// Upper bounds of the histograms' buckets, in seconds: from a provider in the same data center to
/// one that answers at its timeout.
const BUCKETS: [f64; 12] = [
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0,
];

static REGISTRY: OnceLock<PrometheusHandle> = OnceLock::new();

/// Starts counting. A process has one set of metrics, however often this is called.
pub(crate) fn start() -> anyhow::Result<()> {
    if REGISTRY.get().is_some() {
        return Ok(());
    }

    // The suffix finds the histograms alone: gauges in seconds have no buckets to set.
    let builder = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &BUCKETS);
    let recorder = builder.context("metrics can't be set up")?.build_recorder();

    // Tests start several services in one process at the same time: the first one wins.
    if REGISTRY.set(recorder.handle()).is_ok() {
        metrics::set_global_recorder(recorder)
            .map_err(|error| anyhow::anyhow!("metrics can't be set up: {error}"))?;
        describe();
    }

    Ok(())
}

fn describe() {
    for Metric { name, kind, help } in ALL {
        match kind {
            Kind::Counter => metrics::describe_counter!(name, help),
            Kind::Gauge => metrics::describe_gauge!(name, help),
            Kind::Histogram => metrics::describe_histogram!(name, help),
        }
    }

    for name in PLAIN_COUNTERS {
        metrics::counter!(name).increment(0);
    }

    metrics::gauge!(BUILD, "version" => env!("CARGO_PKG_VERSION")).set(1);
}

/// All metrics in Prometheus' text format.
pub(crate) fn render() -> String {
    REGISTRY
        .get()
        .map(PrometheusHandle::render)
        .unwrap_or_default()
}

/// Folds new observations into the histograms, so that they do not pile up between two scrapes.
pub(crate) fn fold() {
    if let Some(registry) = REGISTRY.get() {
        registry.run_upkeep();
    }
}

/// `duration`: from the request's head to its response.
pub(crate) fn request_answered(
    method: &'static str,
    route: String,
    status: u16,
    duration: Duration,
) {
    // Without the status, which would multiply the buckets of each route.
    metrics::histogram!(HTTP_SECONDS, "method" => method, "route" => route.clone())
        .record(duration);

    let status = status.to_string();
    metrics::counter!(HTTP_REQUESTS, "method" => method, "route" => route, "status" => status)
        .increment(1);
}

pub(crate) fn login_failed() {
    metrics::counter!(FAILED_LOGINS).increment(1);
}

pub(crate) fn operations_accepted(operations: usize, notifications: usize) {
    metrics::counter!(OPERATIONS).increment(operations as u64);
    metrics::counter!(NOTIFICATIONS).increment(notifications as u64);
}

pub(crate) fn postgres_up(is_up: bool) {
    metrics::gauge!(POSTGRES_UP).set(f64::from(u8::from(is_up)));
}

pub(crate) fn postgres_read_only(is_read_only: bool) {
    metrics::gauge!(POSTGRES_READ_ONLY).set(f64::from(u8::from(is_read_only)));
}

/// `oldest`: how long the oldest due batch of the whole database has been waiting.
pub(crate) fn queue_due(notifications: i64, oldest: Duration) {
    metrics::gauge!(QUEUE, "state" => "due").set(notifications as f64);
    metrics::gauge!(QUEUE_OLDEST).set(oldest.as_secs_f64());
}

pub(crate) fn queue_later(notifications: i64) {
    metrics::gauge!(QUEUE, "state" => "later").set(notifications as f64);
}

pub(crate) fn pool_connections(pool: &'static str, used: usize, idle: usize) {
    metrics::gauge!(POOL, "pool" => pool, "state" => "used").set(used as f64);
    metrics::gauge!(POOL, "pool" => pool, "state" => "idle").set(idle as f64);
}

/// `recorder_lag`: how long the oldest unrecorded outcome has been waiting.
pub(crate) fn delivery(claimed: usize, recorder_lag: Duration) {
    metrics::gauge!(CLAIMED).set(claimed as f64);
    metrics::gauge!(RECORDER_LAG).set(recorder_lag.as_secs_f64());
}

/// A group of outcomes was written in `duration`; `dropped` of them came too late.
pub(crate) fn outcomes_recorded(duration: Duration, dropped: usize) {
    metrics::histogram!(RECORD_SECONDS).record(duration);
    metrics::counter!(OUTCOMES_DROPPED).increment(dropped as u64);
}

pub(crate) fn mass_invalidation() {
    metrics::counter!(MASS_INVALIDATIONS).increment(1);
}

/// Notifications that got their first receipt of a kind.
pub(crate) fn receipts_recorded(delivered: usize, opened: usize, dismissed: usize) {
    for (event, count) in [
        ("delivered", delivered),
        ("opened", opened),
        ("dismissed", dismissed),
    ] {
        metrics::counter!(RECEIPTS, "event" => event).increment(count as u64);
    }
}

/// Receipts with a token that Bellwire did not sign.
pub(crate) fn receipts_unknown(count: usize) {
    metrics::counter!(RECEIPTS, "event" => "unknown").increment(count as u64);
}

/// A message was sent to a webhook, which took it or did not.
pub(crate) fn webhook_attempted(is_taken: bool) {
    let result = if is_taken { "taken" } else { "failed" };
    metrics::counter!(WEBHOOK_ATTEMPTS, "result" => result).increment(1);
}

pub(crate) fn webhook_disabled() {
    metrics::counter!(WEBHOOKS_DISABLED).increment(1);
}

pub(crate) fn partition_dropped() {
    metrics::counter!(PARTITIONS_DROPPED).increment(1);
}

/// At `now`, all expired records were dropped, except those of `days_waiting` days.
pub(crate) fn retention_succeeded(now: OffsetDateTime, days_waiting: usize) {
    metrics::gauge!(DAYS_WAITING).set(days_waiting as f64);
    metrics::gauge!(RETENTION_SUCCESS).set(now.unix_timestamp() as f64);
}

/// When the first certificate ends; `None`: there is none.
pub(crate) fn certificate_end(end: Option<OffsetDateTime>) {
    let seconds = end.map_or(f64::INFINITY, |end| end.unix_timestamp() as f64);
    metrics::gauge!(CERTIFICATE_END).set(seconds);
}
