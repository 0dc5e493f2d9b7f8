//! The composition root: from a configuration to a running service.
//!
//! `settings` turns the configuration into what each part is started with, and `database` connects; this
//! module starts and stops the parts.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use secrecy::ExposeSecret;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

mod database;
mod env_file;
mod metrics;
mod settings;

use crate::app::database::{connect_for_lists, divided};
use crate::app::metrics::MetricsServer;
use crate::config::Config;
use crate::crypto::{MasterKeys, SecretError};
use crate::delivery::{Delivery, DeliveryParams};
use crate::events::{Events, EventsParams};
use crate::file_descriptors;
use crate::handoff::local::{HandoffReceiver, local_handoff};
use crate::handoff::notifier::Notifiers;
use crate::http::{self, Readiness};
use crate::ingest::group_commit::{GroupCommit, LocalDelivery};
use crate::ingest::receipts::ReceiptWriter;
use crate::listen_error::cannot_listen;
use crate::maintenance::erasures;
use crate::maintenance::old_snapshots;
use crate::maintenance::retention::{self, Retention};
use crate::maintenance::{certificate_watch, seal_form, token_forms};
use crate::provider::{Endpoints, SharedTokens};
use crate::store::pool::Pool;
use crate::store::provider_tokens::ProviderTokenStore;
use crate::store::sealed_secrets;
use crate::telemetry;
use crate::transport::Http1Client;
use crate::work_pool::WorkPool;

#[cfg(feature = "dev")]
pub(crate) use database::check_database;
pub(crate) use database::{
    POSTGRES_UNUSABLE, connect, connect_now, decide_seal_form, migrate, require_schema,
};

/// Connections of delivery's own pool, so that a burst of requests cannot hold delivery up: for lease
/// renewal, the search for due queues, the fan-out and the pruning of dead tokens. The listener, the
/// claim loop, the hand-off and the recorder have a connection each.
const DELIVERY_CONNECTIONS: u32 = 4;

/// Connections for webhooks, beside those of delivery and of the API.
const EVENTS_CONNECTIONS: u32 = 3;

/// The running service.
pub struct App {
    /// The addresses of the HTTP API.
    pub addresses: Vec<SocketAddr>,
    /// The addresses of `/metrics`.
    pub metrics_addresses: Vec<SocketAddr>,
    server: http::Server,
    delivery: Option<Delivery>,
    events: Option<Events>,
    background: Vec<JoinHandle<()>>,
    metrics: Vec<JoinHandle<()>>,
    stop: CancellationToken,
    readiness: Readiness,
    drain_delay: Duration,
    grace: Duration,
}

/// The master keys of the configuration.
pub fn master_keys(config: &Config) -> anyhow::Result<MasterKeys> {
    let key = config.secrets.master_key.expose_secret();
    if key.is_empty() {
        bail!(
            "secrets.master_key is not set: `bellwire init` makes one; or set BELLWIRE__SECRETS__MASTER_KEY to the \
             output of `openssl rand -base64 32`, and keep it safe{}",
            env_file::hint()
        );
    }

    // The current key alone first, so that an error names the setting that is wrong.
    MasterKeys::new(&config.secrets.master_key_id, key)
        .context("secrets.master_key is not valid")?;

    let old_keys = config.secrets.old_master_keys.expose_secret();
    MasterKeys::with_old(&config.secrets.master_key_id, key, old_keys)
        .context("secrets.old_master_keys is not valid: write it as id:key,id:key")
}

/// Checks that the configuration has all that the service needs, without connecting to anything.
pub(crate) fn check(config: &Config) -> anyhow::Result<()> {
    let checks = [
        database::options(config).map(drop),
        master_keys(config).map(drop),
        settings::endpoints(config, file_descriptors::raise_limit()).map(drop),
        // Reads the certificate and the key.
        settings::server_params(config, usize::MAX).map(drop),
        settings::webhook_roots(config).map(drop),
        settings::console(config).map(drop),
    ];
    let problems: Vec<String> = checks
        .into_iter()
        .filter_map(Result::err)
        .map(|error| format!("{error:#}"))
        .collect();

    if !problems.is_empty() {
        bail!("the service can't start with it: {}", problems.join("; "));
    }
    Ok(())
}

