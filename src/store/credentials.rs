//! Credentials, which an App authenticates with at its providers. Their content is sealed: see
//! [`crate::crypto`].
//!
//! Changes to one account's Apps and Credentials follow each other, by a lock of the account's row:
//! so the limits hold, and each App keeps one default for each type.

use serde_json::Value;
use sqlx::{Connection, PgConnection, PgExecutor};
use time::OffsetDateTime;

use crate::model::id::{AccountId, CredentialId};
use crate::model::provider::CredentialType;
use crate::model::sealed::Sealed;

/// Most Apps of an account.
const MAX_APPS: i64 = 10;
/// Most Credentials of an App.
const MAX_CREDENTIALS: i64 = 10;

/// A Credential without its content.
pub(crate) struct Credential {
    pub id: CredentialId,
    pub credential_type: CredentialType,
    /// Whether its App uses it by default for its type.
    pub is_default: bool,
    pub app_name: String,
    pub created_at: OffsetDateTime,
    pub updated_at: OffsetDateTime,
    /// A [`CredentialDetails`](crate::model::credential_state::CredentialDetails); `None`: an older
    /// release has stored it.
    pub details: Option<Value>,
    /// When its certificate ends.
    pub expires_at: Option<OffsetDateTime>,
    /// What its last use showed; `None`: it was not used.
    pub state: Option<String>,
    pub last_used_at: Option<OffsetDateTime>,
    pub last_error: Option<String>,
    pub last_error_at: Option<OffsetDateTime>,
}

pub struct NewCredential<'a> {
    pub id: CredentialId,
    pub account_id: AccountId,
    /// Its App, which is created if there is none of this name.
    pub app_name: &'a str,
    pub credential_type: CredentialType,
    /// Whether it becomes its App's default. The first of its type does in any case.
    pub is_default: bool,
    pub content: &'a Sealed,
    /// Its public facts; `None`: they are read from the content when they are asked for.
    pub details: Option<Value>,
    pub expires_at: Option<OffsetDateTime>,
}

/// Why a Credential was not stored.
#[derive(Debug, thiserror::Error)]
pub enum InsertError {
    #[error("the account already has {MAX_APPS} Apps, which is the maximum")]
    TooManyApps,
    #[error("the App already has {MAX_CREDENTIALS} Credentials, which is the maximum; delete one")]
    TooManyCredentials,
    #[error(transparent)]
    Database(#[from] sqlx::Error),
}

pub(crate) struct CredentialFilter<'a> {
    pub app_name: Option<&'a str>,
    pub credential_type: Option<CredentialType>,
    pub is_default: Option<bool>,
    /// Created at this time or later.
    pub from: Option<OffsetDateTime>,
    /// Created before this time.
    pub until: Option<OffsetDateTime>,
    /// Older than this one.
    pub after: Option<CredentialId>,
    pub limit: i64,
}

/// Stores a Credential, and its App if it is the App's first.
pub async fn insert(
    connection: &mut PgConnection,
    new: &NewCredential<'_>,
) -> Result<(), InsertError> {
    let mut transaction = connection.begin().await?;
    // Before anything is counted: no other change of the account comes between the check of a limit
    // and the insert.
    lock_account(&mut transaction, new.account_id).await?;
    ensure_app(&mut transaction, new.account_id, new.app_name).await?;

    let siblings = sqlx::query!(
        r#"
        select
            count(*) as "all!",
            count(*) filter (where credential_type = $3) as "of_its_type!"
        from credentials
        where account_id = $1 and app_name = $2
        "#,
        new.account_id.as_uuid(),
        new.app_name,
        new.credential_type as CredentialType,
    )
    .fetch_one(&mut *transaction)
    .await?;
    if siblings.all >= MAX_CREDENTIALS {
        // The App that was made above goes with the transaction.
        return Err(InsertError::TooManyCredentials);
    }

    // The old default first: an index allows an App only one of a type at any moment.
    let is_default = new.is_default || siblings.of_its_type == 0;
    if is_default {
        clear_default(
            &mut transaction,
            new.account_id,
            new.app_name,
            new.credential_type,
        )
        .await?;
    }

    insert_row(&mut transaction, new, is_default).await?;
    transaction.commit().await?;
    Ok(())
}

