//! `bellwire accounts`: lists, renames and deletes accounts, and sets how much of the delivery each gets.

use std::io::Write;

use anyhow::{anyhow, bail};
use clap::Subcommand;
use serde_json::json;
use sqlx::PgConnection;

use crate::app;
use crate::cli::audit;
use crate::cli::keys::timestamp;
use crate::config::Config;
use crate::model::command_action::CommandAction;
use crate::model::id::AccountId;
use crate::printable::printable;
use crate::store::accounts::{self, Account, MAX_WEIGHT};
use crate::store::audit_events;
use crate::store::pool::Pool;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// List all accounts with their weights.
    List {
        /// Print a JSON array.
        #[arg(long)]
        json: bool,
    },
    /// Rename an account.
    Rename {
        /// The account's id or name.
        id: String,
        /// The new name: 1 to 64 characters.
        name: String,
        /// Print a JSON object.
        #[arg(long)]
        json: bool,
    },
    /// Delete an account with its keys, Apps, Credentials, Users and devices. Its queued
    /// notifications fail. Its records can't be read any more, and are dropped after their
    /// retention.
    Delete {
        /// The account's id or name.
        id: String,
        /// Delete it. Without this option, the command only prints what would be deleted.
        #[arg(long)]
        yes: bool,
        /// Print a JSON object.
        #[arg(long)]
        json: bool,
    },
    /// Set the weight of an account. While several accounts have notifications to send, each gets a
    /// share in proportion to its weight. The default is 1.
    Weight {
        /// The account's id or name.
        id: String,
        /// From 1 to 1000.
        #[arg(value_parser = weight)]
        weight: u32,
        /// Print a JSON object.
        #[arg(long)]
        json: bool,
    },
}

fn weight(text: &str) -> Result<u32, String> {
    text.parse()
        .ok()
        .filter(|weight| (1..=MAX_WEIGHT).contains(weight))
        .ok_or_else(|| format!("must be an integer from 1 to {MAX_WEIGHT}"))
}

pub(super) async fn run(command: Command, config: &Config) -> anyhow::Result<()> {
    let pool = app::connect_now(config).await?;
    app::require_schema(&pool).await?;

    match command {
        Command::List { json } => list(&pool, json).await,
        Command::Rename { id, name, json } => rename(&pool, &id, &name, json).await,
        Command::Delete { id, yes, json } => delete(&pool, &id, yes, json).await,
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

/// The account with the id or name `id`.
async fn find(pool: &Pool, id: &str) -> anyhow::Result<AccountId> {
    let found = match id.parse() {
        Ok(id) => Some(id),
        // An account may have a name that looks like anything.
        Err(_) => accounts::find(pool, id).await?,
    };

    found.ok_or_else(|| unknown(id))
}

fn unknown(id: &str) -> anyhow::Error {
    anyhow!("no account has the id or name '{id}': `bellwire accounts list` lists all accounts")
}

/// Checks the name of an account: 1 to 64 characters, none of them a control character.
pub(super) fn check_name(name: &str) -> anyhow::Result<()> {
    let length = name.chars().count();
    if !(1..=64).contains(&length) {
        bail!("the name of an account must have 1 to 64 characters; it has {length}");
    }
    // A line break could forge a line of `accounts list`.
    if name.chars().any(char::is_control) {
        bail!("the name of an account must not have control characters, such as line breaks");
    }

    Ok(())
}

async fn rename(pool: &Pool, id: &str, name: &str, is_json: bool) -> anyhow::Result<()> {
    check_name(name)?;

    let account_id = find(pool, id).await?;
    // The unique key of `accounts.name` decides a race. This check gives the usual case a sentence.
    if accounts::find(pool, name)
        .await?
        .is_some_and(|other| other != account_id)
    {
        bail!("another account has the name '{name}'");
    }

    let renamed = pool
        .transaction(async |connection: &mut PgConnection| {
            // One transaction, so that the log has each rename, and none that did not happen.
            let renamed = accounts::rename(&mut *connection, account_id, name).await?;
            if renamed.is_some() {
                let event = audit::event(account_id, CommandAction::RenameAccount, &[name]);
                audit_events::insert(connection, &event).await?;
            }
            Ok::<_, sqlx::Error>(renamed)
        })
        .await?;
    print(&renamed.ok_or_else(|| unknown(id))?, is_json)
}

async fn delete(pool: &Pool, id: &str, is_sure: bool, is_json: bool) -> anyhow::Result<()> {
    let account_id = find(pool, id).await?;
    let summary = accounts::summary(pool, account_id)
        .await?
        .ok_or_else(|| unknown(id))?;
    if is_sure {
        // First: a deletion takes many steps, and one that is interrupted deletes too.
        let event = audit::event(account_id, CommandAction::DeleteAccount, &[&summary.name]);
        audit_events::insert(pool, &event).await?;
        accounts::delete(pool, account_id).await?;
    }

    let mut out = std::io::stdout();
    if is_json {
        let deleted = json!({
            "id": account_id.to_string(),
            "name": summary.name,
            "deleted": is_sure,
            "keys": summary.keys,
            "credentials": summary.credentials,
            "users": summary.users,
        });
        return Ok(writeln!(out, "{deleted:#}")?);
    }

    let verb = if is_sure {
        "deleted"
    } else {
        "would delete (repeat with --yes)"
    };
    Ok(writeln!(
        out,
        "{verb}: {account_id}  {}, with {} keys, {} Credentials and {} Users",
        printable(&summary.name),
        summary.keys,
        summary.credentials,
        summary.users
    )?)
}

async fn set_weight(pool: &Pool, id: &str, weight: u32, is_json: bool) -> anyhow::Result<()> {
    let account_id = find(pool, id).await?;
    let account = pool
        .transaction(async |connection: &mut PgConnection| {
            let account = accounts::set_weight(&mut *connection, account_id, weight).await?;
            if account.is_some() {
                let event =
                    audit::event(account_id, CommandAction::SetWeight, &[&weight.to_string()]);
                audit_events::insert(connection, &event).await?;
            }
            Ok::<_, sqlx::Error>(account)
        })
        .await?;

    print(&account.ok_or_else(|| unknown(id))?, is_json)
}

fn print(account: &Account, is_json: bool) -> anyhow::Result<()> {
    let mut out = std::io::stdout();
    if is_json {
        writeln!(out, "{:#}", as_json(account))?;
    } else {
        writeln!(out, "{}", as_line(account))?;
    }
    Ok(())
}

fn as_line(account: &Account) -> String {
    format!(
        "{}  weight {}  {}  {}",
        account.id,
        account.weight,
        account.created_at.date(),
        printable(&account.name)
    )
}

fn as_json(account: &Account) -> serde_json::Value {
    json!({
        "id": account.id.to_string(),
        "name": account.name,
        "weight": account.weight,
        "createdAt": timestamp(account.created_at),
    })
}