/// Credentials that the check of the master key tries to open, the newest first.
const TRIED_CREDENTIALS: i64 = 20;

/// Refuses a master key that opens none of the Credentials that were sealed under its id: every
/// notification would wait until it expires. Logs the Credentials that can't be opened otherwise.
async fn check_master_key(pool: &Pool, keys: &MasterKeys) -> anyhow::Result<()> {
    let stored = sealed_secrets::newest_contents(pool, TRIED_CREDENTIALS)
        .await
        .context(POSTGRES_UNUSABLE)?;

    let mut opened_by_id: HashMap<&str, usize> = HashMap::new();
    let mut unopened = Vec::new();
    for stored in &stored {
        let key_id = stored.content.master_key_id.as_str();
        match keys.open_content(&stored.owner(), &stored.content) {
            Ok(_) => *opened_by_id.entry(key_id).or_default() += 1,
            Err(error) => unopened.push((stored, key_id, error)),
        }
    }

    for (stored, key_id, error) in unopened {
        let credential_id = stored.id;
        // One that another process has sealed does not stop the rest. Nor does one whose key is not
        // configured: the key may be lost, and the Credential about to be stored again.
        if opened_by_id.contains_key(key_id) || matches!(error, SecretError::UnknownKey(_)) {
            tracing::error!(
                %credential_id,
                %error,
                "a Credential can't be decrypted: delete it and store it again, or configure the \
                 master key that sealed it"
            );
            continue;
        }

        bail!(
            "secrets.master_key does not decrypt the Credential {credential_id}, nor any other that \
             was sealed under the id '{key_id}'; the service was not started. Set the key that the \
             other processes with this database use, or the one from your backup. Only if that key \
             is lost: set secrets.master_key_id to an id that was not used before, then store the \
             Credentials and register the devices again"
        );
    }

    Ok(())
}

/// Waits for Postgres, migrates the schema, and makes sure that the service can use what is stored.
async fn prepare_database(
    config: &Config,
    pool: &Pool,
    master_keys: &MasterKeys,
) -> anyhow::Result<()> {
    migrate(config, pool, config.database.connect_timeout).await?;

    // Before the first secret is sealed: with a wrong key, the database would hold secrets of two
    // keys.
    check_master_key(pool, master_keys).await?;
    decide_seal_form(config, pool, master_keys).await?;

    // Also where `retention.enabled` is false: rows of a day without a partition go to the default
    // partition, and retention deletes them row by row in place of dropping their day.
    retention::make_partitions(pool, config.retention.partitions_ahead)
        .await
        .context("partitions can't be created")
}

/// What every part of the service is built on.
struct Foundation {
    master_keys: MasterKeys,
    endpoints: Endpoints,
    server: http::ServerParams,
    console: Option<http::Console>,
    /// `None`: this process sends no events to webhooks.
    webhook_client: Option<Http1Client>,
    /// The pool of the API, which the maintenance uses too.
    pool: Pool,
    list_pool: Pool,
}

impl Foundation {
    /// Reads what the configuration names, waits for Postgres, and migrates the schema.
    async fn lay(config: &Config) -> anyhow::Result<Self> {
        // Every key and file, before the wait for Postgres: one that is wrong ends the start at
        // once, and not after a migration or a claim.
        let master_keys = master_keys(config)?;
        let descriptors = file_descriptors();
        let endpoints = settings::endpoints(config, descriptors)?;
        let server = settings::server_params(config, descriptors.api_connections())?;
        let console = settings::console(config)?;
        let webhook_client = settings::webhook_client(config)?;

        // Before anything is counted: what is counted without a registry is lost.
        if config.metrics.listen.is_some() {
            telemetry::metrics::start()?;
        }

        let (list_connections, connections) = divided(config.database.max_connections);
        let pool = connect(config, connections)?;
        let list_pool = connect_for_lists(config, list_connections)?;
        // Boxed, because the futures of statements are large.
        Box::pin(prepare_database(config, &pool, &master_keys)).await?;

        Ok(Self {
            master_keys,
            endpoints,
            server,
            console,
            webhook_client,
            pool,
            list_pool,
        })
    }

