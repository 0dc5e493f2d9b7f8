//! The accounts' own ids of their Users, looked up for many at a time.

use std::collections::HashMap;

use sqlx::PgExecutor;
use uuid::Uuid;

use crate::model::id::{AccountId, UserId};
use crate::model::recipient::Recipient;

/// Most merged Users whose records a list reads, the latest first: each takes a statement for a page.
pub(crate) const MAX_MERGED: i64 = 20;

/// A User who has an external id.
pub(crate) struct UserWithExternalId {
    pub account_id: AccountId,
    pub external_id: String,
    pub user_id: UserId,
}

/// The Users with these external ids, as far as there are any, in no particular order.
pub(crate) async fn users_with(
    executor: impl PgExecutor<'_>,
    wanted: &[(AccountId, &str)],
) -> sqlx::Result<Vec<UserWithExternalId>> {
    let account_ids: Vec<Uuid> = wanted.iter().map(|(id, _)| id.as_uuid()).collect();
    let external_ids: Vec<&str> = wanted.iter().map(|(_, id)| *id).collect();

    // The external ids of several accounts may be the same, so each is compared with its account.
    let rows = sqlx::query!(
        r#"
        select users.account_id, users.external_id as "external_id!", users.id
        from unnest($1::uuid[], $2::text[]) as wanted (account_id, external_id)
        join users on users.account_id = wanted.account_id and users.external_id = wanted.external_id
        "#,
        &account_ids,
        &external_ids as &[&str],
    )
    .fetch_all(executor)
    .await?;

    let known = rows.into_iter().map(|row| UserWithExternalId {
        account_id: row.account_id.into(),
        external_id: row.external_id,
        user_id: row.id.into(),
    });
    Ok(known.collect())
}

/// Gives the Users among `recipients` their external ids, unless they were named by one.
pub(crate) async fn add<'a>(
    executor: impl PgExecutor<'_>,
    account_id: AccountId,
    recipients: impl Iterator<Item = &'a mut Recipient>,
) -> sqlx::Result<()> {
    let mut users: Vec<_> = recipients
        .filter_map(|recipient| match recipient {
            Recipient::User(user) if user.external_id.is_none() => Some(user),
            Recipient::User(_) | Recipient::Device { .. } => None,
        })
        .collect();
    if users.is_empty() {
        return Ok(());
    }

    // One statement for the page, and none if every User was named by its external id.
    let ids: Vec<UserId> = users.iter().map(|user| user.id).collect();
    let known = of_users(executor, account_id, &ids).await?;
    for user in &mut users {
        user.external_id = known.get(&user.id).cloned();
    }
    Ok(())
}

/// The external ids of those Users of the account who have one.
async fn of_users(
    executor: impl PgExecutor<'_>,
    account_id: AccountId,
    ids: &[UserId],
) -> sqlx::Result<HashMap<UserId, String>> {
    let mut ids: Vec<Uuid> = ids.iter().map(|id| id.as_uuid()).collect();
    // A page of one User's notifications names the User many times.
    ids.sort_unstable();
    ids.dedup();

    let rows = sqlx::query!(
        r#"
        select id, external_id as "external_id!"
        from users
        where account_id = $1 and id = any($2) and external_id is not null
        "#,
        account_id.as_uuid(),
        &ids,
    )
    .fetch_all(executor)
    .await?;

    Ok(rows
        .into_iter()
        .map(|row| (row.id.into(), row.external_id))
        .collect())
}

/// Whose notifications are read.
pub(crate) enum RecordsOf<'a> {
    User(UserId),
    ExternalId(&'a str),
}

/// The ids under which notifications to a User are recorded: its own, those of Users that were merged into
/// it, and what stands for their external ids in sends that named them before a User had them. Of the
/// merged Users, the latest `most`.
pub(crate) async fn in_records(
    executor: impl PgExecutor<'_>,
    account_id: AccountId,
    of: RecordsOf<'_>,
    most: i64,
) -> sqlx::Result<Vec<UserId>> {
    let (id, external_id) = match of {
        RecordsOf::User(id) => (Some(id.as_uuid()), None),
        RecordsOf::ExternalId(external_id) => (None, Some(external_id)),
    };

    let rows = sqlx::query!(
        r#"
        with named as (
            select id, external_id
            from users
            where account_id = $1 and (id = $2 or external_id = $3)
        ),
        merged as (
            select merged_users.id, merged_users.external_id
            from merged_users
            where merged_users.account_id = $1
                and (merged_users.external_id = $3 or merged_users.into_id in (select named.id from named))
            order by merged_users.merged_at desc
            limit $4
        )
        select id as "id!", external_id from named
        union all
        select id, external_id from merged
        "#,
        account_id.as_uuid(),
        id,
        external_id,
        most,
    )
    .fetch_all(executor)
    .await?;

    let placeholder = |external_id: &str| UserId::of_external_id(account_id, external_id);
    // A User that is deleted is still in records.
    let mut ids: Vec<UserId> = id.map(UserId::from).into_iter().collect();
    ids.extend(external_id.map(placeholder));
    for row in rows {
        ids.push(row.id.into());
        ids.extend(row.external_id.as_deref().map(placeholder));
    }
    ids.sort_unstable();
    ids.dedup();

    Ok(ids)
}
