//! `GET /PushNotifications/DeviceRegistrations/Export`, an extension: every device of the account, as a
//! stream of lines that an import takes.

use actix_web::{HttpRequest, HttpResponse, web};
use bytes::Bytes;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::crypto::MasterKeys;
use crate::http::State;
use crate::http::audit;
use crate::http::auth::{Caller, CallerKey};
use crate::http::csv;
use crate::http::date::Date;
use crate::http::error::{ApiError, ErrorBody};
use crate::http::import::COLUMNS;
use crate::http::line_format::{Line, LineFormat};
use crate::http::line_stream::{LinePages, line_stream};
use crate::http::openapi::ReadErrors;
use crate::http::query::Query;
use crate::model::id::{DeviceId, DeviceRegistrationId, UserId};
use crate::model::masked_token::masked;
use crate::model::provider::Provider;
use crate::store::api_keys::Role;
use crate::store::device_export::{self as store, DeviceFilter, Place};

/// Devices that one statement reads.
const PAGE: i64 = 1_000;

/// A device with its User: a line of the stream, with the fields of a registration.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct ExportedDevice {
    app_name: String,
    provider: Provider,
    /// Masked, unless whole tokens were asked for.
    token: String,
    user_id: UserId,
    #[serde(skip_serializing_if = "Option::is_none")]
    external_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    environment: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    kind: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tags: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    language: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    timezone: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    variables: Option<Value>,
    opted_out: bool,
    opted_out_tags: Vec<String>,
    device_id: DeviceId,
    device_registration_id: DeviceRegistrationId,
    registered_at: Date,
}

/// How lines are written.
#[derive(Clone)]
pub(super) struct Lines {
    caller: Caller,
    keys: MasterKeys,
    format: LineFormat,
    has_whole_tokens: bool,
}

impl Lines {
    fn of(&self, devices: Vec<store::ExportedDevice>) -> serde_json::Result<String> {
        let mut text = String::new();
        for device in devices {
            self.format.push(&self.to_api(device), &mut text)?;
        }

        Ok(text)
    }

    pub(super) fn to_api(&self, device: store::ExportedDevice) -> ExportedDevice {
        let account_id = self.caller.account_id.as_uuid();
        let token = self
            .keys
            .open_device_token(account_id, device.id, &device.token)
            // A token whose master key is gone is empty, and the export goes on with the other
            // devices.
            .unwrap_or_default();

        ExportedDevice {
            app_name: device.app_name,
            provider: device.provider,
            token: match self.has_whole_tokens {
                true => token,
                false => masked(&token),
            },
            user_id: device.user_id.into(),
            external_id: device.external_id,
            environment: device.environment,
            kind: device.kind,
            tags: device.tags,
            language: device.language,
            timezone: device.timezone,
            variables: device.variables,
            opted_out: device.opt_out.all,
            opted_out_tags: device.opt_out.tags,
            device_id: device.id.into(),
            device_registration_id: device.registration_id.into(),
            registered_at: Date(device.registered_at),
        }
    }
}

impl Line for ExportedDevice {
    const COLUMNS: &'static [&'static str] = &COLUMNS;

    fn push_csv(&self, text: &mut String) {
        let json = |value: &Option<Value>| value.as_ref().map(Value::to_string).unwrap_or_default();
        let cells = [
            self.app_name.clone(),
            self.provider.as_str().to_owned(),
            self.token.clone(),
            self.user_id.to_string(),
            self.external_id.clone().unwrap_or_default(),
            self.environment.clone().unwrap_or_default(),
            self.kind.clone().unwrap_or_default(),
            json(&self.tags),
            self.language.clone().unwrap_or_default(),
            self.timezone.clone().unwrap_or_default(),
            json(&self.variables),
            self.opted_out.to_string(),
            // No tag contains a semicolon.
            self.opted_out_tags.join(";"),
            self.device_id.to_string(),
            self.device_registration_id.to_string(),
            self.registered_at.to_string(),
        ];

        csv::push_line(text, cells.iter().map(String::as_str));
    }
}

/// The rest of a stream.
struct Export {
    state: web::Data<State>,
    lines: Lines,
    app_name: Option<String>,
    after: Option<Place>,
    is_over: bool,
}

