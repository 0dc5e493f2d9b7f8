//! Accounts: the tenants.

use sqlx::PgExecutor;

use crate::model::id::AccountId;

/// Returns the account of this name, and creates it first if there is none.
pub async fn find_or_create(executor: impl PgExecutor<'_>, name: &str) -> sqlx::Result<AccountId> {
    let id = sqlx::query_scalar!(
        r#"
        insert into accounts (id, name)
        values ($1, $2)
        -- Changes nothing, but returns the row that is there already.
        on conflict (name) do update set name = excluded.name
        returning id
        "#,
        AccountId::generate().as_uuid(),
        name,
    )
    .fetch_one(executor)
    .await?;

    Ok(id.into())
}
