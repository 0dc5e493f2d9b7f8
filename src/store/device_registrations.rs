//! Device registrations: the devices of one User under one App.
//!
//! A token belongs to the User who registered it last, because it stands for one installation of an
//! App. Registering it for another User takes it from the first.
//!
//! Lock order: the token, then Users, then registrations, each in key order. Whatever changes
//! devices keeps to it, so no two transactions wait for each other. Each lock is a statement before
//! the one that relies on it, because a statement does not see what was committed while it waited.

use serde_json::Value;
use sqlx::{Connection, PgConnection, PgExecutor};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::model::id::{AccountId, DeviceRegistrationId, UserId};
use crate::model::provider::Provider;

/// Most devices of a registration.
const MAX_DEVICES: i64 = 50;

/// A registration without its devices.
pub(crate) struct DeviceRegistration {
    pub id: DeviceRegistrationId,
    pub app_name: String,
    pub user_id: UserId,
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
}

pub(crate) struct NewDevice<'a> {
    /// The id of the device that has the token, or a new one. The seal of the token names it.
    pub id: Uuid,
    pub account_id: AccountId,
    pub app_name: &'a str,
    /// `None`: a new User.
    pub user_id: Option<UserId>,
    pub provider: Provider,
    /// Sealed.
    pub token: &'a [u8],
    /// SHA-256 of the token, by which it is found: sealing the same token twice gives two results.
    /// Tokens are long and random, so the hash reveals nothing.
    pub token_hash: &'a [u8],
    /// What audiences choose the device by.
    pub tags: Option<&'a Value>,
}

/// Why a device was not registered.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RegisterError {
    #[error("there is no such App")]
    NoApp,
    #[error("there is no such User")]
    NoUser,
    #[error("the User already has {MAX_DEVICES} devices in this App, which is the maximum")]
    TooManyDevices,
    #[error(transparent)]
    Database(#[from] sqlx::Error),
}

/// The device that has a token.
pub(crate) async fn device_with(
    executor: impl PgExecutor<'_>,
    token: &KnownToken<'_>,
) -> sqlx::Result<Option<Uuid>> {
    sqlx::query_scalar!(
        r#"
        select id
        from devices
        where account_id = $1 and app_name = $2 and provider = $3 and token_hash = $4
        "#,
        token.account_id.as_uuid(),
        token.app_name,
        token.provider as Provider,
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
) -> Result<DeviceRegistrationId, RegisterError> {
    let mut transaction = connection.begin().await?;

    if !lock_app(&mut transaction, new.account_id, new.app_name).await? {
        return Err(RegisterError::NoApp);
    }
    let owner = lock_token(&mut transaction, new).await?;
    let user_id = lock_users(&mut transaction, new, owner).await?;

    let id = upsert_registration(&mut transaction, new, user_id).await?;
    take_from_others(&mut transaction, new, id).await?;
    upsert_device(&mut transaction, new, id).await?;

    // Counted after the insert: a device that was only renewed is not one more.
    if count_devices(&mut transaction, id).await? > MAX_DEVICES {
        return Err(RegisterError::TooManyDevices);
    }

    transaction.commit().await?;
    Ok(id)
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

/// Makes registrations of one token follow each other. Returns the User who has it.
async fn lock_token(
    connection: &mut PgConnection,
    new: &NewDevice<'_>,
) -> sqlx::Result<Option<Uuid>> {
    sqlx::query!(
        "select pg_advisory_xact_lock(hashtextextended(encode($1, 'hex'), 0))",
        new.token_hash,
    )
    .execute(&mut *connection)
    .await?;

    sqlx::query_scalar!(
        r#"
        select device_registrations.user_id
        from devices
        join device_registrations on device_registrations.id = devices.registration_id
        where devices.account_id = $1
            and devices.app_name = $2
            and devices.provider = $3
            and devices.token_hash = $4
        "#,
        new.account_id.as_uuid(),
        new.app_name,
        new.provider as Provider,
        new.token_hash,
    )
    .fetch_optional(connection)
    .await
}

/// Locks the User and the token's `owner` with their registrations, so that registrations of one
/// User follow each other and the limit of devices holds. Returns the User, a new one if none is
/// named.
async fn lock_users(
    connection: &mut PgConnection,
    new: &NewDevice<'_>,
    owner: Option<Uuid>,
) -> Result<UserId, RegisterError> {
    let named = new.user_id.map(UserId::as_uuid);
    let ids: Vec<Uuid> = named.into_iter().chain(owner).collect();

    let locked = sqlx::query_scalar!(
        r#"
        select id
        from users
        where account_id = $1 and id = any($2)
        order by id
        for update
        "#,
        new.account_id.as_uuid(),
        &ids,
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
        new.account_id.as_uuid(),
        new.app_name,
        &ids,
    )
    .fetch_all(&mut *connection)
    .await?;

    match new.user_id {
        Some(id) if locked.contains(&id.as_uuid()) => {
            touch_user(connection, id).await?;
            Ok(id)
        }
        Some(_) => Err(RegisterError::NoUser),
        None => Ok(create_user(connection, new.account_id).await?),
    }
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
        new.account_id.as_uuid(),
        new.app_name,
        user_id.as_uuid(),
    )
    .fetch_one(connection)
    .await?;

    Ok(id.into())
}

/// Takes the token from any other registration than `id`.
async fn take_from_others(
    connection: &mut PgConnection,
    new: &NewDevice<'_>,
    id: DeviceRegistrationId,
) -> sqlx::Result<()> {
    let left = sqlx::query_scalar!(
        r#"
        delete from devices
        where account_id = $1 and app_name = $2 and provider = $3 and token_hash = $4 and registration_id <> $5
        returning registration_id
        "#,
        new.account_id.as_uuid(),
        new.app_name,
        new.provider as Provider,
        new.token_hash,
        id.as_uuid(),
    )
    .fetch_all(&mut *connection)
    .await?;

    note_left(connection, &left).await
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
) -> sqlx::Result<()> {
    sqlx::query!(
        r#"
        insert into devices (id, registration_id, account_id, app_name, provider, token, token_hash, tags)
        values ($1, $2, $3, $4, $5, $6, $7, $8)
        on conflict on constraint devices_one_owner
            do update set
                -- Sealed for another device, if that one was registered a moment ago.
                token = case when devices.id = excluded.id then excluded.token else devices.token end,
                tags = excluded.tags,
                registered_at = now()
        "#,
        new.id,
        id.as_uuid(),
        new.account_id.as_uuid(),
        new.app_name,
        new.provider as Provider,
        new.token,
        new.token_hash,
        new.tags,
    )
    .execute(connection)
    .await
    .map(drop)
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
        select id, app_name, user_id, created_at, updated_at
        from of_user
        where account_id = $1
            and ($3::text is null or app_name = $3)
            and ($4::uuid is null or id < $4)
        order by id desc
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
        select id, app_name, user_id, created_at, updated_at
        from device_registrations
        where account_id = $1 and id = $2
        "#,
        account_id.as_uuid(),
        id.as_uuid(),
    )
    .fetch_optional(executor)
    .await
}

/// Deletes a registration with its devices. Returns `false` if the account has no such registration.
pub(crate) async fn delete(
    executor: impl PgExecutor<'_>,
    account_id: AccountId,
    id: DeviceRegistrationId,
) -> sqlx::Result<bool> {
    let deleted = sqlx::query!(
        "delete from device_registrations where account_id = $1 and id = $2",
        account_id.as_uuid(),
        id.as_uuid(),
    )
    .execute(executor)
    .await?;

    Ok(deleted.rows_affected() == 1)
}
