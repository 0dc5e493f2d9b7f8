//! `GET /metrics`, for Prometheus, on an address of its own, so that it need not be reachable by the API's callers.

use std::net::SocketAddr;
use std::time::Duration;

use actix_web::dev::Server;
use actix_web::{App, HttpResponse, HttpServer, web};

use crate::telemetry::metrics;

/// How often observations are folded while nobody reads.
const FOLD_EVERY: Duration = Duration::from_secs(5);

/// Starts answering on `listen`. Returns the addresses that it listens on.
pub fn serve(listen: SocketAddr) -> std::io::Result<(Server, Vec<SocketAddr>)> {
    let server = HttpServer::new(|| App::new().route("/metrics", web::get().to(read)))
        .workers(1)
        .disable_signals()
        .bind(listen)?;
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

async fn read() -> HttpResponse {
    HttpResponse::Ok().content_type("text/plain; version=0.0.4; charset=utf-8").body(metrics::render())
}
