//! The commands that ask a running Bellwire by HTTP, on any machine: `send`, `watch`, `operations` and
//! others. They know nothing of the service but its API.

use std::io::Write;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Subcommand;

mod api;
mod api_error;
mod audit;
mod change;
mod devices;
mod events;
mod exit;
mod follow;
mod ids;
mod json;
mod lines;
mod operation;
mod operation_errors;
mod operations;
mod pace;
mod pieces;
mod profile;
mod resend;
mod retry;
mod screen;
mod send;
mod text;
mod time_argument;
mod top;
mod watch;
mod why;

use crate::client::api::Api;
use crate::client::exit::{Exit, Result};
use crate::client::profile::ConnectionArguments;
use crate::client::screen::Screen;

/// What is said at the end of each command's help.
const NOTES: &str = "\
Bellwire and the API key are read from BELLWIRE_URL, BELLWIRE_KEY and BELLWIRE_SECRET, or from a profile in
~/.config/bellwire/config.toml (mode 600):

  [profiles.default]
  url = \"https://push.example.com\"
  key = \"SK…\"
  secret = \"…\"

HTTPS_PROXY and NO_PROXY are obeyed, SSL_CERT_FILE names further authorities, and NO_COLOR turns colours off.

Exit codes:
  0  done
  1  failed: the line that begins with `error:` says why
  2  wrong arguments, or no address or key
  3  done in part: some recipients got nothing, some of several changes failed, or some rows of a file
  4  --timeout has passed
  5  Bellwire can't be reached, or is unavailable";

/// The commands for a running Bellwire.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Send a notification to any number of recipients, and print the ids of the Operations.
    #[command(after_help = NOTES)]
    Send(Box<send::Arguments>),
    /// Watch Operations until they have ended: `bellwire send … | bellwire watch`.
    #[command(after_help = NOTES)]
    Watch(watch::Arguments),
    /// List Operations, newest first.
    #[command(after_help = NOTES)]
    Operations(operations::Arguments),
    /// Cancel notifications that are not sent yet, of Operations or one by one.
    #[command(after_help = NOTES)]
    Cancel(change::Arguments),
    /// Pause Operations: they send nothing more until they are resumed.
    #[command(after_help = NOTES)]
    Pause(change::Arguments),
    /// Resume Operations that are paused.
    #[command(after_help = NOTES)]
    Resume(change::Arguments),
    /// Change how many notifications of an Operation are sent in a minute.
    #[command(after_help = NOTES)]
    Pace(pace::Arguments),
    /// Send the failed notifications of an Operation again, as a new one, and print its id.
    #[command(after_help = NOTES)]
    Resend(resend::Arguments),
    /// List the failures of an Operation, with the reasons.
    #[command(after_help = NOTES)]
    Errors(operation_errors::Arguments),
    /// Explain why a User or a device got a notification or did not, and what to do.
    #[command(after_help = NOTES)]
    Why(why::Arguments),
    /// Import devices from a file, or export them to one.
    #[command(subcommand, after_help = NOTES)]
    Devices(devices::Command),
    /// List who changed what, newest first. This takes a key with the role `full`.
    #[command(after_help = NOTES)]
    Audit(audit::Arguments),
    /// Show what is being sent now, live.
    #[command(after_help = NOTES)]
    Top(top::Arguments),
}

/// Runs a command. Its exit code is documented in [`NOTES`].
pub(crate) async fn run(command: Command) -> ExitCode {
    let exit = match run_command(command).await {
        Ok(exit) => exit,
        Err(failure) => {
            if !failure.message.is_empty() {
                // Messages quote answers, which could control the terminal.
                let line = text::printable(&failure.message);
                let _ = writeln!(std::io::stderr(), "error: {line}");
            }
            failure.exit
        }
    };

    ExitCode::from(exit as u8)
}

async fn run_command(command: Command) -> Result<Exit> {
    let screen = Arc::new(Screen::new());
    let connect = |arguments: &ConnectionArguments| -> Result<Arc<Api>> {
        let api = Api::new(arguments.connection()?, Arc::clone(&screen))?;
        Ok(Arc::new(api))
    };

    match command {
        Command::Send(arguments) => {
            let api = connect(&arguments.connection)?;
            send::run(*arguments, api, &screen).await
        }
        Command::Watch(arguments) => {
            let api = connect(&arguments.connection)?;
            watch::run(arguments, api, &screen).await
        }
        Command::Operations(arguments) => {
            let api = connect(&arguments.connection)?;
            operations::run(arguments, &api, &screen).await
        }
        Command::Cancel(arguments) => {
            let api = connect(&arguments.connection)?;
            change::run(&change::CANCEL, arguments, api, &screen).await
        }
        Command::Pause(arguments) => {
            let api = connect(&arguments.connection)?;
            change::run(&change::PAUSE, arguments, api, &screen).await
        }
        Command::Resume(arguments) => {
            let api = connect(&arguments.connection)?;
            change::run(&change::RESUME, arguments, api, &screen).await
        }
        Command::Pace(arguments) => {
            let api = connect(&arguments.connection)?;
            pace::run(&arguments, &api, &screen).await
        }
        Command::Resend(arguments) => {
            let api = connect(&arguments.connection)?;
            resend::run(arguments, &api, &screen).await
        }
        Command::Errors(arguments) => {
            let api = connect(&arguments.connection)?;
            operation_errors::run(arguments, &api, &screen).await
        }
        Command::Why(arguments) => {
            let api = connect(&arguments.connection)?;
            why::run(arguments, &api, &screen).await
        }
        Command::Devices(command) => {
            let api = connect(command.connection())?;
            devices::run(command, &api, &screen).await
        }
        Command::Audit(arguments) => {
            let api = connect(&arguments.connection)?;
            audit::run(&arguments, &api, &screen).await
        }
        Command::Top(arguments) => {
            let api = connect(&arguments.connection)?;
            top::run(arguments, &api, &screen).await
        }
    }
}
