//! Stored secrets that are sealed with another master key than the current one, for key rotation.

use sqlx::PgExecutor;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::model::provider::CredentialType;
use crate::model::provider_token::TokenKey;
use crate::model::sealed::{Sealed, SealedCredential};

pub(crate) struct SealedToken {
    pub device_id: Uuid,
    /// The account that the token is bound to.
    pub account_id: Uuid,
    pub token: Vec<u8>,
}

/// Which contents need no new seal.
pub(crate) struct CurrentSeal<'a> {
    /// The master key that seals new secrets.
    pub key_id: &'a str,
    /// Whether new secrets have the bound form, which begins with `prefix`.
    pub is_bound: bool,
    pub prefix: &'a [u8],
}

/// The contents that are sealed in another way than `current`.
pub(crate) async fn contents(
    executor: impl PgExecutor<'_>,
    current: &CurrentSeal<'_>,
) -> sqlx::Result<Vec<SealedCredential>> {
    sqlx::query_as!(
        Row,
        r#"
        select
            id, account_id, app_name, credential_type as "credential_type: CredentialType",
            master_key_id, content, updated_at
        from credentials
        where master_key_id <> $1
            or (substring(content for length($2::bytea)) = $2) <> $3
        "#,
        current.key_id,
        current.prefix,
        current.is_bound,
    )
    .fetch_all(executor)
    .await
    .map(sealed)
}

/// The Credentials that were stored last, of all accounts: at most `limit`, the newest first.
pub(crate) async fn newest_contents(
    executor: impl PgExecutor<'_>,
    limit: i64,
) -> sqlx::Result<Vec<SealedCredential>> {
    sqlx::query_as!(
        Row,
        r#"
        select
            id, account_id, app_name, credential_type as "credential_type: CredentialType",
            master_key_id, content, updated_at
        from credentials
        order by id desc
        limit $1
        "#,
        limit,
    )
    .fetch_all(executor)
    .await
    .map(sealed)
}

struct Row {
    id: Uuid,
    account_id: Uuid,
    app_name: String,
    credential_type: CredentialType,
    master_key_id: String,
    content: Vec<u8>,
    updated_at: OffsetDateTime,
}

fn sealed(rows: Vec<Row>) -> Vec<SealedCredential> {
    let of = |row: Row| SealedCredential {
        id: row.id.into(),
        account_id: row.account_id.into(),
        app_name: row.app_name,
        credential_type: row.credential_type,
        content: Sealed {
            master_key_id: row.master_key_id,
            bytes: row.content,
        },
        updated_at: row.updated_at,
    };

    rows.into_iter().map(of).collect()
}

/// Replaces a content by the same one, sealed with another key. Returns `false` if it has changed
/// since it was read.
pub(crate) async fn replace_content(
    executor: impl PgExecutor<'_>,
    old: &SealedCredential,
    new: &Sealed,
) -> sqlx::Result<bool> {
    // `updated_at` stays: the content is the same, so no process has to load it again.
    let replaced = sqlx::query!(
        r#"
        update credentials
        set master_key_id = $3, content = $4
        where id = $1 and content = $2
        "#,
        old.id.as_uuid(),
        old.content.bytes,
        new.master_key_id,
        new.bytes,
    )
    .execute(executor)
    .await?;

    Ok(replaced.rows_affected() == 1)
}

/// A webhook's secrets, each sealed.
pub(crate) struct SealedWebhook {
    pub webhook_id: Uuid,
    pub account_id: Uuid,
    pub secret: Vec<u8>,
    /// The one before the last rotation.
    pub old_secret: Option<Vec<u8>>,
}

/// The webhooks with a secret that does not begin with `prefix`, which says what it was sealed with.
pub(crate) async fn webhooks(
    executor: impl PgExecutor<'_>,
    prefix: &[u8],
) -> sqlx::Result<Vec<SealedWebhook>> {
    sqlx::query_as!(
        SealedWebhook,
        r#"
        select id as webhook_id, account_id, secret, old_secret
        from webhooks
        where substring(secret for length($1::bytea)) <> $1
            or substring(old_secret for length($1::bytea)) <> $1
        "#,
        prefix,
    )
    .fetch_all(executor)
    .await
}

