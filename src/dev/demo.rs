//! What `bellwire dev` finds ready: the account with the key `dev:dev`, and the App `demo` with a Credential of each kind.

use sqlx::PgPool;

use crate::id::{AccountId, CredentialId};
use crate::provider::{CredentialType, Provider};
use crate::secret::{MasterKeys, hash_api_secret};
use crate::simulator::Simulator;
use crate::store::api_keys::Role;
use crate::store::credentials::{self, NewCredential};
use crate::store::{accounts, api_keys, senders};

const ACCOUNT: &str = "dev";
const KEY: &str = "dev";
const SECRET: &str = "dev";
const APP: &str = "demo";

/// A send that works at once.
pub const EXAMPLE: &str = r#"{"to": [{"token": "dqWD7WEC83K41WHyufTS7:APA91bF", "provider": "FCM"}, {"token": "740f4707bebcf74f9b7c25d48e3358945f6aa01da5ddb387462c7eaf61bb78ad", "provider": "APN"}], "content": {"title": "Boarding time @ TLL", "body": "You have 1 hour until boarding time"}}"#;

/// Makes all of it, as far as it is missing. The simulator's address may be another at every run, so its FCM Credential is
/// replaced.
pub async fn prepare(pool: &PgPool, master_keys: &MasterKeys, simulator: &Simulator) -> anyhow::Result<()> {
    let account_id = accounts::find_or_create(pool, ACCOUNT).await?;
    api_keys::insert(pool, account_id, KEY, &hash_api_secret(SECRET), Role::Full).await?;
    let contents =
        [(CredentialType::Fcm, simulator.fcm_credential()), (CredentialType::Apn, simulator.apn_credential())];
    for (credential_type, content) in contents {
        let known = default_credential(pool, account_id, credential_type.provider()).await?;
        let id = known.unwrap_or_else(CredentialId::generate);
        let sealed = master_keys.seal(id.as_uuid(), content.to_string().as_bytes())?;
        if known.is_some() {
            credentials::replace_content(pool, account_id, id, &sealed).await?;
        } else {
            let new =
                NewCredential { id, account_id, app_name: APP, credential_type, is_default: true, content: &sealed };
            credentials::insert(&mut *pool.acquire().await?, &new).await?;
        }
    }
    Ok(())
}

async fn default_credential(
    pool: &PgPool,
    account_id: AccountId,
    provider: Provider,
) -> sqlx::Result<Option<CredentialId>> {
    let apps = senders::defaults(pool, &[(account_id, Some(APP.to_owned()))]).await?;
    let credentials = apps.into_values().flat_map(|app| app.credentials);
    Ok(credentials.into_iter().find(|(known, _)| *known == provider).map(|(_, id)| id))
}
