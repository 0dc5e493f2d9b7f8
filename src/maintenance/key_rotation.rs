//! Key rotation: seals every stored secret with the current master key, so that old keys can be
//! retired. It may run beside the service, and again after an interruption.

use anyhow::Context;
use uuid::Uuid;

use crate::crypto::MasterKeys;
use crate::store::pool::Pool;
use crate::store::sealed_secrets::{self, CurrentSeal, SealedWebhook};

/// Devices that one statement reads and one replaces.
const STEP: i64 = 1_000;

/// How many secrets were sealed with the current key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rotated {
    pub credentials: u64,
    pub devices: u64,
    pub webhooks: u64,
    pub provider_tokens: u64,
}

/// Seals with the current key, and in the current form, what was sealed otherwise. Fails at the first secret that the
/// configured keys cannot open; secrets before it stay rotated.
pub async fn run(pool: &Pool, keys: &MasterKeys) -> anyhow::Result<Rotated> {
    Ok(Rotated {
        credentials: credentials(pool, keys).await?,
        devices: devices(pool, keys).await?,
        webhooks: webhooks(pool, keys).await?,
        provider_tokens: provider_tokens(pool, keys).await?,
    })
}

async fn credentials(pool: &Pool, keys: &MasterKeys) -> anyhow::Result<u64> {
    let mut rotated = 0;

    let current = CurrentSeal {
        key_id: keys.current(),
        is_bound: keys.is_bound(),
        prefix: MasterKeys::content_prefix(),
    };
    for old in sealed_secrets::contents(pool, &current).await? {
        let content = keys.open_content(&old.owner(), &old.content);
        let content = content.with_context(|| format!("the Credential {}", old.id))?;

        let new = keys.seal_content(&old.owner(), &content)?;
        rotated += u64::from(sealed_secrets::replace_content(pool, &old, &new).await?);
    }

    Ok(rotated)
}

async fn devices(pool: &Pool, keys: &MasterKeys) -> anyhow::Result<u64> {
    let mut rotated = 0;
    let mut after = Uuid::nil();

    loop {
        let old = sealed_secrets::tokens(pool, &keys.token_prefix(), after, STEP).await?;
        let Some(last) = old.last() else {
            return Ok(rotated);
        };
        after = last.device_id;

        let resealed = old.iter().map(|old| {
            let token = keys.open_device_token(old.account_id, old.device_id, &old.token);
            let token =
                token.with_context(|| format!("the token of the device {}", old.device_id))?;
            Ok(keys.seal_device_token(old.account_id, old.device_id, &token)?)
        });
        let new = resealed.collect::<anyhow::Result<Vec<_>>>()?;
        // Only where the old value is still stored: the service may have written another one
        // meanwhile.
        rotated += sealed_secrets::replace_tokens(pool, &old, &new).await?;
    }
}

async fn webhooks(pool: &Pool, keys: &MasterKeys) -> anyhow::Result<u64> {
    let mut rotated = 0;

    for old in sealed_secrets::webhooks(pool, &keys.token_prefix()).await? {
        let resealed = |sealed: &Vec<u8>| {
            let secret = keys
                .open_webhook_secret(old.account_id, old.webhook_id, sealed)
                .with_context(|| format!("the secret of the webhook {}", old.webhook_id))?;
            anyhow::Ok(keys.seal_webhook_secret(old.account_id, old.webhook_id, &secret)?)
        };

        let new = SealedWebhook {
            webhook_id: old.webhook_id,
            account_id: old.account_id,
            secret: resealed(&old.secret)?,
            old_secret: old.old_secret.as_ref().map(resealed).transpose()?,
        };
        // Replaced only if it is unchanged: a client may rotate the secret at the same time.
        rotated += u64::from(sealed_secrets::replace_webhook(pool, &old, &new).await?);
    }

    Ok(rotated)
}

/// One that can't be opened is left: it ends within the hour, and is replaced by then.
async fn provider_tokens(pool: &Pool, keys: &MasterKeys) -> anyhow::Result<u64> {
    let mut rotated = 0;

    for old in sealed_secrets::provider_tokens(pool, &keys.provider_token_prefix()).await? {
        let Ok(token) = keys.open_provider_token(&old.key, &old.token) else {
            continue;
        };

        let new = keys.seal_provider_token(&old.key, &token)?;
        rotated += u64::from(sealed_secrets::replace_provider_token(pool, &old, &new).await?);
    }

    Ok(rotated)
}
