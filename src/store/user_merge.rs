//! Merging one User into another, who keeps the devices of both.
//!
//! A merge keeps other changes of the account's Users out, and locks both Users, in the order of their ids.
//! So of two merges that name the same Users, the second finds what the first has left: there is no cycle,
//! and a repeat changes nothing.

use serde_json::Value;
use sqlx::{PgConnection, PgExecutor};
use uuid::Uuid;

use crate::model::id::{AccountId, UserId};
use crate::store::device_owners::lock_out_changes;
use crate::store::device_registrations::MAX_DEVICES;
use crate::store::user_pushes;

/// Attempts to find and lock Users. They may be merged or deleted between the two.
const LOCK_ATTEMPTS: usize = 5;

/// Why Users were not merged.
#[derive(Debug, thiserror::Error)]
pub(crate) enum MergeError {
    #[error("there is no such User")]
    NoUser,
    #[error("there is no User to merge into")]
    NoTarget,
    #[error(
        "the Users have more than {MAX_DEVICES} devices together in the App '{app_name}', which is the maximum"
    )]
    TooManyDevices { app_name: String },
    #[error(transparent)]
    Database(#[from] sqlx::Error),
}

/// A User that is locked until the transaction ends, and its profile.
struct LockedUser {
    id: Uuid,
    external_id: Option<String>,
    language: Option<String>,
    timezone: Option<String>,
    variables: Option<Value>,
    opted_out: bool,
    opted_out_tags: Vec<String>,
}

/// The User with an id, or the one into whom that was merged.
pub(crate) async fn current(
    executor: impl PgExecutor<'_>,
    account_id: AccountId,
    id: UserId,
) -> sqlx::Result<Option<UserId>> {
    let found = sqlx::query_scalar!(
        r#"
        select id as "id!" from users where account_id = $1 and id = $2
        union all
        select into_id from merged_users where account_id = $1 and id = $2
        limit 1
        "#,
        account_id.as_uuid(),
        id.as_uuid(),
    )
    .fetch_optional(executor)
    .await?;

    Ok(found.map(UserId::from))
}

/// Merges the User `id` into another. Returns the User that is left: `into`, or the one into whom that was
/// merged before. If both are the same by now, nothing changes.
pub(crate) async fn merge(
    connection: &mut PgConnection,
    account_id: AccountId,
    id: UserId,
    into: UserId,
) -> Result<UserId, MergeError> {
    // Alone: registrations and other merges lock several Users, and one that finds a User gone would wait for
    // them in another order.
    lock_out_changes(&mut *connection, account_id).await?;

    for _ in 0..LOCK_ATTEMPTS {
        let source = current(&mut *connection, account_id, id).await?;
        let source = source.ok_or(MergeError::NoUser)?;
        let target = current(&mut *connection, account_id, into).await?;
        let target = target.ok_or(MergeError::NoTarget)?;
        if source == target {
            return Ok(target);
        }

        let mut locked = lock(&mut *connection, account_id, [source, target]).await?;
        let Some(target) = take(&mut locked, target) else {
            continue;
        };
        let Some(source) = take(&mut locked, source) else {
            continue;
        };

        move_devices(&mut *connection, source.id, target.id).await?;
        replace(connection, account_id, &source, &target).await?;
        return Ok(target.id.into());
    }

    Err(MergeError::NoUser)
}

fn take(locked: &mut Vec<LockedUser>, id: UserId) -> Option<LockedUser> {
    let index = locked.iter().position(|user| user.id == id.as_uuid())?;

    Some(locked.swap_remove(index))
}

/// Locks two Users with their registrations. Returns those that are still there.
async fn lock(
    connection: &mut PgConnection,
    account_id: AccountId,
    users: [UserId; 2],
) -> sqlx::Result<Vec<LockedUser>> {
    let ids = users.map(UserId::as_uuid);

    let locked = sqlx::query_as!(
        LockedUser,
        r#"
        select id, external_id, language, timezone, variables, opted_out, opted_out_tags
        from users
        where account_id = $1 and id = any($2)
        order by id
        for update
        "#,
        account_id.as_uuid(),
        &ids,
    )
    .fetch_all(&mut *connection)
    .await?;

    sqlx::query!(
        r#"
        select id
        from device_registrations
        where user_id = any($1)
        order by id
        for update
        "#,
        &ids,
    )
    .fetch_all(connection)
    .await?;

    Ok(locked)
}

