//! `bellwire accounts`: lists the accounts, and sets how much of the delivery each gets.

use std::io::Write;

use anyhow::bail;
use clap::Subcommand;
use serde_json::json;
use time::format_description::well_known::Rfc3339;

use crate::app;
use crate::config::Config;
use crate::store::accounts::{self, Account, MAX_WEIGHT};
use crate::store::pool::Pool;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// List all accounts with their weights.
    List {
        /// Print a JSON array.
        #[arg(long)]
        json: bool,
    },
    /// Set the weight of an account. While several accounts have notifications to send, each gets a
    /// share in proportion to its weight. The default is 1.
    Weight {
        /// The account's id or name.
        id: String,
        /// From 1 to 1000.
        #[arg(value_parser = clap::value_parser!(u32).range(1..=i64::from(MAX_WEIGHT)))]
        weight: u32,
        /// Print a JSON object.
        #[arg(long)]
        json: bool,
    },
}

pub(super) async fn run(command: Command, config: &Config) -> anyhow::Result<()> {
    let pool = app::connect_now(config).await?;

    match command {
        Command::List { json } => list(&pool, json).await,
        Command::Weight { id, weight, json } => set_weight(&pool, &id, weight, json).await,
    }
}

async fn list(pool: &Pool, is_json: bool) -> anyhow::Result<()> {
    let accounts = accounts::list(pool).await?;
    let mut out = std::io::stdout();

    if is_json {
        let accounts: Vec<_> = accounts.iter().map(as_json).collect();
        return Ok(writeln!(out, "{:#}", json!(accounts))?);
    }

    for account in &accounts {
        writeln!(out, "{}", as_line(account))?;
    }
    Ok(())
}

async fn set_weight(pool: &Pool, id: &str, weight: u32, is_json: bool) -> anyhow::Result<()> {
    let found = match id.parse() {
        Ok(id) => accounts::set_weight(pool, id, weight).await?,
        // An account may have a name that looks like anything.
        Err(_) => match accounts::find(pool, id).await? {
            Some(id) => accounts::set_weight(pool, id, weight).await?,
            None => None,
        },
    };
    let Some(account) = found else {
        bail!("no account has the id or name '{id}': `bellwire accounts list` lists all accounts");
    };

    let mut out = std::io::stdout();
    if is_json {
        writeln!(out, "{:#}", as_json(&account))?;
    } else {
        writeln!(out, "{}", as_line(&account))?;
    }
    Ok(())
}

fn as_line(account: &Account) -> String {
    format!(
        "{}  weight {}  {}  {}",
        account.id,
        account.weight,
        account.created_at.date(),
        account.name
    )
}

fn as_json(account: &Account) -> serde_json::Value {
    json!({
        "id": account.id.to_string(),
        "name": account.name,
        "weight": account.weight,
        "createdAt": account.created_at.format(&Rfc3339).unwrap_or_default(),
    })
}
