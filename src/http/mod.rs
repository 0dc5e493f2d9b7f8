//! The HTTP API: [`State`], which handlers share, [`serve`], and the routes.
//!
//! A handler reads and checks a request, calls the store, and answers. It never sends: delivery
//! takes from Postgres what a handler stored there. Only `validateOnly` asks a provider.

use std::sync::Arc;
use std::time::Duration;

use actix_web::http::{Method, header};
use actix_web::middleware::from_fn;
use actix_web::{App, HttpRequest, HttpResponse, ResponseError, Route, guard, web};
use time::OffsetDateTime;
use uuid::Uuid;

mod accepted;
mod account_limits;
pub(crate) mod api_key_lookup;
mod app_name;
mod audience;
mod audit;
pub(crate) mod auth;
mod body;
mod body_budget;
mod csv;
mod date;
mod device;
pub(crate) mod error;
mod failed_logins;
mod health;
mod idempotency;
mod import;
pub(crate) mod key_use;
mod line_format;
mod list_turns;
pub(crate) mod metrics;
mod not_found;
mod openapi;
pub(crate) mod operation_watch;
mod optional_body;
pub(crate) mod own_api;
mod pagination;
mod path;
mod query;
mod rate_limit;
mod request_log;
mod resources;
mod response_headers;
mod send;
pub(crate) mod sender_lookup;
mod server;
mod tags;
mod user_profile;
mod validation;
mod variables;
mod webhook_url;

use crate::crypto::MasterKeys;
use crate::ingest::group_commit::GroupCommit;
use crate::ingest::receipts::ReceiptWriter;
use crate::model::id::lowest_id_at;
use crate::provider::Endpoints;
use crate::store::pool::Pool;
use crate::transport::AddressGuard;
use crate::work_pool::WorkPool;
pub(crate) use account_limits::{AccountLimits, AccountQuotas};
use api_key_lookup::ApiKeyLookup;
use body::LargeBody;
pub(crate) use body_budget::{BodyBudget, BodyBudgetSizes};
use error::ApiError;
pub(crate) use failed_logins::FailedLogins;
pub(crate) use health::{Readiness, ReadinessLookup, start_lookup as start_readiness_lookup};
pub(crate) use import::Imports;
use key_use::KeyUse;
pub(crate) use list_turns::ListTurns;
pub(crate) use operation_watch::OperationWatches;
use own_api::OwnApi;
use query::Query;
pub(crate) use rate_limit::RateLimits;
use resources::{
    account, apps, audiences, audit_events, cancel, credentials, delivery_attempts, device_export,
    device_imports, device_registrations, error_totals, keys, operation_change, operation_errors,
    operation_results, operation_stream, operations, pause, push_notifications, receipts, resend,
    templates, user_data, user_merge, users, webhook_deliveries, webhooks,
};
use response_headers::ClosesConnections;
#[cfg(feature = "fuzzing")]
pub(crate) use send::fuzz;
use sender_lookup::SenderLookup;
use server::{Application, MakeApplication, Routes};
pub(crate) use server::{
    ConnectionLimits, Patience, Server, ServerParams, Tls, TlsFiles, TrustedProxies,
};

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
    pub key_use: KeyUse,
    pub senders: SenderLookup,
    pub group_commit: GroupCommit,
    pub receipts: ReceiptWriter,
    /// Seal Credentials and device tokens, and sign the tokens of pages and receipts.
    pub master_keys: MasterKeys,
    /// The providers, for checks of Credentials and for `validateOnly`.
    pub endpoints: Endpoints,
    pub rate_limits: RateLimits,
    /// Where webhooks may be.
    pub address_guard: AddressGuard,
    /// The Operations that clients watch.
    pub operation_watches: OperationWatches,
    pub account_limits: AccountLimits,
    pub imports: Imports,
    pub body_budget: BodyBudget,
    /// For work that takes the processor for long.
    pub work: WorkPool,
    pub failed_logins: FailedLogins,
    pub readiness: Readiness,
    /// The state of the database, for `/readyz`.
    pub readiness_lookup: ReadinessLookup,
}

/// What an operator configures of the API.
pub(crate) struct Settings {
    /// The beginning of addresses in answers; `None`: scheme and host of the request.
    pub public_url: Option<String>,
    /// Whether the server speaks TLS itself.
    pub is_encrypted: bool,
    /// Whose `X-Forwarded-For` is believed.
    pub trusted_proxies: TrustedProxies,
    /// In bytes.
    pub max_body_size: usize,
    /// How long an accepted notification is tried if its send does not say.
    pub deadline: Duration,
    /// How long records can be read.
    pub retention: Duration,
}

