//! `GET /metrics`, for Prometheus, on an address of its own, so that it need not be reachable by
//! the API's callers.

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

/// How often observations are folded while nobody reads.
const FOLD_EVERY: Duration = Duration::from_secs(5);
/// A Postgres that gives no connection in this time is away.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// A look at the queue that takes longer is left out of the answer.
const LOOK_TIMEOUT: Duration = Duration::from_secs(2);

/// How often all that is not due is looked at: it may be very much, and changes slowly.
const LATER_EVERY: Duration = Duration::from_secs(30);

/// What is looked at when somebody reads.
#[derive(Clone)]
pub(crate) struct Watched {
    /// To look at the queue with.
    pub pool: PgPool,
    /// When all of the queue was last looked at.
    pub later: LaterLook,
    /// The service's pools, by name.
    pub pools: Vec<(&'static str, PgPool)>,
    /// `None`: this process does not deliver.
    pub delivery: Option<DeliveryStats>,
}

/// Starts answering those who connect to `listener`. Returns the addresses that it listens on.
pub(crate) fn serve(
    listener: TcpListener,
    watched: Watched,
) -> std::io::Result<(Server, Vec<SocketAddr>)> {
    let watched = web::Data::new(watched);
    let server = HttpServer::new(move || {
        App::new()
            .app_data(web::Data::clone(&watched))
            .route("/metrics", web::get().to(read))
    })
    .workers(1)
    .disable_signals()
    .listen(listener)?;
    let addresses = server.addrs();
    Ok((server.run(), addresses))
}

/// Folds observations for ever.
pub(crate) async fn fold() {
    let mut ticks = tokio::time::interval(FOLD_EVERY);
    loop {
        ticks.tick().await;
        metrics::fold();
    }
}

async fn read(watched: web::Data<Watched>) -> HttpResponse {
    look(&watched).await;
    for (name, pool) in &watched.pools {
        let idle = pool.num_idle();
        metrics::pool_connections(name, (pool.size() as usize).saturating_sub(idle), idle);
    }
    if let Some(delivery) = &watched.delivery {
        metrics::delivery(delivery.claimed(), delivery.recorder_lag());
    }
    HttpResponse::Ok()
        .content_type("text/plain; version=0.0.4; charset=utf-8")
        .body(metrics::render())
}

async fn look(watched: &Watched) {
    let Ok(Ok(mut connection)) = timeout(CONNECT_TIMEOUT, watched.pool.acquire()).await else {
        return metrics::postgres_up(false);
    };
    match timeout(LOOK_TIMEOUT, look_with(&mut connection, &watched.later)).await {
        Ok(looked) => metrics::postgres_up(looked.is_ok()),
        // Of a queue so long that looking at it takes too long, the last look stands.
        Err(_) => connection.close_on_drop(),
    }
}

async fn look_with(connection: &mut PgConnection, later: &LaterLook) -> sqlx::Result<()> {
    let due = queue_depth::due(&mut *connection).await?;
    metrics::queue_due(due.notifications, due.oldest);
    metrics::postgres_up(true);
    if later.is_time() {
        metrics::queue_later(queue_depth::later(connection).await?);
    }
    Ok(())
}

/// When what is not due was last looked at.
#[derive(Clone, Default)]
pub(crate) struct LaterLook(Arc<Mutex<Option<Instant>>>);

impl LaterLook {
    fn is_time(&self) -> bool {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_time = last.is_none_or(|last| last.elapsed() >= LATER_EVERY);
        if is_time {
            *last = Some(Instant::now());
        }
        is_time
    }
}
