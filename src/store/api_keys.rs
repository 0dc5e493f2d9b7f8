//! API keys: who may call, on whose account.

use std::collections::HashMap;

use sqlx::PgExecutor;
use time::OffsetDateTime;

use crate::model::id::AccountId;

/// What a key is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::Type, clap::ValueEnum)]
#[sqlx(type_name = "api_key_role", rename_all = "UPPERCASE")]
pub enum Role {
    /// Everything.
    Full,
    /// To send and to cancel.
    Send,
    /// To look.
    Read,
}

/// What a caller's secret is held against.
#[derive(Clone)]
pub struct KnownKey {
    /// Whose key it is.
    pub account_id: AccountId,
    /// SHA-256 of the secret.
    pub secret_hash: Vec<u8>,
    /// What it is good for.
    pub role: Role,
}

/// A key as it is listed.
pub struct ListedKey {
    /// The user name of HTTP Basic.
    pub key: String,
    /// What it is good for.
    pub role: Role,
    /// The account's name.
    pub account: String,
    /// When it was made.
    pub created_at: OffsetDateTime,
    /// Since when it is good for nothing.
    pub revoked_at: Option<OffsetDateTime>,
}

/// Those of `keys`, by name, that are there and have not been revoked.
pub async fn find(
    executor: impl PgExecutor<'_>,
    keys: &[String],
) -> sqlx::Result<HashMap<String, KnownKey>> {
    let rows = sqlx::query!(
        r#"
        select key, account_id, secret_hash, role as "role: Role"
        from api_keys
        where key = any($1) and revoked_at is null
        "#,
        keys
    )
    .fetch_all(executor)
    .await?;
    let known = rows.into_iter().map(|row| {
        let (account_id, secret_hash, role) = (row.account_id.into(), row.secret_hash, row.role);
        (
            row.key,
            KnownKey {
                account_id,
                secret_hash,
                role,
            },
        )
    });
    Ok(known.collect())
}

/// Stores a new key. `false`: there is one of that name already.
pub async fn insert(
    executor: impl PgExecutor<'_>,
    account_id: AccountId,
    key: &str,
    secret_hash: &[u8],
    role: Role,
) -> sqlx::Result<bool> {
    let inserted = sqlx::query!(
        r#"
        insert into api_keys (key, account_id, secret_hash, role)
        values ($1, $2, $3, $4)
        on conflict (key) do nothing
        "#,
        key,
        account_id.as_uuid(),
        secret_hash,
        role as Role,
    )
    .execute(executor)
    .await?;
    Ok(inserted.rows_affected() == 1)
}

/// All keys, by account and age.
pub async fn list(executor: impl PgExecutor<'_>) -> sqlx::Result<Vec<ListedKey>> {
    sqlx::query_as!(
        ListedKey,
        r#"
        select key, role as "role: Role", accounts.name as account, api_keys.created_at, revoked_at
        from api_keys join accounts on accounts.id = account_id
        order by accounts.name, api_keys.created_at, key
        "#
    )
    .fetch_all(executor)
    .await
}

/// Revokes a key at once. `false`: there is no such key, or it was revoked before.
pub async fn revoke(executor: impl PgExecutor<'_>, key: &str) -> sqlx::Result<bool> {
    let revoked = sqlx::query!(
        "update api_keys set revoked_at = now() where key = $1 and revoked_at is null",
        key
    )
    .execute(executor)
    .await?;
    Ok(revoked.rows_affected() == 1)
}
