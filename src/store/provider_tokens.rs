//! The provider tokens that all processes share: one for each signing key.

use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use sqlx::PgExecutor;

use crate::model::provider_token::{
    KeptToken, TokenKey, TokenReading, TokenReplacement, TokenStore, TokenStoreError,
};
use crate::store::pool::Pool;

/// How long a statement may take: a request to the provider waits for it.
const LIMIT: Duration = Duration::from_secs(5);

/// The table of provider tokens, over the connections of a pool.
pub(crate) struct ProviderTokenStore(Pool);

impl ProviderTokenStore {
    pub(crate) fn new(pool: &Pool) -> Self {
        Self(pool.limited_to(LIMIT))
    }
}

impl TokenStore for ProviderTokenStore {
    fn read<'a>(
        &'a self,
        key: &'a TokenKey,
    ) -> BoxFuture<'a, Result<TokenReading, TokenStoreError>> {
        read(&self.0, key).map(|read| Ok(read?)).boxed()
    }

    fn replace<'a>(
        &'a self,
        key: &'a TokenKey,
        replacement: &'a TokenReplacement,
    ) -> BoxFuture<'a, Result<bool, TokenStoreError>> {
        replace(&self.0, key, replacement)
            .map(|replaced| Ok(replaced?))
            .boxed()
    }
}

async fn read(executor: impl PgExecutor<'_>, key: &TokenKey) -> sqlx::Result<TokenReading> {
    // The time comes with the token, by the clock that `replace` compares with. That of this
    // machine may differ.
    let row = sqlx::query!(
        r#"
        select
            clock_timestamp() as "now!",
            provider_tokens.token as "token?",
            provider_tokens.issued_at as "issued_at?"
        from (values (1)) as one (number)
        left join provider_tokens
            on provider_tokens.team_id = $1
            and provider_tokens.key_id = $2
            and provider_tokens.key_hash = $3
        "#,
        key.team_id,
        key.key_id,
        key.key_hash,
    )
    .fetch_one(executor)
    .await?;

    let kept = row.token.zip(row.issued_at);
    Ok(TokenReading {
        now: row.now,
        kept: kept.map(|(token, issued_at)| KeptToken { token, issued_at }),
    })
}

/// Keeps a new token, if no other process has replaced the old one meanwhile, and if that is old enough
/// by Postgres' clock. One from the future may be replaced, because no provider takes it.
async fn replace(
    executor: impl PgExecutor<'_>,
    key: &TokenKey,
    replacement: &TokenReplacement,
) -> sqlx::Result<bool> {
    // Of several processes that have made a token, one replaces the old one, and the others read
    // what it has stored. clock_timestamp() and not now(): the statement may have waited for the
    // lock of the row.
    let replaced = sqlx::query!(
        r#"
        insert into provider_tokens (team_id, key_id, key_hash, token, issued_at)
        values ($1, $2, $3, $4, $5)
        on conflict (team_id, key_id, key_hash) do update
        set token = excluded.token, issued_at = excluded.issued_at
        where provider_tokens.issued_at = $6
            and (
                provider_tokens.issued_at <= clock_timestamp() - make_interval(secs => $7)
                or provider_tokens.issued_at > clock_timestamp() + interval '1 minute'
            )
        "#,
        key.team_id,
        key.key_id,
        key.key_hash,
        replacement.new.token,
        replacement.new.issued_at,
        replacement.old_issued_at,
        replacement.min_age.as_seconds_f64(),
    )
    .execute(executor)
    .await?;

    Ok(replaced.rows_affected() == 1)
}

/// Deletes tokens that ended long ago: those of keys that are used no more. At most `limit`.
pub(crate) async fn delete_ended(executor: impl PgExecutor<'_>, limit: i64) -> sqlx::Result<u64> {
    sqlx::query!(
        r#"
        delete from provider_tokens
        where (team_id, key_id, key_hash) in (
            select ended.team_id, ended.key_id, ended.key_hash
            from provider_tokens as ended
            where ended.issued_at < clock_timestamp() - interval '1 day'
            limit $1
        )
        "#,
        limit,
    )
    .execute(executor)
    .await
    .map(|deleted| deleted.rows_affected())
}
