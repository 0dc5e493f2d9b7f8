//! The composition root: from a configuration to a running service.

use std::net::{SocketAddr, TcpListener};
use std::str::FromStr;
use std::time::Duration;

use actix_web::dev::ServerHandle;
use anyhow::{Context, bail};
use secrecy::ExposeSecret;
use sqlx::PgPool;
use sqlx::postgres::PgConnectOptions;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::config::{self, Config};
use crate::crypto::{MasterKeys, SecretError};
use crate::delivery::{self, Delivery, MassInvalidation, Quota, Quotas, RetryPolicy};
use crate::handoff::delivery_stats::DeliveryStats;
use crate::handoff::local::local_handoff;
use crate::handoff::notifier::Notifiers;
use crate::http::metrics::{MetricsSources, NotDueInterval};
use crate::http::{self, Readiness};
use crate::ingest::group_commit::{GroupCommit, LocalDelivery};
use crate::maintenance::retention::{self, Retention};
use crate::provider::{Endpoint, Endpoints, https_authority};
use crate::store::schema::{self, Migrated};
use crate::store::sealed_secrets;
use crate::telemetry;
use crate::transport::Roots;

/// Connections that delivery has for itself beside those that its claimer and its recorder keep, so
/// that no burst of requests holds it up: to renew, to listen, to fan out, and to remove dead
/// tokens.
const DELIVERY_CONNECTIONS: u32 = 4;

const UNUSABLE: &str = "Postgres can't be used";

/// The running service.
pub struct App {
    /// Where the HTTP API listens.
    pub addresses: Vec<SocketAddr>,
    /// Where Prometheus reads metrics.
    pub metrics_addresses: Vec<SocketAddr>,
    server: ServerHandle,
    serving: JoinHandle<std::io::Result<()>>,
    delivery: Option<Delivery>,
    retention: Option<JoinHandle<()>>,
    metrics: Vec<JoinHandle<()>>,
    stop: CancellationToken,
    readiness: Readiness,
    drain_delay: Duration,
    grace: Duration,
}

/// The master keys of a configuration.
pub fn master_keys(config: &Config) -> anyhow::Result<MasterKeys> {
    let key = config.secrets.master_key.expose_secret();
    if key.is_empty() {
        bail!(
            "secrets.master_key is not set: make one with `openssl rand -base64 32` and keep it safe"
        );
    }
    let old = config.secrets.old_master_keys.expose_secret();
    MasterKeys::new(&config.secrets.master_key_id, key)
        .context("secrets.master_key is not valid")?;
    MasterKeys::with_old(&config.secrets.master_key_id, key, old)
        .context("secrets.old_master_keys is not valid: give it as id:key,id:key")
}

/// Connections to the configured database.
pub fn connect(config: &Config, max_connections: u32) -> anyhow::Result<PgPool> {
    Ok(schema::pool(
        database(config)?,
        max_connections,
        config.database.connect_timeout,
    ))
}

fn database(config: &Config) -> anyhow::Result<PgConnectOptions> {
    let url = config.database.url.expose_secret();
    if url.is_empty() {
        bail!(
            "database.url is not set: give it as BELLWIRE__DATABASE__URL, or in a file as database.url_file"
        );
    }
    // The URL holds a password, so it is not repeated here.
    if !["postgres://", "postgresql://"]
        .iter()
        .any(|scheme| url.starts_with(scheme))
    {
        bail!(
            "database.url is not a Postgres URL: give it as postgres://user:password@host:5432/notifierswire"
        );
    }
    PgConnectOptions::from_str(url).context("database.url is not a Postgres URL")
}

/// Waits for the configured Postgres, and brings its schema up to date by `pool`.
pub async fn migrate(config: &Config, pool: &PgPool) -> anyhow::Result<Migrated> {
    schema::reachable(&database(config)?, config.database.connect_timeout)
        .await
        .context(UNUSABLE)?;
    schema::migrate(pool).await.context(UNUSABLE)
}

