//! Apps: what groups Credentials. One comes to be with its first Credential.

use sqlx::types::Json;
use sqlx::{PgExecutor, PgPool};
use time::OffsetDateTime;

use crate::model::id::{AccountId, CredentialId};
use crate::model::provider::CredentialType;
use serde::Deserialize;
use uuid::Uuid;

/// An App.
pub struct App {
    /// Its key within the account.
    pub name: String,
    /// Whether it is what a send goes through that names no sender.
    pub is_default: bool,
    /// What it sends with.
    pub default_credentials: Json<Vec<DefaultCredential>>,
    /// When it was made.
    pub created_at: OffsetDateTime,
    /// When it last changed.
    pub updated_at: OffsetDateTime,
}

/// The Credential that an App uses by default for one type.
#[derive(Deserialize)]
pub struct DefaultCredential {
    id: Uuid,
    /// Which type.
    pub credential_type: CredentialType,
}

impl DefaultCredential {
    /// Which Credential.
    pub fn id(&self) -> CredentialId {
        self.id.into()
    }
}

/// Which Apps to list.
#[derive(Default)]
pub struct AppFilter<'a> {
    /// Only the one of this name.
    pub name: Option<&'a str>,
    /// Only (not) the default one.
    pub is_default: Option<bool>,
    /// Made at this moment or later.
    pub from: Option<OffsetDateTime>,
    /// Made before this moment.
    pub until: Option<OffsetDateTime>,
    /// After the App of this name.
    pub after: Option<&'a str>,
    /// At most this many.
    pub limit: i64,
}

/// Apps of an account, by name.
pub async fn list(
    executor: impl PgExecutor<'_>,
    account_id: AccountId,
    filter: &AppFilter<'_>,
) -> sqlx::Result<Vec<App>> {
    sqlx::query_as!(
        App,
        r#"
        select
            apps.name, apps.is_default, created_at, updated_at,
            coalesce(defaults.credentials, '[]') as "default_credentials!: Json<Vec<DefaultCredential>>"
        from apps
        left join lateral (
            select jsonb_agg(
                jsonb_build_object('id', credentials.id, 'credential_type', credential_type) order by credential_type
            ) as credentials
            from credentials
            where credentials.account_id = apps.account_id and app_name = apps.name and credentials.is_default
        ) as defaults on true
        where account_id = $1
            and ($2::boolean is null or apps.is_default = $2)
            and ($3::timestamptz is null or created_at >= $3)
            and ($4::timestamptz is null or created_at < $4)
            and ($5::text is null or apps.name > $5)
            and ($6::text is null or apps.name = $6)
        order by apps.name
        limit $7
        "#,
        account_id.as_uuid(),
        filter.is_default,
        filter.from,
        filter.until,
        filter.after,
        filter.name,
        filter.limit,
    )
    .fetch_all(executor)
    .await
}

/// Makes an App its account's default, in place of the one that was. Returns whether there is such
/// an App.
pub async fn make_default(pool: &PgPool, account_id: AccountId, name: &str) -> sqlx::Result<bool> {
    let mut transaction = pool.begin().await?;
    // All of them, in one order: so two that do this at once follow each other.
    let apps = sqlx::query!(
        "select name, is_default from apps where account_id = $1 order by name for update",
        account_id.as_uuid()
    )
    .fetch_all(&mut *transaction)
    .await?;
    let Some(app) = apps.iter().find(|app| app.name == name) else {
        return Ok(false);
    };
    if app.is_default {
        return Ok(true);
    }
    // The old one first: there is one at every moment of the transaction at most.
    sqlx::query!(
        "update apps set is_default = false, updated_at = now() where account_id = $1 and is_default",
        account_id.as_uuid(),
    )
    .execute(&mut *transaction)
    .await?;
    // An error if it is not there, which the lock forbids.
    sqlx::query!(
        "update apps set is_default = true, updated_at = now() where account_id = $1 and name = $2 returning name",
        account_id.as_uuid(),
        name,
    )
    .fetch_one(&mut *transaction)
    .await?;
    transaction.commit().await?;
    Ok(true)
}
