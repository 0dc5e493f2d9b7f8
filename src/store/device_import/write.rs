//! Writes what a chunk changes, by a statement for each table.

use std::collections::HashMap;

use serde_json::{Value, json};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::model::id::{AccountId, DeviceRegistrationId};
use crate::model::provider::Provider;
use crate::store::device_import::plan::{DeviceState, Plan, PlannedDevice, PlannedUser};
use crate::store::device_registrations::note_left;
use crate::store::devices::lock_owners;

/// The registrations of Users in Apps.
type Registrations<'a> = HashMap<(&'a str, Uuid), Uuid>;

pub(super) async fn write(
    connection: &mut PgConnection,
    account_id: AccountId,
    plan: &Plan<'_>,
) -> sqlx::Result<()> {
    // Users before registrations and those before devices: each refers to the one before, and all
    // that changes devices locks them in this order.
    lock_moved(&mut *connection, plan).await?;
    free_external_ids(&mut *connection, &plan.freed).await?;
    insert_users(&mut *connection, account_id, &plan.new_users).await?;
    update_users(&mut *connection, &plan.changed_users).await?;

    // Of a device that stays where it is, the registration is known.
    let changing: Vec<&PlannedDevice<'_>> = plan
        .devices
        .iter()
        .filter(|device| match device.state {
            DeviceState::New { .. } => true,
            DeviceState::Stored { has_changed, .. } => has_changed,
        })
        .collect();
    if changing.is_empty() {
        return Ok(());
    }
    // Of all devices that change, also of those that stay: the registration shows the time of the
    // change.
    let registrations = registrations(&mut *connection, account_id, &changing).await?;

    insert_devices(&mut *connection, account_id, &changing, &registrations).await?;
    update_devices(&mut *connection, &changing, &registrations).await?;
    // After the devices have moved: a registration that has lost its last one is deleted.
    note_left(connection, &left(&changing)).await
}

/// The registrations that lose a device.
fn left(devices: &[&PlannedDevice<'_>]) -> Vec<Uuid> {
    devices
        .iter()
        .filter_map(|device| match device.state {
            DeviceState::Stored {
                registration_id,
                has_moved: true,
                ..
            } => Some(registration_id),
            _ => None,
        })
        .collect()
}

/// Locks the Users and registrations of devices that get another User, as all that changes them does.
async fn lock_moved(connection: &mut PgConnection, plan: &Plan<'_>) -> sqlx::Result<()> {
    let moved: Vec<Uuid> = plan
        .devices
        .iter()
        .filter(|device| {
            matches!(
                device.state,
                DeviceState::Stored {
                    has_moved: true,
                    ..
                }
            )
        })
        .map(|device| device.id)
        .collect();
    if moved.is_empty() {
        return Ok(());
    }

    lock_owners(connection, &moved).await
}

/// Takes the external ids of Users away who get another one, or none. Another User of the chunk may get
/// such an id, and it is unique at every moment.
async fn free_external_ids(connection: &mut PgConnection, users: &[Uuid]) -> sqlx::Result<()> {
    if users.is_empty() {
        return Ok(());
    }

    sqlx::query!(
        "update users set external_id = null where id = any($1)",
        users
    )
    .execute(connection)
    .await
    .map(drop)
}

/// An array for each column of `users`.
#[derive(Default)]
struct UserColumns<'a> {
    id: Vec<Uuid>,
    external_id: Vec<Option<&'a str>>,
    language: Vec<Option<&'a str>>,
    timezone: Vec<Option<&'a str>>,
    variables: Vec<Option<&'a Value>>,
    opted_out: Vec<bool>,
    /// Arrays of strings: an array of arrays would have to be rectangular.
    opted_out_tags: Vec<Value>,
}

impl<'a> UserColumns<'a> {
    fn of(users: &'a [PlannedUser]) -> Self {
        let mut columns = Self::default();

        for PlannedUser { id, profile } in users {
            columns.id.push(*id);
            columns.external_id.push(profile.external_id.as_deref());
            columns.language.push(profile.language.as_deref());
            columns.timezone.push(profile.timezone.as_deref());
            columns.variables.push(profile.variables.as_ref());
            columns.opted_out.push(profile.opted_out);
            columns.opted_out_tags.push(json!(profile.opted_out_tags));
        }

        columns
    }
}

