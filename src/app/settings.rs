//! What each part of the service is started with, as the configuration says.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, anyhow};
use secrecy::ExposeSecret;

use crate::app::database::MORE_DATABASE_CONNECTIONS;
use crate::config::{self, Config};
use crate::console;
use crate::delivery::{self, MassInvalidation, Quota, Quotas, RetryPolicy};
use crate::file_descriptors;
use crate::http;
use crate::provider::{Endpoint, Endpoints, https_authority};
#[cfg(feature = "oidc")]
use crate::store::api_keys::Role;
use crate::transport::{AddressGuard, ConnectionBudget, Http1Client, Proxies, Roots};

pub(super) fn rate_limits(config: &Config) -> http::RateLimits {
    http::RateLimits::new(
        config.limits.requests_per_second,
        config.limits.recipients_per_minute,
        config.limits.receipts_per_second,
    )
}

/// Where webhooks may be.
pub(super) fn address_guard(config: &Config) -> AddressGuard {
    AddressGuard {
        allow_private: config.webhooks.allow_private,
    }
}

/// The certificate authorities that receivers of webhooks are trusted by.
pub(super) fn webhook_roots(config: &Config) -> anyhow::Result<Roots> {
    Roots::load(config.webhooks.ca_file.as_deref()).context("webhooks.ca_file")
}

/// What webhooks are called with; `None`: this process sends no events.
pub(super) fn webhook_client(config: &Config) -> anyhow::Result<Option<Http1Client>> {
    if !config.webhooks.enabled {
        return Ok(None);
    }

    let roots = webhook_roots(config)?;
    Http1Client::new(&roots)
        .context("webhooks.ca_file")
        .map(Some)
}

/// The console, if this process serves it.
#[cfg_attr(
    not(feature = "oidc"),
    expect(clippy::unnecessary_wraps, reason = "it may fail with the feature")
)]
pub(super) fn console(config: &Config) -> anyhow::Result<Option<http::Console>> {
    let settings = &config.console;
    if !settings.enabled {
        return Ok(None);
    }

    Ok(Some(console::console(console::Settings {
        idle_timeout: settings.idle_timeout,
        session_lifetime: settings.session_lifetime,
        operator_account: settings.operator_account.clone(),
        identity_provider: config
            .oidc
            .issuer
            .as_ref()
            .map(|_| config.oidc.name.clone()),
        #[cfg(feature = "oidc")]
        oidc: oidc(config)?,
    })))
}

/// How people log in to the console with OpenID Connect, if it is configured.
#[cfg(feature = "oidc")]
fn oidc(config: &Config) -> anyhow::Result<Option<console::OidcSettings>> {
    let oidc = &config.oidc;
    let Some(issuer) = &oidc.issuer else {
        return Ok(None);
    };

    let roots = Roots::load(oidc.ca_file.as_deref()).context("oidc.ca_file")?;
    let client = Http1Client::new(&roots).context("oidc.ca_file")?;
    let provider = console::Provider::new(console::ProviderParams {
        client: client.through(proxies(config)?),
        issuer: issuer.clone(),
        client_id: oidc.client_id.clone(),
        client_secret: oidc.client_secret.clone(),
        scopes: oidc.scopes.clone(),
        groups_claim: oidc.groups_claim.clone(),
        timeout: oidc.timeout,
    });

    Ok(Some(console::OidcSettings {
        provider: provider
            .with_context(|| format!("oidc.issuer is {issuer:?}, but must be an https address"))?,
        access: oidc.access.iter().filter_map(|item| rule(item)).collect(),
    }))
}

/// An item of `oidc.access` as the console takes it. The configuration refuses items of another form.
#[cfg(feature = "oidc")]
fn rule(item: &str) -> Option<console::AccessRule> {
    let access = config::Access::parse(item)?;
    let role = [Role::Full, Role::Send, Role::Read]
        .into_iter()
        .find(|role| role.as_str() == access.role)?;

    Some(console::AccessRule {
        role,
        account: access.account.to_owned(),
        group: access.group.to_owned(),
    })
}

pub(super) fn http_settings(config: &Config, server: &http::ServerParams) -> http::Settings {
    http::Settings {
        public_url: config.server.public_url.clone(),
        is_encrypted: server.tls.is_some(),
        trusted_proxies: server.trusted_proxies.clone(),
        max_body_size: config.server.max_body_size,
        deadline: config.delivery.deadline,
        retention: config.retention.period,
    }
}

pub(super) fn account_quotas(config: &Config) -> http::AccountQuotas {
    http::AccountQuotas {
        queued: config.limits.queued_per_account,
        users: config.limits.users_per_account,
        devices: config.limits.devices_per_account,
    }
}

pub(super) fn body_budget_sizes(config: &Config) -> http::BodyBudgetSizes {
    http::BodyBudgetSizes {
        process: config.limits.body_bytes,
        account: config.limits.body_bytes_per_account,
    }
}

