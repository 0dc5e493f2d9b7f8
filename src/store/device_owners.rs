//! Who has a token, and who gets it: locks the Users of a registration and chooses the one whose device
//! it is. The order of locks is in [`crate::store::device_registrations`].

use sqlx::PgConnection;
use uuid::Uuid;

use crate::model::id::{AccountId, UserId};
use crate::model::provider::Provider;
use crate::store::device_registrations::{KnownToken, NewDevice, RegisterError};
use crate::store::{user_merge, user_profiles};

/// Attempts to find and lock a User. The User may be deleted between the two.
const LOCK_ATTEMPTS: usize = 5;

/// Keeps imports of the account from changing Users and devices until the transaction ends: an import
/// handles many at once, and takes no locks for each.
pub(super) async fn lock_out_imports(
    connection: &mut PgConnection,
    account_id: AccountId,
) -> sqlx::Result<()> {
    // Shared: registrations of an account wait here for its imports, and not for each other.
    sqlx::query!(
        "select pg_advisory_xact_lock_shared(hashtextextended($1::uuid::text, 2))",
        account_id.as_uuid(),
    )
    .execute(connection)
    .await
    .map(drop)
}

/// Keeps all others from changing the account's Users and devices until the transaction ends.
pub(super) async fn lock_out_changes(
    connection: &mut PgConnection,
    account_id: AccountId,
) -> sqlx::Result<()> {
    sqlx::query!(
        "select pg_advisory_xact_lock(hashtextextended($1::uuid::text, 2))",
        account_id.as_uuid(),
    )
    .execute(connection)
    .await
    .map(drop)
}

/// Makes registrations of one token follow each other. Those with several tokens take them in the same
/// order.
pub(super) async fn lock_tokens(
    connection: &mut PgConnection,
    hashes: &[&[u8]],
) -> sqlx::Result<()> {
    let mut hashes = hashes.to_vec();
    hashes.sort_unstable();
    hashes.dedup();

    // A statement for each: within one statement, Postgres does not promise the order in which it
    // takes them.
    for hash in hashes {
        sqlx::query!(
            "select pg_advisory_xact_lock(hashtextextended(encode($1, 'hex'), 0))",
            hash,
        )
        .execute(&mut *connection)
        .await?;
    }
    Ok(())
}

/// The Users who have a token that is locked, the one first whose registration counts.
pub(super) async fn owners(
    connection: &mut PgConnection,
    token: &KnownToken<'_>,
) -> sqlx::Result<Vec<Uuid>> {
    sqlx::query_scalar!(
        r#"
        select device_registrations.user_id
        from devices
        join device_registrations on device_registrations.id = devices.registration_id
        where devices.account_id = $1
            and devices.app_name = $2
            and devices.provider = $3
            and devices.token_hash = any($4)
        order by devices.token_hash = $5 desc, devices.registered_at desc
        "#,
        token.account_id.as_uuid(),
        token.app_name,
        token.provider as Provider,
        &token.hashes() as &[&[u8]],
        token.token_hash,
    )
    .fetch_all(connection)
    .await
}

/// Locks the User and the owners of the token with their registrations, so that registrations of one
/// User follow each other and the limit of devices holds. Returns the User: the one that is named by id or
/// external id, else the first owner, else a new one.
pub(super) async fn lock_users(
    connection: &mut PgConnection,
    new: &NewDevice<'_>,
) -> Result<UserId, RegisterError> {
    let account_id = new.known.account_id;
    let external_id = new.profile.new_external_id();
    // Before any User is read: of two requests with the same new external id, the second finds the
    // User that the first has made.
    if let Some(external_id) = external_id {
        user_profiles::lock_external_id(&mut *connection, account_id, external_id).await?;
    }

    for _ in 0..LOCK_ATTEMPTS {
        // Found without a lock and then locked: the order of the locks is known only when all Users
        // are.
        let named = named_user(&mut *connection, new).await?;
        let owners = owners(&mut *connection, &new.known).await?;

        let ids: Vec<Uuid> = named
            .map(UserId::as_uuid)
            .into_iter()
            .chain(owners.iter().copied())
            .collect();
        let locked = lock_users_with_registrations(&mut *connection, &new.known, &ids).await?;
        // One that is not was deleted or merged after it had been found.
        if !ids
            .iter()
            .all(|id| locked.iter().any(|user| user.id == *id))
        {
            continue;
        }

        // All are locked, so what was found still holds.
        return match named {
            Some(id) => {
                touch_user(connection, id).await?;
                Ok(id)
            }
            None => first_owner_or_new(connection, new, &owners, &locked).await,
        };
    }

    Err(RegisterError::NoUser)
}

