//! Device registrations: the devices of one User under one App.
//!
//! A token belongs to the User who registered it last, because it stands for one installation of an
//! App. Registering it for another User takes it from the first.
//!
//! Lock order: the account's imports, the token, the external id, Users, registrations, each in key order. Whatever changes
//! devices keeps to it, so no two transactions wait for each other. Each lock is a statement before
//! the one that relies on it, because a statement does not see what was committed while it waited.

use serde_json::Value;
use sqlx::{Connection, PgConnection, PgExecutor};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::model::apns_device::{Environment, TokenKind};
use crate::model::id::{AccountId, DeviceId, DeviceRegistrationId, UserId};
use crate::model::provider::Provider;
use crate::model::user_profile::ProfileChange;
use crate::store::device_owners::{
    lock_out_imports, lock_tokens, lock_users, lock_users_with_registrations, owners,
};
use crate::store::pool::Pool;
use crate::store::user_profiles::{self, ProfileError};

/// Most devices of a registration.
pub(super) const MAX_DEVICES: i64 = 50;

/// A registration without its devices.
pub(crate) struct DeviceRegistration {
    pub id: DeviceRegistrationId,
    pub app_name: String,
    pub user_id: UserId,
    /// The account's own id of the User.
    pub external_id: Option<String>,
    pub created_at: OffsetDateTime,
    /// When a device was last added, renewed or removed.
    pub updated_at: OffsetDateTime,
}

/// A token that a device may have.
pub(crate) struct KnownToken<'a> {
    pub account_id: AccountId,
    pub app_name: &'a str,
    pub provider: Provider,
    pub token_hash: &'a [u8],
    /// The hashes under which the device may be stored besides: of forms that older releases kept, and
    /// of a token that this one replaces.
    pub other_hashes: &'a [Vec<u8>],
}

impl KnownToken<'_> {
    pub(super) fn hashes(&self) -> Vec<&[u8]> {
        let others = self.other_hashes.iter().map(Vec::as_slice);
        std::iter::once(self.token_hash).chain(others).collect()
    }
}

pub(crate) struct NewDevice<'a> {
    /// The id of the device that has the token, or a new one. The seal of the token names it.
    pub id: Uuid,
    /// SHA-256 of the token is how it is found: sealing the same token twice gives two results. Tokens
    /// are long and random, so the hash reveals nothing.
    pub known: KnownToken<'a>,
    /// `None`: the User with the external id of the profile; without one, the User who has the token, or
    /// a new one.
    pub user_id: Option<UserId>,
    pub profile: &'a ProfileChange,
    /// Sealed.
    pub token: &'a [u8],
    /// What audiences choose the device by; `None`: those that it has.
    pub tags: Option<&'a Value>,
    /// `None`: what it has.
    pub environment: Option<Environment>,
    /// `None`: what it has.
    pub kind: Option<TokenKind>,
}

/// Where a device is registered.
pub(crate) struct Registered {
    pub registration_id: DeviceRegistrationId,
    pub user_id: UserId,
    pub device_id: DeviceId,
}

/// Why a device was not registered.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RegisterError {
    #[error("there is no such App")]
    NoApp,
    #[error("there is no such User")]
    NoUser,
    #[error("another User has this external id")]
    ExternalIdTaken(UserId),
    #[error("the User already has {MAX_DEVICES} devices in this App, which is the maximum")]
    TooManyDevices,
    #[error(transparent)]
    Database(#[from] sqlx::Error),
}

impl From<ProfileError> for RegisterError {
    fn from(error: ProfileError) -> Self {
        match error {
            ProfileError::NoUser => Self::NoUser,
            ProfileError::ExternalIdTaken(owner) => Self::ExternalIdTaken(owner),
            ProfileError::Database(error) => Self::Database(error),
        }
    }
}

