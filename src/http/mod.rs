//! The HTTP API: one file for each resource, and what they share.
//!
//! A handler reads and checks, calls the store, and answers. It never sends: delivery meets it in
//! Postgres. Only `validateOnly` asks a provider something.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::Duration;

use actix_web::dev::Server;
use actix_web::http::header;
use actix_web::middleware::from_fn;
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, ResponseError, web};
use sqlx::{PgConnection, PgPool};
use time::OffsetDateTime;
use uuid::Uuid;

mod accepted;
mod app_name;
mod auth;
mod body;
mod date;
mod device;
mod error;
mod health;
mod idempotency;
pub(crate) mod metrics;
mod openapi;
mod pagination;
mod path;
mod query;
mod rate_limit;
mod request_log;
mod resources;
mod send;
mod tags;
mod validation;

use crate::crypto::MasterKeys;
use crate::ingest::coalescing::{BatchFetch, Coalescer};
use crate::ingest::group_commit::GroupCommit;
use crate::model::id::least_at;
use crate::provider::Endpoints;
use crate::store::api_keys::{self, KnownKey};
use crate::store::dedicated_connection::DedicatedConnection;
use crate::store::senders::{self, AppSenders, AskedApp};
use error::ApiError;
pub(crate) use health::Readiness;
use query::Query;
pub(crate) use rate_limit::Limits;
use resources::{
    apps, cancel, credentials, delivery_attempts, device_registrations, operation_errors,
    operations, push_notifications, users,
};

/// The first part of every address.
const VERSION: &str = "/v1";

/// What handlers work with.
pub(crate) struct State {
    /// For reads and small changes.
    pub pool: PgPool,
    /// API keys by name.
    pub keys: Coalescer<String, KnownKey>,
    /// What Apps send with.
    pub senders: Coalescer<AskedApp, AppSenders>,
    /// Where sends become durable.
    pub intake: GroupCommit,
    /// For Credentials and page tokens.
    pub master_keys: MasterKeys,
    /// Where the providers are: for checks and previews, which send nothing.
    pub endpoints: Endpoints,
    /// What addresses in answers begin with; `None`: what the request came in by.
    pub public_url: Option<String>,
    /// Most bytes of a body.
    pub max_body_size: usize,
    /// For how long an accepted notification is tried at most.
    pub deadline: Duration,
    /// How long records can be read.
    pub retention: Duration,
    /// How much callers may ask for.
    pub limits: Limits,
    /// Whether new callers are welcome.
    pub readiness: Readiness,
}

impl State {
    /// What the address of every resource begins with, for the client that made `request`.
    fn base_url(&self, request: &HttpRequest) -> String {
        match &self.public_url {
            Some(url) => format!("{}{VERSION}", url.trim_end_matches('/')),
            None => {
                let connection = request.connection_info();
                format!("{}://{}{VERSION}", connection.scheme(), connection.host())
            }
        }
    }

    /// The least id that can still be read.
    fn oldest(&self) -> Uuid {
        least_at(OffsetDateTime::now_utc() - self.retention)
    }

    /// The ids that `startDate` and `endDate` let through: from the first on, up to but without the
    /// second.
    fn id_range(&self, query: &mut Query) -> (Uuid, Option<Uuid>) {
        let from = query
            .start_date()
            .map_or(self.oldest(), |start| self.oldest().max(least_at(start)));
        (from, query.end_date().map(least_at))
    }
}

/// How long a lookup may take.
const LOOKUP_LIMIT: Duration = Duration::from_secs(10);

struct FindKeys(DedicatedConnection);

impl BatchFetch<String, KnownKey> for FindKeys {
    async fn fetch(&mut self, keys: Vec<String>) -> sqlx::Result<HashMap<String, KnownKey>> {
        self.0
            .within(LOOKUP_LIMIT, async |connection: &mut PgConnection| {
                api_keys::find(connection, &keys).await
            })
            .await
    }
}

struct FindSenders(DedicatedConnection);

impl BatchFetch<AskedApp, AppSenders> for FindSenders {
    async fn fetch(&mut self, apps: Vec<AskedApp>) -> sqlx::Result<HashMap<AskedApp, AppSenders>> {
        self.0
            .within(LOOKUP_LIMIT, async |connection: &mut PgConnection| {
                senders::defaults(connection, &apps).await
            })
            .await
    }
}

/// Looks API keys up. Every request asks, so a revoked key is refused from the next request on.
pub(crate) fn look_up_keys(pool: &PgPool) -> Coalescer<String, KnownKey> {
    Coalescer::start(FindKeys(DedicatedConnection::beside(pool)))
}

/// Looks up what Apps send with.
pub(crate) fn look_up_senders(pool: &PgPool) -> Coalescer<AskedApp, AppSenders> {
    Coalescer::start(FindSenders(DedicatedConnection::beside(pool)))
}

/// Starts answering on `listen`, without `api` only whether the process is well; once stopped,
/// requests under way may take up to `grace` to end. Returns the addresses that it listens on.
pub(crate) fn serve(
    state: State,
    listen: SocketAddr,
    api: bool,
    grace: Duration,
) -> std::io::Result<(Server, Vec<SocketAddr>)> {
    let state = web::Data::new(state);
    let server = HttpServer::new(move || {
        App::new()
            .app_data(web::Data::clone(&state))
            .app_data(web::PayloadConfig::new(state.max_body_size))
            // What can't be decoded names nothing that could be found.
            .app_data(web::PathConfig::default().error_handler(|_, _| ApiError::not_found().into()))
            .configure(if api {
                routes
            } else {
                |_: &mut web::ServiceConfig| {}
            })
            .service(resource("/healthz", "GET").route(web::get().to(health::alive)))
            .service(resource("/readyz", "GET").route(web::get().to(health::ready)))
            .wrap(from_fn(request_log::observe))
            .default_service(web::to(async || ApiError::not_found().error_response()))
    })
    .disable_signals()
    .shutdown_timeout(grace.as_secs().max(1))
    .bind(listen)?;
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
        .service(resource("/Preview", "POST").route(web::post().to(send::dry_run::preview)))
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

/// An address that knows the methods `allow`, and says so to any other.
fn resource(path: &str, allow: &'static str) -> actix_web::Resource {
    web::resource(path.to_owned()).default_service(web::to(move || async move {
        let mut response: HttpResponse = ApiError::method_not_allowed().error_response();
        response
            .headers_mut()
            .insert(header::ALLOW, header::HeaderValue::from_static(allow));
        response
    }))
}
