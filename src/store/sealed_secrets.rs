//! Stored secrets that are sealed with another master key than the current one, for key rotation.

use sqlx::PgExecutor;
use uuid::Uuid;

use crate::model::sealed::Sealed;

pub(crate) struct SealedContent {
    pub credential_id: Uuid,
    pub content: Sealed,
}

pub(crate) struct SealedToken {
    pub device_id: Uuid,
    /// The account that the token is bound to.
    pub account_id: Uuid,
    pub token: Vec<u8>,
}

/// The contents that are sealed with another master key than `current`.
pub(crate) async fn contents(
    executor: impl PgExecutor<'_>,
    current: &str,
) -> sqlx::Result<Vec<SealedContent>> {
    let rows = sqlx::query!(
        r#"
        select id, master_key_id, content
        from credentials
        where master_key_id <> $1
        "#,
        current,
    )
    .fetch_all(executor)
    .await?;

    let contents = rows.into_iter().map(|row| SealedContent {
        credential_id: row.id,
        content: Sealed {
            master_key_id: row.master_key_id,
            bytes: row.content,
        },
    });
    Ok(contents.collect())
}

/// The content that was stored last, of all accounts.
pub(crate) async fn newest_content(
    executor: impl PgExecutor<'_>,
) -> sqlx::Result<Option<SealedContent>> {
    let row = sqlx::query!(
        r#"
        select id, master_key_id, content
        from credentials
        order by id desc
        limit 1
        "#
    )
    .fetch_optional(executor)
    .await?;

    Ok(row.map(|row| SealedContent {
        credential_id: row.id,
        content: Sealed {
            master_key_id: row.master_key_id,
            bytes: row.content,
        },
    }))
}

/// Replaces a content by the same one, sealed with another key. Returns `false` if it has changed
/// since it was read.
pub(crate) async fn replace_content(
    executor: impl PgExecutor<'_>,
    old: &SealedContent,
    new: &Sealed,
) -> sqlx::Result<bool> {
    let replaced = sqlx::query!(
        r#"
        update credentials
        set master_key_id = $3, content = $4
        where id = $1 and content = $2
        "#,
        old.credential_id,
        old.content.bytes,
        new.master_key_id,
        new.bytes,
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