/// How the API is served.
pub(crate) struct ServerOptions {
    pub server: ServerParams,
    /// Without the API, only `/healthz` and `/readyz` are served.
    pub is_api_enabled: bool,
    /// Whether `/docs/` and `/openapi.json` are served too.
    pub has_docs: bool,
    /// The routes of the console, which finds the [`OwnApi`] among the data of its requests. `None`: it
    /// is not served.
    pub console: Option<Console>,
}

/// Adds the routes of the console.
pub(crate) type Console = Arc<dyn Fn(&mut web::ServiceConfig) + Send + Sync>;

impl State {
    /// The beginning of every resource's address, for the client that made `request`.
    fn base_url(&self, request: &HttpRequest) -> String {
        match &self.settings.public_url {
            Some(url) => format!("{}{VERSION}", url.trim_end_matches('/')),
            None => {
                let connection = request.connection_info();
                // A proxy says how it was called; without one, the server knows.
                let scheme = match connection.scheme() {
                    "http" if self.settings.is_encrypted => "https",
                    scheme => scheme,
                };
                format!("{scheme}://{}{VERSION}", connection.host())
            }
        }
    }

    /// The least id that is within the retention; older records are not shown, though their
    /// partition may still exist.
    pub(crate) fn oldest_readable_id(&self) -> Uuid {
        lowest_id_at(OffsetDateTime::now_utc() - self.settings.retention)
    }

    /// The ids that `startDate` and `endDate` let through: from the first on, up to but without the
    /// second.
    fn id_range(&self, query: &mut Query) -> (Uuid, Option<Uuid>) {
        let oldest = self.oldest_readable_id();
        let from = query
            .start_of("startDate")
            .map_or(oldest, |start| oldest.max(lowest_id_at(start)));

        (from, query.end_of("endDate").map(lowest_id_at))
    }
}

/// Starts to serve.
pub(crate) fn serve(state: State, options: ServerOptions) -> std::io::Result<Server> {
    let state = web::Data::new(state);
    let ServerOptions {
        server,
        is_api_enabled,
        has_docs,
        console,
    } = options;

    let make: MakeApplication = Arc::new(move |which| {
        let state = web::Data::clone(&state);
        let console = console.clone().filter(|_| is_api_enabled);
        Box::pin(async move {
            match which {
                Routes::Health => application(state, |_| {}, Some(ClosesConnections)).await,
                Routes::All => {
                    let own_api = own_api(web::Data::clone(&state)).await?;
                    let routes = move |config: &mut web::ServiceConfig| {
                        if is_api_enabled {
                            routes(config);
                        }
                        if is_api_enabled && has_docs {
                            docs(config);
                        }
                        if let Some(console) = console {
                            config.app_data(own_api);
                            console(config);
                        }
                    };
                    application(state, routes, None).await
                }
            }
        })
    });

    Server::start(server, &make)
}

/// The API for the console. The requests of the console's users are recorded where they arrive.
async fn own_api(state: web::Data<State>) -> Option<OwnApi> {
    let app = App::new()
        .app_data(state)
        .app_data(web::PathConfig::default().error_handler(|_, _| ApiError::not_found().into()))
        .configure(routes)
        .default_service(web::to(async || ApiError::not_found().error_response()));

    Application::new(app).await.map(OwnApi::new)
}

/// An application with these routes and the health checks.
async fn application(
    state: web::Data<State>,
    routes: impl FnOnce(&mut web::ServiceConfig),
    closes_connections: Option<ClosesConnections>,
) -> Option<Application> {
    let app = App::new()
        .app_data(state)
        .app_data(closes_connections)
        // A path that can't be decoded names no resource.
        .app_data(web::PathConfig::default().error_handler(|_, _| ApiError::not_found().into()))
        .configure(routes)
        .service(resource("/healthz", "GET, HEAD").route(read().to(health::liveness)))
        .service(resource("/readyz", "GET, HEAD").route(read().to(health::readiness)))
        .wrap(from_fn(response_headers::add))
        .wrap(from_fn(request_log::record))
        .default_service(web::to(async |request: HttpRequest| {
            not_found::answer(request.path()).error_response()
        }));

    Application::new(app).await
}