/// `most_connections` is how many the file descriptors are enough for.
pub(super) fn server_params(
    config: &Config,
    most_connections: usize,
) -> anyhow::Result<http::ServerParams> {
    let server = &config.server;
    let files = server
        .tls_certificate_file
        .clone()
        .zip(server.tls_key_file.clone())
        .map(|(certificate, key)| http::TlsFiles { certificate, key });
    let trusted_proxies =
        http::TrustedProxies::parse(&server.trusted_proxies).map_err(|wrong| {
            anyhow!("server.trusted_proxies: {wrong:?} is not an address or a network")
        })?;

    Ok(http::ServerParams {
        listen: server.listen,
        tls: files.map(http::Tls::load).transpose()?,
        timeouts: http::ClientTimeouts {
            head: server.head_timeout,
            keep_alive: server.keep_alive,
            write: server.write_timeout,
        },
        limits: http::ConnectionLimits {
            // More would take the file descriptors of Postgres and of the providers.
            total: match server.max_connections {
                0 => most_connections,
                limit => limit.min(most_connections),
            },
            per_source: server.max_connections_per_source,
        },
        trusted_proxies,
        grace: config.delivery.grace.max(Duration::from_secs(1)),
    })
}

pub(super) fn delivery_settings(config: &Config) -> delivery::Settings {
    let delivery = &config.delivery;

    delivery::Settings {
        lease: delivery.lease,
        poll_interval: delivery.poll_interval,
        record_interval: delivery.record_interval,
        retry: RetryPolicy {
            base: delivery.retry_base,
            max: delivery.retry_max,
            max_attempts: delivery.max_attempts,
        },
        quotas: Quotas {
            fcm: Quota {
                per_minute: config.fcm.max_per_minute,
                warm_up: config.fcm.warm_up,
            },
            apns: Quota {
                per_minute: config.apns.max_per_minute,
                warm_up: config.apns.warm_up,
            },
        },
        mass_invalidation: MassInvalidation {
            percent: delivery.mass_invalidation_percent,
            count: delivery.mass_invalidation_count,
        },
    }
}

/// The proxies of the configuration, or those of the environment.
fn proxies(config: &Config) -> anyhow::Result<Proxies> {
    match config.proxy.url.expose_secret() {
        "" => {
            let variable = |name: &str| std::env::var(name).ok();
            Proxies::from_environment(variable)
                .context("HTTPS_PROXY can't be used: set proxy.url to a proxy, or to \"none\"")
        }
        // For a process whose environment names a proxy for other programs.
        config::Proxy::NONE => Ok(Proxies::none()),
        url => Proxies::new(url, &config.proxy.no_proxy.join(",")).context("proxy.url"),
    }
}

/// A bound for the connections to providers, so that descriptors are left for Postgres and the API.
fn connection_budget(config: &Config, limit: file_descriptors::Limit) -> Arc<ConnectionBudget> {
    let database = config.database.max_connections + MORE_DATABASE_CONNECTIONS;

    ConnectionBudget::new(limit.provider_connections(database))
}

pub(super) fn endpoints(
    config: &Config,
    limit: file_descriptors::Limit,
) -> anyhow::Result<Endpoints> {
    let proxies = proxies(config)?;
    // One budget for all providers, which share the file descriptors of the process.
    let budget = connection_budget(config, limit);

    let fcm = &config.fcm;
    let (host, port) = host_and_port("fcm.endpoint", &fcm.endpoint)?;
    let fcm_endpoint = Endpoint {
        host,
        port,
        roots: Roots::load(fcm.ca_file.as_deref()).context("fcm.ca_file")?,
        timeout: fcm.timeout,
        max_connections: fcm.max_connections,
        proxies: proxies.clone(),
        budget: Arc::clone(&budget),
    };

    let apns = &config.apns;
    let apns_roots = Roots::load(apns.ca_file.as_deref()).context("apns.ca_file")?;
    let apns_endpoint = |key, address| {
        let (host, port) = host_and_port(key, address)?;
        anyhow::Ok(Endpoint {
            host,
            port,
            roots: apns_roots.clone(),
            timeout: apns.timeout,
            max_connections: apns.max_connections,
            proxies: proxies.clone(),
            budget: Arc::clone(&budget),
        })
    };

    Ok(Endpoints {
        fcm: fcm_endpoint,
        fcm_token_uris: fcm.token_uris.clone(),
        apns: apns_endpoint("apns.endpoint", &apns.endpoint)?,
        apns_sandbox: apns_endpoint("apns.sandbox_endpoint", &apns.sandbox_endpoint)?,
        // The API and delivery each add a store over their own pool.
        apns_tokens: None,
    })
}

fn host_and_port(key: &str, address: &str) -> anyhow::Result<(String, u16)> {
    https_authority(address)
        .with_context(|| format!("{key} is {address:?}, but must be an https address"))
}
