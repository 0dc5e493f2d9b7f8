//! Apps, which group Credentials. An App is created with its first Credential: see
//! [`crate::store::credentials`].

use serde::Deserialize;
use sqlx::types::Json;
use sqlx::{PgConnection, PgExecutor};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::model::id::{AccountId, CredentialId};
use crate::model::provider::CredentialType;

pub(crate) struct App {
    /// Its key within the account.
    pub name: String,
    /// Whether a send that names no sender uses it.
    pub is_default: bool,
    pub default_credentials: Json<Vec<DefaultCredential>>,
    pub created_at: OffsetDateTime,
    pub updated_at: OffsetDateTime,
}

/// The Credential that an App uses by default for one type.
#[derive(Deserialize)]
pub(crate) struct DefaultCredential {
    /// As stored: a [`CredentialId`] is read from JSON in the API's form.
    id: Uuid,
    pub credential_type: CredentialType,
}

impl DefaultCredential {
    pub(crate) fn id(&self) -> CredentialId {
        self.id.into()
    }
}

#[derive(Default)]
pub(crate) struct AppFilter<'a> {
    pub name: Option<&'a str>,
    pub is_default: Option<bool>,
    /// Created at this time or later.
    pub from: Option<OffsetDateTime>,
    /// Created before this time.
    pub until: Option<OffsetDateTime>,
    /// After the App of this name.
    pub after: Option<&'a str>,
    pub limit: i64,
}

/// Apps of an account, by name.
pub(crate) async fn list(
    executor: impl PgExecutor<'_>,
    account_id: AccountId,
    filter: &AppFilter<'_>,
) -> sqlx::Result<Vec<App>> {
    // The defaults are aggregated beside their App, so that `limit` counts Apps and not
    // Credentials.
    sqlx::query_as!(
        App,
        r#"
        select
            apps.name,
            apps.is_default,
            apps.created_at,
            apps.updated_at,
            coalesce(defaults.credentials, '[]') as "default_credentials!: Json<Vec<DefaultCredential>>"
        from apps
        left join lateral (
            select jsonb_agg(
                jsonb_build_object('id', credentials.id, 'credential_type', credentials.credential_type)
                order by credentials.credential_type
            ) as credentials
            from credentials
            where credentials.account_id = apps.account_id
                and credentials.app_name = apps.name
                and credentials.is_default
        ) as defaults on true
        where apps.account_id = $1
            and ($2::boolean is null or apps.is_default = $2)
            and ($3::timestamptz is null or apps.created_at >= $3)
            and ($4::timestamptz is null or apps.created_at < $4)
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

/// Makes an App its account's default, in place of the previous one, in a transaction. Returns `false`
/// if the account has no such App.
pub(crate) async fn make_default(
    connection: &mut PgConnection,
    account_id: AccountId,
    name: &str,
) -> sqlx::Result<bool> {
    // All Apps of the account, in one order, so that concurrent changes follow each other.
    let apps = sqlx::query!(
        r#"
        select name, is_default
        from apps
        where account_id = $1
        order by name
        for update
        "#,
        account_id.as_uuid(),
    )
    .fetch_all(&mut *connection)
    .await?;

    let Some(app) = apps.iter().find(|app| app.name == name) else {
        return Ok(false);
    };
    // Nothing is written, so `updated_at` stays the time of a real change.
    if app.is_default {
        return Ok(true);
    }

    // The old one first: an index allows an account only one default at any moment.
    clear_default(connection, account_id).await?;
    set_default(connection, account_id, name).await?;

    Ok(true)
}

async fn clear_default(connection: &mut PgConnection, account_id: AccountId) -> sqlx::Result<()> {
    sqlx::query!(
        r#"
        update apps
        set is_default = false, updated_at = now()
        where account_id = $1 and is_default
        "#,
        account_id.as_uuid(),
    )
    .execute(connection)
    .await
    .map(drop)
}

/// Fails if there is no such App. The caller has locked it.
async fn set_default(
    connection: &mut PgConnection,
    account_id: AccountId,
    name: &str,
) -> sqlx::Result<()> {
    sqlx::query!(
        r#"
        update apps
        set is_default = true, updated_at = now()
        where account_id = $1 and name = $2
        returning name
        "#,
        account_id.as_uuid(),
        name,
    )
    .fetch_one(connection)
    .await
    .map(drop)
}
