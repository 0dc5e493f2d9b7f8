//! API keys: which account a caller acts for, and what the key allows.

use std::collections::HashMap;

use sqlx::{PgConnection, PgExecutor};
use time::OffsetDateTime;

use crate::model::id::AccountId;

#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    serde::Deserialize,
    serde::Serialize,
    utoipa::ToSchema,
    sqlx::Type,
    clap::ValueEnum,
)]
#[sqlx(type_name = "api_key_role", rename_all = "UPPERCASE")]
#[serde(rename_all = "UPPERCASE")]
pub enum Role {
    /// Everything.
    Full,
    /// To send and to cancel.
    Send,
    /// To read.
    Read,
}

impl Role {
    /// The name on the wire.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Full => "FULL",
            Self::Send => "SEND",
            Self::Read => "READ",
        }
    }
}

/// What is known of a key beside its name, the user name of HTTP Basic.
#[derive(Clone)]
pub struct KnownKey {
    pub account_id: AccountId,
    /// SHA-256 of the secret.
    pub secret_hash: Vec<u8>,
    pub role: Role,
    /// `None`: it may be used.
    pub ended: Option<KeyEnd>,
}

/// Why a key can't be used any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyEnd {
    Revoked,
    Expired,
}

/// Most active keys of an account.
const MAX_KEYS: i64 = 100;

/// A key as people see it, without its secret.
pub(crate) struct ApiKey {
    /// The user name of HTTP Basic.
    pub key: String,
    pub account_id: AccountId,
    pub role: Role,
    /// What it is for.
    pub name: Option<String>,
    pub note: Option<String>,
    pub created_at: OffsetDateTime,
    /// From then on it is refused.
    pub expires_at: Option<OffsetDateTime>,
    pub revoked_at: Option<OffsetDateTime>,
    /// Give or take a minute.
    pub last_used_at: Option<OffsetDateTime>,
}

impl ApiKey {
    /// `revoked`, `expired` or `active`.
    pub(crate) fn state(&self, now: OffsetDateTime) -> &'static str {
        // In the same order as in `find`: a key that was revoked stays revoked after its end.
        if self.revoked_at.is_some() {
            "revoked"
        } else if self.expires_at.is_some_and(|end| end <= now) {
            "expired"
        } else {
            "active"
        }
    }
}

pub(crate) struct NewApiKey<'a> {
    /// The user name of HTTP Basic.
    pub key: &'a str,
    pub account_id: AccountId,
    /// SHA-256 of the secret.
    pub secret_hash: &'a [u8],
    pub role: Role,
    pub name: Option<&'a str>,
    pub note: Option<&'a str>,
    pub expires_at: Option<OffsetDateTime>,
}

/// Why a key was not stored.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CreateError {
    #[error("the account already has {MAX_KEYS} active keys, which is the maximum; revoke one")]
    TooMany,
    #[error(transparent)]
    Database(#[from] sqlx::Error),
}