async fn insert_row(
    connection: &mut PgConnection,
    new: &NewCredential<'_>,
    is_default: bool,
) -> sqlx::Result<()> {
    sqlx::query!(
        r#"
        insert into credentials (
            id, account_id, app_name, credential_type, is_default, master_key_id, content, details, expires_at
        )
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
        "#,
        new.id.as_uuid(),
        new.account_id.as_uuid(),
        new.app_name,
        new.credential_type as CredentialType,
        is_default,
        new.content.master_key_id,
        new.content.bytes,
        new.details,
        new.expires_at,
    )
    .execute(connection)
    .await
    .map(drop)
}

/// Makes changes to one account's Apps and Credentials follow each other.
async fn lock_account(connection: &mut PgConnection, account_id: AccountId) -> sqlx::Result<()> {
    // An account that is deleted by now has no row. Then this fails, and nothing is stored for it.
    sqlx::query!(
        "select id from accounts where id = $1 for update",
        account_id.as_uuid(),
    )
    .fetch_one(connection)
    .await
    .map(drop)
}

/// Creates the App unless it exists. An account's first App becomes its default.
async fn ensure_app(
    connection: &mut PgConnection,
    account_id: AccountId,
    name: &str,
) -> Result<(), InsertError> {
    let apps = sqlx::query!(
        r#"
        select count(*) as "all!", count(*) filter (where name = $2) as "named!"
        from apps
        where account_id = $1
        "#,
        account_id.as_uuid(),
        name,
    )
    .fetch_one(&mut *connection)
    .await?;
    if apps.named == 1 {
        return Ok(());
    }
    if apps.all >= MAX_APPS {
        return Err(InsertError::TooManyApps);
    }

    sqlx::query!(
        "insert into apps (account_id, name, is_default) values ($1, $2, $3)",
        account_id.as_uuid(),
        name,
        apps.all == 0,
    )
    .execute(connection)
    .await?;

    Ok(())
}

async fn clear_default(
    connection: &mut PgConnection,
    account_id: AccountId,
    app_name: &str,
    credential_type: CredentialType,
) -> sqlx::Result<()> {
    sqlx::query!(
        r#"
        update credentials
        set is_default = false, updated_at = now()
        where account_id = $1 and app_name = $2 and credential_type = $3 and is_default
        "#,
        account_id.as_uuid(),
        app_name,
        credential_type as CredentialType,
    )
    .execute(connection)
    .await
    .map(drop)
}

/// Fails if there is no such Credential. The caller has locked the account.
async fn set_default(
    connection: &mut PgConnection,
    account_id: AccountId,
    id: CredentialId,
) -> sqlx::Result<()> {
    sqlx::query!(
        r#"
        update credentials
        set is_default = true, updated_at = now()
        where account_id = $1 and id = $2
        returning id
        "#,
        account_id.as_uuid(),
        id.as_uuid(),
    )
    .fetch_one(connection)
    .await
    .map(drop)
}

/// Credentials of an account, newest first.
pub(crate) async fn list(
    executor: impl PgExecutor<'_>,
    account_id: AccountId,
    filter: &CredentialFilter<'_>,
) -> sqlx::Result<Vec<Credential>> {
    sqlx::query_as!(
        Credential,
        r#"
        -- Read first: the account's few Credentials, and not all by their id until enough are its own.
        with of_account as materialized (
            select
                id, credential_type, is_default, app_name, created_at, updated_at,
                details, expires_at, state, last_used_at, last_error, last_error_at
            from credentials
            where account_id = $1
        )
        select
            id, credential_type as "credential_type: CredentialType", is_default, app_name, created_at, updated_at,
            details, expires_at, state, last_used_at, last_error, last_error_at
        from of_account
        where ($2::text is null or app_name = $2)
            and ($3::credential_type is null or credential_type = $3)
            and ($4::boolean is null or is_default = $4)
            and ($5::timestamptz is null or created_at >= $5)
            and ($6::timestamptz is null or created_at < $6)
            and ($7::uuid is null or id < $7)
        order by id desc
        limit $8
        "#,
        account_id.as_uuid(),
        filter.app_name,
        filter.credential_type as Option<CredentialType>,
        filter.is_default,
        filter.from,
        filter.until,
        filter.after.map(CredentialId::as_uuid),
        filter.limit,
    )
    .fetch_all(executor)
    .await
}

