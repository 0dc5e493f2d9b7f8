//! Finds a person by what a support team has of a device token.

use sqlx::PgExecutor;
use uuid::Uuid;

use crate::model::id::{AccountId, UserId};

/// Users, the newest first, whose devices a search by the ends of a token reads.
const MAX_USERS: i64 = 5_000;
/// Devices that it reads.
const MAX_DEVICES: i64 = 10_000;

/// A registered device.
pub(crate) struct PersonsDevice {
    pub id: Uuid,
    pub user_id: UserId,
    /// Sealed.
    pub token: Vec<u8>,
}

/// The Users who have a device with one of these hashes of tokens, in any App.
pub(crate) async fn by_token_hash(
    executor: impl PgExecutor<'_>,
    account_id: AccountId,
    hashes: &[Vec<u8>],
) -> sqlx::Result<Vec<UserId>> {
    // Several hashes, because an older release may have stored the token in another letter case.
    let rows = sqlx::query_scalar!(
        r#"
        -- By App and provider, since the index of tokens begins with them.
        select distinct device_registrations.user_id
        from apps
        cross join unnest(enum_range(null::provider)) as providers (provider)
        cross join unnest($2::bytea[]) as wanted (token_hash)
        -- One look into the index for each, whatever Postgres knows of the table.
        cross join lateral (
            select devices.registration_id
            from devices
            where devices.account_id = $1
                and devices.app_name = apps.name
                and devices.provider = providers.provider
                and devices.token_hash = wanted.token_hash
            limit 1
        ) as device
        join device_registrations on device_registrations.id = device.registration_id
        where apps.account_id = $1
        limit 20
        "#,
        account_id.as_uuid(),
        hashes,
    )
    .fetch_all(executor)
    .await?;

    Ok(rows.into_iter().map(UserId::from).collect())
}

/// Devices of the account's newest Users, to be compared with what is known of a token.
pub(crate) async fn newest_devices(
    executor: impl PgExecutor<'_>,
    account_id: AccountId,
) -> sqlx::Result<Vec<PersonsDevice>> {
    // Tokens are sealed, so Postgres cannot compare their ends: the caller opens each of these. The
    // bounds keep that short.
    let rows = sqlx::query!(
        r#"
        with newest as materialized (
            select users.id
            from users
            where users.account_id = $1
            order by users.account_id desc, users.id desc
            limit $2
        )
        select devices.id, device_registrations.user_id, devices.token
        from newest
        join device_registrations on device_registrations.user_id = newest.id
        join devices on devices.registration_id = device_registrations.id
        order by newest.id desc
        limit $3
        "#,
        account_id.as_uuid(),
        MAX_USERS,
        MAX_DEVICES,
    )
    .fetch_all(executor)
    .await?;

    let devices = rows.into_iter().map(|row| PersonsDevice {
        id: row.id,
        user_id: row.user_id.into(),
        token: row.token,
    });
    Ok(devices.collect())
}
