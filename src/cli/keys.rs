//! `bellwire keys`: creates, lists and revokes API keys.

use std::io::Write;
use std::time::Duration;

use anyhow::{Context, bail};
use clap::Subcommand;

use crate::app;
use crate::config::Config;
use crate::crypto::{generate_api_secret, hash_api_secret};
use crate::store::api_keys::{KnownKey, Role};
use crate::store::pool::Pool;
use crate::store::{accounts, api_keys};

/// Random characters in the name of a key.
const KEY_LENGTH: usize = 24;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Create a key. Its secret is printed once and not stored.
    Create {
        /// The name of the account, which is created if it does not exist.
        #[arg(long)]
        account: String,
        /// What the key allows: everything (full), sending and canceling (send), or reading (read).
        #[arg(long, value_enum, default_value_t = Role::Full)]
        role: Role,
    },
    /// List all keys.
    List,
    /// Revoke a key. Its next request is refused.
    Revoke {
        /// The name of the key.
        key: String,
    },
}

pub(super) async fn run(command: Command, config: &Config) -> anyhow::Result<()> {
    let pool = app::connect_now(config).await?;

    match command {
        Command::Create { account, role } => {
            app::migrate(config, &pool, Duration::ZERO).await?;
            create(&pool, &account, role).await
        }
        Command::List => list(&pool).await,
        Command::Revoke { key } => revoke(&pool, &key).await,
    }
}

async fn create(pool: &Pool, account: &str, role: Role) -> anyhow::Result<()> {
    let account_id = accounts::find_or_create(pool, account)
        .await
        .with_context(|| {
            format!(
                "the account '{account}' can't be created; its name must have 1 to 64 characters"
            )
        })?;

    let key = new_key();
    let secret = generate_api_secret();
    let known = KnownKey {
        account_id,
        secret_hash: hash_api_secret(&secret),
        role,
    };
    if !api_keys::insert(pool, &key, &known).await? {
        bail!("the key {key} exists already: try again");
    }

    Ok(writeln!(
        std::io::stdout(),
        "key:    {key}\nsecret: {secret}"
    )?)
}

async fn list(pool: &Pool) -> anyhow::Result<()> {
    let mut out = std::io::stdout();

    for key in api_keys::list(pool).await? {
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

    Ok(())
}

async fn revoke(pool: &Pool, key: &str) -> anyhow::Result<()> {
    if !api_keys::revoke(pool, key).await? {
        bail!("no active key has the name {key}: `bellwire keys list` lists all keys");
    }

    Ok(writeln!(std::io::stdout(), "revoked: {key}")?)
}

/// `SK` and random characters, the form of the API's keys.
fn new_key() -> String {
    let random = generate_api_secret().replace(['-', '_'], "");
    let random: String = random.chars().take(KEY_LENGTH).collect();

    format!("SK{random}")
}
