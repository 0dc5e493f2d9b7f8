//! `bellwire keys`: creates, lists, rotates and revokes API keys.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::io::Write;
use std::time::Duration;

use anyhow::{Context, bail};
use clap::Subcommand;
use humantime_serde::re::humantime;
use serde_json::{Value, json};
use sqlx::PgConnection;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::app;
use crate::cli::accounts::check_name;
use crate::cli::audit;
use crate::config::Config;
use crate::crypto::{generate_api_key, generate_api_secret, hash_api_secret};
use crate::model::command_action::CommandAction;
use crate::model::id::AccountId;
use crate::printable::printable;
use crate::store::api_keys::{ApiKey, CreateError, NewApiKey, Role};
use crate::store::audit_events;
use crate::store::pool::Pool;
use crate::store::{accounts, api_keys};

/// Keys that one statement reads.
const STEP: i64 = 1_000;

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
        /// What the key is for, such as the service that uses it: 1 to 64 characters.
        #[arg(long, value_parser = name_of_key)]
        name: Option<String>,
        /// Anything else to remember: 1 to 256 characters.
        #[arg(long, value_parser = note_of_key)]
        note: Option<String>,
        /// How long the key works, such as 90d. Without it, the key does not expire.
        #[arg(long, value_parser = lifetime)]
        expires: Option<Duration>,
        /// Print a JSON object.
        #[arg(long)]
        json: bool,
    },
    /// List keys.
    List {
        /// Only the keys of the account with this name.
        #[arg(long)]
        account: Option<String>,
        /// Print a JSON array.
        #[arg(long)]
        json: bool,
    },
    /// Create a key in place of another one, which keeps working for a while.
    Rotate {
        /// The user name of the key.
        key: String,
        /// How long the old key still works.
        #[arg(long, default_value = "24h", value_parser = overlap)]
        overlap: Duration,
        /// Print a JSON object.
        #[arg(long)]
        json: bool,
    },
    /// Revoke a key. Its next request is refused.
    Revoke {
        /// The user name of the key.
        key: String,
    },
}

fn name_of_key(text: &str) -> Result<String, String> {
    bounded(text, 64)
}

fn note_of_key(text: &str) -> Result<String, String> {
    bounded(text, 256)
}

/// Longest time that a key may be given, in days. It keeps times within four digits of a year.
const LONGEST: u64 = 36_500;

fn lifetime(text: &str) -> Result<Duration, String> {
    duration(text, Duration::from_secs(1))
}

fn overlap(text: &str) -> Result<Duration, String> {
    duration(text, Duration::ZERO)
}

fn duration(text: &str, least: Duration) -> Result<Duration, String> {
    let longest = Duration::from_secs(24 * 3_600 * LONGEST);

    humantime::parse_duration(text)
        .ok()
        .filter(|duration| (least..=longest).contains(duration))
        .ok_or_else(|| {
            format!(
                "must be {}s to {LONGEST}d, such as 90d or 12h",
                least.as_secs()
            )
        })
}

fn bounded(text: &str, most: usize) -> Result<String, String> {
    let length = text.chars().count();
    if !(1..=most).contains(&length) {
        return Err(format!("must have 1 to {most} characters; it has {length}"));
    }

    Ok(text.to_owned())
}

/// A key to create.
struct Wanted {
    account_id: AccountId,
    role: Role,
    name: Option<String>,
    note: Option<String>,
    expires_at: Option<OffsetDateTime>,
}

pub(super) async fn run(command: Command, config: &Config) -> anyhow::Result<()> {
    let pool = app::connect_now(config).await?;

    match command {
        Command::Create {
            account,
            role,
            name,
            note,
            expires,
            json,
        } => {
            // This command may run before the first start of the service, so it creates the tables.
            app::migrate(config, &pool, Duration::ZERO).await?;
            let wanted = Wanted {
                account_id: find_or_create(&pool, &account).await?,
                role,
                name,
                note,
                expires_at: expires.map(|period| OffsetDateTime::now_utc() + period),
            };
            let created = pool
                .transaction(async |connection: &mut PgConnection| {
                    create(connection, &wanted, CommandAction::CreateKey).await
                })
                .await?;
            print_created(&created, json)
        }
        Command::List { account, json } => {
            app::require_schema(&pool).await?;
            list(&pool, account.as_deref(), json).await
        }
        Command::Rotate { key, overlap, json } => {
            app::require_schema(&pool).await?;
            let created = rotate(&pool, &key, overlap).await?;
            print_created(&created, json)
        }
        Command::Revoke { key } => {
            app::require_schema(&pool).await?;
            revoke(&pool, &key).await
        }
    }
}

