//! The HTTP API: [`State`], which handlers share, [`serve`], and the routes.
//!
//! A handler reads and checks a request, calls the store, and answers. It never sends: delivery
//! takes from Postgres what a handler stored there. Only `validateOnly` asks a provider.

use std::net::SocketAddr;
use std::time::Duration;

use actix_web::dev::Server;
use actix_web::http::header;
use actix_web::middleware::from_fn;
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, ResponseError, web};
use time::OffsetDateTime;
use uuid::Uuid;

mod accepted;
pub(crate) mod api_key_lookup;
mod app_name;
mod auth;
mod body;
mod date;
mod device;
mod error;
mod health;
mod idempotency;
mod list_turns;
pub(crate) mod metrics;
mod openapi;
mod pagination;
mod path;
mod query;
mod rate_limit;
mod request_log;
mod resources;
mod send;
pub(crate) mod sender_lookup;
mod tags;
mod validation;
mod webhook_url;

use crate::crypto::MasterKeys;
use crate::ingest::group_commit::GroupCommit;
use crate::model::id::lowest_id_at;
use crate::provider::Endpoints;
use crate::store::pool::Pool;
use crate::transport::AddressGuard;
use api_key_lookup::ApiKeyLookup;
use error::ApiError;
pub(crate) use health::{Readiness, ReadinessLookup, start_lookup as start_readiness_lookup};
pub(crate) use list_turns::ListTurns;
use query::Query;
pub(crate) use rate_limit::RateLimits;
use resources::{
    apps, cancel, credentials, delivery_attempts, device_registrations, operation_errors,
    operations, push_notifications, users, webhooks,
};
#[cfg(feature = "fuzzing")]
pub(crate) use send::fuzz;
use sender_lookup::SenderLookup;

/// The first part of every address.
const VERSION: &str = "/v1";

/// What handlers share. Each worker thread of the server holds the same one.
pub(crate) struct State {
    pub settings: Settings,
    /// For reads of single records and small changes; sends go through `group_commit`.
    pub pool: Pool,
    /// For reads of lists.
    pub list_turns: ListTurns,
    pub api_keys: ApiKeyLookup,
    pub senders: SenderLookup,
    pub group_commit: GroupCommit,
    /// Seal Credentials and device tokens, and sign page tokens.
    pub master_keys: MasterKeys,
    /// The providers, for checks of Credentials and for `validateOnly`.
    pub endpoints: Endpoints,
    pub rate_limits: RateLimits,
    /// Where webhooks may be.
    pub address_guard: AddressGuard,
    pub readiness: Readiness,
    /// The state of the database, for `/readyz`.
    pub readiness_lookup: ReadinessLookup,
}

/// What an operator configures of the API.
pub(crate) struct Settings {
    /// The beginning of addresses in answers; `None`: scheme and host of the request.
    pub public_url: Option<String>,
    /// In bytes.
    pub max_body_size: usize,
    /// How long an accepted notification is tried at most.
    pub deadline: Duration,
    /// How long records can be read.
    pub retention: Duration,
}

/// How the API is served.
/// Most connections of one worker, however many file descriptors there are: actix' own default.
const MAX_CONNECTIONS: usize = 25_600;

pub(crate) struct ServerOptions {
    pub listen: SocketAddr,
    /// Without the API, only `/healthz` and `/readyz` are served.
    pub is_api_enabled: bool,
    /// Most connections at a time. More wait to be accepted.
    pub max_connections: usize,
    /// How long requests in flight may take to end once the server stops.
    pub grace: Duration,
}

impl State {
    /// The beginning of every resource's address, for the client that made `request`.
    fn base_url(&self, request: &HttpRequest) -> String {
        match &self.settings.public_url {
            Some(url) => format!("{}{VERSION}", url.trim_end_matches('/')),
            None => {
                let connection = request.connection_info();
                format!("{}://{}{VERSION}", connection.scheme(), connection.host())
            }
        }
    }

    /// The least id that is within the retention; older records are not shown, though their
    /// partition may still exist.
    fn oldest_readable_id(&self) -> Uuid {
        lowest_id_at(OffsetDateTime::now_utc() - self.settings.retention)
    }

    /// The ids that `startDate` and `endDate` let through: from the first on, up to but without the
    /// second.
    fn id_range(&self, query: &mut Query) -> (Uuid, Option<Uuid>) {
        let oldest = self.oldest_readable_id();
        let from = query
            .start_date()
            .map_or(oldest, |start| oldest.max(lowest_id_at(start)));

        (from, query.end_date().map(lowest_id_at))
    }
}

