//! The web console at `/console`: pages for people, rendered on the server.
//!
//! It calls the API within the process ([`InProcessApi`](crate::http::in_process_api::InProcessApi)). The API
//! alone decides what a role may do, how much a list reads, and what is recorded of a change. The console reads
//! from the store what only people need, such as an Operation's curves.
//!
//! A page loads nothing from another host, and has no script and no style within it.

use std::sync::Arc;
use std::time::Duration;

use actix_web::{guard, web};

mod assets;
mod audit;
mod caller;
mod credentials;
mod curves;
mod form;
mod format;
mod home;
mod keys;
mod live;
mod login;
mod notification;
#[cfg(feature = "oidc")]
mod oidc;
mod operation;
mod operations;
mod page;
mod people;
mod person_search;
mod queue;
mod same_origin;
mod send;
mod session;
mod webhooks;

use crate::http::Console;
use crate::store::api_keys::Role;
use live::LiveViews;
#[cfg(feature = "oidc")]
pub(crate) use oidc::{AccessRule, OidcSettings, Provider, ProviderParams};

/// Where the console is.
const ROOT: &str = "/console";

/// What an operator configures of the console.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    /// A session that is not used for so long is over.
    pub idle_timeout: Duration,
    /// How long a session lasts at most.
    pub session_lifetime: Duration,
    /// The name of the account whose FULL keys see the queue of all accounts.
    pub operator_account: Option<String>,
    /// What the login page calls the identity provider. `None`: people log in with API keys alone.
    pub identity_provider: Option<String>,
    /// How people log in at the identity provider.
    #[cfg(feature = "oidc")]
    pub oidc: Option<OidcSettings>,
}

impl Settings {
    /// The names of the accounts in which a person may have `role` without an API key.
    #[cfg(feature = "oidc")]
    fn accounts_of_people(&self, role: Role) -> Vec<String> {
        let oidc = self.oidc.as_ref();

        oidc.map_or_else(Vec::new, |oidc| oidc::accounts_with(&oidc.access, role))
    }

    #[cfg(not(feature = "oidc"))]
    #[expect(clippy::unused_self, reason = "the feature needs it")]
    fn accounts_of_people(&self, _: Role) -> Vec<String> {
        Vec::new()
    }
}

/// The console's routes, for [`serve`](crate::http::serve).
pub(crate) fn console(settings: Settings) -> Console {
    Arc::new(move |config| {
        config
            .app_data(web::Data::new(settings.clone()))
            // Each thread has its own.
            .app_data(LiveViews::default())
            .configure(routes);
    })
}

fn routes(config: &mut web::ServiceConfig) {
    let read = || web::route().guard(guard::Any(guard::Get()).or(guard::Head()));
    let pages = web::scope(ROOT)
        .route("/login", web::post().to(login::log_in))
        .route("/login", read().to(login::form))
        .route("/logout", web::post().to(login::log_out))
        .route("/assets/{name:.*}", read().to(assets::file))
        .route("/operations", read().to(operations::list))
        .route("/operations/live", web::get().to(operations::live))
        .route("/operations/{id}", read().to(operation::show))
        .route("/operations/{id}/live", web::get().to(operation::live))
        .route("/operations/{id}/results", read().to(operation::results))
        .route("/operations/{id}/cancel", web::post().to(operation::cancel))
        .route("/operations/{id}/pause", web::post().to(operation::pause))
        .route("/operations/{id}/resume", web::post().to(operation::resume))
        .route("/operations/{id}/pace", web::post().to(operation::pace))
        .route("/operations/{id}/resend", web::post().to(operation::resend))
        .route("/people", read().to(people::search))
        .route("/people/{id}", read().to(people::show))
        .route("/notifications/{id}", read().to(notification::show))
        .configure(settings_routes)
        .configure(oidc_routes)
        .default_service(web::to(page::nothing_here));

    config
        .service(web::redirect("/console/", ROOT))
        .route(ROOT, read().to(home::show))
        .service(pages);
}

/// What an account sends, is set up with, and who changed it.
fn settings_routes(config: &mut web::ServiceConfig) {
    let read = || web::route().guard(guard::Any(guard::Get()).or(guard::Head()));

    config
        .route("/send", read().to(send::form))
        .route("/send", web::post().to(send::send))
        .route("/send/preview", web::post().to(send::preview))
        .route("/send/validate", web::post().to(send::validate))
        .route("/queue", read().to(queue::show))
        .route("/queue/live", web::get().to(queue::live))
        .route("/credentials", read().to(credentials::list))
        .route("/credentials/{id}/test", web::post().to(credentials::test))
        .route("/webhooks", read().to(webhooks::list))
        .route("/webhooks/{id}", read().to(webhooks::show))
        .route("/webhooks/{id}/test", web::post().to(webhooks::test))
        .route(
            "/webhooks/{id}/deliveries/{delivery}/resend",
            web::post().to(webhooks::resend),
        )
        .route("/keys", read().to(keys::list))
        .route("/keys", web::post().to(keys::create))
        .route("/keys/{key}/rotate", web::post().to(keys::rotate))
        .route("/keys/{key}/revoke", web::post().to(keys::revoke))
        .route("/audit", read().to(audit::list));
}

#[cfg(feature = "oidc")]
fn oidc_routes(config: &mut web::ServiceConfig) {
    config
        .route("/login/oidc", web::get().to(oidc::begin))
        .route("/login/oidc/callback", web::get().to(oidc::end));
}

#[cfg(not(feature = "oidc"))]
fn oidc_routes(_: &mut web::ServiceConfig) {}