/// Refuses a master key that is not the one of its name that Credentials were sealed with: whatever
/// is sent with them would wait in vain until it fails.
async fn check_master_key(pool: &PgPool, keys: &MasterKeys) -> anyhow::Result<()> {
    let Some(newest) = sealed_secrets::newest_content(pool)
        .await
        .context(UNUSABLE)?
    else {
        return Ok(());
    };
    match keys.open(newest.credential_id, &newest.content) {
        Ok(_) => Ok(()),
        // Perhaps it is lost, and Credentials are about to be stored anew.
        Err(error @ SecretError::UnknownKey(_)) => {
            tracing::error!(credential_id = %newest.credential_id, %error, "a Credential can't be opened");
            Ok(())
        }
        Err(_) => bail!(
            "the master key '{}' is not the one that stored Credentials are sealed with: set secrets.master_key to that \
             one; if it is lost, give the new one another secrets.master_key_id and store the Credentials anew",
            newest.content.master_key_id
        ),
    }
}

impl App {
    /// Waits for Postgres, brings the schema up to date and starts the service.
    pub async fn start(config: &Config) -> anyhow::Result<Self> {
        let master_keys = master_keys(config)?;
        if config.metrics.listen.is_some() {
            telemetry::metrics::start()?;
        }
        let endpoints = endpoints(config)?;
        let pool = connect(config, config.database.max_connections)?;
        migrate(config, &pool).await?;
        check_master_key(&pool, &master_keys).await?;
        retention::make_partitions(&pool, config.retention.partitions_ahead)
            .await
            .context("no partitions")?;
        let (notifiers, readiness, grace) = (
            Notifiers::default(),
            Readiness::default(),
            config.delivery.grace,
        );
        let (handoff, handed) = local_handoff(config.delivery.max_in_flight, config.delivery.lease);
        let state = http::State {
            settings: http::Settings {
                public_url: config.server.public_url.clone(),
                max_body_size: config.server.max_body_size,
                deadline: config.delivery.deadline,
                retention: config.retention.period,
            },
            pool: pool.clone(),
            api_keys: http::api_key_lookup::start(&pool),
            senders: http::sender_lookup::start(&pool),
            group_commit: GroupCommit::start(
                pool.clone(),
                config.delivery.enabled.then(|| LocalDelivery {
                    notifiers: notifiers.clone(),
                    handoff,
                }),
            ),
            master_keys: master_keys.clone(),
            endpoints: endpoints.clone(),
            rate_limits: http::RateLimits::new(
                config.limits.requests_per_second,
                config.limits.recipients_per_minute,
            ),
            readiness: readiness.clone(),
        };
        let options = http::ServerOptions {
            listen: config.server.listen,
            is_api_enabled: config.server.api,
            grace,
        };
        let (server, addresses) = http::serve(state, &options)
            .with_context(|| format!("server.listen: can't listen on {}", options.listen))?;
        // Before delivery begins: what a process has claimed that ends at once waits for its leases
        // to run out.
        let metrics_listener = config.metrics.listen.map(listen_for_metrics).transpose()?;
        let (delivery_pool, stop) = (
            connect(config, DELIVERY_CONNECTIONS)?,
            CancellationToken::new(),
        );
        let start_delivery = || {
            Delivery::start(
                &delivery_pool,
                &delivery_settings(config),
                endpoints,
                master_keys,
                (notifiers, handed),
            )
        };
        let delivery = config.delivery.enabled.then(start_delivery).transpose()?;
        let (metrics, metrics_addresses) = match metrics_listener {
            Some(listener) => {
                let delivery = delivery
                    .as_ref()
                    .map(|delivery| (delivery_pool, delivery.stats()));
                serve_metrics(
                    listener,
                    watched(connect(config, 1)?, pool.clone(), delivery),
                )?
            }
            None => (Vec::new(), Vec::new()),
        };
        let retention = start_retention(config, pool, stop.clone());
        let handle = server.handle();
        Ok(Self {
            addresses,
            metrics_addresses,
            server: handle,
            serving: tokio::spawn(server),
            delivery,
            retention,
            metrics,
            stop,
            readiness,
            drain_delay: config.server.drain_delay,
            grace,
        })
    }

    /// Returns if delivery comes to an end that nobody asked for: a defect.
    pub async fn broken(&mut self) {
        match &mut self.delivery {
            Some(delivery) => delivery.broken().await,
            None => std::future::pending().await,
        }
    }

