//! What a send would do, without doing it: `validateOnly`, and `POST /PushNotifications/Preview`.
//! Ours.

use std::collections::HashMap;

use actix_web::{HttpResponse, web};
use futures_util::StreamExt;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::http::State;
use crate::http::auth::Caller;
use crate::http::body::JsonBody;
use crate::http::error::ApiError;
use crate::http::openapi::{CreateErrors, SendRequest};
use crate::http::send::body::To;
use crate::http::send::checked::Checked;
use crate::model::id::CredentialId;
use crate::model::message::Message;
use crate::model::outcome::{Answer, NotSent};
use crate::model::provider::Provider;
use crate::provider::{Client, Payload, RequestPreview};
use crate::store::devices::{self, DevicesOf};
use crate::store::senders;

/// Most recipients of a preview.
const MAX_PREVIEW: usize = 100;
/// Most devices that FCM is asked about for one request.
const MAX_ASKED: usize = 100;
/// Questions to FCM at a time.
const AT_A_TIME: usize = 20;

/// The answer to `validateOnly`.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Validation {
    /// Whether nothing was found; what the devices are worth is only known by sending.
    valid: bool,
    /// For how many devices FCM was asked.
    asked: usize,
    /// What was found, in request order.
    errors: Vec<RecipientError>,
}

#[derive(Serialize, ToSchema)]
struct RecipientError {
    /// 0-based within the request.
    position: usize,
    code: String,
    message: String,
}

#[derive(Serialize, ToSchema)]
struct PreviewList {
    previews: Vec<Preview>,
}

#[derive(Serialize, ToSchema)]
struct Preview {
    /// 0-based within the request.
    position: usize,
    /// What would be asked, one for each device.
    requests: Vec<ProviderRequest>,
    /// Why the recipient would get nothing.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<RecipientError>,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct ProviderRequest {
    provider: Provider,
    credential_id: CredentialId,
    #[serde(flatten)]
    request: RequestPreview,
}

/// A device that a recipient would be reached on.
struct Device {
    provider: Provider,
    credential_id: CredentialId,
    /// `None`: it can't be decrypted.
    token: Option<String>,
    message_id: Uuid,
}

impl Device {
    fn token(&self) -> Result<&str, Problem> {
        let problem = || {
            (
                "TOKEN_UNREADABLE".to_owned(),
                "Its token can't be decrypted with the master key at hand".to_owned(),
            )
        };
        self.token.as_deref().ok_or_else(problem)
    }
}

/// Runs every check, FCM's own for the first devices included, and stores nothing.
pub(crate) async fn validate(
    state: &State,
    caller: Caller,
    checked: &Checked,
) -> Result<HttpResponse, ApiError> {
    let clients = clients(state, checked).await?;
    let devices = devices(state, caller, checked).await?;
    let (mut errors, mut questions) = (Vec::new(), Vec::new());
    for (position, devices) in devices.iter().enumerate() {
        let message = message(checked, position);
        errors.extend(unaddressable(checked, position, devices));
        for device in devices {
            let payload = render(&message, checked, device.provider);
            match payload.and_then(|payload| Ok((device.token()?, payload))) {
                Err((code, message)) => errors.push(RecipientError {
                    position,
                    code,
                    message,
                }),
                Ok((token, payload))
                    if device.provider == Provider::Fcm && questions.len() < MAX_ASKED =>
                {
                    questions.push((position, device.credential_id, token, payload));
                }
                Ok(_) => {}
            }
        }
    }
    let asked = questions.len();
    let found =
        futures_util::stream::iter(questions).map(|(position, credential_id, token, payload)| {
            let client = clients.get(&credential_id);
            async move { ask(client, position, token, &payload).await }
        });
    errors.extend(
        found
            .buffer_unordered(AT_A_TIME)
            .filter_map(async |error| error)
            .collect::<Vec<_>>()
            .await,
    );
    errors.sort_by_key(|error| error.position);
    Ok(HttpResponse::Ok().json(Validation {
        valid: errors.is_empty(),
        asked,
        errors,
    }))
}

