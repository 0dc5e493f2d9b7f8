//! Devices, on which a User is reached.

use serde_json::Value;
use sqlx::{PgConnection, PgExecutor};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::model::apns_device::{Environment, TokenKind};
use crate::model::id::{AccountId, DeviceId, DeviceRegistrationId, UserId};
use crate::model::provider::Provider;
use crate::model::user_profile::OptOut;
use crate::store::device_owners::lock_out_imports;
use crate::store::device_registrations::note_left;
use crate::store::pool::Pool;

pub(crate) struct Device {
    pub id: Uuid,
    pub registration_id: DeviceRegistrationId,
    pub provider: Provider,
    /// Sealed.
    pub token: Vec<u8>,
    /// What audiences choose it by.
    pub tags: Option<Value>,
    pub environment: Option<String>,
    pub kind: Option<String>,
}

/// A User whose devices delivery asks for.
pub(crate) struct DevicesOf<'a> {
    pub account_id: AccountId,
    pub app_name: &'a str,
    pub user_id: UserId,
    /// Only devices with all of these.
    pub tags: Option<&'a Value>,
    /// Only devices that fulfil this jsonpath predicate.
    pub predicate: Option<&'a str>,
}

/// A device of a User, for delivery.
pub(crate) struct UserDevice {
    /// Index of its User in the slice that was asked for.
    pub index: usize,
    /// The User that has it now: the one that was asked for may have been merged into it.
    pub user_id: UserId,
    pub id: Uuid,
    pub provider: Provider,
    /// Sealed.
    pub token: Vec<u8>,
    pub environment: Option<Environment>,
    pub kind: Option<TokenKind>,
    /// What its User does not want.
    pub opt_out: OptOut,
}

impl UserDevice {
    /// See [`message_id`].
    pub(crate) fn message_id(&self, notification: Uuid) -> Uuid {
        message_id(self.id, notification)
    }
}

/// The id under which a provider knows the message of `notification` to one of a User's devices:
/// another for each device, and the same in every attempt.
pub(crate) fn message_id(device: Uuid, notification: Uuid) -> Uuid {
    Uuid::new_v5(&device, notification.as_bytes())
}

/// A device whose token is dead.
#[derive(Debug, Clone, Copy)]
pub(crate) struct DeadDevice {
    pub id: Uuid,
    /// When the token was known to be dead. A device that was registered later is alive.
    pub since: OffsetDateTime,
}

/// The devices of registrations, in the order of registration.
pub(crate) async fn of_registrations(
    executor: impl PgExecutor<'_>,
    ids: &[DeviceRegistrationId],
) -> sqlx::Result<Vec<Device>> {
    let ids: Vec<Uuid> = ids.iter().map(|id| id.as_uuid()).collect();

    // Without a limit: a page has at most 1,000 registrations, each of at most 50 devices.
    sqlx::query_as!(
        Device,
        r#"
        select id, registration_id, provider as "provider: Provider", token, tags, environment, kind
        from devices
        where registration_id = any($1)
        order by registration_id, id
        "#,
        &ids,
    )
    .fetch_all(executor)
    .await
}