async fn insert_users(
    connection: &mut PgConnection,
    account_id: AccountId,
    users: &[PlannedUser],
) -> sqlx::Result<()> {
    if users.is_empty() {
        return Ok(());
    }
    let columns = UserColumns::of(users);

    sqlx::query!(
        r#"
        insert into users (id, account_id, external_id, language, timezone, variables, opted_out, opted_out_tags)
        select
            new.id,
            $1,
            new.external_id,
            new.language,
            new.timezone,
            new.variables,
            new.opted_out,
            array(select jsonb_array_elements_text(new.opted_out_tags))
        from unnest($2::uuid[], $3::text[], $4::text[], $5::text[], $6::jsonb[], $7::boolean[], $8::jsonb[])
            as new (id, external_id, language, timezone, variables, opted_out, opted_out_tags)
        "#,
        account_id.as_uuid(),
        &columns.id,
        &columns.external_id as &[Option<&str>],
        &columns.language as &[Option<&str>],
        &columns.timezone as &[Option<&str>],
        &columns.variables as &[Option<&Value>],
        &columns.opted_out,
        &columns.opted_out_tags,
    )
    .execute(connection)
    .await
    .map(drop)
}

async fn update_users(connection: &mut PgConnection, users: &[PlannedUser]) -> sqlx::Result<()> {
    if users.is_empty() {
        return Ok(());
    }
    let columns = UserColumns::of(users);

    sqlx::query!(
        r#"
        update users
        set external_id = new.external_id,
            language = new.language,
            timezone = new.timezone,
            variables = new.variables,
            opted_out = new.opted_out,
            opted_out_tags = array(select jsonb_array_elements_text(new.opted_out_tags)),
            updated_at = now()
        from unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::jsonb[], $6::boolean[], $7::jsonb[])
            as new (id, external_id, language, timezone, variables, opted_out, opted_out_tags)
        where users.id = new.id
        "#,
        &columns.id,
        &columns.external_id as &[Option<&str>],
        &columns.language as &[Option<&str>],
        &columns.timezone as &[Option<&str>],
        &columns.variables as &[Option<&Value>],
        &columns.opted_out,
        &columns.opted_out_tags,
    )
    .execute(connection)
    .await
    .map(drop)
}

/// The registrations of the devices; those that are missing are made.
async fn registrations<'a>(
    connection: &mut PgConnection,
    account_id: AccountId,
    devices: &[&PlannedDevice<'a>],
) -> sqlx::Result<Registrations<'a>> {
    let mut pairs: Vec<(&'a str, Uuid)> = devices
        .iter()
        .map(|device| (device.app_name, device.user_id))
        .collect();
    pairs.sort_unstable();
    pairs.dedup();

    let ids: Vec<Uuid> = pairs
        .iter()
        .map(|_| DeviceRegistrationId::generate().as_uuid())
        .collect();
    let app_names: Vec<&str> = pairs.iter().map(|(app_name, _)| *app_name).collect();
    let user_ids: Vec<Uuid> = pairs.iter().map(|(_, user_id)| *user_id).collect();

    // Those that were there have changed as well.
    let made = sqlx::query!(
        r#"
        insert into device_registrations (id, account_id, app_name, user_id)
        select new.id, $1, new.app_name, new.user_id
        from unnest($2::uuid[], $3::text[], $4::uuid[]) as new (id, app_name, user_id)
        on conflict on constraint device_registrations_of_user do update set updated_at = now()
        returning id, app_name, user_id
        "#,
        account_id.as_uuid(),
        &ids,
        &app_names as &[&str],
        &user_ids,
    )
    .fetch_all(connection)
    .await?;
    let by_name: HashMap<(String, Uuid), Uuid> = made
        .into_iter()
        .map(|row| ((row.app_name, row.user_id), row.id))
        .collect();

    // The keys borrow from the plan, and what Postgres returns does not live that long.
    Ok(pairs
        .into_iter()
        .filter_map(|(app_name, user_id)| {
            let id = by_name.get(&(app_name.to_owned(), user_id))?;
            Some(((app_name, user_id), *id))
        })
        .collect())
}

