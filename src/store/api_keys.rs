//! API keys: which account a caller acts for, and what the key allows.

use std::collections::HashMap;

use sqlx::PgExecutor;
use time::OffsetDateTime;

use crate::model::id::AccountId;

#[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::Type, clap::ValueEnum)]
#[sqlx(type_name = "api_key_role", rename_all = "UPPERCASE")]
pub enum Role {
    /// Everything.
    Full,
    /// To send and to cancel.
    Send,
    /// To read.
    Read,
}

/// What is known of a key beside its name, the user name of HTTP Basic.
#[derive(Clone)]
pub struct KnownKey {
    pub account_id: AccountId,
    /// SHA-256 of the secret.
    pub secret_hash: Vec<u8>,
    pub role: Role,
}

pub(crate) struct ListedKey {
    /// The user name of HTTP Basic.
    pub key: String,
    pub role: Role,
    /// The account's name.
    pub account: String,
    pub created_at: OffsetDateTime,
    pub revoked_at: Option<OffsetDateTime>,
}

/// Those of `keys` that exist and are not revoked, by name.
pub(crate) async fn find(
    executor: impl PgExecutor<'_>,
    keys: &[String],
) -> sqlx::Result<HashMap<String, KnownKey>> {
    let rows = sqlx::query!(
        r#"
        select key, account_id, secret_hash, role as "role: Role"
        from api_keys
        where key = any($1) and revoked_at is null
        "#,
        keys,
    )
    .fetch_all(executor)
    .await?;

    let known = rows.into_iter().map(|row| {
        let key = KnownKey {
            account_id: row.account_id.into(),
            secret_hash: row.secret_hash,
            role: row.role,
        };
        (row.key, key)
    });
    Ok(known.collect())
}

/// Stores a key. Returns `false` if there is one of this name already.
pub async fn insert(
    executor: impl PgExecutor<'_>,
    name: &str,
    key: &KnownKey,
) -> sqlx::Result<bool> {
    let inserted = sqlx::query!(
        r#"
        insert into api_keys (key, account_id, secret_hash, role)
        values ($1, $2, $3, $4)
        on conflict (key) do nothing
        "#,
        name,
        key.account_id.as_uuid(),
        key.secret_hash,
        key.role as Role,
    )
    .execute(executor)
    .await?;

    Ok(inserted.rows_affected() == 1)
}

/// All keys, by account and age.
pub(crate) async fn list(executor: impl PgExecutor<'_>) -> sqlx::Result<Vec<ListedKey>> {
    sqlx::query_as!(
        ListedKey,
        r#"
        select
            api_keys.key,
            api_keys.role as "role: Role",
            accounts.name as account,
            api_keys.created_at,
            api_keys.revoked_at
        from api_keys
        join accounts on accounts.id = api_keys.account_id
        order by accounts.name, api_keys.created_at, api_keys.key
        "#
    )
    .fetch_all(executor)
    .await
}

/// Revokes a key. Returns `false` if there is no such key, or if it was revoked before.
pub(crate) async fn revoke(executor: impl PgExecutor<'_>, key: &str) -> sqlx::Result<bool> {
    let revoked = sqlx::query!(
        r#"
        update api_keys
        set revoked_at = now()
        where key = $1 and revoked_at is null
        "#,
        key,
    )
    .execute(executor)
    .await?;

    Ok(revoked.rows_affected() == 1)
}