impl LinePages for Export {
    async fn next(&mut self) -> Result<Option<Bytes>, ApiError> {
        if self.is_over {
            return Ok(None);
        }

        let account_id = self.lines.caller.account_id;
        // A turn for each page and not for the whole: a slow client would keep other lists of its
        // account out.
        let turn = self.state.list_turns.next(account_id).await?;
        let filter = DeviceFilter {
            app_name: self.app_name.as_deref(),
            after: self.after.as_ref(),
            limit: PAGE,
        };
        let devices = store::page(turn.pool, account_id, &filter).await?;
        drop(turn);
        // Only a short page is known to be the last. After a full one, the next may be empty.
        self.is_over = (devices.len() as i64) < PAGE;
        if let Some(last) = devices.last() {
            self.after = Some(last.place());
        }

        // Decrypting tokens and writing lines would hold up what others ask of this thread.
        let lines = self.lines.clone();
        let text = self
            .state
            .work
            .run(account_id, move || lines.of(devices))
            .await?;

        text.map(|text| Some(text.into()))
            .map_err(ApiError::internal)
    }
}

/// Reads the parameter `tokens`: whether whole tokens are asked for.
pub(super) fn read_tokens(query: &mut Query) -> bool {
    let tokens = query.filter("tokens", "FULL or MASKED", |text| match text {
        "FULL" => Some(true),
        "MASKED" => Some(false),
        _ => None,
    });

    tokens.unwrap_or(false)
}

/// How devices are written for a caller, who is refused whole tokens without the role for them.
pub(super) fn lines(
    state: &State,
    caller: Caller,
    has_whole_tokens: bool,
    key: &CallerKey,
) -> Result<Lines, ApiError> {
    if has_whole_tokens {
        if caller.role != Role::Full {
            return Err(ApiError::forbidden(
                caller.role.as_str(),
                Role::Full.as_str(),
            ));
        }
        // In the operator's log as well, because only the account itself reads its audit log.
        tracing::info!(
            account_id = %caller.account_id,
            key = key.0,
            "whole device tokens are exported"
        );
    }

    Ok(Lines {
        caller,
        keys: state.master_keys.clone(),
        format: LineFormat::Ndjson,
        has_whole_tokens,
    })
}

/// Every device with its User, as NDJSON, or as CSV if `Accept` asks for `text/csv` (extension). Tokens are
/// masked, unless a key with the role `FULL` asks for them.
#[utoipa::path(
    get,
    path = "/v1/PushNotifications/DeviceRegistrations/Export",
    operation_id = "exportDevices",
    tag = "DeviceRegistrations",
    params(
        ("appName" = Option<String>, Query, pattern = "^[a-z0-9_]{1,64}$", description = "Only devices of this App"),
        ("tokens" = Option<String>, Query, description = "`FULL` shows whole tokens, and is logged; `MASKED` if absent"),
    ),
    responses(
        (status = 200, description = "A line for each device", content(
            (ExportedDevice = "application/x-ndjson"),
            (String = "text/csv"),
        )),
        (status = 406, description = "`Accept` allows neither format", body = ErrorBody),
        ReadErrors,
    ),
)]
pub(crate) async fn export(
    request: HttpRequest,
    state: web::Data<State>,
    caller: Caller,
    key: CallerKey,
) -> Result<HttpResponse, ApiError> {
    let format = LineFormat::of(&request)?;
    let mut query = Query::of(&request)?;
    let app_name = query.app_name();
    let has_whole_tokens = read_tokens(&mut query);
    query.check()?;

    let mut export = Export {
        lines: Lines {
            format,
            ..lines(&state, caller, has_whole_tokens, &key)?
        },
        state,
        app_name,
        after: None,
        is_over: false,
    };

    // Before the first byte: an export that breaks off has given data away too.
    audit::note(&request, &export.state, caller).await?;

    // Read before the answer begins, so that a database that is away is a 503.
    let first = export.next().await?;
    let head = format.head::<ExportedDevice>();

    Ok(format
        .attachment("devices")
        .streaming(line_stream(head, first, export)))
}
