//! `/PushNotifications/DeviceRegistrations`: the devices of a User in an App.

use actix_web::{HttpRequest, HttpResponse, web};
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::crypto::{MasterKeys, hash_token};
use crate::http::State;
use crate::http::accepted::{Accepted, AcceptedResource};
use crate::http::account_limits::NewRows;
use crate::http::app_name;
use crate::http::auth::Caller;
use crate::http::body::JsonBody;
use crate::http::date::Date;
use crate::http::device;
use crate::http::error::ApiError;
use crate::http::idempotency::{IdempotencyKeyParam, Once};
use crate::http::openapi::{
    ChangeErrors, CreateErrors, DeviceTagsRequest, ReadErrors, RegisterRequest, RemoveRequest,
};
use crate::http::pagination::{Page, PageParams, Pagination};
use crate::http::path;
use crate::http::query::Query;
use crate::http::resources::masked_token::masked_device_token;
use crate::http::resources::registration_fields::{RegisterFields, hashes_of_older_forms};
use crate::http::resources::users::external_id_taken;
use crate::http::tags;
use crate::http::validation::{Problems, parse_body, quoted_string};
use crate::model::apns_device::{Environment, TokenKind};
use crate::model::id::{AccountId, DeviceId, DeviceRegistrationId, UserId};
use crate::model::provider::Provider;
use crate::store::device_registrations::{
    self as store, DeviceRegistrationFilter, KnownToken, NewDevice, RegisterError, Registered,
};
use crate::store::devices::{self, DeviceOf};
use crate::store::pool::Pool;
use crate::store::user_profiles;

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct DeviceRegistration {
    id: DeviceRegistrationId,
    app_name: String,
    user_id: UserId,
    /// The account's own id of the User (extension). Absent: it has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    external_id: Option<String>,
    devices: Vec<Device>,
    /// Always empty; Twilio's API has it.
    related: [Value; 0],
    created_at: Date,
    updated_at: Date,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Device {
    device_id: DeviceId,
    /// Masked: only its ends are shown, because it is a secret.
    token: String,
    provider: Provider,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<std::collections::BTreeMap<String, String>>)]
    tags: Option<Value>,
    /// Of an APNs device that was registered with it.
    #[serde(skip_serializing_if = "Option::is_none")]
    environment: Option<Environment>,
    /// Of an APNs device that was registered with it.
    #[serde(skip_serializing_if = "Option::is_none")]
    kind: Option<TokenKind>,
}

impl Device {
    fn new(device: devices::Device, account_id: AccountId, keys: &MasterKeys) -> Self {
        Self {
            device_id: device.id.into(),
            token: masked_device_token(keys, account_id, &device),
            provider: device.provider,
            tags: device.tags,
            environment: device.environment.as_deref().and_then(Environment::named),
            kind: device.kind.as_deref().and_then(TokenKind::named),
        }
    }
}

/// Where a device was registered. `userId` and `deviceId` are an extension.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct RegisteredDevice {
    /// The id of the registration.
    resource_id: DeviceRegistrationId,
    /// The address of the registration.
    resource_location: String,
    /// The User whose device it is.
    user_id: UserId,
    device_id: DeviceId,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct DeviceRegistrationList {
    device_registrations: Vec<DeviceRegistration>,
    pagination: Pagination,
}

