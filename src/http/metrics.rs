//! `GET /metrics`, for Prometheus. It has its own listener, so it need not be reachable by callers
//! of the API.

use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use actix_web::dev::Server;
use actix_web::{App, HttpResponse, HttpServer, web};
use sqlx::PgConnection;
use tokio::sync::Mutex as AsyncMutex;

use crate::handoff::delivery_stats::DeliveryStats;
use crate::http::routes;
use crate::store::database_state;
use crate::store::dedicated_connection::DedicatedConnection;
use crate::store::pool::Pool;
use crate::store::queue_depth;
use crate::telemetry::metrics;

/// How often observations are folded into histograms, so that they don't pile up between scrapes.
const UPKEEP_INTERVAL: Duration = Duration::from_secs(5);
/// How long a scrape waits for Postgres before it reports it as down, and then for the queue's depth
/// before it reports the last one again.
const QUERY_TIMEOUT: Duration = Duration::from_secs(2);
/// How often notifications that are not due are counted: there may be millions of them, and their
/// number changes slowly.
const NOT_DUE_INTERVAL: Duration = Duration::from_secs(30);

/// What a scrape reads, beside what the process has observed.
#[derive(Clone)]
pub(crate) struct MetricsSources {
    /// Reads the queue's depth. A connection of its own: metrics stay readable when the API is
    /// overloaded. Scrapes take turns.
    pub connection: Arc<AsyncMutex<DedicatedConnection>>,
    pub not_due_interval: NotDueInterval,
    /// Every pool of the process, by the name in its metrics.
    pub pools: Vec<(&'static str, Pool)>,
    /// `None`: this process does not deliver.
    pub delivery: Option<DeliveryStats>,
}

/// Serves metrics on `listener`. Returns the server, and the addresses that it listens on.
pub(crate) fn serve(
    listener: TcpListener,
    sources: MetricsSources,
) -> std::io::Result<(Server, Vec<SocketAddr>)> {
    let sources = web::Data::new(sources);
    let server = HttpServer::new(move || {
        App::new()
            .app_data(web::Data::clone(&sources))
            .route("/metrics", routes::read().to(scrape))
    });

    // Signals are handled once for the whole process, in `src/signals.rs`.
    let server = server.workers(1).disable_signals().listen(listener)?;
    let addresses = server.addrs();

    Ok((server.run(), addresses))
}

/// Folds observations until the task is aborted.
pub(crate) async fn run_upkeep() {
    let mut ticks = tokio::time::interval(UPKEEP_INTERVAL);
    loop {
        ticks.tick().await;
        metrics::fold();
    }
}

async fn scrape(sources: web::Data<MetricsSources>) -> HttpResponse {
    update_queue_depth(&sources).await;

    for (name, pool) in &sources.pools {
        let size = pool.size();
        metrics::pool_connections(name, size.used, size.idle);
    }

    if let Some(delivery) = &sources.delivery {
        metrics::delivery(delivery.claimed(), delivery.recorder_lag());
    }

    HttpResponse::Ok()
        .content_type("text/plain; version=0.0.4; charset=utf-8")
        .body(metrics::render())
}

async fn update_queue_depth(sources: &MetricsSources) {
    let mut connection = sources.connection.lock().await;
    connection.close_if_older_than(database_state::SESSION_AGE);

    let is_read_only = connection
        .within(QUERY_TIMEOUT, async |connection: &mut PgConnection| {
            database_state::is_read_only(connection).await
        })
        .await;
    metrics::postgres_up(is_read_only.is_ok());
    let Ok(is_read_only) = is_read_only else {
        return;
    };
    metrics::postgres_read_only(is_read_only);

    // If the queue is too long to be read in time, the gauges keep their last values.
    let not_due_interval = &sources.not_due_interval;
    let _ = connection
        .within(QUERY_TIMEOUT, async |connection: &mut PgConnection| {
            read_queue_depth(connection, not_due_interval).await
        })
        .await;
}

async fn read_queue_depth(
    connection: &mut PgConnection,
    not_due_interval: &NotDueInterval,
) -> sqlx::Result<()> {
    let due = queue_depth::due(&mut *connection).await?;
    metrics::queue_due(due.notifications, due.oldest);

    if not_due_interval.has_passed() {
        metrics::queue_later(queue_depth::later(connection).await?);
    }

    Ok(())
}

/// Remembers when notifications that are not due were last counted. Scrapes of all scrapers share
/// it.
#[derive(Clone, Default)]
pub(crate) struct NotDueInterval {
    last: Arc<Mutex<Option<Instant>>>,
}

impl NotDueInterval {
    /// Whether [`NOT_DUE_INTERVAL`] has passed since this last returned true.
    fn has_passed(&self) -> bool {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let has_passed = last.is_none_or(|last| last.elapsed() >= NOT_DUE_INTERVAL);
        if has_passed {
            // Noted before the count, so that a count that runs into its limit is not repeated at
            // each scrape.
            *last = Some(Instant::now());
        }

        has_passed
    }
}