/// Replaces a webhook's secrets by the same ones, sealed with another key. Returns `false` if they
/// have changed since they were read.
pub(crate) async fn replace_webhook(
    executor: impl PgExecutor<'_>,
    old: &SealedWebhook,
    new: &SealedWebhook,
) -> sqlx::Result<bool> {
    // A rotation changes both secrets, so the current one alone shows whether there was one.
    let replaced = sqlx::query!(
        r#"
        update webhooks
        set secret = $3,
            old_secret = $4,
            old_secret_until = case when $4::bytea is not null then old_secret_until end
        where id = $1 and secret = $2
        "#,
        old.webhook_id,
        old.secret,
        new.secret,
        new.old_secret,
    )
    .execute(executor)
    .await?;

    Ok(replaced.rows_affected() == 1)
}

/// A provider token that all processes share.
pub(crate) struct SealedProviderToken {
    pub key: TokenKey,
    pub token: Vec<u8>,
}

/// The provider tokens that do not begin with `prefix`, which says what a token was sealed with.
pub(crate) async fn provider_tokens(
    executor: impl PgExecutor<'_>,
    prefix: &[u8],
) -> sqlx::Result<Vec<SealedProviderToken>> {
    let rows = sqlx::query!(
        r#"
        select team_id, key_id, key_hash, token
        from provider_tokens
        where substring(token for length($1::bytea)) <> $1
        "#,
        prefix,
    )
    .fetch_all(executor)
    .await?;

    let sealed = rows.into_iter().map(|row| SealedProviderToken {
        key: TokenKey {
            team_id: row.team_id,
            key_id: row.key_id,
            key_hash: row.key_hash,
        },
        token: row.token,
    });
    Ok(sealed.collect())
}

/// Replaces a provider token by the same one, sealed with another key. Returns `false` if it has been
/// renewed since it was read.
pub(crate) async fn replace_provider_token(
    executor: impl PgExecutor<'_>,
    old: &SealedProviderToken,
    new: &[u8],
) -> sqlx::Result<bool> {
    let replaced = sqlx::query!(
        r#"
        update provider_tokens
        set token = $5
        where team_id = $1 and key_id = $2 and key_hash = $3 and token = $4
        "#,
        old.key.team_id,
        old.key.key_id,
        old.key.key_hash,
        old.token,
        new,
    )
    .execute(executor)
    .await?;

    Ok(replaced.rows_affected() == 1)
}

/// Tokens that do not begin with `prefix`, which says what a token was sealed with: those of devices
/// after `after`, at most `limit`, by the device's id.
pub(crate) async fn tokens(
    executor: impl PgExecutor<'_>,
    prefix: &[u8],
    after: Uuid,
    limit: i64,
) -> sqlx::Result<Vec<SealedToken>> {
    sqlx::query_as!(
        SealedToken,
        r#"
        select id as device_id, account_id, token
        from devices
        where id > $2 and substring(token for length($1::bytea)) <> $1
        order by id
        limit $3
        "#,
        prefix,
        after,
        limit,
    )
    .fetch_all(executor)
    .await
}

/// Replaces tokens by the same ones, sealed with another key; `new` is in the order of `old`. One
/// that has changed since it was read is left alone. Returns how many were replaced.
pub(crate) async fn replace_tokens(
    executor: impl PgExecutor<'_>,
    old: &[SealedToken],
    new: &[Vec<u8>],
) -> sqlx::Result<u64> {
    let ids: Vec<Uuid> = old.iter().map(|token| token.device_id).collect();
    let before: Vec<&[u8]> = old.iter().map(|token| token.token.as_slice()).collect();

    let replaced = sqlx::query!(
        r#"
        update devices
        set token = new.token
        from unnest($1::uuid[], $2::bytea[], $3::bytea[]) as new (id, before, token)
        where devices.id = new.id and devices.token = new.before
        "#,
        &ids,
        &before as &[&[u8]],
        new,
    )
    .execute(executor)
    .await?;

    Ok(replaced.rows_affected())
}