/// Registers a device, for the User that the request names by `userId` or `externalId`; else for the one
/// who has the token, or a new one.
#[utoipa::path(
    post,
    path = "/v1/PushNotifications/DeviceRegistrations",
    operation_id = "registerDevice",
    tag = "DeviceRegistrations",
    params(IdempotencyKeyParam),
    request_body = RegisterRequest,
    responses((status = 202, description = "Stored: `resourceId` is the id of the registration", body = RegisteredDevice), CreateErrors),
)]
pub(crate) async fn register(
    request: HttpRequest,
    state: web::Data<State>,
    body: JsonBody,
) -> Result<HttpResponse, ApiError> {
    let RegisterFields {
        user_id,
        app_name,
        device,
        other_hashes,
        kind,
        tags,
        profile,
    } = RegisterFields::read(&body.bytes)?;

    let account_id = body.caller.account_id;
    // A token is found by its hash: each time that it is sealed, it looks different.
    let token_hash = hash_token(&device.token);
    let known = KnownToken {
        account_id,
        app_name: &app_name,
        provider: device.provider,
        token_hash: &token_hash,
        other_hashes: &other_hashes,
    };

    // The seal names the device, so a token that is known is sealed for the device that has it.
    let registered = store::device_with(&state.pool, &known).await?;
    let is_new_user = match (user_id, profile.new_external_id()) {
        // A User that is named exists, or the registration is refused below.
        (Some(_), _) => false,
        (None, None) => registered.is_none(),
        (None, Some(id)) => !is_known(&state, account_id, id).await?,
    };
    let new_rows = NewRows {
        user: is_new_user,
        device: registered.is_none(),
    };

    // Before the transaction: a new count takes a connection of its own, and many registrations
    // that each hold one and wait for another would block the pool.
    state
        .account_limits
        .check_registration(account_id, new_rows)
        .await?;

    // Another request may register the token in the meantime. `store::register` then keeps the
    // token that is sealed for that device.
    let id = registered.unwrap_or_else(Uuid::now_v7);

    let new = NewDevice {
        id,
        known,
        user_id,
        profile: &profile,
        token: &state
            .master_keys
            .seal_device_token(account_id.as_uuid(), id, &device.token)?,
        tags: tags.as_ref(),
        environment: device.environment,
        kind,
    };

    Once::new(&request, &state, body.caller, &body.bytes)
        .run(async |connection| {
            let registered = store::register(connection, &new)
                .await
                .map_err(|error| register_error(error, &app_name))?;
            Ok(accepted(&request, &state, &registered))
        })
        .await
}

async fn is_known(state: &State, account_id: AccountId, external_id: &str) -> sqlx::Result<bool> {
    let user = user_profiles::with_external_id(&state.pool, account_id, external_id).await?;

    Ok(user.is_some())
}

fn accepted(request: &HttpRequest, state: &State, registered: &Registered) -> Accepted {
    let id = registered.registration_id;
    let accepted = Accepted::resource(request, state, "DeviceRegistrations", id);

    Accepted {
        body: json!(RegisteredDevice {
            resource_id: id,
            resource_location: accepted.location.clone(),
            user_id: registered.user_id,
            device_id: registered.device_id,
        }),
        location: accepted.location,
    }
}

/// Removes the device that has a token (extension). The token is in the body, because it is a
/// secret.
#[utoipa::path(
    post,
    path = "/v1/PushNotifications/DeviceRegistrations/Remove",
    operation_id = "removeDeviceByToken",
    tag = "DeviceRegistrations",
    params(IdempotencyKeyParam),
    request_body = RemoveRequest,
    responses((status = 204, description = "Removed"), ChangeErrors),
)]
pub(crate) async fn remove(
    request: HttpRequest,
    state: web::Data<State>,
    body: JsonBody,
) -> Result<HttpResponse, ApiError> {
    let mut problems = Problems::default();
    let mut fields = parse_body(&body.bytes)?;
    let app_name = app_name::read_required(&mut fields, &mut problems);
    // Before `device::read`, which takes the token out of the fields.
    let other_hashes = hashes_of_older_forms(&fields, "token");
    let device = device::read(&mut fields, &mut problems);
    fields.refuse_unknown(&mut problems);

    let (app_name, device) = problems.check_some(app_name.zip(device))?;
    let known = KnownToken {
        account_id: body.caller.account_id,
        app_name: &app_name,
        provider: device.provider,
        token_hash: &hash_token(&device.token),
        other_hashes: &other_hashes,
    };

    Once::new(&request, &state, body.caller, &body.bytes)
        .run(async |connection| {
            if store::remove(connection, &known).await? {
                Ok(Accepted::removed())
            } else {
                Err(ApiError::nothing_here(format!(
                    "Not Found. No device of the App {} has this token and this provider",
                    quoted_string(&app_name)
                )))
            }
        })
        .await
}

