//! `bellwire dev`: the service with a private Postgres, the simulator and demo data, to try Bellwire on
//! one machine.

use std::fs::File;
use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;
use clap::Args;
use secrecy::SecretString;
use sqlx::Connection;
use sqlx::postgres::PgConnection;

mod database_guard;
pub mod demo;
mod directory_lock;
pub mod postgres;
mod private_file;
pub mod simulator;
mod welcome;

use crate::app::{self, App};
use crate::config::Config;
use crate::crypto::generate_master_key;
use crate::dev::directory_lock::DirectoryLock;
use crate::dev::postgres::PrivatePostgres;
use crate::dev::private_file::write_private;
use crate::dev::simulator::{Options, Simulator, scripted_outcome};
use crate::dev::welcome::Welcome;
use crate::model::provider::CredentialType;
use crate::signals::Signals;
use crate::store::pool;
use crate::telemetry;

const DATABASE: &str = "bellwire";
const MASTER_KEY_FILE: &str = "master_key";
const LOG_FILE: &str = "bellwire.log";
/// Keys and certificates of the simulator, some of them for other programs.
const SIMULATOR_DIRECTORY: &str = "simulator";
/// The id of dev's master key. No other service has it, so neither takes what the other sealed for
/// its own.
const MASTER_KEY_ID: &str = "dev";
/// The id that the same key had in earlier releases.
const FORMER_MASTER_KEY_ID: &str = "1";

/// Options of `bellwire dev`.
#[derive(Debug, Args)]
#[command(after_help = scripted_outcome::TABLE)]
pub struct Arguments {
    /// The port of the HTTP API, on 127.0.0.1; 0 picks a free port.
    #[arg(long, default_value_t = 8080)]
    port: u16,
    /// The port of /metrics, on 127.0.0.1; 0 picks a free port.
    #[arg(long, default_value_t = 0)]
    metrics_port: u16,
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
    has_docs: bool,
    has_console: bool,
    /// For psql.
    database_url: String,
    /// Its drop stops the server. `None`: the arguments name another Postgres.
    _postgres: Option<PrivatePostgres>,
    /// Freed last, when nothing of this process uses the directory any more.
    _lock: DirectoryLock,
}

/// Runs until a signal ends the process, and then stops the service before the simulator, so that
/// notifications in flight get their answer.
pub async fn run(arguments: Arguments, config: Config) -> anyhow::Result<()> {
    let directory = &arguments.data_dir;
    std::fs::create_dir_all(directory)
        .with_context(|| format!("can't create {}", directory.display()))?;
    // Before the log is made anew: another `bellwire dev` may be writing to it.
    let lock = DirectoryLock::take(directory)?;
    check_port("--port", arguments.port)?;
    check_port("--metrics-port", arguments.metrics_port)?;
    check_port("--simulator-port", arguments.simulator_port)?;

    let log = directory.join(LOG_FILE);
    let file = File::create(&log).with_context(|| format!("can't write {}", log.display()))?;
    telemetry::logs::start_in_file(&config, file)?;

    let mut signals = Signals::listen()?;

    // A signal during the start ends it, too: Postgres may take a while.
    let Some(mut dev) = signals
        .unless_signaled(Box::pin(start(&arguments, config, lock)))
        .await
        .transpose()?
    else {
        return Ok(());
    };

    for address in &dev.app.addresses {
        tracing::info!(%address, "ready");
    }
    announce(&dev, &arguments)?;
    if signals.unless_signaled(dev.app.broken()).await.is_some() {
        anyhow::bail!("delivery has stopped because of a defect in Bellwire: see the log");
    }

    print_line("stopping after the requests in flight; a second Ctrl-C ends the process at once");
    let stopped = signals.unless_signaled(dev.app.stop()).await;
    stopped
        .context("a second signal ended the process; the next run delivers what was in flight")?;
    dev.simulator.stop().await;
    Ok(())
}

/// Prints a line for the person who tries Bellwire. Nothing depends on it, so a closed standard
/// output is no error.
fn print_line(line: &str) {
    let _ = writeln!(std::io::stdout(), "{line}");
}

/// Refuses a port that is taken, before anything is started.
fn check_port(name: &str, port: u16) -> anyhow::Result<()> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));

    TcpListener::bind(address).map(drop).with_context(|| {
        format!(
            "can't listen on {address}: stop the process that uses the port, or give another {name}"
        )
    })
}

async fn start(
    arguments: &Arguments,
    mut config: Config,
    lock: DirectoryLock,
) -> anyhow::Result<Dev> {
    let directory = &arguments.data_dir;

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
        directory: Some(directory.join(SIMULATOR_DIRECTORY)),
        ..Options::default()
    })
    .await?;
    configure(&mut config, arguments, url.clone(), &simulator)?;

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
    // Anew at each start: the simulator's ports have changed, and its keys may have.
    demo::prepare(&pool, &master_keys, contents).await?;
    pool.close();

    let app = App::start(&config).await?;
    Ok(Dev {
        app,
        simulator,
        has_docs: config.server.docs,
        has_console: config.console.enabled,
        database_url: url,
        _postgres: postgres,
        _lock: lock,
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
    // For this service, and for other programs that a person tries.
    let files = arguments.data_dir.join(SIMULATOR_DIRECTORY);
    simulator.write_files(&files)?;
    let ca_file = files.join("ca.pem");

    config.server.listen = SocketAddr::from((Ipv4Addr::LOCALHOST, arguments.port));
    // No load balancer has to turn away first.
    config.server.drain_delay = Duration::ZERO;
    config.metrics.listen = Some(SocketAddr::from((
        Ipv4Addr::LOCALHOST,
        arguments.metrics_port,
    )));
    // A person who tries webhooks receives them on this machine.
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

    // The simulator has no quota.
    config.fcm.max_per_minute = 0;
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

fn announce(dev: &Dev, arguments: &Arguments) -> anyhow::Result<()> {
    let address = dev
        .app
        .addresses
        .first()
        .context("the service does not listen on any address")?;
    let metrics = dev.app.metrics_addresses.first();
    let directory = &arguments.data_dir;

    let welcome = Welcome {
        api: format!("http://{address}"),
        has_docs: dev.has_docs,
        has_console: dev.has_console,
        metrics: metrics.map(|address| format!("http://{address}")),
        simulator: &dev.simulator.control_url,
        fcm: &dev.simulator.fcm_url,
        apns: &dev.simulator.apns_url,
        files: directory.join(SIMULATOR_DIRECTORY).display().to_string(),
        database: dev.database_url.clone(),
        log: directory.join(LOG_FILE).display().to_string(),
        data_directory: directory.display().to_string(),
    };
    print_line(&welcome.to_string());

    Ok(())
}
