//! What is stored of the tokens and Users that a chunk names.

use std::collections::HashMap;

use sqlx::PgConnection;
use uuid::Uuid;

use crate::model::device_import::ImportRow;
use crate::model::id::{AccountId, UserId};
use crate::model::provider::Provider;
use crate::store::device_import::plan::{Profile, Stored, StoredDevice};

pub(super) async fn stored(
    connection: &mut PgConnection,
    account_id: AccountId,
    rows: &[ImportRow],
) -> sqlx::Result<Stored> {
    let mut stored = Stored::default();

    // Users and counts come last: they are read for the Users that the other statements have found.
    read_apps(&mut *connection, account_id, rows, &mut stored).await?;
    read_devices(&mut *connection, account_id, rows, &mut stored).await?;
    read_named(&mut *connection, account_id, rows, &mut stored).await?;
    read_users(&mut *connection, rows, &mut stored).await?;
    read_counts(connection, rows, &mut stored).await?;

    Ok(stored)
}

/// The Apps, which are kept from being deleted.
async fn read_apps(
    connection: &mut PgConnection,
    account_id: AccountId,
    rows: &[ImportRow],
    stored: &mut Stored,
) -> sqlx::Result<()> {
    let mut names: Vec<&str> = rows.iter().map(|row| row.app_name.as_str()).collect();
    names.sort_unstable();
    names.dedup();

    let found = sqlx::query_scalar!(
        r#"
        select name
        from apps
        where account_id = $1 and name = any($2)
        order by name
        for key share
        "#,
        account_id.as_uuid(),
        &names as &[&str],
    )
    .fetch_all(connection)
    .await?;

    stored.apps = found.into_iter().collect();
    Ok(())
}

async fn read_devices(
    connection: &mut PgConnection,
    account_id: AccountId,
    rows: &[ImportRow],
    stored: &mut Stored,
) -> sqlx::Result<()> {
    let app_names: Vec<&str> = rows.iter().map(|row| row.app_name.as_str()).collect();
    let providers: Vec<Provider> = rows.iter().map(|row| row.provider).collect();
    let hashes: Vec<&[u8]> = rows.iter().map(|row| row.token_hash.as_slice()).collect();

    let found = sqlx::query!(
        r#"
        select
            wanted.index as "index!",
            device.id,
            device.registration_id,
            device_registrations.user_id,
            device.tags,
            device.environment,
            device.kind
        from unnest($2::text[], $3::provider[], $4::bytea[])
            with ordinality as wanted (app_name, provider, token_hash, index)
        -- One look into the index for each row. A join might read every device of the account for each, because
        -- Postgres knows nothing yet of a table that an import has just begun to fill.
        cross join lateral (
            select devices.id, devices.registration_id, devices.tags, devices.environment, devices.kind
            from devices
            where devices.account_id = $1
                and devices.app_name = wanted.app_name
                and devices.provider = wanted.provider
                and devices.token_hash = wanted.token_hash
            limit 1
        ) as device
        join device_registrations on device_registrations.id = device.registration_id
        "#,
        account_id.as_uuid(),
        &app_names as &[&str],
        &providers as &[Provider],
        &hashes as &[&[u8]],
    )
    .fetch_all(connection)
    .await?;

    for row in found {
        let device = StoredDevice {
            id: row.id,
            registration_id: row.registration_id,
            user_id: row.user_id,
            tags: row.tags,
            environment: row.environment,
            kind: row.kind,
        };
        stored.devices.insert((row.index - 1) as usize, device);
    }
    Ok(())
}