/// Removes one device of a registration (extension). Removing the last device deletes the
/// registration.
#[utoipa::path(
    delete,
    path = "/v1/PushNotifications/DeviceRegistrations/{id}/Devices/{deviceId}",
    operation_id = "removeDevice",
    tag = "DeviceRegistrations",
    params(
        ("id" = DeviceRegistrationId, Path),
        ("deviceId" = DeviceId, Path),
    ),
    responses((status = 204, description = "Removed"), ChangeErrors),
)]
pub(crate) async fn remove_device(
    state: web::Data<State>,
    caller: Caller,
    ids: web::Path<(String, String)>,
) -> Result<HttpResponse, ApiError> {
    if devices::remove(&state.pool, &device_of(caller, &ids)?).await? {
        Ok(HttpResponse::NoContent().finish())
    } else {
        Err(ApiError::not_found())
    }
}

/// Replaces the tags of one device (extension).
#[utoipa::path(
    patch,
    path = "/v1/PushNotifications/DeviceRegistrations/{id}/Devices/{deviceId}",
    operation_id = "updateDevice",
    tag = "DeviceRegistrations",
    params(
        ("id" = DeviceRegistrationId, Path),
        ("deviceId" = DeviceId, Path),
    ),
    request_body = DeviceTagsRequest,
    responses((status = 202, description = "Changed: `resourceId` is the id of the registration", body = AcceptedResource), CreateErrors),
)]
pub(crate) async fn update_device(
    request: HttpRequest,
    state: web::Data<State>,
    body: JsonBody,
    ids: web::Path<(String, String)>,
) -> Result<HttpResponse, ApiError> {
    let device = device_of(body.caller, &ids)?;

    let mut problems = Problems::default();
    let mut fields = parse_body(&body.bytes)?;
    let rule = "an object of tags, which replaces the device's tags; null removes them";
    let tags = if fields.is_null("tags") {
        // Taken out, so that the null is not refused as an unknown field.
        fields.take("tags");
        Some(json!({}))
    } else {
        fields
            .require("tags", rule, &mut problems)
            .then(|| tags::read(&mut fields, &mut problems))
            .flatten()
    };
    fields.refuse_unknown(&mut problems);
    let tags = problems.check_some(tags)?;

    if devices::set_tags(&state.pool, &device, &tags).await? {
        let id = device.registration_id;
        Ok(Accepted::resource(&request, &state, "DeviceRegistrations", id).respond())
    } else {
        Err(ApiError::not_found())
    }
}

fn device_of(caller: Caller, ids: &(String, String)) -> Result<DeviceOf, ApiError> {
    let (registration_id, id) = ids;

    Ok(DeviceOf {
        account_id: caller.account_id,
        registration_id: path::id(registration_id)?,
        id: path::id(id)?,
    })
}

fn register_error(error: RegisterError, app_name: &str) -> ApiError {
    match error {
        RegisterError::NoApp => {
            let message = format!(
                "no App is named '{app_name}'; an App is created with its first Credential"
            );
            ApiError::invalid_field("appName", message)
        }
        RegisterError::ExternalIdTaken(owner) => external_id_taken(owner),
        RegisterError::NoUser => ApiError::invalid_field("userId", "no User has this id"),
        RegisterError::TooManyDevices => ApiError::invalid_field("userId", error.to_string()),
        RegisterError::Database(error) => error.into(),
    }
}