/// The devices of many Users.
pub(crate) async fn of_users(
    executor: impl PgExecutor<'_>,
    users: &[DevicesOf<'_>],
) -> sqlx::Result<Vec<UserDevice>> {
    let account_ids: Vec<Uuid> = users.iter().map(|user| user.account_id.as_uuid()).collect();
    let app_names: Vec<&str> = users.iter().map(|user| user.app_name).collect();
    let user_ids: Vec<Uuid> = users.iter().map(|user| user.user_id.as_uuid()).collect();
    let tags: Vec<Option<&Value>> = users.iter().map(|user| user.tags).collect();
    // All Users of an Operation have its predicate, so it is sent and parsed once and not for each
    // User.
    let (predicates, predicate_indexes) = distinct(users.iter().map(|user| user.predicate));

    let rows = sqlx::query!(
        r#"
        -- Each is parsed once.
        with predicate as materialized (
            select listed.predicate::jsonpath as predicate, listed.index
            from unnest($6::text[]) with ordinality as listed (predicate, index)
        ),
        wanted as materialized (
            select
                named.account_id,
                named.app_name,
                named.user_id,
                named.tags,
                (select predicate.predicate from predicate where predicate.index = named.predicate) as predicate,
                case
                    when named.predicate is not null
                        then (select users.language from users where users.id = named.user_id)
                end as language,
                case
                    when named.predicate is not null
                        then (select users.timezone from users where users.id = named.user_id)
                end as timezone,
                named.index
            from (
                select
                    listed.account_id,
                    listed.app_name,
                    coalesce(merged_users.into_id, listed.user_id) as user_id,
                    listed.tags,
                    listed.predicate,
                    listed.index
                from unnest($1::uuid[], $2::text[], $3::uuid[], $4::jsonb[], $5::integer[])
                    with ordinality as listed (account_id, app_name, user_id, tags, predicate, index)
                left join merged_users on merged_users.id = listed.user_id
            ) as named
        )
        select
            wanted.index as "index!",
            wanted.user_id as "user_id!",
            devices.id,
            devices.provider as "provider: Provider",
            devices.token,
            devices.environment,
            devices.kind,
            users.opted_out,
            users.opted_out_tags
        from wanted
        -- By the User alone, and checked after that: while the table is new, Postgres might choose an index of the App's
        -- Users, and read all of them for each. The offset keeps the two steps apart.
        cross join lateral (
            select device_registrations.id, device_registrations.account_id, device_registrations.app_name
            from device_registrations
            where device_registrations.user_id = wanted.user_id
            offset 0
        ) as registration
        join users on users.id = wanted.user_id
        join devices on devices.registration_id = registration.id
        where registration.account_id = wanted.account_id
            and registration.app_name = wanted.app_name
            and (wanted.tags is null or devices.tags @> wanted.tags)
            and audience_admits(
                wanted.predicate, devices.provider, devices.tags, devices.registered_at, devices.last_seen_at,
                wanted.language, wanted.timezone
            )
        order by devices.id
        "#,
        &account_ids,
        &app_names as &[&str],
        &user_ids,
        &tags as &[Option<&Value>],
        &predicate_indexes as &[Option<i32>],
        &predicates as &[&str],
    )
    .fetch_all(executor)
    .await?;

    let devices = rows.into_iter().map(|row| UserDevice {
        index: (row.index - 1) as usize,
        user_id: row.user_id.into(),
        id: row.id,
        provider: row.provider,
        token: row.token,
        environment: row.environment.as_deref().and_then(Environment::named),
        kind: row.kind.as_deref().and_then(TokenKind::named),
        opt_out: OptOut {
            all: row.opted_out,
            tags: row.opted_out_tags,
        },
    });
    Ok(devices.collect())
}

/// The different ones of `predicates`, and for each of them its index there, from 1.
fn distinct<'a>(
    predicates: impl Iterator<Item = Option<&'a str>>,
) -> (Vec<&'a str>, Vec<Option<i32>>) {
    let mut known: Vec<&str> = Vec::new();

    let indexes = predicates.map(|predicate| {
        let predicate = predicate?;
        let index = known
            .iter()
            .position(|known| *known == predicate)
            .unwrap_or_else(|| {
                known.push(predicate);
                known.len() - 1
            });
        i32::try_from(index + 1).ok()
    });
    let indexes = indexes.collect();

    (known, indexes)
}

/// Removes dead devices, unless they have been registered since. Returns how many were removed.
pub(crate) async fn remove_dead(pool: &Pool, dead: &[DeadDevice]) -> sqlx::Result<usize> {
    let ids: Vec<Uuid> = dead.iter().map(|device| device.id).collect();
    let since: Vec<OffsetDateTime> = dead.iter().map(|device| device.since).collect();

    pool.transaction(async |connection: &mut PgConnection| {
        remove_known(connection, &ids, &since).await
    })
    .await
}

