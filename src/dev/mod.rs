//! `bellwire dev`: the service with a private Postgres, the simulator and demo data, to try Bellwire on
//! one machine.

use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;
use clap::Args;
use secrecy::SecretString;
use sqlx::Connection;
use sqlx::postgres::PgConnection;

mod database_guard;
pub mod demo;
pub mod postgres;
mod private_file;
pub mod simulator;

use crate::app::{self, App};
use crate::config::Config;
use crate::crypto::generate_master_key;
use crate::dev::postgres::PrivatePostgres;
use crate::dev::private_file::write_private;
use crate::dev::simulator::{Options, Simulator};
use crate::model::provider::CredentialType;
use crate::signals::Signals;
use crate::store::pool;
use crate::telemetry;

const DATABASE: &str = "bellwire";
const MASTER_KEY_FILE: &str = "master_key";
/// The id of dev's master key. No other service has it, so neither takes what the other sealed for
/// its own.
const MASTER_KEY_ID: &str = "dev";
/// The id that the same key had in earlier releases.
const FORMER_MASTER_KEY_ID: &str = "1";

/// Options of `bellwire dev`.
#[derive(Debug, Args)]
pub struct Arguments {
    /// The port of the HTTP API, on 127.0.0.1; 0 picks a free port.
    #[arg(long, default_value_t = 8080)]
    port: u16,
    /// The directory that keeps all data between runs.
    #[arg(long, default_value = ".bellwire")]
    data_dir: PathBuf,
    /// The port of the simulator's control endpoint, on 127.0.0.1; 0 picks a free port.
    #[arg(long, default_value_t = 0)]
    simulator_port: u16,
    /// The URL of a Postgres to use instead of a private one. Its database must be empty, or hold
    /// nothing but the data of earlier runs with the same --data-dir.
    #[arg(long)]
    database_url: Option<String>,
}

struct Dev {
    app: App,
    simulator: Simulator,
    /// Its drop stops the server. `None`: the arguments name another Postgres.
    _postgres: Option<PrivatePostgres>,
}

/// Runs until a signal ends the process, and then stops the service before the simulator, so that
/// notifications in flight get their answer.
pub async fn run(arguments: Arguments, config: Config) -> anyhow::Result<()> {
    telemetry::logs::start(&config, None)?;
    let mut signals = Signals::listen()?;

    // A signal during the start ends it, too: Postgres may take a while.
    let Some(mut dev) = signals
        .unless_signaled(start(&arguments, config))
        .await
        .transpose()?
    else {
        return Ok(());
    };

    announce(&dev.app, &dev.simulator)?;
    if signals.unless_signaled(dev.app.broken()).await.is_some() {
        anyhow::bail!("delivery has stopped because of a defect in Bellwire: see the log");
    }

    dev.app.stop().await;
    dev.simulator.stop().await;
    Ok(())
}

async fn start(arguments: &Arguments, mut config: Config) -> anyhow::Result<Dev> {
    let directory = &arguments.data_dir;
    std::fs::create_dir_all(directory)
        .with_context(|| format!("can't create {}", directory.display()))?;

    let (postgres, url) = match &arguments.database_url {
        Some(url) => (None, url.clone()),
        None => {
            let postgres = PrivatePostgres::start(&directory.join("postgres")).await?;
            create_database(&postgres).await?;
            let url = postgres.url(DATABASE);
            (Some(postgres), url)
        }
    };

    let simulator = Simulator::start(Options {
        control_port: arguments.simulator_port,
        directory: Some(directory.join("simulator")),
        ..Options::default()
    })
    .await?;
    configure(&mut config, arguments, url, &simulator)?;

    let master_keys = app::master_keys(&config)?;
    // A private Postgres is dev's own, whatever its user does with it.
    if arguments.database_url.is_some() {
        database_guard::check(&config, &master_keys, demo::ACCOUNT).await?;
    }

    let pool = app::connect(&config, 1)?;
    app::migrate(&config, &pool, config.database.connect_timeout).await?;
    app::decide_seal_form(&config, &pool, &master_keys).await?;
    let contents = [
        (CredentialType::Fcm, simulator.fcm_credential()),
        (CredentialType::Apn, simulator.apn_credential()),
    ];
    demo::prepare(&pool, &master_keys, contents).await?;
    pool.close();

    let app = App::start(&config).await?;
    Ok(Dev {
        app,
        simulator,
        _postgres: postgres,
    })
}

async fn create_database(postgres: &PrivatePostgres) -> anyhow::Result<()> {
    let mut connection =
        PgConnection::connect_with(&postgres.options(PrivatePostgres::MAINTENANCE)).await?;
    pool::create_database(&mut connection, DATABASE).await?;
    Ok(connection.close().await?)
}

/// Puts the simulator in place of the providers, and shortens waits, so that a person who tries a fault
/// sees its end.
fn configure(
    config: &mut Config,
    arguments: &Arguments,
    url: String,
    simulator: &Simulator,
) -> anyhow::Result<()> {
    let ca_file = arguments.data_dir.join("simulator").join("ca.pem");
    std::fs::write(&ca_file, &simulator.ca_pem)
        .with_context(|| format!("can't write {}", ca_file.display()))?;

    config.server.listen = SocketAddr::from((Ipv4Addr::LOCALHOST, arguments.port));
    config.server.drain_delay = Duration::ZERO;
    config.metrics.listen = None;
    config.webhooks.allow_private = true;
    config.database.url = SecretString::from(url);
    let master_key = master_key(&arguments.data_dir)?;
    config.secrets.old_master_keys =
        SecretString::from(format!("{FORMER_MASTER_KEY_ID}:{}", master_key.trim()));
    config.secrets.master_key = SecretString::from(master_key);
    MASTER_KEY_ID.clone_into(&mut config.secrets.master_key_id);

    config.fcm.endpoint.clone_from(&simulator.fcm_url);
    config.fcm.token_uris = vec![simulator.token_uri.clone()];
    config.fcm.ca_file = Some(ca_file.clone());
    config.apns.endpoint.clone_from(&simulator.apns_url);
    config.apns.sandbox_endpoint.clone_from(&simulator.apns_url);
    config.apns.ca_file = Some(ca_file);

    config.fcm.timeout = Duration::from_secs(4);
    config.apns.timeout = Duration::from_secs(4);
    config.delivery.lease = Duration::from_secs(8);
    config.delivery.retry_base = Duration::from_millis(200);
    config.delivery.retry_max = Duration::from_secs(5);
    config.delivery.poll_interval = Duration::from_millis(500);

    Ok(())
}

/// The master key, which is made at the first run.
fn master_key(directory: &Path) -> anyhow::Result<String> {
    let path = directory.join(MASTER_KEY_FILE);
    if let Ok(key) = std::fs::read_to_string(&path) {
        return Ok(key);
    }

    let key = generate_master_key();
    write_private(&path, &key)?;
    Ok(key)
}

fn announce(app: &App, simulator: &Simulator) -> anyhow::Result<()> {
    let address = app
        .addresses
        .first()
        .context("the service listens on no address")?;
    let url = format!("http://{address}");

    writeln!(
        std::io::stdout(),
        "ready: {url} (messages in the simulator: {}/messages). Try: curl -u dev:dev -H 'Content-Type: application/json' \
         {url}/v1/PushNotifications -d '{}'",
        simulator.control_url,
        demo::EXAMPLE,
    )?;
    Ok(())
}
