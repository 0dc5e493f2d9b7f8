//! `bellwire audit`: lists the audit log, newest first.

use clap::Args;
use serde_json::Value;

use crate::client::api::{Api, Query};
use crate::client::exit::{Exit, Result};
use crate::client::operations::Listing;
use crate::client::profile::ConnectionArguments;
use crate::client::screen::Screen;
use crate::client::text::{Cell, Table};
use crate::client::time_argument::past_time;

/// Options of `bellwire audit`.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Only this action, such as credential.create.
    #[arg(long)]
    action: Option<String>,
    /// Only changes by this actor: an API key, or another name that the log shows.
    #[arg(long, value_name = "NAME")]
    actor: Option<String>,
    /// Only changes of what has this id or name.
    #[arg(long, value_name = "ID")]
    target: Option<String>,
    /// Only changes since this time: 2026-11-30, 2026-11-30T09:00:00Z, or 2h for the last two hours.
    #[arg(long, value_name = "TIME", value_parser = past_time)]
    since: Option<String>,
    /// Only changes until this time.
    #[arg(long, value_name = "TIME", value_parser = past_time)]
    until: Option<String>,
    #[command(flatten)]
    listing: Listing,
    #[command(flatten)]
    pub connection: ConnectionArguments,
}

impl Arguments {
    fn query(&self) -> Query {
        let mut query = Query::default();
        for (name, value) in [
            ("action", &self.action),
            ("actor", &self.actor),
            ("target", &self.target),
            ("startDate", &self.since),
            ("endDate", &self.until),
        ] {
            if let Some(value) = value {
                query.add(name, value);
            }
        }

        query
    }
}

pub(super) async fn run(arguments: &Arguments, api: &Api, screen: &Screen) -> Result<Exit> {
    let is_json = arguments.listing.json;
    let most = arguments.listing.most();
    let pages = api.pages("/AuditEvents", &arguments.query(), "auditEvents");

    let mut pages = pages.of(most);
    let mut left = most;
    let mut table = Table::new(&["TIME", "ACTION", "ACTOR", "VIA", "FROM", "TARGETS"]);
    while left > 0
        && let Some(mut page) = pages.next().await?
    {
        page.truncate(left);
        left -= page.len();
        for event in &page {
            if is_json {
                screen.print_json(event)?;
            } else {
                // Printed at the end: the widths of its columns depend on all rows.
                table.row(row(event));
            }
        }
    }

    if !is_json {
        for line in table.lines() {
            screen.print(&line)?;
        }
    }
    Ok(Exit::Done)
}

fn row(event: &Value) -> Vec<Cell> {
    let text = |name: &str| Cell::from(event[name].as_str().unwrap_or_default());
    let targets = event["targets"].as_array().into_iter().flatten();
    let targets: Vec<&str> = targets.filter_map(Value::as_str).collect();

    vec![
        text("createdAt"),
        text("action"),
        text("actor"),
        text("via"),
        Cell::from(event["sourceAddress"].as_str().unwrap_or("-")),
        Cell::from(targets.join(" ")),
    ]
}