/// Those of `keys` that exist, by name.
pub(crate) async fn find(
    executor: impl PgExecutor<'_>,
    keys: &[String],
) -> sqlx::Result<HashMap<String, KnownKey>> {
    // Whether a key has expired is decided by the clock of the database, because the clocks of
    // replicas differ. So all of them refuse it from the same moment on.
    let rows = sqlx::query!(
        r#"
        select
            key,
            account_id,
            secret_hash,
            role as "role: Role",
            revoked_at is not null as "is_revoked!",
            coalesce(expires_at <= now(), false) as "is_expired!"
        from api_keys
        where key = any($1)
        "#,
        keys,
    )
    .fetch_all(executor)
    .await?;

    // Keys that have ended are returned as well: the caller tells a client with the right secret
    // why its key is refused.
    let known = rows.into_iter().map(|row| {
        let key = KnownKey {
            account_id: row.account_id.into(),
            secret_hash: row.secret_hash,
            role: row.role,
            ended: match (row.is_revoked, row.is_expired) {
                (true, _) => Some(KeyEnd::Revoked),
                (false, true) => Some(KeyEnd::Expired),
                (false, false) => None,
            },
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

/// Stores a key with what people know of it.
pub(crate) async fn create(
    connection: &mut PgConnection,
    new: &NewApiKey<'_>,
) -> Result<(), CreateError> {
    // Without a lock: requests and commands that create keys at the same time may exceed the limit,
    // each by one key.
    let active = sqlx::query_scalar!(
        r#"
        select count(*) as "active!"
        from api_keys
        where account_id = $1 and revoked_at is null and (expires_at is null or expires_at > now())
        "#,
        new.account_id.as_uuid(),
    )
    .fetch_one(&mut *connection)
    .await?;
    if active >= MAX_KEYS {
        return Err(CreateError::TooMany);
    }

    sqlx::query!(
        r#"
        insert into api_keys (key, account_id, secret_hash, role, name, note, expires_at)
        values ($1, $2, $3, $4, $5, $6, $7)
        "#,
        new.key,
        new.account_id.as_uuid(),
        new.secret_hash,
        new.role as Role,
        new.name,
        new.note,
        new.expires_at,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// A page of the keys of an account, or of all accounts, by user name.
pub(crate) async fn list(
    executor: impl PgExecutor<'_>,
    account_id: Option<AccountId>,
    after: Option<&str>,
    limit: i64,
) -> sqlx::Result<Vec<ApiKey>> {
    sqlx::query_as!(
        ApiKey,
        r#"
        select
            key, account_id, role as "role: Role", name, note, created_at, expires_at, revoked_at, last_used_at
        from api_keys
        where ($1::uuid is null or account_id = $1)
            and ($2::text is null or key > $2)
        order by key
        limit $3
        "#,
        account_id.map(AccountId::as_uuid),
        after,
        limit,
    )
    .fetch_all(executor)
    .await
}

/// A key of an account, or of any.
pub(crate) async fn fetch(
    executor: impl PgExecutor<'_>,
    account_id: Option<AccountId>,
    key: &str,
) -> sqlx::Result<Option<ApiKey>> {
    sqlx::query_as!(
        ApiKey,
        r#"
        select
            key, account_id, role as "role: Role", name, note, created_at, expires_at, revoked_at, last_used_at
        from api_keys
        where key = $1 and ($2::uuid is null or account_id = $2)
        "#,
        key,
        account_id.map(AccountId::as_uuid),
    )
    .fetch_optional(executor)
    .await
}

/// Revokes a key of an account, or of any. Returns `false` if there is no such key, or if it was
/// revoked before.
pub(crate) async fn revoke(
    executor: impl PgExecutor<'_>,
    account_id: Option<AccountId>,
    key: &str,
) -> sqlx::Result<bool> {
    let revoked = sqlx::query!(
        r#"
        update api_keys
        set revoked_at = now()
        where key = $1 and ($2::uuid is null or account_id = $2) and revoked_at is null
        "#,
        key,
        account_id.map(AccountId::as_uuid),
    )
    .execute(executor)
    .await?;

    Ok(revoked.rows_affected() == 1)
}

/// Lets a key end at `at`, unless it ends sooner.
pub(crate) async fn expire(
    executor: impl PgExecutor<'_>,
    key: &str,
    at: OffsetDateTime,
) -> sqlx::Result<()> {
    // `least` leaves null out: a key without an end gets this one, and one that ends sooner keeps
    // its own.
    sqlx::query!(
        "update api_keys set expires_at = least(expires_at, $2) where key = $1 and revoked_at is null",
        key,
        at,
    )
    .execute(executor)
    .await
    .map(drop)
}

/// Notes that keys are being used.
pub(crate) async fn note_uses(executor: impl PgExecutor<'_>, keys: &[String]) -> sqlx::Result<()> {
    sqlx::query!(
        "update api_keys set last_used_at = now() where key = any($1)",
        keys,
    )
    .execute(executor)
    .await
    .map(drop)
}
