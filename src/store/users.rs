//! Users, whose devices are registered.

use sqlx::PgExecutor;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::model::id::{AccountId, UserId};

pub(crate) struct User {
    pub id: UserId,
    pub created_at: OffsetDateTime,
    /// When one of its registrations last changed.
    pub updated_at: OffsetDateTime,
}

/// Users of an account, newest first, older than `after`, at most `limit`.
pub(crate) async fn list(
    executor: impl PgExecutor<'_>,
    account_id: AccountId,
    after: Option<UserId>,
    limit: i64,
) -> sqlx::Result<Vec<User>> {
    sqlx::query_as!(
        User,
        r#"
        select id, created_at, updated_at
        from users
        -- By the pair: by the id alone, a plan would look at other accounts' Users.
        where (account_id, id) >= ($1, $2) and (account_id, id) < ($1, $3)
        order by account_id desc, id desc
        limit $4
        "#,
        account_id.as_uuid(),
        Uuid::nil(),
        after.map_or(Uuid::max(), UserId::as_uuid),
        limit,
    )
    .fetch_all(executor)
    .await
}

pub(crate) async fn fetch(
    executor: impl PgExecutor<'_>,
    account_id: AccountId,
    id: UserId,
) -> sqlx::Result<Option<User>> {
    sqlx::query_as!(
        User,
        r#"
        select id, created_at, updated_at
        from users
        where account_id = $1 and id = $2
        "#,
        account_id.as_uuid(),
        id.as_uuid(),
    )
    .fetch_optional(executor)
    .await
}

/// Those of `ids` that are not Users of the account.
pub(crate) async fn missing(
    executor: impl PgExecutor<'_>,
    account_id: AccountId,
    ids: &[UserId],
) -> sqlx::Result<Vec<UserId>> {
    let ids: Vec<Uuid> = ids.iter().map(|id| id.as_uuid()).collect();

    let missing = sqlx::query_scalar!(
        r#"
        select wanted.id as "id!"
        from unnest($2::uuid[]) as wanted (id)
        where not exists (select from users where users.id = wanted.id and users.account_id = $1)
        "#,
        account_id.as_uuid(),
        &ids,
    )
    .fetch_all(executor)
    .await?;

    Ok(missing.into_iter().map(UserId::from).collect())
}

/// Deletes a User with its registrations. Returns `false` if the account has no such User.
pub(crate) async fn delete(
    executor: impl PgExecutor<'_>,
    account_id: AccountId,
    id: UserId,
) -> sqlx::Result<bool> {
    let deleted = sqlx::query!(
        "delete from users where account_id = $1 and id = $2",
        account_id.as_uuid(),
        id.as_uuid(),
    )
    .execute(executor)
    .await?;

    Ok(deleted.rows_affected() == 1)
}
