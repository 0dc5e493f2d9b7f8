//! Credentials: what an App authenticates with. Their content is sealed; see [`crate::crypto`].

use sqlx::{Connection, PgConnection, PgExecutor, PgPool};
use time::OffsetDateTime;

use crate::model::id::{AccountId, CredentialId};
use crate::model::provider::CredentialType;
use crate::model::sealed::Sealed;

/// Most Apps of an account.
pub const MAX_APPS: i64 = 10;
/// Most Credentials of an App.
pub const MAX_CREDENTIALS: i64 = 10;

/// A Credential without its content.
pub struct Credential {
    /// Its id.
    pub id: CredentialId,
    /// What kind it is.
    pub credential_type: CredentialType,
    /// Whether its App uses it by default for its type.
    pub is_default: bool,
    /// The App that it belongs to.
    pub app_name: String,
    /// When it was made.
    pub created_at: OffsetDateTime,
    /// When it last changed.
    pub updated_at: OffsetDateTime,
}

/// A Credential to be stored.
pub struct NewCredential<'a> {
    /// Its id.
    pub id: CredentialId,
    /// Whose it is.
    pub account_id: AccountId,
    /// The App that it belongs to; made if there is none of that name.
    pub app_name: &'a str,
    /// What kind it is.
    pub credential_type: CredentialType,
    /// Whether it becomes its App's default. The first of its type does anyway.
    pub is_default: bool,
    /// Its content.
    pub content: &'a Sealed,
}

/// Why a Credential was not stored.
#[derive(Debug, thiserror::Error)]
pub enum InsertError {
    /// The account has [`MAX_APPS`] Apps.
    #[error("the account has {MAX_APPS} Apps already")]
    TooManyApps,
    /// The App has [`MAX_CREDENTIALS`] Credentials.
    #[error("the App has {MAX_CREDENTIALS} Credentials already")]
    TooManyCredentials,
    /// Postgres.
    #[error(transparent)]
    Database(#[from] sqlx::Error),
}

/// Which Credentials to list.
pub struct CredentialFilter<'a> {
    /// Only of this App.
    pub app_name: Option<&'a str>,
    /// Only of this type.
    pub credential_type: Option<CredentialType>,
    /// Only (not) defaults.
    pub is_default: Option<bool>,
    /// Made at this moment or later.
    pub from: Option<OffsetDateTime>,
    /// Made before this moment.
    pub until: Option<OffsetDateTime>,
    /// Older than this one.
    pub after: Option<CredentialId>,
    /// At most this many.
    pub limit: i64,
}

/// Stores a Credential, and its App if it is the first there.
pub async fn insert(
    connection: &mut PgConnection,
    new: &NewCredential<'_>,
) -> Result<(), InsertError> {
    let mut transaction = connection.begin().await?;
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
        return Err(InsertError::TooManyCredentials);
    }
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
    sqlx::query!(
        r#"
        insert into credentials (id, account_id, app_name, credential_type, is_default, master_key_id, content)
        values ($1, $2, $3, $4, $5, $6, $7)
        "#,
        new.id.as_uuid(),
        new.account_id.as_uuid(),
        new.app_name,
        new.credential_type as CredentialType,
        is_default,
        new.content.master_key_id,
        new.content.bytes,
    )
    .execute(&mut *transaction)
    .await?;
    transaction.commit().await?;
    Ok(())
}

/// Makes changes to one account's Apps and Credentials follow each other, so that limits and
/// defaults hold.
async fn lock_account(connection: &mut PgConnection, account_id: AccountId) -> sqlx::Result<()> {
    sqlx::query!(
        "select id from accounts where id = $1 for update",
        account_id.as_uuid()
    )
    .fetch_one(connection)
    .await
    .map(drop)
}

