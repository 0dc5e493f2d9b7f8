//! The HTTP API: [`State`], which handlers share, and [`serve`]. The routes are in [`routes`].
//!
//! A handler reads and checks a request, calls the store, and answers. It never sends: delivery
//! takes from Postgres what a handler stored there. Only `validateOnly` asks a provider.

use std::sync::Arc;
use std::time::Duration;

use actix_web::body::BoxBody;
use actix_web::dev::ServiceRequest;
use actix_web::middleware::{Next, from_fn};
use actix_web::{App, HttpRequest, ResponseError, web};
use time::OffsetDateTime;
use uuid::Uuid;

mod accepted;
mod account_limits;
mod answer;
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
pub(crate) mod event_stream;
mod failed_logins;
pub(crate) mod failure_log;
mod health;
mod idempotency;
mod import;
pub(crate) mod in_process_api;
pub(crate) mod key_use;
mod line_format;
mod line_stream;
mod list_turns;
pub(crate) mod metrics;
mod no_body;
mod not_found;
mod openapi;
pub(crate) mod operation_watch;
mod optional_body;
mod pagination;
mod path;
mod problem;
mod query;
mod rate_limit;
mod request_log;
mod resources;
mod response_headers;
mod routes;
mod send;
pub(crate) mod sender_lookup;
mod server;
pub(crate) mod shared_reads;
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
pub(crate) use body_budget::{BodyBudget, BodyBudgetSizes};
use error::ApiError;
pub(crate) use failed_logins::FailedLogins;
pub(crate) use health::{Readiness, ReadinessLookup, start_lookup as start_readiness_lookup};
pub(crate) use import::Imports;
use in_process_api::InProcessApi;
use key_use::KeyUse;
pub(crate) use list_turns::ListTurns;
pub(crate) use operation_watch::OperationWatches;
use query::Query;
pub(crate) use rate_limit::RateLimits;
#[cfg(feature = "fuzzing")]
pub(crate) use send::fuzz;
use sender_lookup::SenderLookup;
use server::{Application, MakeApplication, Routes};
pub(crate) use server::{
    ClientTimeouts, ConnectionLimits, Server, ServerParams, Tls, TlsFiles, TrustedProxies,
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
    /// The routes of the console, which finds the [`InProcessApi`] among the data of its requests. `None`: it
    /// is not served.
    pub console: Option<Console>,
}

/// Adds the routes of the console.
pub(crate) type Console = Arc<dyn Fn(&mut web::ServiceConfig) + Send + Sync>;

impl State {
    /// The beginning of every resource's address, for the client that made `request`.
    fn base_url(&self, request: &HttpRequest) -> String {
        format!("{}{VERSION}", self.public_base(request))
    }

    /// The address of this service as clients know it, without a slash at its end.
    pub(crate) fn public_base(&self, request: &HttpRequest) -> String {
        match &self.settings.public_url {
            Some(url) => url.trim_end_matches('/').to_owned(),
            None => {
                let connection = request.connection_info();
                // A proxy says how it was called; without one, the server knows.
                let scheme = match connection.scheme() {
                    "http" if self.settings.is_encrypted => "https",
                    scheme => scheme,
                };
                format!("{scheme}://{}", connection.host())
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
            // An earlier start would show records that are past their retention and not dropped
            // yet.
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
        // The console calls the API within the process, so it is not served without it.
        let console = console.clone().filter(|_| is_api_enabled);
        Box::pin(async move {
            match which {
                // Health checks run on the accepting thread, which must do nothing else that takes
                // time.
                Routes::Health => application(state, |_| {}).await,
                Routes::All => {
                    let in_process_api = in_process_api(web::Data::clone(&state)).await?;
                    let routes = move |config: &mut web::ServiceConfig| {
                        if is_api_enabled {
                            routes::api(config);
                        }
                        if is_api_enabled && has_docs {
                            routes::docs(config);
                        }
                        if let Some(console) = console {
                            config.app_data(in_process_api);
                            console(config);
                        }
                    };
                    application(state, routes).await
                }
            }
        })
    });

    Server::start(server, &make)
}

/// The API for the console. The requests of the console's users are recorded where they arrive.
async fn in_process_api(state: web::Data<State>) -> Option<InProcessApi> {
    let app = App::new()
        .app_data(state)
        .app_data(web::PathConfig::default().error_handler(|_, _| ApiError::not_found().into()))
        .configure(routes::api)
        .wrap(from_fn(
            async |request: ServiceRequest, next: Next<BoxBody>| {
                next.call(request).await.map(not_found::name_it)
            },
        ))
        .default_service(web::to(async || ApiError::not_found().error_response()));

    Application::new(app).await.map(InProcessApi::new)
}

/// An application with these routes and the health checks.
async fn application(
    state: web::Data<State>,
    routes: impl FnOnce(&mut web::ServiceConfig),
) -> Option<Application> {
    let app = App::new()
        .app_data(state)
        // A path that can't be decoded names no resource.
        .app_data(web::PathConfig::default().error_handler(|_, _| ApiError::not_found().into()))
        .configure(routes)
        .service(
            routes::resource("/healthz", "GET, HEAD").route(routes::read().to(health::liveness)),
        )
        .service(
            routes::resource("/readyz", "GET, HEAD").route(routes::read().to(health::readiness)),
        )
        .wrap(from_fn(answer::complete))
        .default_service(web::to(async |request: HttpRequest| {
            not_found::answer(request.path()).error_response()
        }));

    Application::new(app).await
}
