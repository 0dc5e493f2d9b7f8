//! What is sent with: the Credentials that a request means, and their content for delivery.

use sqlx::PgExecutor;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::id::{AccountId, CredentialId};
use crate::provider::{CredentialType, Provider};
use crate::secret::Sealed;

/// A Credential with its content, to be sent with.
pub struct SealedCredential {
    /// Its id.
    pub id: CredentialId,
    /// What kind it is.
    pub credential_type: CredentialType,
    /// Its content.
    pub content: Sealed,
    /// When it last changed.
    pub updated_at: OffsetDateTime,
}

/// What an App sends with by default.
pub struct AppSenders {
    /// The App.
    pub app_name: String,
    /// A Credential for each provider; production comes before the sandbox.
    pub credentials: Vec<(Provider, CredentialId)>,
}

/// A Credential that a request names.
pub struct NamedCredential {
    /// Which one.
    pub id: CredentialId,
    /// What kind it is.
    pub credential_type: CredentialType,
    /// Its App.
    pub app_name: String,
}

/// What an App sends with; `app_name` `None`: the account's default App. `None`: there is no such App.
pub async fn defaults(
    executor: impl PgExecutor<'_>,
    account_id: AccountId,
    app_name: Option<&str>,
) -> sqlx::Result<Option<AppSenders>> {
    let rows = sqlx::query!(
        r#"
        select apps.name as app_name, credentials.id as "id?", credential_type as "credential_type?: CredentialType"
        from apps
        left join credentials
            on credentials.account_id = apps.account_id and app_name = name and credentials.is_default
        where apps.account_id = $1 and (name = $2 or ($2::text is null and apps.is_default))
        order by credential_type
        "#,
        account_id.as_uuid(),
        app_name,
    )
    .fetch_all(executor)
    .await?;
    let Some(first) = rows.first() else { return Ok(None) };
    let app_name = first.app_name.clone();
    let credentials = rows.into_iter().filter_map(|row| Some((row.credential_type?.provider(), row.id?.into())));
    Ok(Some(AppSenders { app_name, credentials: credentials.collect() }))
}

/// Those of `ids` that the account has.
pub async fn named(
    executor: impl PgExecutor<'_>,
    account_id: AccountId,
    ids: &[CredentialId],
) -> sqlx::Result<Vec<NamedCredential>> {
    let ids: Vec<Uuid> = ids.iter().map(|id| id.as_uuid()).collect();
    let rows = sqlx::query!(
        r#"
        select id, credential_type as "credential_type: CredentialType", app_name
        from credentials
        where account_id = $1 and id = any($2)
        "#,
        account_id.as_uuid(),
        &ids,
    )
    .fetch_all(executor)
    .await?;
    let credentials = rows.into_iter().map(|row| NamedCredential {
        id: row.id.into(),
        credential_type: row.credential_type,
        app_name: row.app_name,
    });
    Ok(credentials.collect())
}

/// Those of `ids` that exist, whoever's they are, with their content: for delivery alone.
pub async fn by_ids(executor: impl PgExecutor<'_>, ids: &[CredentialId]) -> sqlx::Result<Vec<SealedCredential>> {
    let ids: Vec<Uuid> = ids.iter().map(|id| id.as_uuid()).collect();
    let rows = sqlx::query!(
        r#"
        select id, credential_type as "credential_type: CredentialType", master_key_id, content, updated_at
        from credentials
        where id = any($1)
        "#,
        &ids,
    )
    .fetch_all(executor)
    .await?;
    let credentials = rows.into_iter().map(|row| SealedCredential {
        id: row.id.into(),
        credential_type: row.credential_type,
        content: Sealed { master_key_id: row.master_key_id, bytes: row.content },
        updated_at: row.updated_at,
    });
    Ok(credentials.collect())
}
