//! What is sent with: the Credentials that a request means, and their content for delivery.

use std::collections::HashMap;

use sqlx::PgExecutor;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::model::id::{AccountId, CredentialId};
use crate::model::provider::CredentialType;
use crate::model::sealed::{Sealed, SealedCredential};

/// The App that a request means.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct AskedApp {
    pub account_id: AccountId,
    /// `None`: the account's default App.
    pub name: Option<String>,
}

/// What an App sends with by default.
#[derive(Clone)]
pub struct AppSenders {
    pub app_name: String,
    /// In the order of their types: production comes before the sandbox.
    pub credentials: Vec<(CredentialType, CredentialId)>,
}

/// A Credential that a request names.
pub(crate) struct NamedCredential {
    pub id: CredentialId,
    pub credential_type: CredentialType,
    pub app_name: String,
}

/// What each of these Apps sends with. An App that does not exist is left out.
pub async fn defaults(
    executor: impl PgExecutor<'_>,
    asked: &[AskedApp],
) -> sqlx::Result<HashMap<AskedApp, AppSenders>> {
    let account_ids: Vec<Uuid> = asked.iter().map(|app| app.account_id.as_uuid()).collect();
    let names: Vec<Option<&str>> = asked.iter().map(|app| app.name.as_deref()).collect();

    let rows = sqlx::query!(
        r#"
        select
            asked.index as "index!",
            apps.name as app_name,
            credentials.id as "id?",
            credentials.credential_type as "credential_type?: CredentialType"
        from unnest($1::uuid[], $2::text[]) with ordinality as asked (account_id, name, index)
        join apps
            on apps.account_id = asked.account_id
            and (apps.name = asked.name or (asked.name is null and apps.is_default))
        left join credentials
            on credentials.account_id = apps.account_id
            and credentials.app_name = apps.name
            and credentials.is_default
        order by asked.index, credentials.credential_type
        "#,
        &account_ids,
        &names as &[Option<&str>],
    )
    .fetch_all(executor)
    .await?;

    let mut found: HashMap<AskedApp, AppSenders> = HashMap::new();
    for row in rows {
        let app = &asked[(row.index - 1) as usize];
        let senders = found.entry(app.clone()).or_insert_with(|| AppSenders {
            app_name: row.app_name,
            credentials: Vec::new(),
        });

        // An App without default Credentials has one row, without a Credential.
        if let (Some(credential_type), Some(id)) = (row.credential_type, row.id) {
            senders.credentials.push((credential_type, id.into()));
        }
    }

    Ok(found)
}

/// Those of `ids` that are Credentials of the account.
pub(crate) async fn named(
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

/// A Credential whose content may be known already.
pub struct KnownCredential {
    pub id: CredentialId,
    /// The version that is known.
    pub updated_at: Option<OffsetDateTime>,
}

/// A Credential that exists.
pub enum StoredCredential {
    /// The version that is known is the current one.
    Unchanged(CredentialId),
    New(SealedCredential),
}

/// Those of `ids` that exist, with their content, of any account: an Operation was accepted only
/// with Credentials of its own account.
pub async fn by_ids(
    executor: impl PgExecutor<'_>,
    ids: &[CredentialId],
) -> sqlx::Result<Vec<SealedCredential>> {
    // No version is known, so every content counts as new.
    let known: Vec<KnownCredential> = ids
        .iter()
        .map(|id| KnownCredential {
            id: *id,
            updated_at: None,
        })
        .collect();

    let found = changed(executor, &known).await?;
    let new = found.into_iter().filter_map(|found| match found {
        StoredCredential::New(credential) => Some(credential),
        StoredCredential::Unchanged(_) => None,
    });
    Ok(new.collect())
}

/// Those of `known` that exist, as [`by_ids`] finds them. Contents that have not changed are not read.
pub(crate) async fn changed(
    executor: impl PgExecutor<'_>,
    known: &[KnownCredential],
) -> sqlx::Result<Vec<StoredCredential>> {
    let ids: Vec<Uuid> = known.iter().map(|known| known.id.as_uuid()).collect();
    let versions: Vec<Option<OffsetDateTime>> =
        known.iter().map(|known| known.updated_at).collect();

    // `updated_at` is the version of a content. One that is known is neither sent nor opened again.
    let rows = sqlx::query!(
        r#"
        select
            credentials.id,
            credentials.account_id,
            credentials.app_name,
            credentials.credential_type as "credential_type: CredentialType",
            credentials.master_key_id,
            case when known.updated_at is distinct from credentials.updated_at then credentials.content end
                as content,
            credentials.updated_at
        from unnest($1::uuid[], $2::timestamptz[]) as known (id, updated_at)
        join credentials on credentials.id = known.id
        "#,
        &ids,
        &versions as &[Option<OffsetDateTime>],
    )
    .fetch_all(executor)
    .await?;

    let found = rows.into_iter().map(|row| match row.content {
        None => StoredCredential::Unchanged(row.id.into()),
        Some(bytes) => StoredCredential::New(SealedCredential {
            id: row.id.into(),
            account_id: row.account_id.into(),
            app_name: row.app_name,
            credential_type: row.credential_type,
            content: Sealed {
                master_key_id: row.master_key_id,
                bytes,
            },
            updated_at: row.updated_at,
        }),
    });
    Ok(found.collect())
}
