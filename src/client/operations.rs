//! `bellwire operations`: lists Operations, newest first.

use clap::{Args, ValueEnum};
use serde_json::Value;

use crate::client::api::{Api, Query};
use crate::client::exit::{Exit, Result};
use crate::client::operation::Operation;
use crate::client::profile::ConnectionArguments;
use crate::client::screen::Screen;
use crate::client::text::{Cell, Table};
use crate::client::time_argument::past_time;

/// Options of `bellwire operations`.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Only those with this status.
    #[arg(long, value_enum, ignore_case = true)]
    status: Option<StatusName>,
    /// Only those with this tag, such as campaign=spring. Several must all match.
    #[arg(long, value_name = "KEY=VALUE", value_parser = tag)]
    tag: Vec<String>,
    /// Only those created since this time: 2026-11-30, 2026-11-30T09:00:00Z, or 2h for the last two hours.
    #[arg(long, value_name = "TIME", value_parser = past_time)]
    since: Option<String>,
    /// Only those created until this time.
    #[arg(long, value_name = "TIME", value_parser = past_time)]
    until: Option<String>,
    #[command(flatten)]
    listing: Listing,
    #[command(flatten)]
    pub connection: ConnectionArguments,
}

/// How much of a list is printed, and how.
#[derive(Debug, Clone, Args)]
pub(super) struct Listing {
    /// Print at most this many.
    #[arg(long, value_name = "NUMBER", default_value_t = 20)]
    pub limit: usize,
    /// Print all.
    #[arg(long, conflicts_with = "limit")]
    pub all: bool,
    /// Print JSON: an object on each line.
    #[arg(long)]
    pub json: bool,
}

impl Listing {
    /// How many records are wanted at most.
    pub(super) fn most(&self) -> usize {
        if self.all { usize::MAX } else { self.limit }
    }
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum StatusName {
    Scheduled,
    Processing,
    Completed,
    Canceled,
}

/// Reads `key=value`, and writes it as the API takes it.
fn tag(text: &str) -> std::result::Result<String, String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok(format!("{key}:{value}")),
        _ => Err("must be a key and a value, such as campaign=spring".to_owned()),
    }
}

pub(super) async fn run(arguments: Arguments, api: &Api, screen: &Screen) -> Result<Exit> {
    let listing = arguments.listing.clone();
    let pages = api.pages("/Operations", &arguments.query(), "operations");

    let most = listing.most();
    let mut pages = pages.of(most);
    let mut left = most;
    let mut table = Table::new(&[
        "OPERATION",
        "STATUS",
        "#RECIPIENTS",
        "#SENT",
        "#FAILED",
        "#WAITING",
        "CREATED",
        "TAGS",
    ]);
    while left > 0
        && let Some(mut page) = pages.next().await?
    {
        page.truncate(left);
        left -= page.len();
        for operation in &page {
            if listing.json {
                screen.print_json(operation)?;
            } else {
                // Printed at the end: the widths of its columns depend on all rows.
                table.row(row(operation));
            }
        }
    }

    if !listing.json {
        for line in table.lines() {
            screen.print(&line)?;
        }
    }
    Ok(Exit::Done)
}

fn row(operation: &Value) -> Vec<Cell> {
    let Operation { id, status, stats } = Operation::of(operation);
    let tags = operation["tags"].as_object().into_iter().flatten();
    let tags: Vec<String> = tags
        .map(|(key, value)| format!("{key}={}", value.as_str().unwrap_or_default()))
        .collect();

    vec![
        Cell::from(id),
        Cell::status(&status),
        Cell::number(stats.total),
        Cell::number(stats.sent),
        Cell::number(stats.failed + stats.unaddressable),
        Cell::number(stats.queued + stats.scheduled),
        Cell::from(operation["createdAt"].as_str().unwrap_or_default()),
        Cell::from(tags.join(" ")),
    ]
}

impl Arguments {
    fn query(&self) -> Query {
        let mut query = Query::default();
        if let Some(status) = self.status {
            let name = match status {
                StatusName::Scheduled => "SCHEDULED",
                StatusName::Processing => "PROCESSING",
                StatusName::Completed => "COMPLETED",
                StatusName::Canceled => "CANCELED",
            };
            query.add("status", name);
        }
        if !self.tag.is_empty() {
            query.add("tags", &self.tag.join(";"));
        }
        if let Some(since) = &self.since {
            query.add("startDate", since);
        }
        if let Some(until) = &self.until {
            query.add("endDate", until);
        }

        query
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_written_as_the_api_takes_it() {
        assert_eq!(tag("campaign=spring").unwrap(), "campaign:spring");
        assert!(tag("campaign").is_err());
    }
}
