//! The command line: arguments, and the short commands. `serve` is in [`serve`], keys in [`keys`].

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
#[cfg(feature = "client")]
use clap::CommandFactory;
use clap::{Parser, Subcommand};

mod accounts;
mod audit;
mod health;
mod init;
mod keys;
#[cfg(feature = "client")]
mod manual;
mod memory_warning;
mod process;
mod serve;

use crate::app;
#[cfg(feature = "client")]
use crate::client;
use crate::config::Config;
#[cfg(feature = "dev")]
use crate::dev;
#[cfg(feature = "dev")]
use crate::dev::simulator;
use crate::maintenance::{key_rotation, retention, seal_form};
use crate::store::citus;
use crate::telemetry;

/// Runs the command that the process' arguments name.
///
/// It is no `async fn`: the future of all commands would then be compiled once more with the binary,
/// which took a tenth of the build.
pub fn main() -> ExitCode {
    let cli = Cli::parse();

    let ran = tokio::runtime::Runtime::new()
        .context("the threads of the process can't be started")
        // Boxed, because the future of all commands together is too large for the stack.
        .and_then(|runtime| runtime.block_on(Box::pin(cli.run())));

    match ran {
        Ok(code) => code,
        Err(error) if is_unread(&error) => ExitCode::SUCCESS,
        Err(error) => {
            // `eprintln!` panics if the standard error is closed, and the exit code would be
            // another one.
            let _ = writeln!(std::io::stderr(), "error: {}", in_one_line(&error));
            ExitCode::FAILURE
        }
    }
}

/// Whether the reader of the output has closed the pipe, as `head` does after its last line.
fn is_unread(error: &anyhow::Error) -> bool {
    // Only the outermost error: outputs are written without a context. A broken pipe further down
    // is that of a connection, such as one to Postgres, and a failure.
    let outermost = error.chain().next();

    outermost
        .and_then(|error| error.downcast_ref::<std::io::Error>())
        .is_some_and(|error| error.kind() == std::io::ErrorKind::BrokenPipe)
}

/// An error with all its causes. A cause that the line already ends with is not repeated.
fn in_one_line(error: &anyhow::Error) -> String {
    let mut line = String::new();

    for cause in error.chain().map(ToString::to_string) {
        let cause = without_source_line(&cause);
        if !line.ends_with(cause) {
            line += if line.is_empty() { "" } else { ": " };
            line += &cause.replace('\n', " ");
        }
    }

    line
}

/// Postgres names the line of its own source at which an error arose. Users can't do anything with it.
fn without_source_line(cause: &str) -> &str {
    match cause.rsplit_once(" at line ") {
        Some((message, line)) if line.bytes().all(|byte| byte.is_ascii_digit()) => message,
        _ => cause,
    }
}

/// A self-hosted push notification service.
#[derive(Debug, Parser)]
#[command(version, about)]
struct Cli {
    /// A TOML file that overrides the default configuration.
    #[arg(long, global = true, env = "BELLWIRE_CONFIG")]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the service: the HTTP API, delivery and maintenance.
    Serve,
    /// Run everything on this machine to try it: a private Postgres, the simulator and a demo App.
    #[cfg(feature = "dev")]
    Dev(dev::Arguments),
    /// Run a simulator of FCM and APNs.
    #[cfg(feature = "dev")]
    #[command(visible_alias = "simulator")]
    Simulate(simulator::command::Arguments),
    /// Store a demo account with the key dev:dev, and Credentials for the simulator.
    #[cfg(feature = "dev")]
    Demo(dev::demo::Arguments),
    /// Create the settings that an installation needs once, such as its master key. Existing
    /// settings are not replaced.
    Init(init::Arguments),
    /// Migrate the database's schema and exit.
    Migrate {
        /// Also distribute the large tables, with their rows, over the workers of Citus; see
        /// docs/citus.md.
        #[arg(long)]
        citus: bool,
    },
    /// Manage accounts, and set the share of the delivery capacity of each.
    #[command(subcommand)]
    Accounts(accounts::Command),
    /// Create, list, rotate and revoke API keys.
    #[command(subcommand)]
    Keys(keys::Command),
    /// Seal all stored secrets with the current master key, so that old keys can be retired.
    RotateKeys,
    /// The old name of `rotate-keys`.
    #[command(hide = true)]
    Reseal,
    /// Create the partitions of the coming days, and drop records past their retention. The service does
    /// this every hour.
    Retention {
        /// Print the records that would be dropped, and change nothing.
        #[arg(long)]
        dry_run: bool,
    },
    /// Print the configuration in effect, with its secrets redacted. Exits with 1 if the service can't
    /// start with it.
    CheckConfig,
    /// Check that the service on this machine, with the same configuration, is alive. Exits with 0
    /// or 1.
    Health {
        /// Check that it is ready for requests.
        #[arg(long)]
        ready: bool,
    },
    #[cfg(feature = "client")]
    #[command(flatten)]
    Client(client::Command),
    /// Print the completions for a shell, such as `bellwire completions bash`.
    #[cfg(feature = "client")]
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
    /// Write a man page for each command to a folder.
    #[cfg(feature = "client")]
    Man {
        /// The folder. It is created if it does not exist.
        folder: PathBuf,
    },
}

