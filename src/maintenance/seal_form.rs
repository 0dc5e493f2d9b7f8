//! In which form new secrets are sealed: the bound form, once no process of an older release runs,
//! which could not read it.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::crypto::MasterKeys;
use crate::store::pool::Pool;
use crate::store::{releases, sealed_secrets};

/// How often to search for older releases.
const LOOK_EVERY: Duration = Duration::from_secs(10);
/// How many checks in a row must find no older release: a process that restarts may be back in a moment.
const CHECKS: u32 = 6;

/// Sets the form for the start of a process. Bound: no older release is connected, and either the
/// newest Credential is sealed in that form, or there is none.
pub async fn decide(pool: &Pool, keys: &MasterKeys) -> sqlx::Result<()> {
    let older = releases::older_is_connected(pool).await?;
    let newest = sealed_secrets::newest_contents(pool, 1).await?;
    let is_in_use = newest.first().map(|stored| {
        stored
            .content
            .bytes
            .starts_with(MasterKeys::content_prefix())
    });

    keys.set_bound(!older && is_in_use.unwrap_or(true));
    Ok(())
}

/// Whether a process of a release is connected that can't read the bound form.
pub async fn is_older_connected(pool: &Pool) -> sqlx::Result<bool> {
    releases::older_is_connected(pool).await
}

/// Goes over to the bound form once no older release has been connected for a minute, and ends.
pub async fn watch(pool: Pool, keys: MasterKeys, stop: CancellationToken) {
    let mut checks = 0;

    // It waits first: `decide` has looked at the start of the process.
    while !keys.is_bound() {
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(LOOK_EVERY) => {}
        }

        checks = match releases::older_is_connected(&pool).await {
            Ok(false) => checks + 1,
            // An error says nothing about the other processes, so the minute begins anew.
            Ok(true) | Err(_) => 0,
        };
        if checks >= CHECKS {
            keys.set_bound(true);
            tracing::info!(
                "no older release is connected: secrets are sealed in the form that is bound to their \
                 account from now on; `bellwire rotate-keys` converts the stored ones"
            );
        }
    }
}
