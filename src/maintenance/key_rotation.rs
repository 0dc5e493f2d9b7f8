//! Key rotation: seals every stored secret anew with the current master key, so that old ones can
//! be retired. It may run while the service does, and be run again.

use anyhow::Context;
use sqlx::PgPool;
use uuid::Uuid;

use crate::crypto::MasterKeys;
use crate::store::sealed_secrets;

/// Devices at a time.
const STEP: i64 = 1_000;

/// What was sealed anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rotated {
    /// Credentials.
    pub credentials: u64,
    /// Tokens of devices.
    pub devices: u64,
}

/// Seals everything anew that is sealed with another key than the current one. An error: one can't
/// be opened with the keys at hand; what came before it is done.
pub async fn run(pool: &PgPool, keys: &MasterKeys) -> anyhow::Result<Rotated> {
    Ok(Rotated {
        credentials: credentials(pool, keys).await?,
        devices: devices(pool, keys).await?,
    })
}

async fn credentials(pool: &PgPool, keys: &MasterKeys) -> anyhow::Result<u64> {
    let mut resealed = 0;
    for old in sealed_secrets::contents(pool, keys.current()).await? {
        let content = keys.open(old.credential_id, &old.content);
        let content = content.with_context(|| format!("the Credential {}", old.credential_id))?;
        let new = keys.seal(old.credential_id, &content)?;
        resealed += u64::from(sealed_secrets::replace_content(pool, &old, &new).await?);
    }
    Ok(resealed)
}

async fn devices(pool: &PgPool, keys: &MasterKeys) -> anyhow::Result<u64> {
    let (mut resealed, mut after) = (0, Uuid::nil());
    loop {
        let old = sealed_secrets::tokens(pool, &keys.token_prefix(), after, STEP).await?;
        let Some(last) = old.last() else {
            return Ok(resealed);
        };
        after = last.device_id;
        let anew = old.iter().map(|old| {
            let token = keys.open_token(old.account_id, &old.token);
            let token =
                token.with_context(|| format!("the token of the device {}", old.device_id))?;
            Ok(keys.seal_token(old.account_id, &token)?)
        });
        let new = anew.collect::<anyhow::Result<Vec<_>>>()?;
        resealed += sealed_secrets::replace_tokens(pool, &old, &new).await?;
    }
}