async fn find_or_create(pool: &Pool, account: &str) -> anyhow::Result<AccountId> {
    if let Some(known) = accounts::find(pool, account).await? {
        return Ok(known);
    }
    check_name(account)?;

    let created = pool
        .transaction(async |connection: &mut PgConnection| {
            let id = accounts::find_or_create(&mut *connection, account).await?;
            let event = audit::event(id, CommandAction::CreateAccount, &[account]);
            audit_events::insert(connection, &event).await?;
            Ok::<_, sqlx::Error>(id)
        })
        .await;
    created.with_context(|| format!("the account '{account}' can't be created"))
}

/// A key that was created, with its secret.
struct Created {
    key: String,
    secret: String,
    expires_at: Option<OffsetDateTime>,
}

/// Stores a key, and records that `action` did.
async fn create(
    connection: &mut PgConnection,
    wanted: &Wanted,
    action: CommandAction,
) -> Result<Created, CreateError> {
    let created = Created {
        key: generate_api_key(),
        secret: generate_api_secret(),
        expires_at: wanted.expires_at,
    };
    let new = NewApiKey {
        key: &created.key,
        account_id: wanted.account_id,
        secret_hash: &hash_api_secret(&created.secret),
        role: wanted.role,
        name: wanted.name.as_deref(),
        note: wanted.note.as_deref(),
        expires_at: wanted.expires_at,
    };
    api_keys::create(&mut *connection, &new).await?;
    let event = audit::event(wanted.account_id, action, &[&created.key]);
    audit_events::insert(connection, &event).await?;

    Ok(created)
}

fn print_created(created: &Created, is_json: bool) -> anyhow::Result<()> {
    let mut out = std::io::stdout();

    if is_json {
        let created = json!({
            "key": created.key,
            "secret": created.secret,
            "expiresAt": created.expires_at.map(timestamp),
        });
        return Ok(writeln!(out, "{created:#}")?);
    }
    Ok(writeln!(
        out,
        "key:    {}\nsecret: {}",
        created.key, created.secret
    )?)
}

/// The new key has the account, role, name and note of the old one. Both work until the overlap ends.
async fn rotate(pool: &Pool, key: &str, overlap: Duration) -> anyhow::Result<Created> {
    let now = OffsetDateTime::now_utc();
    let old = api_keys::fetch(pool, None, key)
        .await?
        // A new key in place of one that has ended would give access back that was taken away.
        .filter(|old| old.state(now) == "active");
    let Some(old) = old else {
        bail!("no active key has the name {key}: `bellwire keys list` lists all keys");
    };

    let wanted = Wanted {
        account_id: old.account_id,
        role: old.role,
        name: old.name,
        note: old.note,
        expires_at: None,
    };
    let created = pool
        .transaction(async |connection: &mut PgConnection| {
            // One transaction: if the new key can't be stored, the old one does not expire.
            let created = create(&mut *connection, &wanted, CommandAction::RotateKey).await?;
            api_keys::expire(connection, key, now + overlap).await?;
            Ok::<_, CreateError>(created)
        })
        .await?;
    Ok(created)
}