/// Shows the requests that each recipient would cause (extension).
#[utoipa::path(
    post,
    path = "/v1/PushNotifications/Preview",
    tag = "PushNotifications",
    request_body = SendRequest,
    responses((status = 200, body = PreviewList), CreateErrors),
)]
pub(crate) async fn preview(
    state: web::Data<State>,
    body: JsonBody,
) -> Result<HttpResponse, ApiError> {
    let checked = Checked::of(&state, body.caller, &body.bytes).await?;
    let recipients = checked.targets.recipients.len();
    if checked.targets.audience.is_some() || recipients > MAX_PREVIEW {
        return Err(ApiError::invalid_field(
            "to",
            format!("must be 1 to {MAX_PREVIEW} recipients for a preview"),
        ));
    }
    let clients = clients(&state, &checked).await?;
    let devices = devices(&state, body.caller, &checked).await?;
    let previews = devices.iter().enumerate().map(|(position, devices)| {
        let message = message(&checked, position);
        let mut preview = Preview {
            position,
            requests: Vec::new(),
            errors: Vec::new(),
        };
        preview
            .errors
            .extend(unaddressable(&checked, position, devices));
        for device in devices {
            match request(&clients, &message, &checked, device) {
                Ok(request) => preview.requests.push(request),
                Err((code, message)) => preview.errors.push(RecipientError {
                    position,
                    code,
                    message,
                }),
            }
        }
        preview
    });
    Ok(HttpResponse::Ok().json(PreviewList {
        previews: previews.collect(),
    }))
}

type Problem = (String, String);

fn request(
    clients: &HashMap<CredentialId, Result<Client, &'static str>>,
    message: &Result<Message, Problem>,
    checked: &Checked,
    device: &Device,
) -> Result<ProviderRequest, Problem> {
    let payload = render(message, checked, device.provider)?;
    let client = match clients.get(&device.credential_id) {
        Some(Ok(client)) => client,
        Some(Err(problem)) => {
            return Err(("CREDENTIAL_UNUSABLE".to_owned(), (*problem).to_owned()));
        }
        None => {
            return Err((
                "CREDENTIAL_GONE".to_owned(),
                "Its Credential has been deleted".to_owned(),
            ));
        }
    };
    let request = client.preview(&payload, device.token()?, device.message_id);
    let request = request.ok_or_else(|| {
        (
            "CREDENTIAL_UNUSABLE".to_owned(),
            "It is another provider's".to_owned(),
        )
    })?;
    Ok(ProviderRequest {
        provider: device.provider,
        credential_id: device.credential_id,
        request,
    })
}

async fn ask(
    client: Option<&Result<Client, &'static str>>,
    position: usize,
    token: &str,
    payload: &Payload,
) -> Option<RecipientError> {
    let problem = |code: &str, message: String| {
        Some(RecipientError {
            position,
            code: code.to_owned(),
            message,
        })
    };
    let client = match client? {
        Ok(client) => client,
        Err(reason) => return problem("CREDENTIAL_UNUSABLE", (*reason).to_owned()),
    };
    match client.validate(payload, token).await? {
        Ok(Answer {
            outcome: crate::model::outcome::Outcome::Accepted,
            ..
        }) => None,
        Ok(answer) => problem(
            answer
                .code
                .as_deref()
                .unwrap_or(answer.outcome.kind().as_str()),
            answer
                .message
                .unwrap_or_else(|| "FCM gave no reason".to_owned()),
        ),
        Err(reason) => problem(not_sent_code(&reason), reason.to_string()),
    }
}

fn not_sent_code(reason: &NotSent) -> &'static str {
    match reason {
        NotSent::Unreachable { .. } => "UNREACHABLE",
        NotSent::CredentialRefused { .. } => "CREDENTIAL_REFUSED",
        NotSent::CredentialUnavailable { .. } => "CREDENTIAL_UNAVAILABLE",
    }
}

