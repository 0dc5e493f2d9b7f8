//! Accounts: the tenants.

use sqlx::PgExecutor;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::model::id::AccountId;
use crate::store::pool::Pool;

/// The largest weight, as `accounts_weight_check` says.
pub(crate) const MAX_WEIGHT: u32 = 1_000;

/// An account, as operators see it.
pub(crate) struct Account {
    pub id: AccountId,
    pub name: String,
    /// How much of the delivery it gets in proportion to others.
    pub weight: u32,
    pub created_at: OffsetDateTime,
}

struct AccountRow {
    id: Uuid,
    name: String,
    weight: i32,
    created_at: OffsetDateTime,
}

impl From<AccountRow> for Account {
    fn from(row: AccountRow) -> Self {
        Self {
            id: row.id.into(),
            name: row.name,
            weight: row.weight.unsigned_abs(),
            created_at: row.created_at,
        }
    }
}

/// Returns the account of this name, and creates it first if there is none.
pub async fn find_or_create(executor: impl PgExecutor<'_>, name: &str) -> sqlx::Result<AccountId> {
    // One statement: processes that start at the same time get the account that the first of them
    // has stored.
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

/// All accounts, oldest first.
pub(crate) async fn list(executor: impl PgExecutor<'_>) -> sqlx::Result<Vec<Account>> {
    let accounts = sqlx::query_as!(
        AccountRow,
        "select id, name, weight, created_at from accounts order by id",
    )
    .fetch_all(executor)
    .await?;

    Ok(accounts.into_iter().map(Account::from).collect())
}

/// The account of this name.
pub(crate) async fn find(
    executor: impl PgExecutor<'_>,
    name: &str,
) -> sqlx::Result<Option<AccountId>> {
    let id = sqlx::query_scalar!("select id from accounts where name = $1", name)
        .fetch_optional(executor)
        .await?;

    Ok(id.map(AccountId::from))
}

/// Whether the account `id` has one of `names`.
pub(crate) async fn is_one_of(
    executor: impl PgExecutor<'_>,
    id: AccountId,
    names: &[String],
) -> sqlx::Result<bool> {
    sqlx::query_scalar!(
        r#"select exists (select from accounts where id = $1 and name = any($2)) as "is_one!""#,
        id.as_uuid(),
        names,
    )
    .fetch_one(executor)
    .await
}

/// Sets the weight of an account, from 1 to [`MAX_WEIGHT`]. `None`: there is no such account.
pub(crate) async fn set_weight(
    executor: impl PgExecutor<'_>,
    id: AccountId,
    weight: u32,
) -> sqlx::Result<Option<Account>> {
    let account = sqlx::query_as!(
        AccountRow,
        "update accounts set weight = $2 where id = $1 returning id, name, weight, created_at",
        id.as_uuid(),
        weight.cast_signed(),
    )
    .fetch_optional(executor)
    .await?;

    Ok(account.map(Account::from))
}

/// Renames an account. `None`: there is no such account.
pub(crate) async fn rename(
    executor: impl PgExecutor<'_>,
    id: AccountId,
    name: &str,
) -> sqlx::Result<Option<Account>> {
    let account = sqlx::query_as!(
        AccountRow,
        "update accounts set name = $2 where id = $1 returning id, name, weight, created_at",
        id.as_uuid(),
        name,
    )
    .fetch_optional(executor)
    .await?;

    Ok(account.map(Account::from))
}

pub(crate) struct AccountSummary {
    pub name: String,
    pub keys: i64,
    pub credentials: i64,
    pub users: i64,
}

/// What an account has. `None`: there is no such account.
pub(crate) async fn summary(
    executor: impl PgExecutor<'_>,
    id: AccountId,
) -> sqlx::Result<Option<AccountSummary>> {
    sqlx::query_as!(
        AccountSummary,
        r#"
        select
            name,
            (select count(*) from api_keys where api_keys.account_id = accounts.id) as "keys!",
            (select count(*) from credentials where credentials.account_id = accounts.id) as "credentials!",
            (select count(*) from users where users.account_id = accounts.id) as "users!"
        from accounts
        where id = $1
        "#,
        id.as_uuid(),
    )
    .fetch_optional(executor)
    .await
}

/// Users that one statement deletes, with their devices.
const USERS_STEP: i64 = 5_000;

/// Deletes an account with all that belongs to it but its Operations. Its keys go first, so that no
/// request adds to it meanwhile; Users follow in steps.
pub(crate) async fn delete(pool: &Pool, id: AccountId) -> sqlx::Result<()> {
    sqlx::query!("delete from api_keys where account_id = $1", id.as_uuid())
        .execute(pool)
        .await?;

    // In steps, because a statement has a time limit and the devices go with their Users. A command
    // that was interrupted can be repeated: the account still has its name.
    loop {
        let deleted = sqlx::query!(
            r#"
            delete from users
            where id in (select id from users where account_id = $1 order by id limit $2)
            "#,
            id.as_uuid(),
            USERS_STEP,
        )
        .execute(pool)
        .await?;
        if deleted.rows_affected() == 0 {
            break;
        }
    }

    // Last. Credentials, webhooks, sessions and all else that refers to the account go with its
    // row. Operations do not refer to it: their days are dropped by retention.
    sqlx::query!("delete from accounts where id = $1", id.as_uuid())
        .execute(pool)
        .await
        .map(drop)
}