async fn ensure_app(
    connection: &mut PgConnection,
    account_id: AccountId,
    name: &str,
) -> Result<(), InsertError> {
    let apps = sqlx::query!(
        r#"select count(*) as "all!", count(*) filter (where name = $2) as "named!" from apps where account_id = $1"#,
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
        update credentials set is_default = false, updated_at = now()
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

/// Credentials of an account, newest first.
pub async fn list(
    executor: impl PgExecutor<'_>,
    account_id: AccountId,
    filter: &CredentialFilter<'_>,
) -> sqlx::Result<Vec<Credential>> {
    sqlx::query_as!(
        Credential,
        r#"
        select id, credential_type as "credential_type: CredentialType", is_default, app_name, created_at, updated_at
        from credentials
        where account_id = $1
            and ($2::text is null or app_name = $2)
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

/// One Credential of an account.
pub async fn fetch(
    executor: impl PgExecutor<'_>,
    account_id: AccountId,
    id: CredentialId,
) -> sqlx::Result<Option<Credential>> {
    sqlx::query_as!(
        Credential,
        r#"
        select id, credential_type as "credential_type: CredentialType", is_default, app_name, created_at, updated_at
        from credentials
        where account_id = $1 and id = $2
        "#,
        account_id.as_uuid(),
        id.as_uuid(),
    )
    .fetch_optional(executor)
    .await
}

/// Makes a Credential its App's default for its type. `false`: the account has no such Credential.
pub async fn make_default(
    pool: &PgPool,
    account_id: AccountId,
    id: CredentialId,
) -> sqlx::Result<bool> {
    let mut transaction = pool.begin().await?;
    lock_account(&mut transaction, account_id).await?;
    let Some(credential) = fetch(&mut *transaction, account_id, id).await? else {
        return Ok(false);
    };
    if !credential.is_default {
        clear_default(
            &mut transaction,
            account_id,
            &credential.app_name,
            credential.credential_type,
        )
        .await?;
        set_default(&mut transaction, account_id, id).await?;
    }
    transaction.commit().await?;
    Ok(true)
}

async fn set_default(
    connection: &mut PgConnection,
    account_id: AccountId,
    id: CredentialId,
) -> sqlx::Result<()> {
    // An error if there is none, which whoever locked the account has made sure of.
    sqlx::query!(
        "update credentials set is_default = true, updated_at = now() where account_id = $1 and id = $2 returning id",
        account_id.as_uuid(),
        id.as_uuid(),
    )
    .fetch_one(connection)
    .await
    .map(drop)
}

/// Deletes a Credential. If it was its App's default, the oldest other of its type takes its place.
/// `false`: the account has no such Credential.
pub async fn delete(pool: &PgPool, account_id: AccountId, id: CredentialId) -> sqlx::Result<bool> {
    let mut transaction = pool.begin().await?;
    lock_account(&mut transaction, account_id).await?;
    let deleted = sqlx::query!(
        r#"
        delete from credentials where account_id = $1 and id = $2
        returning app_name, credential_type as "credential_type: CredentialType", is_default
        "#,
        account_id.as_uuid(),
        id.as_uuid(),
    )
    .fetch_optional(&mut *transaction)
    .await?;
    let Some(deleted) = deleted else {
        return Ok(false);
    };
    if deleted.is_default {
        let heir = sqlx::query_scalar!(
            r#"
            select id from credentials
            where account_id = $1 and app_name = $2 and credential_type = $3
            order by id
            limit 1
            "#,
            account_id.as_uuid(),
            deleted.app_name,
            deleted.credential_type as CredentialType,
        )
        .fetch_optional(&mut *transaction)
        .await?;
        if let Some(heir) = heir {
            set_default(&mut transaction, account_id, heir.into()).await?;
        }
    }
    transaction.commit().await?;
    Ok(true)
}

/// Replaces the content of a Credential. `false`: the account has no such Credential.
pub async fn replace_content(
    executor: impl PgExecutor<'_>,
    account_id: AccountId,
    id: CredentialId,
    content: &Sealed,
) -> sqlx::Result<bool> {
    let replaced = sqlx::query!(
        r#"
        update credentials set master_key_id = $3, content = $4, updated_at = now()
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