/// The device that has a token; else the one that was registered last under one of the other hashes.
pub(crate) async fn device_with(
    executor: impl PgExecutor<'_>,
    token: &KnownToken<'_>,
) -> sqlx::Result<Option<Uuid>> {
    sqlx::query_scalar!(
        r#"
        select id
        from devices
        where account_id = $1 and app_name = $2 and provider = $3 and token_hash = any($4)
        order by token_hash = $5 desc, registered_at desc
        limit 1
        "#,
        token.account_id.as_uuid(),
        token.app_name,
        token.provider as Provider,
        &token.hashes() as &[&[u8]],
        token.token_hash,
    )
    .fetch_optional(executor)
    .await
}

/// Registers a device, or renews what is stored of it. Its token is taken from any other User of the
/// App.
pub(crate) async fn register(
    connection: &mut PgConnection,
    new: &NewDevice<'_>,
) -> Result<Registered, RegisterError> {
    let mut transaction = connection.begin().await?;

    if !lock_app(&mut transaction, new.known.account_id, new.known.app_name).await? {
        return Err(RegisterError::NoApp);
    }
    lock_out_imports(&mut transaction, new.known.account_id).await?;
    lock_tokens(&mut transaction, &new.known.hashes()).await?;
    let user_id = lock_users(&mut transaction, new).await?;
    if !new.profile.is_empty() {
        let account_id = new.known.account_id;
        user_profiles::apply(&mut transaction, account_id, user_id, new.profile).await?;
    }

    let id = upsert_registration(&mut transaction, new, user_id).await?;
    // Before its other forms are removed, so that the device keeps its id and its tags.
    rename(&mut transaction, new).await?;
    let left = take_from_others(&mut transaction, &new.known, id).await?;
    // Once no other registration has the token: it is unique in its App.
    let device_id = upsert_device(&mut transaction, new, id).await?;
    // After the insert: a registration that loses one form of the token may be the one that gets
    // the new form.
    note_left(&mut transaction, &left).await?;

    // Counted after the insert: a device that was only renewed is not one more.
    if count_devices(&mut transaction, id).await? > MAX_DEVICES {
        // The transaction is dropped with the error, and with it all that was written above.
        return Err(RegisterError::TooManyDevices);
    }

    transaction.commit().await?;
    Ok(Registered {
        registration_id: id,
        user_id,
        device_id,
    })
}

/// Removes the device that has a token, under any of its hashes. Returns `false` if there is none.
pub(crate) async fn remove(
    connection: &mut PgConnection,
    token: &KnownToken<'_>,
) -> sqlx::Result<bool> {
    let mut transaction = connection.begin().await?;
    lock_out_imports(&mut transaction, token.account_id).await?;
    lock_tokens(&mut transaction, &token.hashes()).await?;
    // The token is locked, so no other transaction gives it to another User meanwhile.
    let owners = owners(&mut transaction, token).await?;
    lock_users_with_registrations(&mut transaction, token, &owners).await?;

    let left = sqlx::query_scalar!(
        r#"
        delete from devices
        where account_id = $1 and app_name = $2 and provider = $3 and token_hash = any($4)
        returning registration_id
        "#,
        token.account_id.as_uuid(),
        token.app_name,
        token.provider as Provider,
        &token.hashes() as &[&[u8]],
    )
    .fetch_all(&mut *transaction)
    .await?;

    note_left(&mut transaction, &left).await?;
    transaction.commit().await?;
    Ok(!left.is_empty())
}

/// Keeps the App from being deleted until the transaction ends. Returns `false` if there is none.
async fn lock_app(
    connection: &mut PgConnection,
    account_id: AccountId,
    name: &str,
) -> sqlx::Result<bool> {
    let found = sqlx::query!(
        r#"
        select name
        from apps
        where account_id = $1 and name = $2
        for key share
        "#,
        account_id.as_uuid(),
        name,
    )
    .fetch_optional(connection)
    .await?;

    Ok(found.is_some())
}