/// Gives `target` the devices of `source`: in an App in which it has none, with their registration.
async fn move_devices(
    connection: &mut PgConnection,
    source: Uuid,
    target: Uuid,
) -> Result<(), MergeError> {
    let changed = sqlx::query_scalar!(
        r#"
        with pair as (
            select of_source.id as from_id, of_target.id as to_id
            from device_registrations as of_source
            join device_registrations as of_target
                on of_target.account_id = of_source.account_id
                and of_target.app_name = of_source.app_name
                and of_target.user_id = $2
            where of_source.user_id = $1
        ),
        moved as (
            update devices
            set registration_id = pair.to_id
            from pair
            where devices.registration_id = pair.from_id
        )
        update device_registrations
        set updated_at = now()
        from pair
        where device_registrations.id = pair.to_id
        returning device_registrations.id
        "#,
        source,
        target,
    )
    .fetch_all(&mut *connection)
    .await?;

    // Counted by a statement of its own, which sees what was moved.
    let full = sqlx::query_scalar!(
        r#"
        select device_registrations.app_name
        from device_registrations
        join devices on devices.registration_id = device_registrations.id
        where device_registrations.id = any($1)
        group by device_registrations.id, device_registrations.app_name
        having count(*) > $2
        limit 1
        "#,
        &changed,
        MAX_DEVICES,
    )
    .fetch_optional(&mut *connection)
    .await?;
    if let Some(app_name) = full {
        // The caller drops the transaction, and with it what was moved.
        return Err(MergeError::TooManyDevices { app_name });
    }

    sqlx::query!(
        r#"
        update device_registrations
        set user_id = $2, updated_at = now()
        where user_id = $1
            and not exists (
                select
                from device_registrations as of_target
                where of_target.account_id = device_registrations.account_id
                    and of_target.app_name = device_registrations.app_name
                    and of_target.user_id = $2
            )
        "#,
        source,
        target,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Deletes `source`, which has no devices any more, and gives `target` what that lacks of its profile.
async fn replace(
    connection: &mut PgConnection,
    account_id: AccountId,
    source: &LockedUser,
    target: &LockedUser,
) -> sqlx::Result<()> {
    // Those that were merged into it would go with it.
    sqlx::query!(
        "update merged_users set into_id = $2 where into_id = $1",
        source.id,
        target.id,
    )
    .execute(&mut *connection)
    .await?;

    // A cap counts for the person, so the pushes to both Users count together from here on.
    user_pushes::merge(&mut *connection, source.id, target.id).await?;
    // Its external id is free from here on.
    sqlx::query!("delete from users where id = $1", source.id)
        .execute(&mut *connection)
        .await?;

    sqlx::query!(
        "insert into merged_users (id, account_id, into_id, external_id) values ($1, $2, $3, $4)",
        source.id,
        account_id.as_uuid(),
        target.id,
        source.external_id.as_deref(),
    )
    .execute(&mut *connection)
    .await?;

    sqlx::query!(
        r#"
        update users
        set external_id = coalesce(external_id, $2),
            language = coalesce(language, $3),
            timezone = coalesce(timezone, $4),
            variables = coalesce(variables, $5),
            opted_out = $6,
            opted_out_tags = $7,
            updated_at = now()
        where id = $1
        "#,
        target.id,
        source.external_id.as_deref(),
        source.language.as_deref(),
        source.timezone.as_deref(),
        source.variables.as_ref() as Option<&Value>,
        source.opted_out || target.opted_out,
        &union(&target.opted_out_tags, &source.opted_out_tags),
    )
    .execute(connection)
    .await
    .map(drop)
}

/// The tags of both, each once. What one of them did not want, the User does not get.
fn union(first: &[String], second: &[String]) -> Vec<String> {
    let mut tags = first.to_vec();
    for tag in second {
        if !tags.contains(tag) {
            tags.push(tag.clone());
        }
    }

    tags
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_of_both_are_kept_once() {
        let of =
            |tags: &[&str]| -> Vec<String> { tags.iter().map(|tag| (*tag).to_owned()).collect() };

        assert_eq!(
            union(&of(&["a", "b"]), &of(&["b", "c"])),
            of(&["a", "b", "c"])
        );
        assert!(union(&[], &[]).is_empty());
    }
}
