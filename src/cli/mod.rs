//! The command line.

use std::io::Write;
use std::path::PathBuf;

use anyhow::{Context, bail};
use clap::{Parser, Subcommand};

mod health;

use crate::app::{self, App};
use crate::config::Config;
use crate::crypto::{generate_api_secret, hash_api_secret};
use crate::dev;
use crate::dev::simulator;
use crate::maintenance::key_rotation;
use crate::maintenance::retention;
use crate::shutdown::Signals;
use crate::store::api_keys::Role;
use crate::store::{accounts, api_keys, citus};
use crate::telemetry;
use crate::telemetry::traces::Traces;

/// Random characters of an API key's name.
const KEY_LENGTH: usize = 24;

/// A self-hosted push notification service.
#[derive(Debug, Parser)]
#[command(version, about)]
pub struct Cli {
    /// A TOML file that overrides the defaults.
    #[arg(long, global = true, env = "BELLWIRE_CONFIG")]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the service: the HTTP API and delivery.
    Serve,
    /// Run everything on this machine to try it: a private Postgres, the simulator, a demo App.
    Dev(dev::Arguments),
    /// Run look-alikes of FCM and APNs.
    Simulate(simulator::command::Arguments),
    /// Store the demo account with the key dev:dev, and its Credentials for a simulator.
    Demo(dev::demo::Arguments),
    /// Bring the database's schema up to date and end.
    Migrate {
        /// And distribute the large tables over the workers of Citus, with what is in them; see
        /// docs/citus.md.
        #[arg(long)]
        citus: bool,
    },
    /// Make, list and revoke API keys.
    #[command(subcommand)]
    Keys(Keys),
    /// Seal all stored secrets with the current master key, so that old ones can be retired.
    Reseal,
    /// Drop what is past its retention. The service does so by itself every hour.
    Retention {
        /// Change nothing, only say what would go.
        #[arg(long)]
        dry_run: bool,
    },
    /// Print the configuration as it is in effect, without its secrets.
    CheckConfig,
    /// Ask the service that runs here with the same configuration whether it is alive.
    Health {
        /// Ask whether it is ready for requests.
        #[arg(long)]
        ready: bool,
    },
}

#[derive(Debug, Subcommand)]
enum Keys {
    /// Make a key. Its secret is printed once and kept nowhere.
    Create {
        /// The account's name; made if there is none of that name.
        #[arg(long)]
        account: String,
        /// What it is good for: everything, to send and cancel, or to look.
        #[arg(long, value_enum, default_value_t = Role::Full)]
        role: Role,
    },
    /// List all keys.
    List,
    /// Revoke a key, from its next request on.
    Revoke {
        /// The key.
        key: String,
    },
}

impl Cli {
    /// Does what was asked for.
    pub async fn run(self) -> anyhow::Result<()> {
        let load = || Config::load(self.config.as_deref());
        match self.command {
            Command::Serve => serve(&load()?).await,
            Command::Dev(arguments) => dev::run(arguments, load()?).await,
            Command::Simulate(arguments) => {
                telemetry::logs::start(&load()?.log, None)?;
                simulator::command::run(arguments).await
            }
            Command::Demo(arguments) => dev::demo::run(&arguments, &load()?).await,
            Command::Migrate { citus } => migrate(&load()?, citus).await,
            Command::Keys(keys) => keys.run(&load()?).await,
            Command::Reseal => reseal(&load()?).await,
            Command::Retention { dry_run } => retain(&load()?, dry_run).await,
            Command::CheckConfig => Ok(write!(std::io::stdout(), "{}", load()?)?),
            Command::Health { ready } => {
                let answer = health::ask(
                    load()?.server.listen,
                    if ready { "/readyz" } else { "/healthz" },
                )
                .await?;
                Ok(writeln!(std::io::stdout(), "{answer}")?)
            }
        }
    }
}

