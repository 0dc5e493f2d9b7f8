//! What is sent with: the Credentials that a request means, and their content for delivery.

use std::collections::HashMap;

use sqlx::PgExecutor;
use uuid::Uuid;

use crate::model::id::{AccountId, CredentialId};
use crate::model::provider::{CredentialType, Provider};
use crate::model::sealed::{Sealed, SealedCredential};

/// An App that is asked for: of which account, and its name, else the default one.
pub type AskedApp = (AccountId, Option<String>);

/// What an App sends with by default.
#[derive(Clone)]
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

/// What each of these Apps sends with; without a name: the account's default App. What is not there
/// is left out.
pub async fn defaults(
    executor: impl PgExecutor<'_>,
    asked: &[AskedApp],
) -> sqlx::Result<HashMap<AskedApp, AppSenders>> {
    let (accounts, names): (Vec<Uuid>, Vec<Option<String>>) = asked
        .iter()
        .map(|(account_id, app_name)| (account_id.as_uuid(), app_name.clone()))
        .unzip();
    let rows = sqlx::query!(
        r#"
        select
            index as "index!", apps.name as app_name, credentials.id as "id?",
            credential_type as "credential_type?: CredentialType"
        from unnest($1::uuid[], $2::text[]) with ordinality as asked (account_id, name, index)
        join apps
            on apps.account_id = asked.account_id
            and (apps.name = asked.name or (asked.name is null and apps.is_default))
        left join credentials
            on credentials.account_id = apps.account_id and app_name = apps.name and credentials.is_default
        order by index, credential_type
        "#,
        &accounts,
        &names as &[Option<String>],
    )
    .fetch_all(executor)
    .await?;
    let mut found: HashMap<AskedApp, AppSenders> = HashMap::new();
    for row in rows {
        let Some(app) = asked.get(row.index as usize - 1) else {
            continue;
        };
        let new = || AppSenders {
            app_name: row.app_name,
            credentials: Vec::new(),
        };
        let senders = found.entry(app.clone()).or_insert_with(new);
        senders.credentials.extend(
            row.credential_type
                .zip(row.id)
                .map(|(kind, id)| (kind.provider(), id.into())),
        );
    }
    Ok(found)
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

/// Those of `ids` that exist, with their content, whoever's they are: the caller has seen to that
/// they are the account's.
pub async fn by_ids(
    executor: impl PgExecutor<'_>,
    ids: &[CredentialId],
) -> sqlx::Result<Vec<SealedCredential>> {
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
        content: Sealed {
            master_key_id: row.master_key_id,
            bytes: row.content,
        },
        updated_at: row.updated_at,
    });
    Ok(credentials.collect())
}
