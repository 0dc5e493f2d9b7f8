//! `GET /metrics`, for Prometheus, on an address of its own, so that it need not be reachable by the API's callers.

use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use actix_web::dev::Server;
use actix_web::{App, HttpResponse, HttpServer, web};
use sqlx::PgPool;
use tokio::time::timeout;

use crate::delivery::Standing;
use crate::store::queue;
use crate::telemetry::metrics;

/// How often observations are folded while nobody reads.
const FOLD_EVERY: Duration = Duration::from_secs(5);
/// A Postgres that gives no connection in this time is away.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// A look at the queue that takes longer is left out of the answer.
const LOOK_TIMEOUT: Duration = Duration::from_secs(2);

/// What is looked at when somebody reads.
#[derive(Clone)]
pub struct Watched {
    /// To look at the queue with.
    pub pool: PgPool,
    /// The service's pools, by name.
    pub pools: Vec<(&'static str, PgPool)>,
    /// `None`: this process does not deliver.
    pub delivery: Option<Standing>,
}

/// Starts answering those who connect to `listener`. Returns the addresses that it listens on.
pub fn serve(listener: TcpListener, watched: Watched) -> std::io::Result<(Server, Vec<SocketAddr>)> {
    let watched = web::Data::new(watched);
    let server =
        HttpServer::new(move || App::new().app_data(web::Data::clone(&watched)).route("/metrics", web::get().to(read)))
            .workers(1)
            .disable_signals()
            .listen(listener)?;
    let addresses = server.addrs();
    Ok((server.run(), addresses))
}

/// Folds observations for ever.
pub async fn fold() {
    let mut ticks = tokio::time::interval(FOLD_EVERY);
    loop {
        ticks.tick().await;
        metrics::fold();
    }
}

async fn read(watched: web::Data<Watched>) -> HttpResponse {
    look(&watched.pool).await;
    for (name, pool) in &watched.pools {
        let idle = pool.num_idle();
        metrics::pool(name, (pool.size() as usize).saturating_sub(idle), idle);
    }
    if let Some(delivery) = &watched.delivery {
        metrics::delivery(delivery.in_hand(), delivery.recorder_lag());
    }
    HttpResponse::Ok().content_type("text/plain; version=0.0.4; charset=utf-8").body(metrics::render())
}

async fn look(pool: &PgPool) {
    let Ok(Ok(mut connection)) = timeout(CONNECT_TIMEOUT, pool.acquire()).await else {
        return metrics::queue(None);
    };
    match timeout(LOOK_TIMEOUT, queue::look(&mut *connection)).await {
        Ok(looked) => metrics::queue(looked.ok().as_ref()),
        // Of a queue so long that looking at it takes too long, the last look stands.
        Err(_) => connection.close_on_drop(),
    }
}
