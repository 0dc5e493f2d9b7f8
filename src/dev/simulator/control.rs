//! The control endpoint, plain HTTP/1.1 and JSON, for tests and for people:
//!
//! * `GET /messages`: the messages that devices received, by token; `?token=…` for one.
//! * `GET /summary`: their sums.
//! * `DELETE /messages`: forgets all messages.
//! * `GET /faults`: the present delays and faults; `PUT /faults` changes them for all later requests.

use std::net::SocketAddr;
use std::sync::Arc;

use actix_web::dev::ServerHandle;
use actix_web::{App, HttpResponse, HttpServer, web};
use serde::Deserialize;

use crate::dev::simulator::behaviour::{Behaviour, Faults};
use crate::dev::simulator::inbox::Inbox;

#[derive(Deserialize)]
struct MessagesQuery {
    token: Option<String>,
}

/// Starts the endpoint's server, with a thread of its own. Returns a handle that stops it, and the
/// address that it listens on.
pub(super) fn serve(
    address: SocketAddr,
    inbox: Arc<Inbox>,
    behaviour: Arc<Behaviour>,
) -> anyhow::Result<(ServerHandle, SocketAddr)> {
    let inbox = web::Data::from(inbox);
    let behaviour = web::Data::from(behaviour);

    // The process has its own handling of signals.
    let server = HttpServer::new(move || {
        App::new()
            .app_data(web::Data::clone(&inbox))
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
    // A person or a test asks now and then, and the default is a thread for each processor.
    .workers(1)
    .disable_signals()
    .bind(address)?;

    // Port 0 has become a real one.
    let address = server.addrs().first().copied().unwrap_or(address);
    let server = server.run();
    let handle = server.handle();
    tokio::spawn(server);

    Ok((handle, address))
}

async fn messages(inbox: web::Data<Inbox>, query: web::Query<MessagesQuery>) -> HttpResponse {
    match &query.token {
        Some(token) => HttpResponse::Ok().json(inbox.device(token)),
        None => HttpResponse::Ok().json(inbox.devices()),
    }
}

async fn summary(inbox: web::Data<Inbox>) -> HttpResponse {
    HttpResponse::Ok().json(inbox.summary())
}

async fn forget(inbox: web::Data<Inbox>) -> HttpResponse {
    inbox.clear();
    HttpResponse::NoContent().finish()
}

async fn faults(behaviour: web::Data<Behaviour>) -> HttpResponse {
    HttpResponse::Ok().json(behaviour.faults())
}

async fn set_faults(behaviour: web::Data<Behaviour>, faults: web::Json<Faults>) -> HttpResponse {
    behaviour.set_faults(faults.into_inner());
    HttpResponse::Ok().json(behaviour.faults())
}