    /// Says at `/readyz` that it ends; then stops taking requests, then claiming; lets what is
    /// under way end and be recorded, and gives the rest back.
    pub async fn stop(self) {
        self.readiness.drain();
        tokio::time::sleep(self.drain_delay).await;
        self.server.stop(true).await;
        let _ = self.serving.await;
        self.stop.cancel();
        if let Some(delivery) = self.delivery {
            delivery.stop(self.grace).await;
        }
        if let Some(retention) = self.retention {
            let _ = retention.await;
        }
        // To the last, so that the stop can be watched.
        self.metrics.iter().for_each(JoinHandle::abort);
    }
}

fn start_retention(
    config: &Config,
    pool: PgPool,
    stop: CancellationToken,
) -> Option<JoinHandle<()>> {
    let config::Retention {
        enabled,
        period,
        partitions_ahead,
    } = config.retention;
    enabled.then(|| {
        tokio::spawn(retention::run(
            pool,
            Retention {
                period,
                partitions_ahead,
            },
            stop,
        ))
    })
}

/// What is looked at for metrics, by a connection of its own.
fn watched(own: PgPool, api: PgPool, delivery: Option<(PgPool, DeliveryStats)>) -> MetricsSources {
    let mut pools = vec![("api", api)];
    let delivery = delivery.map(|(pool, standing)| {
        pools.push(("delivery", pool));
        standing
    });
    MetricsSources {
        queue_pool: own,
        not_due_interval: NotDueInterval::default(),
        pools,
        delivery,
    }
}

fn listen_for_metrics(listen: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(listen).with_context(|| format!("metrics.listen: can't listen on {listen}"))
}

/// Lets Prometheus read.
fn serve_metrics(
    listener: TcpListener,
    sources: MetricsSources,
) -> anyhow::Result<(Vec<JoinHandle<()>>, Vec<SocketAddr>)> {
    let (server, addresses) = http::metrics::serve(listener, sources).context("metrics.listen")?;
    let serving = tokio::spawn(async move {
        if let Err(error) = server.await {
            tracing::error!(%error, "metrics can't be read any more");
        }
    });
    Ok((
        vec![serving, tokio::spawn(http::metrics::run_upkeep())],
        addresses,
    ))
}

fn delivery_settings(config: &Config) -> delivery::Settings {
    let delivery = &config.delivery;
    delivery::Settings {
        lease: delivery.lease,
        poll_interval: delivery.poll_interval,
        recorder_window: delivery.recorder_window,
        retry: RetryPolicy {
            base: delivery.retry_base,
            max: delivery.retry_max,
            max_attempts: delivery.max_attempts,
        },
        quotas: Quotas {
            fcm: Quota {
                per_minute: config.fcm.max_per_minute,
                ramp: config.fcm.ramp,
            },
            apns: Quota {
                per_minute: config.apns.max_per_minute,
                ramp: config.apns.ramp,
            },
        },
        burst: MassInvalidation {
            percent: delivery.burst_percent,
            count: delivery.burst_count,
        },
    }
}

fn endpoints(config: &Config) -> anyhow::Result<Endpoints> {
    let (fcm, apns) = (&config.fcm, &config.apns);
    let fcm_roots = Roots::load(fcm.ca_file.as_deref()).context("fcm.ca_file")?;
    let apns_roots = Roots::load(apns.ca_file.as_deref()).context("apns.ca_file")?;
    let endpoint = |key: &str, url: &str, roots: &Roots, timeout, max_connections| {
        let address = https_authority(url);
        let (host, port) =
            address.with_context(|| format!("{key} must be an https address; it is {url}"))?;
        anyhow::Ok(Endpoint {
            host,
            port,
            roots: roots.clone(),
            timeout,
            max_connections,
        })
    };
    Ok(Endpoints {
        fcm: endpoint(
            "fcm.endpoint",
            &fcm.endpoint,
            &fcm_roots,
            fcm.timeout,
            fcm.max_connections,
        )?,
        fcm_token_uris: fcm.token_uris.clone(),
        apns: endpoint(
            "apns.endpoint",
            &apns.endpoint,
            &apns_roots,
            apns.timeout,
            apns.max_connections,
        )?,
        apns_sandbox: endpoint(
            "apns.sandbox_endpoint",
            &apns.sandbox_endpoint,
            &apns_roots,
            apns.timeout,
            apns.max_connections,
        )?,
    })
}