    /// Binds the port of the API, and serves it. `local_delivery` is `None` in a process that does not
    /// deliver.
    fn serve_api(
        &self,
        config: &Config,
        local_delivery: Option<LocalDelivery>,
        readiness: &Readiness,
    ) -> anyhow::Result<http::Server> {
        let state = self.api_state(config, local_delivery, readiness);
        let options = http::ServerOptions {
            server: self.server.clone(),
            is_api_enabled: config.server.api,
            has_docs: config.server.docs,
            console: self.console.clone(),
        };

        http::serve(state, options)
            .map_err(|error| cannot_listen("server.listen", config.server.listen, &error))
    }

    /// What the handlers of the API share. Starts the tasks that serve them.
    fn api_state(
        &self,
        config: &Config,
        local_delivery: Option<LocalDelivery>,
        readiness: &Readiness,
    ) -> http::State {
        let Self {
            pool, master_keys, ..
        } = self;

        http::State {
            settings: settings::http_settings(config, &self.server),
            pool: pool.clone(),
            list_turns: http::ListTurns::new(self.list_pool.clone()),
            api_keys: http::api_key_lookup::start(pool),
            key_use: http::key_use::KeyUse::start(pool.clone()),
            senders: http::sender_lookup::start(pool),
            group_commit: GroupCommit::start(pool, local_delivery),
            receipts: ReceiptWriter::start(pool.clone()),
            master_keys: master_keys.clone(),
            endpoints: self
                .endpoints
                .with_shared_tokens(shared_tokens(pool, master_keys)),
            rate_limits: settings::rate_limits(config),
            address_guard: settings::address_guard(config),
            operation_watches: http::OperationWatches::new(pool.clone()),
            account_limits: http::AccountLimits::new(
                pool.clone(),
                settings::account_quotas(config),
            ),
            imports: http::Imports::default(),
            body_budget: http::BodyBudget::new(settings::body_budget_sizes(config)),
            work: WorkPool::of_this_machine(),
            failed_logins: http::FailedLogins::default(),
            readiness: readiness.clone(),
            readiness_lookup: http::start_readiness_lookup(pool),
        }
    }

    /// Starts to deliver, if this process does. Returns the pool of delivery too, for its metrics.
    fn start_delivery(
        &self,
        config: &Config,
        notifiers: Notifiers,
        handoff: HandoffReceiver,
    ) -> anyhow::Result<Option<(Delivery, Pool)>> {
        if !config.delivery.enabled {
            return Ok(None);
        }

        let pool = connect(config, DELIVERY_CONNECTIONS)?;
        // Over delivery's own pool, so that a provider token does not wait behind requests.
        let tokens = shared_tokens(&pool, &self.master_keys);
        let delivery = Delivery::start(DeliveryParams {
            pool: &pool,
            settings: &settings::delivery_settings(config),
            endpoints: self.endpoints.with_shared_tokens(tokens),
            master_keys: self.master_keys.clone(),
            notifiers,
            handoff,
        })?;

        Ok(Some((delivery, pool)))
    }

    /// Starts to report events to webhooks, if this process does.
    fn start_events(&self, config: &Config) -> anyhow::Result<Option<Events>> {
        let Some(client) = &self.webhook_client else {
            return Ok(None);
        };

        Ok(Some(Events::start(EventsParams {
            pool: connect(config, EVENTS_CONNECTIONS)?,
            master_keys: self.master_keys.clone(),
            client: client.clone(),
            address_guard: settings::address_guard(config),
            poll_interval: config.delivery.poll_interval,
        })))
    }
}