async fn list(pool: &Pool, account: Option<&str>, is_json: bool) -> anyhow::Result<()> {
    let accounts: HashMap<AccountId, String> = accounts::list(pool)
        .await?
        .into_iter()
        .map(|account| (account.id, account.name))
        .collect();
    let account_id = match account {
        None => None,
        Some(name) => {
            let found = accounts.iter().find(|(_, known)| *known == name);
            let Some((id, _)) = found else {
                bail!(
                    "no account has the name '{name}': `bellwire accounts list` lists all accounts"
                );
            };
            Some(*id)
        }
    };

    let mut keys = Vec::new();
    loop {
        // The next statement begins after a key and not at an offset, so a key that is created or
        // removed meanwhile shifts no other.
        let after = keys.last().map(|key: &ApiKey| key.key.clone());
        let page = api_keys::list(pool, account_id, after.as_deref(), STEP).await?;
        let is_last = (page.len() as i64) < STEP;
        keys.extend(page);
        if is_last {
            break;
        }
    }
    let name_of = |key: &ApiKey| accounts.get(&key.account_id).cloned().unwrap_or_default();
    keys.sort_by_key(|key| (name_of(key), key.created_at));

    let now = OffsetDateTime::now_utc();
    let mut out = std::io::stdout();
    if is_json {
        let keys: Vec<Value> = keys
            .iter()
            .map(|key| as_json(key, &name_of(key), now))
            .collect();
        return Ok(writeln!(out, "{:#}", json!(keys))?);
    }
    for key in &keys {
        writeln!(out, "{}", as_line(key, &name_of(key), now))?;
    }
    Ok(())
}

fn as_line(key: &ApiKey, account: &str, now: OffsetDateTime) -> String {
    let role = format!("{:?}", key.role).to_lowercase();
    let used = match key.last_used_at {
        Some(at) => format!("used {}", at.date()),
        None => "never used".to_owned(),
    };
    let mut line = format!(
        "{}  {}  {role}  {}  {}  {used}",
        key.key,
        key.state(now),
        key.created_at.date(),
        printable(account),
    );

    if let Some(end) = key.expires_at {
        let _ = write!(line, "  until {}", timestamp(end));
    }
    // An account may give its keys any name by the API, and an operator lists those of all
    // accounts.
    for text in [&key.name, &key.note].into_iter().flatten() {
        let _ = write!(line, "  {}", printable(text));
    }
    line
}

fn as_json(key: &ApiKey, account: &str, now: OffsetDateTime) -> Value {
    json!({
        "key": key.key,
        "status": key.state(now).to_uppercase(),
        "role": key.role,
        "account": account,
        "name": key.name,
        "note": key.note,
        "createdAt": timestamp(key.created_at),
        "expiresAt": key.expires_at.map(timestamp),
        "revokedAt": key.revoked_at.map(timestamp),
        "lastUsedAt": key.last_used_at.map(timestamp),
    })
}

pub(super) fn timestamp(at: OffsetDateTime) -> String {
    let second = at.replace_nanosecond(0).unwrap_or(at);
    second.format(&Rfc3339).unwrap_or_default()
}

async fn revoke(pool: &Pool, key: &str) -> anyhow::Result<()> {
    let revoked = pool
        .transaction(async |connection: &mut PgConnection| {
            // The event is one of the key's account, which the command does not name.
            let known = api_keys::fetch(&mut *connection, None, key).await?;
            let Some(known) = known else {
                return Ok::<_, sqlx::Error>(false);
            };
            if !api_keys::revoke(&mut *connection, None, key).await? {
                return Ok(false);
            }
            let event = audit::event(known.account_id, CommandAction::RevokeKey, &[key]);
            audit_events::insert(connection, &event).await?;
            Ok(true)
        })
        .await?;
    if !revoked {
        bail!("no active key has the name {key}: `bellwire keys list` lists all keys");
    }

    Ok(writeln!(std::io::stdout(), "revoked: {key}")?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_can_neither_forge_a_line_nor_control_the_terminal() {
        let now = OffsetDateTime::now_utc();
        let key = ApiKey {
            key: "SK1".to_owned(),
            account_id: AccountId::generate(),
            role: Role::Full,
            name: Some("a\nSK2  active".to_owned()),
            note: Some("\u{1b}[2J".to_owned()),
            created_at: now,
            expires_at: None,
            revoked_at: None,
            last_used_at: None,
        };

        let line = as_line(&key, "shop\r", now);
        assert!(!line.contains(char::is_control), "{line:?}");
        assert!(line.contains("SK2  active"), "{line:?}");
    }
}