async fn upsert_registration(
    connection: &mut PgConnection,
    new: &NewDevice<'_>,
    user_id: UserId,
) -> sqlx::Result<DeviceRegistrationId> {
    let id = sqlx::query_scalar!(
        r#"
        insert into device_registrations (id, account_id, app_name, user_id)
        values ($1, $2, $3, $4)
        on conflict on constraint device_registrations_of_user do update set updated_at = now()
        returning id
        "#,
        DeviceRegistrationId::generate().as_uuid(),
        new.known.account_id.as_uuid(),
        new.known.app_name,
        user_id.as_uuid(),
    )
    .fetch_one(connection)
    .await?;

    Ok(id.into())
}

/// Gives the device the token under its hash, if it is stored under one of the others.
async fn rename(connection: &mut PgConnection, new: &NewDevice<'_>) -> sqlx::Result<()> {
    let known = &new.known;

    sqlx::query!(
        r#"
        update devices
        set token = $6, token_hash = $5, is_normalized = true
        where id = $7
            and account_id = $1
            and app_name = $2
            and provider = $3
            and token_hash = any($4)
            and not exists (
                select
                from devices as other
                where other.account_id = $1
                    and other.app_name = $2
                    and other.provider = $3
                    and other.token_hash = $5
            )
        "#,
        known.account_id.as_uuid(),
        known.app_name,
        known.provider as Provider,
        known.other_hashes,
        known.token_hash,
        new.token,
        new.id,
    )
    .execute(connection)
    .await
    .map(drop)
}

/// Takes the token from any other registration than `id`, and removes what is stored under its other
/// hashes. Returns the registrations that lose a device.
async fn take_from_others(
    connection: &mut PgConnection,
    token: &KnownToken<'_>,
    id: DeviceRegistrationId,
) -> sqlx::Result<Vec<Uuid>> {
    sqlx::query_scalar!(
        r#"
        delete from devices
        where account_id = $1
            and app_name = $2
            and provider = $3
            and token_hash = any($4)
            and (registration_id <> $5 or token_hash <> $6)
        returning registration_id
        "#,
        token.account_id.as_uuid(),
        token.app_name,
        token.provider as Provider,
        &token.hashes() as &[&[u8]],
        id.as_uuid(),
        token.token_hash,
    )
    .fetch_all(&mut *connection)
    .await
}

/// Notes that devices have left `registrations`, and deletes those that have no device any more: a
/// registration has at least one. The caller has locked them and their Users.
pub(super) async fn note_left(
    connection: &mut PgConnection,
    registrations: &[Uuid],
) -> sqlx::Result<()> {
    sqlx::query!(
        r#"
        with owner as (
            update users
            set updated_at = now()
            where id in (
                select device_registrations.user_id
                from device_registrations
                where device_registrations.id = any($1)
            )
        ),
        remaining as (
            update device_registrations
            set updated_at = now()
            where id = any($1)
                and exists (select from devices where devices.registration_id = device_registrations.id)
        )
        delete from device_registrations
        where id = any($1)
            and not exists (select from devices where devices.registration_id = device_registrations.id)
        "#,
        registrations,
    )
    .execute(connection)
    .await
    .map(drop)
}

async fn upsert_device(
    connection: &mut PgConnection,
    new: &NewDevice<'_>,
    id: DeviceRegistrationId,
) -> sqlx::Result<DeviceId> {
    let device_id = sqlx::query_scalar!(
        r#"
        insert into devices (
            id, registration_id, account_id, app_name, provider, token, token_hash, tags, is_normalized, environment, kind
        )
        values ($1, $2, $3, $4, $5, $6, $7, $8, true, $9, $10)
        on conflict on constraint devices_one_owner
            do update set
                -- Sealed for another device, if that one was registered a moment ago.
                token = case when devices.id = excluded.id then excluded.token else devices.token end,
                tags = coalesce(excluded.tags, devices.tags),
                environment = coalesce(excluded.environment, devices.environment),
                kind = coalesce(excluded.kind, devices.kind),
                registered_at = now()
        returning id
        "#,
        new.id,
        id.as_uuid(),
        new.known.account_id.as_uuid(),
        new.known.app_name,
        new.known.provider as Provider,
        new.token,
        new.known.token_hash,
        new.tags,
        new.environment.map(Environment::as_str),
        new.kind.map(TokenKind::as_str),
    )
    .fetch_one(connection)
    .await?;

    Ok(device_id.into())
}

