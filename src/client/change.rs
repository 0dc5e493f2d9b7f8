//! `bellwire cancel`, and other commands that change Operations: one request for each id.

use std::sync::Arc;

use clap::Args;
use serde_json::{Value, json};

use crate::client::api::Api;
use crate::client::exit::{Exit, Result};
use crate::client::ids::{NOTIFICATION, OPERATION, ids, is_id};
use crate::client::profile::ConnectionArguments;
use crate::client::screen::Screen;

/// Options of a command that takes ids of Operations.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Ids; `-` reads them from the standard input.
    #[arg(required = true)]
    ids: Vec<String>,
    /// Print JSON: the answer for each id on a line.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    pub connection: ConnectionArguments,
}

/// A change of something that has an id.
pub(super) struct Change {
    /// Ends the address of the request.
    pub verb: &'static str,
    /// What was done, for people.
    pub done: &'static str,
    /// The kinds of ids that it takes.
    pub of: &'static [&'static str],
}

pub(super) const CANCEL: Change = Change {
    verb: "Cancel",
    done: "canceled",
    of: &[OPERATION, NOTIFICATION],
};

pub(super) const PAUSE: Change = Change {
    verb: "Pause",
    done: "paused",
    of: &[OPERATION],
};

pub(super) const RESUME: Change = Change {
    verb: "Resume",
    done: "resumed",
    of: &[OPERATION],
};

pub(super) async fn run(
    change: &Change,
    arguments: Arguments,
    api: Arc<Api>,
    screen: &Screen,
) -> Result<Exit> {
    let mut ids = ids(arguments.ids, change.of)?;
    let mut is_any_done = false;
    let mut worst = None;

    while let Some(id) = ids.recv().await {
        let id = id?;
        let kind = if is_id(&id, OPERATION) {
            "/Operations"
        } else {
            ""
        };

        let answer = api.post(format!("{kind}/{id}/{}", change.verb), "").await;
        match answer {
            Ok(answer) => {
                is_any_done = true;
                if arguments.json {
                    screen.print_json(&with_id(answer, &id))?;
                } else {
                    screen.print(&format!("{}: {id}", change.done))?;
                }
            }
            // The others may succeed.
            Err(failure) => {
                screen.note(&format!("error: {id}: {}", failure.message));
                worst = worst.max(Some(failure.exit));
            }
        }
    }

    // Without an id, nothing is wrong: `operations --status scheduled --json | cancel -` may find
    // none.
    Ok(match worst {
        None => Exit::Done,
        Some(_) if is_any_done => Exit::Partly,
        Some(exit) => exit,
    })
}

/// The answer, or the id alone if it is empty.
fn with_id(answer: Value, id: &str) -> Value {
    if answer.is_object() {
        answer
    } else {
        json!({"id": id})
    }
}