/// A route for `GET`, and for `HEAD`, whose answer is the same without its body.
fn read() -> Route {
    web::route().guard(guard::Any(guard::Get()).or(guard::Head()))
}

/// The routes of API keys, and of what was done with them.
fn key_routes(config: &mut web::ServiceConfig) {
    config
        .service(resource("/AuditEvents", "GET, HEAD").route(read().to(audit_events::list)))
        .service(
            resource("/Keys", "GET, HEAD, POST")
                .route(read().to(keys::list))
                .route(web::post().to(keys::create)),
        )
        .service(
            resource("/Keys/{key}", "GET, HEAD, DELETE")
                .route(read().to(keys::fetch))
                .route(web::delete().to(keys::revoke)),
        )
        .service(resource("/Keys/{key}/Rotate", "POST").route(web::post().to(keys::rotate)));
}

fn routes(config: &mut web::ServiceConfig) {
    let service = web::scope("/v1/PushNotifications")
        .service(
            resource("", "GET, HEAD, POST")
                .app_data(LargeBody)
                .route(read().to(push_notifications::list))
                .route(web::post().to(send::send)),
        )
        .service(resource("/ErrorTotals", "GET, HEAD").route(read().to(error_totals::fetch)))
        .service(
            resource("/Operations/{id}/ErrorTotals", "GET, HEAD")
                .route(read().to(error_totals::fetch_of_operation)),
        )
        .service(
            resource("/Preview", "POST")
                .app_data(LargeBody)
                .route(web::post().to(send::preview::preview)),
        )
        .configure(operation_routes)
        .service(
            resource("/Credentials", "GET, HEAD, POST")
                .route(read().to(credentials::list))
                .route(web::post().to(credentials::create)),
        )
        .service(
            resource("/Credentials/{id}", "GET, HEAD, PATCH, DELETE")
                .route(read().to(credentials::fetch))
                .route(web::patch().to(credentials::update))
                .route(web::delete().to(credentials::delete)),
        )
        .service(
            resource("/Credentials/{id}/Test", "POST").route(web::post().to(credentials::test)),
        )
        .configure(key_routes)
        .service(
            resource("/Account", "GET, HEAD, PUT")
                .route(read().to(account::fetch))
                .route(web::put().to(account::update)),
        )
        .service(resource("/Audiences/Estimate", "POST").route(web::post().to(audiences::estimate)))
        .service(resource("/Apps", "GET, HEAD").route(read().to(apps::list)))
        .service(
            resource("/Apps/{name}", "GET, HEAD, PATCH")
                .route(read().to(apps::fetch))
                .route(web::patch().to(apps::update)),
        )
        // Before those with an id, which the names would be taken for.
        .configure(device_file_routes)
        .service(
            resource("/DeviceRegistrations", "GET, HEAD, POST")
                .route(read().to(device_registrations::list))
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
            resource("/DeviceRegistrations/{id}", "GET, HEAD, DELETE")
                .route(read().to(device_registrations::fetch))
                .route(web::delete().to(device_registrations::delete)),
        )
        .service(resource("/Users", "GET, HEAD").route(read().to(users::list)))
        .service(
            resource("/Users/{id}", "GET, HEAD, PUT, DELETE")
                .route(read().to(users::fetch))
                .route(web::put().to(users::update))
                .route(web::delete().to(users::delete)),
        )
        .service(resource("/Users/{id}/Data", "GET, HEAD").route(read().to(user_data::export)))
        .service(resource("/Users/{id}/Merge", "POST").route(web::post().to(user_merge::merge)))
        .configure(template_routes)
        .configure(webhook_routes)
        .service(resource("/{id}", "GET, HEAD").route(read().to(push_notifications::fetch)))
        .service(resource("/{id}/Cancel", "POST").route(web::post().to(cancel::push_notification)))
        .service(
            resource("/{id}/DeliveryAttempts", "GET, HEAD")
                .route(read().to(delivery_attempts::list)),
        );

    let receipts = resource("/v1/Receipts", "OPTIONS, POST")
        .app_data(web::PayloadConfig::new(receipts::MAX_BODY))
        .route(web::post().to(receipts::receive))
        .route(web::method(Method::OPTIONS).to(receipts::preflight))
        .wrap(from_fn(receipts::allow_any_origin));

    config.service(service).service(receipts);
}