impl App {
    /// Waits for Postgres, migrates the schema, and starts the service.
    pub async fn start(config: &Config) -> anyhow::Result<Self> {
        let foundation = Foundation::lay(config).await?;

        // Where the API and delivery meet in memory.
        let notifiers = Notifiers::default();
        let (handoff, receiver) = local_handoff(
            config.delivery.max_claimed,
            config.delivery.lease,
            Arc::clone(&notifiers.queues),
        );
        let local_delivery = config.delivery.enabled.then(|| LocalDelivery {
            notifiers: notifiers.clone(),
            handoff,
        });

        // Both ports are bound before delivery starts: batches claimed by a process that cannot
        // start would wait for their leases to run out.
        let readiness = Readiness::default();
        let server = foundation.serve_api(config, local_delivery, &readiness)?;
        let metrics_listener = config.metrics.listen.map(metrics::listen).transpose()?;

        let delivering = foundation.start_delivery(config, notifiers, receiver)?;
        let metrics = match metrics_listener {
            Some(listener) => {
                let sources = metrics::sources(&foundation, delivering.as_ref());
                MetricsServer::start(listener, sources)?
            }
            None => MetricsServer::default(),
        };
        let events = foundation.start_events(config)?;

        let stop = CancellationToken::new();
        watch_secrets(config, &foundation.pool, foundation.master_keys, &stop);
        let background = start_maintenance(config, &foundation.pool, &stop);

        Ok(Self {
            addresses: vec![server.address()],
            metrics_addresses: metrics.addresses,
            server,
            delivery: delivering.map(|(delivery, _)| delivery),
            events,
            background,
            metrics: metrics.tasks,
            stop,
            readiness,
            drain_delay: config.server.drain_delay,
            grace: config.delivery.grace,
        })
    }

    /// Returns if delivery ends although nothing stopped it, which is a defect.
    pub async fn broken(&mut self) {
        match &mut self.delivery {
            Some(delivery) => delivery.broken().await,
            None => std::future::pending().await,
        }
    }

    /// Stops without losing or repeating anything. In this order: `/readyz` returns 503 and load
    /// balancers drain the process; it stops taking requests; it stops claiming, waits for requests
    /// in flight and their records, and gives the rest back.
    pub async fn stop(self) {
        self.readiness.drain();
        tokio::time::sleep(self.drain_delay).await;

        self.server.stop().await;

        self.stop.cancel();
        if let Some(delivery) = self.delivery {
            delivery.stop(self.grace).await;
        }
        if let Some(events) = self.events {
            events.stop(self.grace).await;
        }
        for task in self.background {
            let _ = task.await;
        }

        // Metrics end last, so that the stop can be watched.
        self.metrics.iter().for_each(JoinHandle::abort);
    }
}

/// Starts the tasks that watch over secrets. They end with `stop`.
fn watch_secrets(config: &Config, pool: &Pool, keys: MasterKeys, stop: &CancellationToken) {
    tokio::spawn(certificate_watch::run(pool.clone(), stop.clone()));
    tokio::spawn(token_forms::run(pool.clone(), keys.clone(), stop.clone()));

    if !config.secrets.keep_older_seal {
        tokio::spawn(seal_form::watch(pool.clone(), keys, stop.clone()));
    }
}

/// The provider tokens that all processes send with, read and kept over `pool`.
fn shared_tokens(pool: &Pool, master_keys: &MasterKeys) -> SharedTokens {
    SharedTokens::new(Arc::new(ProviderTokenStore::new(pool)), master_keys.clone())
}

/// Retention, and the watch for old snapshots.
fn start_maintenance(
    config: &Config,
    pool: &Pool,
    stop: &CancellationToken,
) -> Vec<JoinHandle<()>> {
    let watching = old_snapshots::run(pool.clone(), stop.clone());
    let erasing = erasures::run(pool.clone(), stop.clone());
    let mut tasks = vec![tokio::spawn(watching), tokio::spawn(erasing)];
    tasks.extend(start_retention(config, pool.clone(), stop.clone()));

    tasks
}

fn start_retention(config: &Config, pool: Pool, stop: CancellationToken) -> Option<JoinHandle<()>> {
    if !config.retention.enabled {
        return None;
    }

    let retention = Retention {
        period: config.retention.period,
        audit_period: config.retention.audit_period,
        partitions_ahead: config.retention.partitions_ahead,
    };
    Some(tokio::spawn(retention::run(pool, retention, stop)))
}

/// How many file descriptors this process may have, after it has asked for all it can get.
fn file_descriptors() -> file_descriptors::Limit {
    let limit = file_descriptors::raise_limit();

    if limit.is_low() {
        tracing::warn!(
            %limit,
            "few file descriptors: few connections to providers can be open at a time; raise the limit (ulimit -n)"
        );
    }
    limit
}
