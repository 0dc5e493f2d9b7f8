//! The control endpoint, plain HTTP/1.1 and JSON, for tests and for people:
//!
//! * `GET /messages`: what arrived, by token; `?token=…` for one.
//! * `GET /summary`: the sums.
//! * `DELETE /messages`: forgets everything.
//! * `GET /faults`, `PUT /faults`: delays and faults, for every request from then on.

use std::net::SocketAddr;
use std::sync::Arc;

use actix_web::dev::ServerHandle;
use actix_web::{App, HttpResponse, HttpServer, web};
use serde::Deserialize;

use crate::dev::simulator::arrivals::Arrivals;
use crate::dev::simulator::behaviour::{Behaviour, Faults};

#[derive(Deserialize)]
struct MessagesQuery {
    token: Option<String>,
}

/// Starts it. Returns a handle to stop it, and where it listens.
pub(super) fn serve(
    address: SocketAddr,
    arrivals: Arc<Arrivals>,
    behaviour: Arc<Behaviour>,
) -> anyhow::Result<(ServerHandle, SocketAddr)> {
    let (arrivals, behaviour) = (web::Data::from(arrivals), web::Data::from(behaviour));
    let server = HttpServer::new(move || {
        App::new()
            .app_data(web::Data::clone(&arrivals))
            .app_data(web::Data::clone(&behaviour))
            .service(
                web::resource("/messages")
                    .route(web::get().to(messages))
                    .route(web::delete().to(forget)),
            )
            .route("/summary", web::get().to(summary))
            .service(
                web::resource("/faults")
                    .route(web::get().to(faults))
                    .route(web::put().to(set_faults)),
            )
    })
    .workers(1)
    .disable_signals()
    .bind(address)?;
    let address = server.addrs().first().copied().unwrap_or(address);
    let server = server.run();
    let handle = server.handle();
    tokio::spawn(server);
    Ok((handle, address))
}

async fn messages(arrivals: web::Data<Arrivals>, query: web::Query<MessagesQuery>) -> HttpResponse {
    match &query.token {
        Some(token) => HttpResponse::Ok().json(arrivals.of(token)),
        None => HttpResponse::Ok().json(arrivals.all()),
    }
}

async fn summary(arrivals: web::Data<Arrivals>) -> HttpResponse {
    HttpResponse::Ok().json(arrivals.summary())
}

async fn forget(arrivals: web::Data<Arrivals>) -> HttpResponse {
    arrivals.clear();
    HttpResponse::NoContent().finish()
}

async fn faults(behaviour: web::Data<Behaviour>) -> HttpResponse {
    HttpResponse::Ok().json(behaviour.faults())
}

async fn set_faults(behaviour: web::Data<Behaviour>, faults: web::Json<Faults>) -> HttpResponse {
    behaviour.set_faults(faults.into_inner());
    HttpResponse::Ok().json(behaviour.faults())
}