pub(crate) async fn fetch(
    executor: impl PgExecutor<'_>,
    account_id: AccountId,
    id: CredentialId,
) -> sqlx::Result<Option<Credential>> {
    sqlx::query_as!(
        Credential,
        r#"
        select
            id, credential_type as "credential_type: CredentialType", is_default, app_name, created_at, updated_at,
            details, expires_at, state, last_used_at, last_error, last_error_at
        from credentials
        where account_id = $1 and id = $2
        "#,
        account_id.as_uuid(),
        id.as_uuid(),
    )
    .fetch_optional(executor)
    .await
}

/// Makes a Credential its App's default for its type, in a transaction. Returns `false` if the account
/// has no such Credential.
pub(crate) async fn make_default(
    connection: &mut PgConnection,
    account_id: AccountId,
    id: CredentialId,
) -> sqlx::Result<bool> {
    lock_account(connection, account_id).await?;

    // Read under the lock, so that it can neither be deleted nor made another default meanwhile.
    let Some(credential) = fetch(&mut *connection, account_id, id).await? else {
        return Ok(false);
    };

    if !credential.is_default {
        clear_default(
            connection,
            account_id,
            &credential.app_name,
            credential.credential_type,
        )
        .await?;
        set_default(connection, account_id, id).await?;
    }

    Ok(true)
}

/// Deletes a Credential, in a transaction. If it was its App's default, the oldest other of its type
/// takes its place. Returns `false` if the account has no such Credential.
pub(crate) async fn delete(
    connection: &mut PgConnection,
    account_id: AccountId,
    id: CredentialId,
) -> sqlx::Result<bool> {
    lock_account(connection, account_id).await?;

    let deleted = sqlx::query!(
        r#"
        delete from credentials
        where account_id = $1 and id = $2
        returning app_name, credential_type as "credential_type: CredentialType", is_default
        "#,
        account_id.as_uuid(),
        id.as_uuid(),
    )
    .fetch_optional(&mut *connection)
    .await?;
    let Some(deleted) = deleted else {
        return Ok(false);
    };

    // Sends that name the App use its defaults, so a type keeps one as long as it has Credentials.
    // The old one is deleted and need not be cleared.
    if deleted.is_default {
        let successor = sqlx::query_scalar!(
            r#"
            select id
            from credentials
            where account_id = $1 and app_name = $2 and credential_type = $3
            order by id
            limit 1
            "#,
            account_id.as_uuid(),
            deleted.app_name,
            deleted.credential_type as CredentialType,
        )
        .fetch_optional(&mut *connection)
        .await?;
        if let Some(successor) = successor {
            set_default(connection, account_id, successor.into()).await?;
        }
    }

    Ok(true)
}

/// Replaces the content of a Credential. Returns `false` if the account has no such Credential.
pub async fn replace_content(
    executor: impl PgExecutor<'_>,
    account_id: AccountId,
    id: CredentialId,
    content: &Sealed,
) -> sqlx::Result<bool> {
    // The details were those of the old content. They are read from the new one when they are asked
    // for. `updated_at` tells every process that it has to load the content again.
    let replaced = sqlx::query!(
        r#"
        update credentials
        set master_key_id = $3, content = $4, details = null, expires_at = null, updated_at = now()
        where account_id = $1 and id = $2
        "#,
        account_id.as_uuid(),
        id.as_uuid(),
        content.master_key_id,
        content.bytes,
    )
    .execute(executor)
    .await?;

    Ok(replaced.rows_affected() == 1)
}
