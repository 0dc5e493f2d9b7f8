//! All devices of an account, page by page, in the order of the key by which a token is found.

use serde_json::Value;
use sqlx::PgExecutor;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::model::id::{AccountId, UserId};
use crate::model::provider::Provider;
use crate::model::user_profile::OptOut;

/// A device with all that is known of it and its User.
pub(crate) struct ExportedDevice {
    pub id: Uuid,
    pub registration_id: Uuid,
    pub user_id: Uuid,
    pub app_name: String,
    pub provider: Provider,
    /// Sealed.
    pub token: Vec<u8>,
    pub token_hash: Vec<u8>,
    pub tags: Option<Value>,
    pub environment: Option<String>,
    pub kind: Option<String>,
    pub registered_at: OffsetDateTime,
    pub external_id: Option<String>,
    pub language: Option<String>,
    pub timezone: Option<String>,
    pub variables: Option<Value>,
    pub opt_out: OptOut,
}

/// The place behind a device.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    pub app_name: String,
    pub provider: Provider,
    pub token_hash: Vec<u8>,
}

impl ExportedDevice {
    pub(crate) fn place(&self) -> Place {
        Place {
            app_name: self.app_name.clone(),
            provider: self.provider,
            token_hash: self.token_hash.clone(),
        }
    }
}

/// Which devices are read.
pub(crate) struct DeviceFilter<'a> {
    pub app_name: Option<&'a str>,
    /// Behind this place.
    pub after: Option<&'a Place>,
    pub limit: i64,
}

/// Devices of an account, in the order of their tokens' hashes within an App and a provider.
pub(crate) async fn page(
    executor: impl PgExecutor<'_>,
    account_id: AccountId,
    filter: &DeviceFilter<'_>,
) -> sqlx::Result<Vec<ExportedDevice>> {
    // Before every place: no name is empty.
    let first = Place {
        app_name: String::new(),
        provider: Provider::Fcm,
        token_hash: Vec::new(),
    };
    let after = filter.after.unwrap_or(&first);

    // A page begins behind a key and not at an offset: devices that are registered or removed
    // meanwhile move no other device.
    let rows = sqlx::query!(
        r#"
        -- Read first, by the key: joined before, the rows would be sorted.
        with page as materialized (
            select
                id, registration_id, app_name, provider, token, token_hash, tags, environment, kind, registered_at
            from devices
            where account_id = $1
                and (app_name, provider, token_hash) > ($2, $3, $4)
                and ($5::text is null or app_name = $5)
            order by account_id, app_name, provider, token_hash
            limit $6
        )
        select
            page.id,
            page.registration_id,
            page.app_name,
            page.provider as "provider: Provider",
            page.token,
            page.token_hash,
            page.tags,
            page.environment,
            page.kind,
            page.registered_at,
            device_registrations.user_id,
            users.external_id,
            users.language,
            users.timezone,
            users.variables,
            users.opted_out,
            users.opted_out_tags
        from page
        join device_registrations on device_registrations.id = page.registration_id
        join users on users.id = device_registrations.user_id
        order by page.app_name, page.provider, page.token_hash
        "#,
        account_id.as_uuid(),
        after.app_name,
        after.provider as Provider,
        after.token_hash,
        filter.app_name,
        filter.limit,
    )
    .fetch_all(executor)
    .await?;

    let devices = rows.into_iter().map(|row| ExportedDevice {
        id: row.id,
        registration_id: row.registration_id,
        user_id: row.user_id,
        app_name: row.app_name,
        provider: row.provider,
        token: row.token,
        token_hash: row.token_hash,
        tags: row.tags,
        environment: row.environment,
        kind: row.kind,
        registered_at: row.registered_at,
        external_id: row.external_id,
        language: row.language,
        timezone: row.timezone,
        variables: row.variables,
        opt_out: OptOut {
            all: row.opted_out,
            tags: row.opted_out_tags,
        },
    });
    Ok(devices.collect())
}

/// The devices of a User in all Apps.
pub(crate) async fn of_user(
    executor: impl PgExecutor<'_>,
    account_id: AccountId,
    user_id: UserId,
) -> sqlx::Result<Vec<ExportedDevice>> {
    // Without a limit: a User has at most 50 devices in an App, and an account at most 10 Apps.
    let rows = sqlx::query!(
        r#"
        select
            devices.id,
            devices.registration_id,
            devices.app_name,
            devices.provider as "provider: Provider",
            devices.token,
            devices.token_hash,
            devices.tags,
            devices.environment,
            devices.kind,
            devices.registered_at,
            users.external_id,
            users.language,
            users.timezone,
            users.variables,
            users.opted_out,
            users.opted_out_tags
        from users
        join device_registrations on device_registrations.user_id = users.id
        join devices on devices.registration_id = device_registrations.id
        where users.account_id = $1 and users.id = $2
        order by devices.app_name, devices.id
        "#,
        account_id.as_uuid(),
        user_id.as_uuid(),
    )
    .fetch_all(executor)
    .await?;

    let devices = rows.into_iter().map(|row| ExportedDevice {
        id: row.id,
        registration_id: row.registration_id,
        user_id: user_id.as_uuid(),
        app_name: row.app_name,
        provider: row.provider,
        token: row.token,
        token_hash: row.token_hash,
        tags: row.tags,
        environment: row.environment,
        kind: row.kind,
        registered_at: row.registered_at,
        external_id: row.external_id,
        language: row.language,
        timezone: row.timezone,
        variables: row.variables,
        opt_out: OptOut {
            all: row.opted_out,
            tags: row.opted_out_tags,
        },
    });
    Ok(devices.collect())
}