/// Below `/v1/PushNotifications`.
fn device_file_routes(config: &mut web::ServiceConfig) {
    config
        .service(
            resource("/DeviceRegistrations/Import", "POST").route(web::post().to(import::import)),
        )
        .service(
            resource("/DeviceRegistrations/Imports", "GET, HEAD")
                .route(read().to(device_imports::list)),
        )
        .service(
            resource("/DeviceRegistrations/Imports/{id}", "GET, HEAD")
                .route(read().to(device_imports::fetch)),
        )
        .service(
            resource("/DeviceRegistrations/Imports/{id}/Errors", "GET, HEAD")
                .route(read().to(device_imports::errors)),
        )
        .service(
            resource("/DeviceRegistrations/Export", "GET, HEAD")
                .route(read().to(device_export::export)),
        );
}

/// Below `/v1/PushNotifications`.
fn template_routes(config: &mut web::ServiceConfig) {
    config
        .service(
            resource("/Templates", "GET, HEAD, POST")
                .route(read().to(templates::list))
                .route(web::post().to(templates::create)),
        )
        .service(
            resource("/Templates/{id}", "GET, HEAD, PATCH, DELETE")
                .route(read().to(templates::fetch))
                .route(web::patch().to(templates::update))
                .route(web::delete().to(templates::delete)),
        )
        .service(
            resource("/Templates/{id}/Versions", "GET, HEAD").route(read().to(templates::versions)),
        );
}

/// Below `/v1/PushNotifications`.
fn webhook_routes(config: &mut web::ServiceConfig) {
    config
        .service(
            resource("/Webhooks", "GET, HEAD, POST")
                .route(read().to(webhooks::list))
                .route(web::post().to(webhooks::create)),
        )
        .service(
            resource("/Webhooks/{id}", "GET, HEAD, PATCH, DELETE")
                .route(read().to(webhooks::fetch))
                .route(web::patch().to(webhooks::update))
                .route(web::delete().to(webhooks::delete)),
        )
        .service(
            resource("/Webhooks/{id}/RotateSecret", "POST")
                .route(web::post().to(webhooks::rotate_secret)),
        )
        .service(
            resource("/Webhooks/{id}/Test", "POST").route(web::post().to(webhook_deliveries::test)),
        )
        .service(
            resource("/Webhooks/{id}/Deliveries", "GET, HEAD")
                .route(read().to(webhook_deliveries::list)),
        )
        .service(
            resource("/Webhooks/{id}/Deliveries/{deliveryId}", "GET, HEAD")
                .route(read().to(webhook_deliveries::fetch)),
        )
        .service(
            resource("/Webhooks/{id}/Deliveries/{deliveryId}/Resend", "POST")
                .route(web::post().to(webhook_deliveries::resend)),
        );
}

/// Below `/v1/PushNotifications`.
fn operation_routes(config: &mut web::ServiceConfig) {
    config
        .service(resource("/Operations", "GET, HEAD").route(read().to(operations::list)))
        .service(resource("/Operations/Cancel", "POST").route(web::post().to(cancel::with_tags)))
        .service(
            resource("/Operations/{id}", "GET, HEAD, PATCH")
                .route(read().to(operations::fetch))
                .route(web::patch().to(operation_change::update)),
        )
        .service(resource("/Operations/{id}/Pause", "POST").route(web::post().to(pause::pause)))
        .service(resource("/Operations/{id}/Resume", "POST").route(web::post().to(pause::resume)))
        .service(
            resource("/Operations/{id}/Stream", "GET, HEAD")
                .route(web::get().to(operation_stream::stream))
                .route(web::head().to(operation_stream::head)),
        )
        .service(
            resource("/Operations/{id}/Errors", "GET, HEAD")
                .route(read().to(operation_errors::list)),
        )
        .service(
            resource("/Operations/{id}/Results", "GET, HEAD")
                .route(read().to(operation_results::export)),
        )
        .service(resource("/Operations/{id}/Resend", "POST").route(web::post().to(resend::resend)))
        .service(
            resource("/Operations/{id}/Cancel", "POST").route(web::post().to(cancel::operation)),
        );
}

/// The description of the API, and the page that shows it.
fn docs(config: &mut web::ServiceConfig) {
    config
        .route("/openapi.json", read().to(openapi::json))
        .service(web::redirect("/docs", "/docs/"))
        .route("/docs/{path:.*}", read().to(openapi::page));
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
