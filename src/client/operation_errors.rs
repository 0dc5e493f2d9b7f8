//! `bellwire errors`: what failed of an Operation, and why.

use clap::Args;
use serde_json::Value;

use crate::client::api::{Api, Query};
use crate::client::exit::{Exit, Result};
use crate::client::ids::{OPERATION, check};
use crate::client::operations::Listing;
use crate::client::profile::ConnectionArguments;
use crate::client::screen::Screen;
use crate::client::text::{Cell, Table, counted, grouped, printable};

/// Options of `bellwire errors`.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The id of an Operation.
    operation: String,
    /// Only errors with this code, such as EXPIRED.
    #[arg(long)]
    code: Option<String>,
    /// Only how many failed with each code.
    #[arg(long, conflicts_with = "code")]
    totals: bool,
    #[command(flatten)]
    listing: Listing,
    #[command(flatten)]
    pub connection: ConnectionArguments,
}

pub(super) async fn run(arguments: Arguments, api: &Api, screen: &Screen) -> Result<Exit> {
    let id = check(&arguments.operation, &[OPERATION])?;
    let is_json = arguments.listing.json;

    // With --json, each line is an error, so totals come only if they are asked for.
    if arguments.totals || !is_json {
        let totals = api.get(format!("/Operations/{id}/ErrorTotals")).await?;
        print_totals(&totals, is_json, screen)?;
    }
    if arguments.totals {
        return Ok(Exit::Done);
    }

    let mut query = Query::default();
    if let Some(code) = &arguments.code {
        query.add("code", code);
    }
    let most = arguments.listing.most();
    let path = format!("/Operations/{id}/Errors");
    let mut pages = api.pages(&path, &query, "errors").of(most);
    let mut left = most;
    let mut has_more = true;
    while left > 0 {
        let Some(mut page) = pages.next().await? else {
            has_more = false;
            break;
        };
        page.truncate(left);
        left -= page.len();

        if is_json {
            for error in &page {
                screen.print_json(error)?;
            }
        } else if !page.is_empty() {
            screen.print("")?;
            print_table(&page, screen)?;
        }
    }

    // The limit may have been reached with the last error, so more are possible and not certain.
    if has_more && !is_json && !arguments.listing.all {
        screen.note("there may be more: --all lists all, and --code those with one code");
    }
    Ok(Exit::Done)
}

fn print_totals(totals: &Value, is_json: bool, screen: &Screen) -> Result<()> {
    let counts = totals["errorTotals"].as_array().into_iter().flatten();
    if is_json {
        for count in counts {
            screen.print_json(count)?;
        }
        return Ok(());
    }

    let counts: Vec<(String, u64)> = counts
        .map(|total| {
            let code = printable(total["code"].as_str().unwrap_or_default());
            (code, total["count"].as_u64().unwrap_or_default())
        })
        .collect();
    let all: u64 = counts.iter().map(|(_, count)| count).sum();
    if all == 0 {
        return screen.print("no notification has failed");
    }

    screen.print(&format!("{} failed:", counted(all, "recipient")))?;
    for (code, count) in counts {
        screen.print(&format!("  {:>9}  {code}", grouped(count)))?;
    }
    Ok(())
}

fn print_table(errors: &[Value], screen: &Screen) -> Result<()> {
    let mut table = Table::new(&[
        "#POSITION",
        "RECIPIENT",
        "CODE",
        "MESSAGE",
        "#ATTEMPTS",
        "NOTIFICATION",
    ]);
    for error in errors {
        let text = |name: &str| Cell::from(error[name].as_str().unwrap_or_default());
        table.row(vec![
            Cell::number(error["position"].as_u64().unwrap_or_default()),
            Cell::from(recipient(&error["to"])),
            text("code"),
            text("message"),
            Cell::number(error["attempts"].as_u64().unwrap_or_default()),
            text("pushNotificationId"),
        ]);
    }

    for line in table.lines() {
        screen.print(&line)?;
    }
    Ok(())
}

/// A recipient as answers show it.
pub(super) fn recipient(to: &Value) -> String {
    let of = |name: &str| to[name].as_str();

    match (of("token"), of("userId").or(of("externalId"))) {
        (Some(token), _) => format!("{token} ({})", of("provider").unwrap_or("?")),
        (None, Some(user)) => user.to_owned(),
        (None, None) => "?".to_owned(),
    }
}