/// The registrations of a User, newest first.
#[utoipa::path(
    get,
    path = "/v1/PushNotifications/DeviceRegistrations",
    operation_id = "listDeviceRegistrations",
    tag = "DeviceRegistrations",
    params(
        ("userId" = UserId, Query),
        ("appName" = Option<String>, Query, pattern = "^[a-z0-9_]{1,64}$"),
        PageParams,
    ),
    responses((status = 200, description = "A page of registrations", body = DeviceRegistrationList), ReadErrors),
)]
pub(crate) async fn list(
    request: HttpRequest,
    state: web::Data<State>,
    caller: Caller,
) -> Result<HttpResponse, ApiError> {
    let mut query = Query::of(&request)?;
    let user_id = query.required_id::<UserId>("userId", UserId::PREFIX);
    let app_name = query.app_name();

    let page = Page::of(
        caller,
        "deviceRegistrations",
        &mut query,
        &state.master_keys,
    );
    let user_id = query.check_some(user_id)?;

    let after = page.after().and_then(|id| id.parse().ok());
    let filter = DeviceRegistrationFilter {
        user_id,
        app_name: app_name.as_deref(),
        after,
        limit: page.limit(),
    };
    let turn = state.list_turns.next(caller.account_id).await?;
    let mut found = store::list(turn.pool, caller.account_id, &filter).await?;
    let pagination = page.cut(&mut found, &state.master_keys, |registration| {
        registration.id.to_string()
    });

    // Within the turn, because the devices are a part of the list.
    let device_registrations = with_devices(&state, turn.pool, caller.account_id, found).await?;
    Ok(HttpResponse::Ok().json(DeviceRegistrationList {
        device_registrations,
        pagination,
    }))
}

/// One registration.
#[utoipa::path(
    get,
    path = "/v1/PushNotifications/DeviceRegistrations/{id}",
    operation_id = "fetchDeviceRegistration",
    tag = "DeviceRegistrations",
    params(("id" = DeviceRegistrationId, Path)),
    responses((status = 200, description = "The registration", body = DeviceRegistration), ReadErrors),
)]
pub(crate) async fn fetch(
    state: web::Data<State>,
    caller: Caller,
    id: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    let found = store::fetch(&state.pool, caller.account_id, path::id(&id)?).await?;
    let found = found.into_iter().collect();
    let registration = with_devices(&state, &state.pool, caller.account_id, found)
        .await?
        .pop()
        .ok_or_else(ApiError::not_found)?;

    Ok(HttpResponse::Ok().json(registration))
}

/// Deletes a registration with its devices.
#[utoipa::path(
    delete,
    path = "/v1/PushNotifications/DeviceRegistrations/{id}",
    operation_id = "deleteDeviceRegistration",
    tag = "DeviceRegistrations",
    params(("id" = DeviceRegistrationId, Path)),
    responses((status = 204, description = "Deleted"), ChangeErrors),
)]
pub(crate) async fn delete(
    state: web::Data<State>,
    caller: Caller,
    id: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    if store::delete(&state.pool, caller.account_id, path::id(&id)?).await? {
        Ok(HttpResponse::NoContent().finish())
    } else {
        Err(ApiError::not_found())
    }
}

/// `registrations`, each with its devices, which are fetched in one query.
async fn with_devices(
    state: &State,
    pool: &Pool,
    account_id: AccountId,
    registrations: Vec<store::DeviceRegistration>,
) -> Result<Vec<DeviceRegistration>, ApiError> {
    let ids: Vec<_> = registrations
        .iter()
        .map(|registration| registration.id)
        .collect();
    let mut devices = devices::of_registrations(pool, &ids).await?;

    let registrations = registrations
        .into_iter()
        .map(|registration| DeviceRegistration {
            devices: devices
                .extract_if(.., |device| device.registration_id == registration.id)
                .map(|device| Device::new(device, account_id, &state.master_keys))
                .collect(),
            id: registration.id,
            app_name: registration.app_name,
            user_id: registration.user_id,
            external_id: registration.external_id,
            related: [],
            created_at: Date(registration.created_at),
            updated_at: Date(registration.updated_at),
        });

    Ok(registrations.collect())
}
