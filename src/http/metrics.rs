//! `GET /metrics`, for Prometheus. It has its own listener, so it need not be reachable by callers
//! of the API.

use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use actix_web::dev::Server;
use actix_web::{App, HttpResponse, HttpServer, web};
use sqlx::{PgConnection, PgPool};
use tokio::time::timeout;

use crate::handoff::delivery_stats::DeliveryStats;
use crate::store::queue_depth;
use crate::telemetry::metrics;

/// How often observations are folded into histograms, so that they don't pile up between scrapes.
const UPKEEP_INTERVAL: Duration = Duration::from_secs(5);
/// How long a scrape waits for a connection before it reports Postgres as down.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// How long a scrape waits for the queue's depth before it reports the last one again.
const QUERY_TIMEOUT: Duration = Duration::from_secs(2);
/// How often notifications that are not due are counted: there may be millions of them, and their
/// number changes slowly.
const NOT_DUE_INTERVAL: Duration = Duration::from_secs(30);

/// What a scrape reads, beside what the process has observed.
#[derive(Clone)]
pub(crate) struct MetricsSources {
    /// Reads the queue's depth. A pool of its own: metrics stay readable when the API is overloaded.
    pub queue_pool: PgPool,
    pub not_due_interval: NotDueInterval,
    /// Every pool of the process, by the name in its metrics.
    pub pools: Vec<(&'static str, PgPool)>,
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
            .route("/metrics", web::get().to(scrape))
    });

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
        let idle = pool.num_idle();
        metrics::pool_connections(name, (pool.size() as usize).saturating_sub(idle), idle);
    }

    if let Some(delivery) = &sources.delivery {
        metrics::delivery(delivery.claimed(), delivery.recorder_lag());
    }

    HttpResponse::Ok()
        .content_type("text/plain; version=0.0.4; charset=utf-8")
        .body(metrics::render())
}

async fn update_queue_depth(sources: &MetricsSources) {
    let Ok(Ok(mut connection)) = timeout(CONNECT_TIMEOUT, sources.queue_pool.acquire()).await
    else {
        return metrics::postgres_up(false);
    };

    let read = read_queue_depth(&mut connection, &sources.not_due_interval);
    match timeout(QUERY_TIMEOUT, read).await {
        Ok(result) => metrics::postgres_up(result.is_ok()),
        // The queue is long rather than Postgres away: the gauges keep their last values. The
        // connection still runs the query, so it can't go back to the pool.
        Err(_) => connection.close_on_drop(),
    }
}

async fn read_queue_depth(
    connection: &mut PgConnection,
    not_due_interval: &NotDueInterval,
) -> sqlx::Result<()> {
    let due = queue_depth::due(&mut *connection).await?;
    metrics::queue_due(due.notifications, due.oldest);
    metrics::postgres_up(true);

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
            *last = Some(Instant::now());
        }

        has_passed
    }
}