async fn insert_devices(
    connection: &mut PgConnection,
    account_id: AccountId,
    devices: &[&PlannedDevice<'_>],
    registrations: &Registrations<'_>,
) -> sqlx::Result<()> {
    let mut ids: Vec<Uuid> = Vec::new();
    let mut registration_ids: Vec<Uuid> = Vec::new();
    let mut app_names: Vec<&str> = Vec::new();
    let mut providers: Vec<Provider> = Vec::new();
    let mut tokens: Vec<&[u8]> = Vec::new();
    let mut hashes: Vec<&[u8]> = Vec::new();
    let mut tags: Vec<Option<&Value>> = Vec::new();
    let mut environments: Vec<Option<&str>> = Vec::new();
    let mut kinds: Vec<Option<&str>> = Vec::new();

    for device in devices {
        let DeviceState::New { sealed_token } = device.state else {
            continue;
        };
        let Some(registration_id) = registrations.get(&(device.app_name, device.user_id)) else {
            continue;
        };

        ids.push(device.id);
        registration_ids.push(*registration_id);
        app_names.push(device.app_name);
        providers.push(device.provider);
        tokens.push(sealed_token);
        hashes.push(device.token_hash);
        tags.push(device.tags.as_ref());
        environments.push(device.environment.as_deref());
        kinds.push(device.kind.as_deref());
    }
    if ids.is_empty() {
        return Ok(());
    }

    sqlx::query!(
        r#"
        insert into devices (
            id, registration_id, account_id, app_name, provider, token, token_hash, tags, is_normalized, environment, kind
        )
        select
            new.id,
            new.registration_id,
            $1,
            new.app_name,
            new.provider,
            new.token,
            new.token_hash,
            new.tags,
            true,
            new.environment,
            new.kind
        from unnest(
            $2::uuid[], $3::uuid[], $4::text[], $5::provider[], $6::bytea[], $7::bytea[], $8::jsonb[], $9::text[],
            $10::text[]
        ) as new (id, registration_id, app_name, provider, token, token_hash, tags, environment, kind)
        "#,
        account_id.as_uuid(),
        &ids,
        &registration_ids,
        &app_names as &[&str],
        &providers as &[Provider],
        &tokens as &[&[u8]],
        &hashes as &[&[u8]],
        &tags as &[Option<&Value>],
        &environments as &[Option<&str>],
        &kinds as &[Option<&str>],
    )
    .execute(connection)
    .await
    .map(drop)
}

/// Fails with [`sqlx::Error::RowNotFound`] if one of the devices is gone.
async fn update_devices(
    connection: &mut PgConnection,
    devices: &[&PlannedDevice<'_>],
    registrations: &Registrations<'_>,
) -> sqlx::Result<()> {
    let changed: Vec<(&PlannedDevice<'_>, Uuid)> = devices
        .iter()
        .filter(|device| matches!(device.state, DeviceState::Stored { .. }))
        .filter_map(|device| {
            let id = registrations.get(&(device.app_name, device.user_id))?;
            Some((*device, *id))
        })
        .collect();
    if changed.is_empty() {
        return Ok(());
    }

    let ids: Vec<Uuid> = changed.iter().map(|(device, _)| device.id).collect();
    let registration_ids: Vec<Uuid> = changed.iter().map(|(_, id)| *id).collect();
    let tags: Vec<Option<&Value>> = changed.iter().map(|(it, _)| it.tags.as_ref()).collect();
    let environments: Vec<Option<&str>> = changed
        .iter()
        .map(|(it, _)| it.environment.as_deref())
        .collect();
    let kinds: Vec<Option<&str>> = changed.iter().map(|(it, _)| it.kind.as_deref()).collect();

    // The token stays: its hash is the one by which the device was found, and its seal names the id
    // of the device.
    let updated = sqlx::query!(
        r#"
        update devices
        set registration_id = new.registration_id,
            tags = new.tags,
            environment = new.environment,
            kind = new.kind
        from unnest($1::uuid[], $2::uuid[], $3::jsonb[], $4::text[], $5::text[])
            as new (id, registration_id, tags, environment, kind)
        where devices.id = new.id
        "#,
        &ids,
        &registration_ids,
        &tags as &[Option<&Value>],
        &environments as &[Option<&str>],
        &kinds as &[Option<&str>],
    )
    .execute(connection)
    .await?;

    // Dead-token pruning does not wait for imports, and may have deleted a device meanwhile. After
    // this error, the chunk is planned anew, and the row registers the device again.
    if updated.rows_affected() < ids.len() as u64 {
        return Err(sqlx::Error::RowNotFound);
    }
    Ok(())
}