/// The User whom a registration names, by id or external id; `None`: it names none, or no User has the
/// external id.
async fn named_user(
    connection: &mut PgConnection,
    new: &NewDevice<'_>,
) -> Result<Option<UserId>, RegisterError> {
    let account_id = new.known.account_id;

    match (new.user_id, new.profile.new_external_id()) {
        (Some(id), _) => {
            // An app may still know a User that was merged.
            let user = user_merge::current(connection, account_id, id).await?;
            user.map(Some).ok_or(RegisterError::NoUser)
        }
        (None, Some(id)) => Ok(user_profiles::with_external_id(connection, account_id, id).await?),
        (None, None) => Ok(None),
    }
}

/// The first of `owners` that may have the device, else a new User. One with another external id is
/// another person, who has used the device before.
async fn first_owner_or_new(
    connection: &mut PgConnection,
    new: &NewDevice<'_>,
    owners: &[Uuid],
    locked: &[LockedUser],
) -> Result<UserId, RegisterError> {
    let has_new_id = new.profile.new_external_id().is_some();
    let is_possible = |user: &LockedUser| !has_new_id || user.external_id.is_none();
    // In the order of `owners` and not of the locks: the first owner has the registration that
    // counts.
    let owner = owners.iter().find_map(|owner| {
        locked
            .iter()
            .find(|user| user.id == *owner && is_possible(user))
    });

    match owner {
        Some(owner) => {
            let id = UserId::from(owner.id);
            touch_user(connection, id).await?;
            Ok(id)
        }
        None => Ok(create_user(connection, new.known.account_id).await?),
    }
}

/// A User that is locked until the transaction ends.
pub(super) struct LockedUser {
    id: Uuid,
    external_id: Option<String>,
}

/// Returns those of `users` that the account has.
pub(super) async fn lock_users_with_registrations(
    connection: &mut PgConnection,
    token: &KnownToken<'_>,
    users: &[Uuid],
) -> sqlx::Result<Vec<LockedUser>> {
    // Users before their registrations, and registrations of this App alone: no other can get or
    // lose the device.
    let locked = sqlx::query_as!(
        LockedUser,
        r#"
        select id, external_id
        from users
        where account_id = $1 and id = any($2)
        order by id
        for update
        "#,
        token.account_id.as_uuid(),
        users,
    )
    .fetch_all(&mut *connection)
    .await?;

    sqlx::query!(
        r#"
        select id
        from device_registrations
        where account_id = $1 and app_name = $2 and user_id = any($3)
        order by id
        for update
        "#,
        token.account_id.as_uuid(),
        token.app_name,
        users,
    )
    .fetch_all(&mut *connection)
    .await?;

    Ok(locked)
}

async fn touch_user(connection: &mut PgConnection, id: UserId) -> sqlx::Result<()> {
    sqlx::query!(
        "update users set updated_at = now() where id = $1",
        id.as_uuid(),
    )
    .execute(connection)
    .await
    .map(drop)
}

async fn create_user(connection: &mut PgConnection, account_id: AccountId) -> sqlx::Result<UserId> {
    let id = UserId::generate();
    sqlx::query!(
        "insert into users (id, account_id) values ($1, $2)",
        id.as_uuid(),
        account_id.as_uuid(),
    )
    .execute(connection)
    .await?;

    Ok(id)
}
