//! Gives stored APNs tokens the form in which they are looked up and sent. Releases before 0.2 kept a
//! token as a client gave it, so that the same one in capitals was another device, perhaps of another
//! User. What is stored is sealed and found by its hash, so SQL alone can't mend it.

use std::time::Duration;

use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::crypto::{MasterKeys, SecretError, hash_token};
use crate::model::device_token;
use crate::model::provider::Provider;
use crate::store::pool::Pool;
use crate::store::sealed_secrets::SealedToken;
use crate::store::token_forms::{self, NormalizedToken};

/// How often to search. A process of an older release may store tokens as long as it runs.
const EVERY: Duration = Duration::from_secs(60);
/// Devices that one statement reads.
const STEP: i64 = 500;

/// What becomes of one token.
#[derive(Debug, PartialEq, Eq)]
enum Finding {
    /// It has the canonical form, or is not a token of APNs. Such a token fails only its own device.
    Fine,
    Normalize(String),
}

/// Checks the tokens until `stop`.
pub(crate) async fn run(pool: Pool, keys: MasterKeys, stop: CancellationToken) {
    let mut is_failing = false;

    loop {
        let result = tokio::select! {
            () = stop.cancelled() => return,
            result = pass(&pool, &keys) => result,
        };
        match result {
            Ok(unreadable) => {
                let was_failing = std::mem::replace(&mut is_failing, unreadable > 0);
                if unreadable > 0 && !was_failing {
                    tracing::warn!(
                        devices = unreadable,
                        "APNs tokens can't be decrypted with the configured master keys; their letter \
                         case can't be made uniform"
                    );
                }
            }
            Err(error) => {
                tracing::debug!(%error, "the letter case of stored APNs tokens can't be checked");
            }
        }

        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(EVERY) => {}
        }
    }
}

/// Checks all tokens that have not been checked yet. Returns how many can't be opened.
async fn pass(pool: &Pool, keys: &MasterKeys) -> sqlx::Result<usize> {
    let mut unreadable = 0;
    let mut after = Uuid::nil();

    loop {
        let found = token_forms::unseen(pool, after, STEP).await?;
        let Some(last) = found.last() else {
            return Ok(unreadable);
        };
        // By id, because a token that can't be opened stays unseen and would be found for ever.
        after = last.device_id;

        let mut fine = Vec::new();
        for old in &found {
            match finding(old, keys) {
                Err(_) => unreadable += 1,
                Ok(Finding::Fine) => fine.push(old.device_id),
                // It also marks the device as seen, so it is not among those below.
                Ok(Finding::Normalize(token)) => normalize(pool, keys, old, &token).await?,
            }
        }
        token_forms::note_seen(pool, &fine).await?;
    }
}

fn finding(old: &SealedToken, keys: &MasterKeys) -> Result<Finding, SecretError> {
    let token = keys.open_device_token(old.account_id, old.device_id, &old.token)?;

    Ok(check(&token))
}

fn check(token: &str) -> Finding {
    match device_token::normalized(Provider::Apn, token) {
        Ok(normalized) if normalized != token => Finding::Normalize(normalized),
        Ok(_) | Err(_) => Finding::Fine,
    }
}

async fn normalize(
    pool: &Pool,
    keys: &MasterKeys,
    old: &SealedToken,
    token: &str,
) -> sqlx::Result<()> {
    // It was opened with these keys, so it can be sealed with them.
    let Ok(sealed) = keys.seal_device_token(old.account_id, old.device_id, token) else {
        return Ok(());
    };
    let new = NormalizedToken {
        old,
        token: &sealed,
        token_hash: &hash_token(token),
    };

    token_forms::normalize(pool, &new).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_has_another_form_is_changed() {
        assert_eq!(check("AB01"), Finding::Normalize("ab01".to_owned()));
        assert_eq!(check("<ab 01>"), Finding::Normalize("ab01".to_owned()));
        for fine in ["ab01", "utJXX2Tr9wN_tYOw", ""] {
            assert_eq!(check(fine), Finding::Fine, "{fine}");
        }
    }
}