/// Starts to serve. Returns the server, and the addresses that it listens on.
pub(crate) fn serve(
    state: State,
    options: &ServerOptions,
) -> std::io::Result<(Server, Vec<SocketAddr>)> {
    let state = web::Data::new(state);
    let configure = if options.is_api_enabled {
        routes
    } else {
        |_: &mut web::ServiceConfig| {}
    };

    let server = HttpServer::new(move || {
        App::new()
            .app_data(web::Data::clone(&state))
            .app_data(web::PayloadConfig::new(state.settings.max_body_size))
            // A path that can't be decoded names no resource.
            .app_data(web::PathConfig::default().error_handler(|_, _| ApiError::not_found().into()))
            .configure(configure)
            .service(resource("/healthz", "GET").route(web::get().to(health::liveness)))
            .service(resource("/readyz", "GET").route(web::get().to(health::readiness)))
            .wrap(from_fn(request_log::record))
            .default_service(web::to(async || ApiError::not_found().error_response()))
    });

    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    let server = server
        .workers(workers)
        .max_connections((options.max_connections / workers).clamp(1, MAX_CONNECTIONS))
        // The process handles signals itself: it drains first, and ends delivery after HTTP.
        .disable_signals()
        // A client that has closed its side has gone away: what it asked for is not read to the end.
        .h1_allow_half_closed(false)
        .shutdown_timeout(options.grace.as_secs().max(1))
        .bind(options.listen)?;
    let addresses = server.addrs();

    Ok((server.run(), addresses))
}

fn routes(config: &mut web::ServiceConfig) {
    let service = web::scope("/v1/PushNotifications")
        .service(
            resource("", "GET, POST")
                .route(web::get().to(push_notifications::list))
                .route(web::post().to(send::send)),
        )
        .service(resource("/Preview", "POST").route(web::post().to(send::preview::preview)))
        .service(resource("/Operations", "GET").route(web::get().to(operations::list)))
        .service(resource("/Operations/{id}", "GET").route(web::get().to(operations::fetch)))
        .service(
            resource("/Operations/{id}/Errors", "GET").route(web::get().to(operation_errors::list)),
        )
        .service(
            resource("/Operations/{id}/Cancel", "POST").route(web::post().to(cancel::operation)),
        )
        .service(
            resource("/Credentials", "GET, POST")
                .route(web::get().to(credentials::list))
                .route(web::post().to(credentials::create)),
        )
        .service(
            resource("/Credentials/{id}", "GET, PATCH, DELETE")
                .route(web::get().to(credentials::fetch))
                .route(web::patch().to(credentials::update))
                .route(web::delete().to(credentials::delete)),
        )
        .service(
            resource("/Credentials/{id}/Test", "POST").route(web::post().to(credentials::test)),
        )
        .service(resource("/Apps", "GET").route(web::get().to(apps::list)))
        .service(
            resource("/Apps/{name}", "GET, PATCH")
                .route(web::get().to(apps::fetch))
                .route(web::patch().to(apps::update)),
        )
        .service(
            resource("/DeviceRegistrations", "GET, POST")
                .route(web::get().to(device_registrations::list))
                .route(web::post().to(device_registrations::register)),
        )
        .service(
            resource("/DeviceRegistrations/Remove", "POST")
                .route(web::post().to(device_registrations::remove)),
        )
        .service(
            resource(
                "/DeviceRegistrations/{id}/Devices/{deviceId}",
                "PATCH, DELETE",
            )
            .route(web::patch().to(device_registrations::update_device))
            .route(web::delete().to(device_registrations::remove_device)),
        )
        .service(
            resource("/DeviceRegistrations/{id}", "GET, DELETE")
                .route(web::get().to(device_registrations::fetch))
                .route(web::delete().to(device_registrations::delete)),
        )
        .service(resource("/Users", "GET").route(web::get().to(users::list)))
        .service(
            resource("/Users/{id}", "GET, DELETE")
                .route(web::get().to(users::fetch))
                .route(web::delete().to(users::delete)),
        )
        .service(
            resource("/Webhooks", "GET, POST")
                .route(web::get().to(webhooks::list))
                .route(web::post().to(webhooks::create)),
        )
        .service(
            resource("/Webhooks/{id}", "GET, PATCH, DELETE")
                .route(web::get().to(webhooks::fetch))
                .route(web::patch().to(webhooks::update))
                .route(web::delete().to(webhooks::delete)),
        )
        .service(
            resource("/Webhooks/{id}/RotateSecret", "POST")
                .route(web::post().to(webhooks::rotate_secret)),
        )
        .service(resource("/{id}", "GET").route(web::get().to(push_notifications::fetch)))
        .service(resource("/{id}/Cancel", "POST").route(web::post().to(cancel::push_notification)))
        .service(
            resource("/{id}/DeliveryAttempts", "GET").route(web::get().to(delivery_attempts::list)),
        );

    config
        .service(service)
        .route("/openapi.json", web::get().to(openapi::json))
        .service(web::redirect("/docs", "/docs/"))
        .route("/docs/{path:.*}", web::get().to(openapi::page));
}

/// A resource that takes the methods in `allow`; any other gets a 405 that lists them.
fn resource(path: &str, allow: &'static str) -> actix_web::Resource {
    web::resource(path.to_owned()).default_service(web::to(move || async move {
        let mut response: HttpResponse = ApiError::method_not_allowed().error_response();

        response
            .headers_mut()
            .insert(header::ALLOW, header::HeaderValue::from_static(allow));

        response
    }))
}