async fn serve(config: &Config) -> anyhow::Result<()> {
    let traces = Traces::start(&config.traces)?;
    telemetry::logs::start(&config.log, traces.as_ref())?;
    let mut signals = Signals::listen()?;
    let Some(mut app) = signals.unless_ended(App::start(config)).await.transpose()? else {
        return Ok(());
    };
    for address in &app.addresses {
        tracing::info!(%address, "ready");
    }
    if signals.unless_ended(app.broken()).await.is_some() {
        anyhow::bail!(
            "delivery has broken off, which is a defect: the log says where; what was in hand goes on elsewhere"
        );
    }
    tracing::info!("stopping; a second signal ends it at once");
    let stopped = signals.unless_ended(app.stop()).await;
    stopped.context(
        "ended at once by a second signal: what was in hand goes on when its leases run out",
    )
}

async fn migrate(config: &Config, citus: bool) -> anyhow::Result<()> {
    telemetry::logs::start(&config.log, None)?;
    let pool = app::connect(config, 1)?;
    let migrated = app::migrate(config, &pool).await?;
    writeln!(std::io::stdout(), "{migrated}")?;
    if citus {
        let is_new = citus::distribute(&mut *pool.acquire().await?).await?;
        let done = if is_new {
            "the large tables are distributed now"
        } else {
            "the large tables are distributed already"
        };
        writeln!(std::io::stdout(), "{done}")?;
    }
    Ok(())
}

async fn reseal(config: &Config) -> anyhow::Result<()> {
    let pool = app::connect(config, 1)?;
    let resealed = key_rotation::run(&pool, &app::master_keys(config)?).await?;
    let (credentials, devices) = (resealed.credentials, resealed.devices);
    Ok(writeln!(
        std::io::stdout(),
        "sealed anew: {credentials} Credentials, {devices} devices"
    )?)
}

async fn retain(config: &Config, dry_run: bool) -> anyhow::Result<()> {
    telemetry::logs::start(&config.log, None)?;
    let (pool, period) = (app::connect(config, 1)?, config.retention.period);
    let expired = if dry_run {
        retention::look(&pool, period).await
    } else {
        retention::remove(&pool, period).await
    };
    Ok(write!(
        std::io::stdout(),
        "{}",
        expired.context("Postgres can't be used")?
    )?)
}

impl Keys {
    async fn run(self, config: &Config) -> anyhow::Result<()> {
        let pool = app::connect(config, 1)?;
        let mut out = std::io::stdout();
        match self {
            Self::Create { account, role } => {
                app::migrate(config, &pool).await?;
                let account_id = accounts::find_or_create(&pool, &account)
                    .await
                    .with_context(|| {
                        format!("no account '{account}': a name has 1 to 64 characters")
                    })?;
                let (key, secret) = (new_key(), generate_api_secret());
                if !api_keys::insert(&pool, account_id, &key, &hash_api_secret(&secret), role)
                    .await?
                {
                    bail!("the key {key} exists already: try again");
                }
                writeln!(out, "key:    {key}\nsecret: {secret}")?;
            }
            Self::List => {
                for key in api_keys::list(&pool).await? {
                    let state = if key.revoked_at.is_some() {
                        "revoked"
                    } else {
                        "active"
                    };
                    let role = format!("{:?}", key.role).to_lowercase();
                    writeln!(
                        out,
                        "{}  {state}  {role}  {}  {}",
                        key.key,
                        key.created_at.date(),
                        key.account
                    )?;
                }
            }
            Self::Revoke { key } => {
                if !api_keys::revoke(&pool, &key).await? {
                    bail!("there is no active key {key}: `bellwire keys list` shows all");
                }
                writeln!(out, "revoked: {key}")?;
            }
        }
        Ok(())
    }
}

/// `SK` and random characters, as the API's keys look.
fn new_key() -> String {
    let random = generate_api_secret().replace(['-', '_'], "");
    format!("SK{}", random.chars().take(KEY_LENGTH).collect::<String>())
}
