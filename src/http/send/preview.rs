//! `POST /PushNotifications/Preview`, an extension: the requests that a send would cause.

use actix_web::{HttpResponse, web};
use serde::Serialize;
use utoipa::ToSchema;

use crate::http::State;
use crate::http::body::JsonBody;
use crate::http::error::ApiError;
use crate::http::openapi::{CreateErrors, SendRequest};
use crate::http::send::checked::CheckedSend;
use crate::http::send::dry_run::{Device, DryRun, DryRunRecipient, RecipientError};
use crate::model::failure::{Failure, FailureCode};
use crate::model::id::CredentialId;
use crate::model::provider::Provider;
use crate::provider::RequestPreview;

const MAX_RECIPIENTS: usize = 100;

#[derive(Serialize, ToSchema)]
struct PreviewList {
    /// One for each recipient, in request order.
    previews: Vec<Preview>,
}

#[derive(Serialize, ToSchema)]
struct Preview {
    /// The recipient's index in `to`.
    position: usize,
    /// One for each device.
    requests: Vec<ProviderRequest>,
    /// Why the recipient, or one of its devices, would get nothing.
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

/// Shows the requests to FCM and APNs that a send would cause, without sending them (extension).
#[utoipa::path(
    post,
    path = "/v1/PushNotifications/Preview",
    operation_id = "previewPushNotifications",
    tag = "PushNotifications",
    request_body = SendRequest,
    responses((status = 200, description = "The requests that a send would cause", body = PreviewList), CreateErrors),
)]
pub(crate) async fn preview(
    state: web::Data<State>,
    body: JsonBody,
) -> Result<HttpResponse, ApiError> {
    let send = CheckedSend::check(&state, &body).await?;
    // After the checks that every send has, so that their answer still names all problems of the
    // body.
    check_size(&send)?;

    let run = DryRun::load(&state, body.caller, send).await?;
    let part = run.load_part(&state, 0..MAX_RECIPIENTS).await?;
    let render = move || {
        run.recipients(&part)
            .map(|recipient| preview_recipient(&run, &recipient))
            .collect()
    };
    // On the pool even for a small body: 100 Users may have 50 devices each.
    let previews = state.work.run(body.caller.account_id, render).await?;

    Ok(HttpResponse::Ok().json(PreviewList { previews }))
}

fn check_size(send: &CheckedSend) -> Result<(), ApiError> {
    if send.audience.is_some() {
        return Err(ApiError::invalid_field(
            "to",
            "must be recipients; an audience can't be previewed",
        ));
    }

    let count = send.recipients.len();
    if count > MAX_RECIPIENTS {
        return Err(ApiError::invalid_field(
            "to",
            format!("must have 1 to {MAX_RECIPIENTS} recipients for a preview; got {count}"),
        ));
    }

    Ok(())
}

fn preview_recipient(run: &DryRun, recipient: &DryRunRecipient<'_>) -> Preview {
    let position = recipient.position;
    let mut requests = Vec::new();
    let mut errors = Vec::new();

    errors.extend(
        recipient
            .unaddressable()
            .map(|failure| RecipientError::new(position, failure)),
    );

    for device in recipient.devices {
        match request(run, recipient, device) {
            Ok(request) => requests.push(request),
            Err(failure) => errors.push(RecipientError::new(position, failure)),
        }
    }

    Preview {
        position,
        requests,
        errors,
    }
}

fn request(
    run: &DryRun,
    recipient: &DryRunRecipient<'_>,
    device: &Device,
) -> Result<ProviderRequest, Failure> {
    let payload = run.payload(&recipient.message, device.provider)?;
    let client = run.client(device.credential_id)?;

    let request = client
        .preview(&payload, &run.token(device)?, device.message_id)
        .ok_or_else(|| {
            Failure::new(
                FailureCode::CredentialUnusable,
                "The Credential is for another provider",
            )
        })?;

    Ok(ProviderRequest {
        provider: device.provider,
        credential_id: device.credential_id,
        request,
    })
}