/// Removes the devices `ids`, each unless it was registered later than its time in `since`.
async fn remove_known(
    connection: &mut PgConnection,
    ids: &[Uuid],
    since: &[OffsetDateTime],
) -> sqlx::Result<usize> {
    // Before the delete: a registration of the same token either comes first and is seen, or waits.
    lock_owners(connection, ids).await?;

    let registrations = sqlx::query_scalar!(
        r#"
        with removed as (
            delete from devices
            using unnest($1::uuid[], $2::timestamptz[]) as dead (id, since)
            where devices.id = dead.id and devices.registered_at < dead.since
            returning
                devices.id, devices.registration_id, devices.account_id, devices.app_name, devices.provider, devices.token
        ),
        -- What src/model/webhook.rs calls a RemovedDevice.
        event as (
            insert into events (account_id, kind, data)
            select
                removed.account_id,
                'device.removed',
                jsonb_build_object(
                    'deviceId', removed.id,
                    'deviceRegistrationId', removed.registration_id,
                    'userId', device_registrations.user_id,
                    'externalId', users.external_id,
                    'appName', removed.app_name,
                    'provider', removed.provider,
                    'token', encode(removed.token, 'base64'),
                    'removedAt', now()
                )
            from removed
            join device_registrations on device_registrations.id = removed.registration_id
            join users on users.id = device_registrations.user_id
            where exists (
                select
                from webhooks
                where webhooks.account_id = removed.account_id
                    and webhooks.disabled_at is null
                    and 'device.removed' = any(webhooks.events)
            )
        )
        select removed.registration_id as "registration_id!" from removed
        "#,
        ids,
        since,
    )
    .fetch_all(&mut *connection)
    .await?;

    note_left(connection, &registrations).await?;
    Ok(registrations.len())
}

/// One device, by its id and its registration's.
pub(crate) struct DeviceOf {
    pub account_id: AccountId,
    pub registration_id: DeviceRegistrationId,
    pub id: DeviceId,
}

/// Removes a device. Its registration goes with the last one. Returns `false` if there is no such
/// device.
pub(crate) async fn remove(pool: &Pool, device: &DeviceOf) -> sqlx::Result<bool> {
    pool.transaction(async |connection: &mut PgConnection| {
        // An import writes back what it has read of a device.
        lock_out_imports(connection, device.account_id).await?;
        lock_owners(connection, &[device.id.as_uuid()]).await?;

        let left = sqlx::query_scalar!(
            r#"
            delete from devices
            where account_id = $1 and registration_id = $2 and id = $3
            returning registration_id
            "#,
            device.account_id.as_uuid(),
            device.registration_id.as_uuid(),
            device.id.as_uuid(),
        )
        .fetch_all(&mut *connection)
        .await?;

        note_left(connection, &left).await?;
        Ok(!left.is_empty())
    })
    .await
}

/// Replaces the tags of a device. Returns `false` if there is no such device.
pub(crate) async fn set_tags(pool: &Pool, device: &DeviceOf, tags: &Value) -> sqlx::Result<bool> {
    pool.transaction(async |connection: &mut PgConnection| {
        // An import writes back what it has read of a device.
        lock_out_imports(connection, device.account_id).await?;
        lock_owners(connection, &[device.id.as_uuid()]).await?;

        let changed = sqlx::query_scalar!(
            r#"
            update devices
            set tags = $4
            where account_id = $1 and registration_id = $2 and id = $3
            returning registration_id
            "#,
            device.account_id.as_uuid(),
            device.registration_id.as_uuid(),
            device.id.as_uuid(),
            tags,
        )
        .fetch_all(&mut *connection)
        .await?;

        // Its registration has changed, and has lost none.
        note_left(connection, &changed).await?;
        Ok(!changed.is_empty())
    })
    .await
}

/// Locks the Users of devices, then their registrations, each in key order, as
/// [`crate::store::device_registrations`] does: so neither waits for the other.
pub(super) async fn lock_owners(
    connection: &mut PgConnection,
    devices: &[Uuid],
) -> sqlx::Result<()> {
    sqlx::query!(
        r#"
        select id
        from users
        where id in (
            select device_registrations.user_id
            from device_registrations
            where device_registrations.id in (
                select devices.registration_id
                from devices
                where devices.id = any($1)
            )
        )
        order by id
        for update
        "#,
        devices,
    )
    .fetch_all(&mut *connection)
    .await?;

    sqlx::query!(
        r#"
        select id
        from device_registrations
        where id in (
            select devices.registration_id
            from devices
            where devices.id = any($1)
        )
        order by id
        for update
        "#,
        devices,
    )
    .fetch_all(connection)
    .await
    .map(drop)
}