async fn count_devices(
    connection: &mut PgConnection,
    id: DeviceRegistrationId,
) -> sqlx::Result<i64> {
    sqlx::query_scalar!(
        r#"select count(*) as "count!" from devices where registration_id = $1"#,
        id.as_uuid(),
    )
    .fetch_one(connection)
    .await
}

pub(crate) struct DeviceRegistrationFilter<'a> {
    pub user_id: UserId,
    pub app_name: Option<&'a str>,
    /// Older than this one.
    pub after: Option<DeviceRegistrationId>,
    pub limit: i64,
}

/// The registrations of a User, newest first.
pub(crate) async fn list(
    executor: impl PgExecutor<'_>,
    account_id: AccountId,
    filter: &DeviceRegistrationFilter<'_>,
) -> sqlx::Result<Vec<DeviceRegistration>> {
    sqlx::query_as!(
        DeviceRegistration,
        r#"
        -- Read first: the User's few registrations, and not all by their id until enough are the User's.
        with of_user as materialized (
            select id, account_id, app_name, user_id, created_at, updated_at
            from device_registrations
            where user_id = $2
        )
        select
            of_user.id,
            of_user.app_name,
            of_user.user_id,
            users.external_id,
            of_user.created_at,
            of_user.updated_at
        from of_user
        join users on users.id = of_user.user_id
        where of_user.account_id = $1
            and ($3::text is null or of_user.app_name = $3)
            and ($4::uuid is null or of_user.id < $4)
        order by of_user.id desc
        limit $5
        "#,
        account_id.as_uuid(),
        filter.user_id.as_uuid(),
        filter.app_name,
        filter.after.map(DeviceRegistrationId::as_uuid),
        filter.limit,
    )
    .fetch_all(executor)
    .await
}

pub(crate) async fn fetch(
    executor: impl PgExecutor<'_>,
    account_id: AccountId,
    id: DeviceRegistrationId,
) -> sqlx::Result<Option<DeviceRegistration>> {
    sqlx::query_as!(
        DeviceRegistration,
        r#"
        select
            device_registrations.id,
            device_registrations.app_name,
            device_registrations.user_id,
            users.external_id,
            device_registrations.created_at,
            device_registrations.updated_at
        from device_registrations
        join users on users.id = device_registrations.user_id
        where device_registrations.account_id = $1 and device_registrations.id = $2
        "#,
        account_id.as_uuid(),
        id.as_uuid(),
    )
    .fetch_optional(executor)
    .await
}

/// Deletes a registration with its devices. Returns `false` if the account has no such registration.
pub(crate) async fn delete(
    pool: &Pool,
    account_id: AccountId,
    id: DeviceRegistrationId,
) -> sqlx::Result<bool> {
    pool.transaction(async |connection: &mut PgConnection| {
        lock_out_imports(&mut *connection, account_id).await?;
        // Locks the User before the registration, in the lock order of this module.
        sqlx::query!(
            r#"
            update users
            set updated_at = now()
            where id = (select user_id from device_registrations where account_id = $1 and id = $2)
            "#,
            account_id.as_uuid(),
            id.as_uuid(),
        )
        .execute(&mut *connection)
        .await?;

        let deleted = sqlx::query!(
            "delete from device_registrations where account_id = $1 and id = $2",
            account_id.as_uuid(),
            id.as_uuid(),
        )
        .execute(connection)
        .await?;
        Ok(deleted.rows_affected() == 1)
    })
    .await
}