/// The Users whom rows name by id or external id.
async fn read_named(
    connection: &mut PgConnection,
    account_id: AccountId,
    rows: &[ImportRow],
    stored: &mut Stored,
) -> sqlx::Result<()> {
    let mut ids: Vec<Uuid> = rows
        .iter()
        .filter_map(|row| row.user_id.map(UserId::as_uuid))
        .collect();
    ids.sort_unstable();
    ids.dedup();
    if !ids.is_empty() {
        // A client may still name a User that was merged into another one.
        let found = sqlx::query!(
            r#"
            select users.id as "named!", users.id as "id!"
            from users
            where users.account_id = $1 and users.id = any($2)
            union all
            select merged_users.id, merged_users.into_id
            from merged_users
            where merged_users.account_id = $1 and merged_users.id = any($2)
            "#,
            account_id.as_uuid(),
            &ids,
        )
        .fetch_all(&mut *connection)
        .await?;
        let found: HashMap<Uuid, Uuid> = found.into_iter().map(|row| (row.named, row.id)).collect();

        let by_index = rows.iter().enumerate().filter_map(|(index, row)| {
            let id = row.user_id?.as_uuid();
            found.get(&id).map(|user_id| (index, *user_id))
        });
        stored.by_user_id = by_index.collect();
    }

    let mut external_ids: Vec<&str> = rows
        .iter()
        .filter_map(|row| row.profile.new_external_id())
        .collect();
    external_ids.sort_unstable();
    external_ids.dedup();
    if !external_ids.is_empty() {
        let found = sqlx::query!(
            r#"
            select wanted.external_id as "external_id!", named.id
            from unnest($2::text[]) as wanted (external_id)
            -- One look into the index for each, as for devices.
            cross join lateral (
                select users.id
                from users
                where users.account_id = $1 and users.external_id = wanted.external_id
                limit 1
            ) as named
            "#,
            account_id.as_uuid(),
            &external_ids as &[&str],
        )
        .fetch_all(connection)
        .await?;
        stored.by_external_id = found
            .into_iter()
            .map(|row| (row.external_id, row.id))
            .collect();
    }
    Ok(())
}

/// The Users that rows are for, or whose devices they name.
fn user_ids(stored: &Stored) -> Vec<Uuid> {
    let owners = stored.devices.values().map(|device| device.user_id);
    let named = stored.by_user_id.values().copied();
    let with_external_ids = stored.by_external_id.values().copied();

    let mut ids: Vec<Uuid> = owners.chain(named).chain(with_external_ids).collect();
    ids.sort_unstable();
    ids.dedup();
    ids
}

async fn read_users(
    connection: &mut PgConnection,
    rows: &[ImportRow],
    stored: &mut Stored,
) -> sqlx::Result<()> {
    let ids = user_ids(stored);
    // Profiles matter only to rows that have fields of one.
    if ids.is_empty() || rows.iter().all(|row| row.profile.is_empty()) {
        return Ok(());
    }

    let found = sqlx::query!(
        r#"
        select id, external_id, language, timezone, variables, opted_out, opted_out_tags
        from users
        where id = any($1)
        "#,
        &ids,
    )
    .fetch_all(connection)
    .await?;

    for row in found {
        let profile = Profile {
            external_id: row.external_id,
            language: row.language,
            timezone: row.timezone,
            variables: row.variables,
            opted_out: row.opted_out,
            opted_out_tags: row.opted_out_tags,
        };
        stored.users.insert(row.id, profile);
    }
    Ok(())
}

/// How many devices the Users have in the Apps.
async fn read_counts(
    connection: &mut PgConnection,
    rows: &[ImportRow],
    stored: &mut Stored,
) -> sqlx::Result<()> {
    let ids = user_ids(stored);
    // Users whom this chunk makes have no devices yet.
    if ids.is_empty() || rows.is_empty() {
        return Ok(());
    }
    let apps: Vec<&str> = stored.apps.iter().map(String::as_str).collect();

    let found = sqlx::query!(
        r#"
        -- By the User alone, who is known to be of the account: with the account's id, Postgres might read all of its
        -- registrations while the table is new.
        select device_registrations.user_id, device_registrations.app_name, counted.devices as "devices!"
        from unnest($2::uuid[]) as wanted (user_id)
        join device_registrations on device_registrations.user_id = wanted.user_id
        cross join lateral (
            select count(*) as devices
            from devices
            where devices.registration_id = device_registrations.id
        ) as counted
        where device_registrations.app_name = any($1)
        "#,
        &apps as &[&str],
        &ids,
    )
    .fetch_all(connection)
    .await?;

    stored.device_counts = found
        .into_iter()
        .map(|row| ((row.user_id, row.app_name), row.devices))
        .collect();
    Ok(())
}
