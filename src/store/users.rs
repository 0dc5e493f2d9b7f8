//! Users, whose devices are registered.

use std::collections::HashMap;

use serde_json::Value;
use sqlx::PgExecutor;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::model::id::{AccountId, UserId};

pub(crate) struct User {
    pub id: UserId,
    /// The account's own id of it.
    pub external_id: Option<String>,
    /// BCP 47.
    pub language: Option<String>,
    /// A name of the IANA database.
    pub timezone: Option<String>,
    /// What templates fall back to, an object.
    pub variables: Option<Value>,
    /// Whether the User wants nothing.
    pub opted_out: bool,
    /// Which tags of Operations the User does not want, each a key or `key:value`.
    pub opted_out_tags: Vec<String>,
    pub created_at: OffsetDateTime,
    /// When it or one of its registrations last changed.
    pub updated_at: OffsetDateTime,
}

/// Which Users are listed.
pub(crate) struct UserFilter<'a> {
    pub external_id: Option<&'a str>,
    /// Older than this one.
    pub after: Option<UserId>,
    pub limit: i64,
}

/// Users of an account, newest first.
pub(crate) async fn list(
    executor: impl PgExecutor<'_>,
    account_id: AccountId,
    filter: &UserFilter<'_>,
) -> sqlx::Result<Vec<User>> {
    match filter.external_id {
        Some(external_id) => list_by_external_id(executor, account_id, external_id, filter).await,
        None => list_all(executor, account_id, filter).await,
    }
}

async fn list_all(
    executor: impl PgExecutor<'_>,
    account_id: AccountId,
    filter: &UserFilter<'_>,
) -> sqlx::Result<Vec<User>> {
    sqlx::query_as!(
        User,
        r#"
        select id, external_id, language, timezone, variables, opted_out, opted_out_tags, created_at, updated_at
        from users
        -- By the pair: by the id alone, a plan would look at other accounts' Users.
        where (account_id, id) >= ($1, $2) and (account_id, id) < ($1, $3)
        order by account_id desc, id desc
        limit $4
        "#,
        account_id.as_uuid(),
        Uuid::nil(),
        filter.after.map_or(Uuid::max(), UserId::as_uuid),
        filter.limit,
    )
    .fetch_all(executor)
    .await
}

async fn list_by_external_id(
    executor: impl PgExecutor<'_>,
    account_id: AccountId,
    external_id: &str,
    filter: &UserFilter<'_>,
) -> sqlx::Result<Vec<User>> {
    // One User at most has the id, so nothing has to be sorted.
    sqlx::query_as!(
        User,
        r#"
        select id, external_id, language, timezone, variables, opted_out, opted_out_tags, created_at, updated_at
        from users
        where account_id = $1 and external_id = $2 and ($3::uuid is null or id < $3)
        limit $4
        "#,
        account_id.as_uuid(),
        external_id,
        filter.after.map(UserId::as_uuid),
        filter.limit,
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
        select id, external_id, language, timezone, variables, opted_out, opted_out_tags, created_at, updated_at
        from users
        where account_id = $1 and id = $2
        "#,
        account_id.as_uuid(),
        id.as_uuid(),
    )
    .fetch_optional(executor)
    .await
}

/// What a message for a User depends on.
#[derive(Debug, Clone, Default)]
pub(crate) struct MessageProfile {
    /// BCP 47.
    pub language: Option<String>,
    /// What templates fall back to, an object.
    pub variables: Option<Value>,
}

/// The profiles of Users of any accounts, in the order of `users`. A User that is no longer stored has
/// an empty one.
pub(crate) async fn message_profiles(
    executor: impl PgExecutor<'_>,
    users: &[(AccountId, UserId)],
) -> sqlx::Result<Vec<MessageProfile>> {
    let mut account_ids: Vec<Uuid> = Vec::with_capacity(users.len());
    let mut ids: Vec<Uuid> = Vec::with_capacity(users.len());
    for (account_id, id) in users {
        account_ids.push(account_id.as_uuid());
        ids.push(id.as_uuid());
    }

    // A User may have been merged into another since the Operation was accepted. Then the profile
    // of that one counts.
    let rows = sqlx::query!(
        r#"
        select wanted.index as "index!", users.language, users.variables
        from unnest($1::uuid[], $2::uuid[]) with ordinality as wanted (account_id, id, index)
        left join merged_users
            on merged_users.account_id = wanted.account_id
            and merged_users.id = wanted.id
        join users
            on users.account_id = wanted.account_id
            and users.id = coalesce(merged_users.into_id, wanted.id)
        "#,
        &account_ids,
        &ids,
    )
    .fetch_all(executor)
    .await?;

    let mut profiles = vec![MessageProfile::default(); users.len()];
    for row in rows {
        if let Some(profile) = profiles.get_mut((row.index - 1) as usize) {
            profile.language = row.language;
            profile.variables = row.variables;
        }
    }
    Ok(profiles)
}

/// Those of `ids` that are not Users of the account, nor were merged into one.
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
            and not exists (
                select from merged_users where merged_users.id = wanted.id and merged_users.account_id = $1
            )
        "#,
        account_id.as_uuid(),
        &ids,
    )
    .fetch_all(executor)
    .await?;

    Ok(missing.into_iter().map(UserId::from).collect())
}

/// The time zones of those of these Users of an account that have one.
pub(crate) async fn timezones(
    executor: impl PgExecutor<'_>,
    account_id: AccountId,
    ids: &[UserId],
) -> sqlx::Result<HashMap<UserId, String>> {
    let ids: Vec<Uuid> = ids.iter().map(|id| id.as_uuid()).collect();

    let rows = sqlx::query!(
        r#"
        select id, timezone as "timezone!"
        from users
        where id = any($2) and account_id = $1 and timezone is not null
        "#,
        account_id.as_uuid(),
        &ids,
    )
    .fetch_all(executor)
    .await?;

    let timezones = rows.into_iter().map(|row| (row.id.into(), row.timezone));
    Ok(timezones.collect())
}

/// Up to `limit` different time zones of an account's Users.
pub(crate) async fn known_timezones(
    executor: impl PgExecutor<'_>,
    account_id: AccountId,
    limit: i64,
) -> sqlx::Result<Vec<String>> {
    sqlx::query_scalar!(
        r#"
        -- From zone to zone: an account may have very many Users.
        with recursive zone as (
            (
                select users.timezone
                from users
                where users.account_id = $1 and users.timezone is not null
                order by users.timezone
                limit 1
            )
            union all
            select next.timezone
            from zone
            cross join lateral (
                select users.timezone
                from users
                where users.account_id = $1 and users.timezone > zone.timezone
                order by users.timezone
                limit 1
            ) as next
        )
        select zone.timezone as "timezone!"
        from zone
        limit $2
        "#,
        account_id.as_uuid(),
        limit,
    )
    .fetch_all(executor)
    .await
}

/// Deletes a User with its registrations. Returns `false` if the account has no such User.
pub(crate) async fn delete(
    executor: impl PgExecutor<'_>,
    account_id: AccountId,
    id: UserId,
) -> sqlx::Result<bool> {
    // Rows of `user_pushes` refer to no User, so they do not go with it.
    let deleted = sqlx::query!(
        r#"
        with counted as (
            delete from user_pushes where user_id = $2 and account_id = $1
        )
        delete from users where account_id = $1 and id = $2
        "#,
        account_id.as_uuid(),
        id.as_uuid(),
    )
    .execute(executor)
    .await?;

    Ok(deleted.rows_affected() == 1)
}