impl Cli {
    async fn run(self) -> anyhow::Result<ExitCode> {
        // Before the configuration is loaded, which brings secrets into memory.
        process::forbid_core_dumps()?;
        // Loaded by the commands that need it: the others work with a configuration that is not
        // valid.
        let load = || Config::load(self.config.as_deref());

        match self.command {
            #[cfg(feature = "client")]
            Command::Client(command) => return Ok(client::run(command).await),
            #[cfg(feature = "client")]
            Command::Completions { shell } => manual::print_completions(shell, Self::command()),
            #[cfg(feature = "client")]
            Command::Man { folder } => manual::write_pages(&folder, Self::command()),
            Command::Serve => serve::run(&load()?).await,
            #[cfg(feature = "dev")]
            Command::Dev(arguments) => dev::run(arguments, load()?).await,
            #[cfg(feature = "dev")]
            Command::Simulate(arguments) => {
                telemetry::logs::start(&load()?, None)?;
                simulator::command::run(arguments).await
            }
            #[cfg(feature = "dev")]
            Command::Demo(arguments) => dev::demo::run(&arguments, &load()?).await,
            Command::Init(arguments) => init::run(&arguments),
            Command::Migrate { citus } => migrate(&load()?, citus).await,
            Command::Accounts(command) => accounts::run(command, &load_and_warn(load)?).await,
            Command::Keys(command) => keys::run(command, &load_and_warn(load)?).await,
            Command::RotateKeys => rotate_keys(&load_and_warn(load)?).await,
            Command::Reseal => {
                warn(
                    "`bellwire reseal` is now `bellwire rotate-keys`; release 0.3 removes the old name",
                )?;
                rotate_keys(&load_and_warn(load)?).await
            }
            Command::Retention { dry_run } => retain(&load()?, dry_run).await,
            Command::CheckConfig => {
                let config = load_and_warn(load)?;
                write!(std::io::stdout(), "{config}")?;
                app::check(&config)
            }
            Command::Health { ready } => {
                let path = if ready { "/readyz" } else { "/healthz" };
                let answer = health::ask(load()?.server.listen, path).await?;
                Ok(writeln!(std::io::stdout(), "{answer}")?)
            }
        }?;

        Ok(ExitCode::SUCCESS)
    }
}

/// Loads the configuration of a command that does not log, and prints its warnings.
fn load_and_warn(load: impl Fn() -> anyhow::Result<Config>) -> anyhow::Result<Config> {
    let config = load()?;
    for key in &config.renamed_keys {
        warn(&key.to_string())?;
    }

    Ok(config)
}

fn warn(message: &str) -> std::io::Result<()> {
    writeln!(std::io::stderr(), "warning: {message}")
}

async fn migrate(config: &Config, citus: bool) -> anyhow::Result<()> {
    telemetry::logs::start(config, None)?;
    let pool = app::connect(config, 1)?;

    let migrated = app::migrate(config, &pool, config.database.connect_timeout).await?;
    writeln!(std::io::stdout(), "{migrated}")?;
    // The role that `serve` uses may lack the right to create tables.
    retention::make_partitions(&pool, config.retention.partitions_ahead)
        .await
        .context("partitions can't be created")?;

    if citus {
        // Moving the rows to the workers may take longer than a statement of the pool may.
        let mut connection = pool.connect_apart().await?;
        let is_new = citus::distribute(&mut connection).await?;
        let result = if is_new {
            "the large tables are distributed now"
        } else {
            "the large tables were distributed already"
        };
        writeln!(std::io::stdout(), "{result}")?;
    }
    Ok(())
}

async fn rotate_keys(config: &Config) -> anyhow::Result<()> {
    let pool = app::connect_now(config).await?;
    app::require_schema(&pool).await?;

    let keys = app::master_keys(config)?;
    // A process of release 0.1 can't open the bound form, and would not send what is sealed in it.
    let is_bound = !config.secrets.keep_older_seal && !seal_form::is_older_connected(&pool).await?;
    keys.set_bound(is_bound);
    if !is_bound {
        warn(
            "a process of an older release is connected, or secrets.keep_older_seal is true: secrets are sealed in the \
             older form, which is not bound to their account",
        )?;
    }

    let rotated = key_rotation::run(&pool, &keys).await?;

    Ok(writeln!(
        std::io::stdout(),
        "sealed with the current key: {} Credentials, {} devices, {} webhooks, {} provider tokens",
        rotated.credentials,
        rotated.devices,
        rotated.webhooks,
        rotated.provider_tokens
    )?)
}

async fn retain(config: &Config, dry_run: bool) -> anyhow::Result<()> {
    telemetry::logs::start(config, None)?;
    let pool = app::connect_now(config).await?;
    app::require_schema(&pool).await?;
    let period = config.retention.period;

    let expired = if dry_run {
        retention::find_expired(&pool, period).await
    } else {
        // First, so that the coming days have partitions even if nothing can be dropped.
        retention::make_partitions(&pool, config.retention.partitions_ahead)
            .await
            .context("partitions can't be created")?;
        retention::forget_audit_events(&pool, config.retention.audit_period)
            .await
            .context("Postgres can't be used")?;
        retention::remove(&pool, period).await
    };

    let expired = expired.context("Postgres can't be used")?;
    Ok(write!(std::io::stdout(), "{expired}")?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_closed_output_is_no_failure() {
        let broken = || std::io::Error::from(std::io::ErrorKind::BrokenPipe);

        assert!(is_unread(&anyhow::Error::from(broken())));
        let connection = anyhow::Error::from(sqlx::Error::Io(broken()));
        assert!(!is_unread(&connection));
        assert!(!is_unread(&connection.context("Postgres can't be used")));
        let answer = anyhow::Error::from(broken()).context("http://x/healthz does not answer");
        assert!(!is_unread(&answer));
    }

    #[test]
    fn a_line_of_postgres_source_is_left_out_and_one_of_a_file_is_not() {
        let message = r#"database "x" does not exist"#;
        assert_eq!(
            without_source_line(&format!("{message} at line 948")),
            message
        );

        let message = "TOML parse error at line 2, column 7";
        assert_eq!(without_source_line(message), message);
    }
}
