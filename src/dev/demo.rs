//! The demo data: the account with the API key `dev:dev`, and the App `demo` with a Credential for each
//! provider. `bellwire dev` creates it at its start, `bellwire demo` for a simulator that runs
//! separately.

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow};
use clap::Args;
use serde_json::Value;
use sqlx::PgConnection;

use crate::app;
use crate::config::Config;
use crate::crypto::{MasterKeys, hash_api_secret};
use crate::dev::database_guard;
use crate::model::id::{AccountId, CredentialId};
use crate::model::provider::{CredentialType, Provider};
use crate::model::sealed::ContentOwner;
use crate::store::api_keys::{KnownKey, Role};
use crate::store::credentials::{self, NewCredential};
use crate::store::pool::Pool;
use crate::store::senders::{self, AskedApp};
use crate::store::{accounts, api_keys};

pub(super) const ACCOUNT: &str = "dev";
const KEY: &str = "dev";
const SECRET: &str = "dev";
const APP: &str = "demo";

/// The body of a send that works with the demo data.
pub const EXAMPLE: &str = r#"{"to": [{"token": "dqWD7WEC83K41WHyufTS7:APA91bF", "provider": "FCM"}, {"token": "740f4707bebcf74f9b7c25d48e3358945f6aa01da5ddb387462c7eaf61bb78ad", "provider": "APN"}], "content": {"title": "Boarding time @ TLL", "body": "You have 1 hour until boarding time"}}"#;

/// Options of `bellwire demo`.
#[derive(Debug, Args)]
pub struct Arguments {
    /// The directory of the simulator, with its demo Credentials.
    #[arg(long, default_value = ".bellwire/simulator")]
    directory: PathBuf,
}

/// `bellwire demo`: creates the demo data with the Credentials that `bellwire simulate` has written to
/// its directory.
pub async fn run(arguments: &Arguments, config: &Config) -> anyhow::Result<()> {
    let read = |name| credential_content(&arguments.directory.join(name));
    let contents = [
        (CredentialType::Fcm, read("fcm.json")?),
        (CredentialType::Apn, read("apn.json")?),
    ];

    let master_keys = app::master_keys(config)?;
    // Before the migration, which would write to a database that is used for something else.
    database_guard::check(config, &master_keys, ACCOUNT).await?;

    let pool = app::connect(config, 1)?;
    app::migrate(config, &pool, config.database.connect_timeout).await?;
    app::decide_seal_form(config, &pool, &master_keys).await?;
    prepare(&pool, &master_keys, contents).await?;

    writeln!(
        std::io::stdout(),
        "ready: the API key {KEY}:{SECRET} sends with the App {APP} to the simulator"
    )?;
    Ok(())
}

/// The content of a Credential, from a file with a request body for the API.
fn credential_content(path: &Path) -> anyhow::Result<Value> {
    let text = std::fs::read_to_string(path)
        .with_context(|| format!("can't read {}: is the simulator running?", path.display()))?;

    // The parser's own message could quote the key.
    let mut body: Value =
        serde_json::from_str(&text).map_err(|_| anyhow!("{} is not JSON", path.display()))?;
    Ok(body["content"].take())
}

/// Creates the demo data that is missing. The content of Credentials is always replaced, because the
/// simulator may have another address and other keys at every start.
pub async fn prepare(
    pool: &Pool,
    master_keys: &MasterKeys,
    contents: [(CredentialType, Value); 2],
) -> anyhow::Result<()> {
    let account_id = accounts::find_or_create(pool, ACCOUNT).await?;
    let key = KnownKey {
        account_id,
        secret_hash: hash_api_secret(SECRET),
        role: Role::Full,
        ended: None,
    };
    api_keys::insert(pool, KEY, &key).await?;

    for (credential_type, content) in contents {
        // The id stays: what earlier runs left in the queue names it.
        let known = default_credential(pool, account_id, credential_type.provider()).await?;
        let id = known.unwrap_or_else(CredentialId::generate);
        let owner = ContentOwner {
            account_id,
            app_name: APP,
            credential_type,
            id,
        };
        let sealed = master_keys.seal_content(&owner, content.to_string().as_bytes())?;

        if known.is_some() {
            credentials::replace_content(pool, account_id, id, &sealed).await?;
        } else {
            let new = NewCredential {
                id,
                account_id,
                app_name: APP,
                credential_type,
                is_default: true,
                content: &sealed,
                details: None,
                expires_at: None,
            };
            pool.within(async |connection: &mut PgConnection| {
                credentials::insert(connection, &new).await
            })
            .await?;
        }
    }

    Ok(())
}

async fn default_credential(
    pool: &Pool,
    account_id: AccountId,
    provider: Provider,
) -> sqlx::Result<Option<CredentialId>> {
    let asked = AskedApp {
        account_id,
        name: Some(APP.to_owned()),
    };
    let apps = senders::defaults(pool, &[asked]).await?;
    let mut credentials = apps.into_values().flat_map(|app| app.credentials);
    Ok(credentials
        .find(|(known, _)| known.provider() == provider)
        .map(|(_, id)| id))
}
