//! `POST /PushNotifications/Audiences/Estimate` (extension): how many Users and devices a send to an
//! audience would reach.

use std::time::{Duration, Instant};

use actix_web::{HttpResponse, web};
use serde::Serialize;
use sqlx::PgConnection;
use utoipa::ToSchema;

use crate::http::State;
use crate::http::app_name;
use crate::http::audience;
use crate::http::body::JsonBody;
use crate::http::error::ApiError;
use crate::http::openapi::{CreateErrors, EstimateRequest};
use crate::http::validation::{Problems, parse_body};
use crate::model::audience::Audience;
use crate::model::id::AccountId;
use crate::store::audience_count::{self, AudienceCount};
use crate::store::senders::AskedApp;

/// How long Users may be counted.
const COUNT_TIMEOUT: Duration = Duration::from_secs(2);

/// How many Users and devices an audience has (extension).
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Estimate {
    users: u64,
    devices: u64,
    by_provider: DevicesByProvider,
    /// The relative error of `users` and `devices`: with a probability of 95% they are off by no more.
    /// Absent: they are exact.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<f64>,
}

/// How many of the devices are of which provider.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "UPPERCASE")]
struct DevicesByProvider {
    fcm: u64,
    apn: u64,
}

impl From<AudienceCount> for Estimate {
    fn from(count: AudienceCount) -> Self {
        Self {
            users: count.users,
            devices: count.fcm_devices + count.apn_devices,
            by_provider: DevicesByProvider {
                fcm: count.fcm_devices,
                apn: count.apn_devices,
            },
            error: count.error,
        }
    }
}

/// Counts the Users and devices of an audience (extension). A large one is estimated from a sample.
#[utoipa::path(
    post,
    path = "/v1/PushNotifications/Audiences/Estimate",
    operation_id = "estimateAudience",
    tag = "PushNotifications",
    request_body = EstimateRequest,
    responses((status = 200, description = "The counts at present", body = Estimate), CreateErrors),
)]
pub(crate) async fn estimate(
    state: web::Data<State>,
    body: JsonBody,
) -> Result<HttpResponse, ApiError> {
    let account_id = body.caller.account_id;

    let mut problems = Problems::default();
    let mut fields = parse_body(&body.bytes)?;
    let app_name = app_name::read(&mut fields, &mut problems);
    let audience = fields
        .require("audience", "an object", &mut problems)
        .then(|| fields.take("audience"))
        .flatten()
        .and_then(|value| audience::read(value, fields.at("audience"), &mut problems));
    fields.refuse_unknown(&mut problems);
    let audience = problems.check_some(audience)?;

    let app_name = existing_app(&state, account_id, app_name).await?;
    let count = count(&state, account_id, &app_name, &audience)
        .await?
        .ok_or_else(|| ApiError::busy("The audience could not be counted in time"))?;

    Ok(HttpResponse::Ok().json(Estimate::from(count)))
}

/// The name of the App that is asked for; without a name, of the default App.
async fn existing_app(
    state: &State,
    account_id: AccountId,
    name: Option<String>,
) -> Result<String, ApiError> {
    let asked = AskedApp {
        account_id,
        name: name.clone(),
    };
    // The lookup of sends, so that an estimate is made for the App that a send would use.
    let found = state.senders.find(asked).await?;

    found.map(|found| found.app_name).ok_or_else(|| {
        let message = match name {
            Some(name) => {
                format!("no App is named '{name}'; an App is created with its first Credential")
            }
            None => "the account has no App; create a Credential, which creates its App".to_owned(),
        };
        ApiError::invalid_field("appName", message)
    })
}

/// Counts an audience. `None`: that takes too long.
pub(in crate::http) async fn count(
    state: &State,
    account_id: AccountId,
    app_name: &str,
    audience: &Audience,
) -> Result<Option<AudienceCount>, ApiError> {
    let counting = async |connection: &mut PgConnection| {
        audience_count::count(connection, account_id, app_name, audience).await
    };
    let pool = state.pool.limited_to(COUNT_TIMEOUT);
    let began = Instant::now();

    match pool.within(counting).await {
        Ok(count) => Ok(Some(count)),
        // The pool and Postgres report a timeout in different ways, so the time that has passed
        // decides.
        Err(_) if began.elapsed() >= COUNT_TIMEOUT => Ok(None),
        Err(error) => Err(error.into()),
    }
}
