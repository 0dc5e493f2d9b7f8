//! The web console at `/console`: pages for people, rendered on the server.
//!
//! It calls the API within the process ([`InProcessApi`](crate::http::in_process_api::InProcessApi)). The API
//! alone decides what a role may do, how much a list reads, and what is recorded of a change. The console reads
//! from the store what only people need, such as an Operation's curves.
//!
//! A page loads nothing from another host, and has no script and no style within it.

use std::sync::Arc;
use std::time::Duration;

use actix_web::web;

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
mod page_error;
mod people;
mod person_search;
mod queue;
mod routes;
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
            .configure(|config| routes::console(config, &settings));
    })
}