/// What the recipient at `position` gets; an error where a template can't be filled in.
fn message(checked: &Checked, position: usize) -> Result<Message, Problem> {
    let problem = |field: String, message: String| {
        ("INVALID_TEMPLATE".to_owned(), format!("{field} {message}"))
    };
    let variables = checked
        .targets
        .recipients
        .get(position)
        .and_then(|recipient| recipient.variables.as_ref());
    match &checked.template {
        None => Ok(checked.message.clone()),
        Some(template) => template
            .render(variables)
            .map_err(|found| problem(found.field, found.message)),
    }
}

fn render(
    message: &Result<Message, Problem>,
    checked: &Checked,
    provider: Provider,
) -> Result<Payload, Problem> {
    let message = message.as_ref().map_err(Clone::clone)?;
    Payload::render(provider, message, message.expires_at(checked.starts_at)).map_err(|problem| {
        (
            "INVALID_CONTENT".to_owned(),
            format!("{} {}", problem.field, problem.message),
        )
    })
}

fn unaddressable(checked: &Checked, position: usize, devices: &[Device]) -> Option<RecipientError> {
    let is_user = checked
        .targets
        .recipients
        .get(position)
        .is_some_and(|recipient| recipient.user_id().is_some());
    (is_user && devices.is_empty()).then(|| RecipientError {
        position,
        code: "UNADDRESSABLE".to_owned(),
        message: "The User has no device in the App for the Credentials in use".to_owned(),
    })
}

/// The clients of the Credentials that would be sent with.
async fn clients(
    state: &State,
    checked: &Checked,
) -> Result<HashMap<CredentialId, Result<Client, &'static str>>, ApiError> {
    let ids: Vec<_> = [Provider::Fcm, Provider::Apn]
        .into_iter()
        .filter_map(|it| checked.senders.of(it))
        .collect();
    let stored = senders::by_ids(&state.pool, &ids).await?;
    let open = |stored| Client::for_stored(stored, &state.master_keys, &state.endpoints);
    Ok(stored
        .iter()
        .map(|stored| (stored.id, open(stored)))
        .collect())
}

/// The devices of each recipient, in request order.
async fn devices(
    state: &State,
    caller: Caller,
    checked: &Checked,
) -> Result<Vec<Vec<Device>>, ApiError> {
    let recipients = &checked.targets.recipients;
    let mut devices: Vec<Vec<Device>> = Vec::with_capacity(recipients.len());
    let (mut wanted, mut positions) = (Vec::new(), Vec::new());
    let senders = checked.senders.of_users(&checked.targets);
    let app_name = senders.app_name.as_deref().unwrap_or_default();
    let message_id = |position: usize| checked.id.push_notification(position as u32).as_uuid();
    for (position, recipient) in recipients.iter().enumerate() {
        let mut direct = Vec::new();
        match &recipient.to {
            To::User(user_id) => {
                wanted.push(DevicesOf {
                    account_id: caller.account_id,
                    app_name,
                    user_id: *user_id,
                    tags: None,
                });
                positions.push(position);
            }
            To::Device(device) => direct.extend(checked.senders.of(device.provider).map(
                |credential_id| Device {
                    provider: device.provider,
                    credential_id,
                    token: Some(device.token.clone()),
                    message_id: message_id(position),
                },
            )),
        }
        devices.push(direct);
    }
    for device in devices::of_users(&state.pool, &wanted).await? {
        let position = positions[device.index];
        let token = state
            .master_keys
            .open_token(caller.account_id.as_uuid(), &device.token)
            .ok();
        if let Some(credential_id) = senders.of(device.provider) {
            let message_id = device.message_id(message_id(position));
            devices[position].push(Device {
                provider: device.provider,
                credential_id,
                token,
                message_id,
            });
        }
    }
    Ok(devices)
}
