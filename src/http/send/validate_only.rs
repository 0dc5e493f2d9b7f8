//! `validateOnly`, an extension: runs every check of a send, FCM's own among them, and sends
//! nothing.

use actix_web::HttpResponse;
use futures_util::StreamExt;
use serde::Serialize;
use utoipa::ToSchema;

use crate::http::State;
use crate::http::auth::Caller;
use crate::http::error::ApiError;
use crate::http::send::checked::CheckedSend;
use crate::http::send::dry_run::{Device, DryRun, DryRunRecipient, RecipientError};
use crate::model::failure::Failure;
use crate::model::outcome::Outcome;
use crate::model::provider::Provider;
use crate::provider::Payload;

/// Most devices that FCM is asked about for one request.
const MAX_ASKED: usize = 100;
/// Requests to FCM at the same time.
const CONCURRENCY: usize = 20;

/// The answer to `validateOnly`.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Validation {
    /// Whether no problem was found. Whether a device still exists is known for certain only after
    /// a send.
    valid: bool,
    /// How many devices FCM was asked about.
    asked: usize,
    /// The problems, in request order.
    errors: Vec<RecipientError>,
}

/// A device that FCM is asked about.
struct Question<'a> {
    position: usize,
    device: &'a Device,
    payload: Payload,
}

pub(super) async fn validate(
    state: &State,
    caller: Caller,
    send: &CheckedSend,
) -> Result<HttpResponse, ApiError> {
    let run = DryRun::load(state, caller, send).await?;
    let mut errors = Vec::new();
    let mut questions = Vec::new();

    for recipient in run.recipients() {
        check(&run, &recipient, &mut errors, &mut questions);
    }

    let asked = questions.len();
    let refused: Vec<RecipientError> = futures_util::stream::iter(questions)
        .map(|question| ask(&run, question))
        .buffer_unordered(CONCURRENCY)
        .filter_map(async |error| error)
        .collect()
        .await;

    // FCM's answers come in any order.
    errors.extend(refused);
    errors.sort_by_key(|error| error.position);

    Ok(HttpResponse::Ok().json(Validation {
        valid: errors.is_empty(),
        asked,
        errors,
    }))
}

/// Checks what can be checked without a provider, and collects what FCM can be asked.
fn check<'a>(
    run: &DryRun<'_>,
    recipient: &DryRunRecipient<'a>,
    errors: &mut Vec<RecipientError>,
    questions: &mut Vec<Question<'a>>,
) {
    let position = recipient.position;

    errors.extend(
        recipient
            .unaddressable()
            .map(|failure| RecipientError::new(position, failure)),
    );

    for device in recipient.devices {
        let payload = run
            .payload(&recipient.message, device.provider)
            .and_then(|payload| device.token().map(|_| payload));

        match payload {
            Err(failure) => errors.push(RecipientError::new(position, failure)),
            // APNs has no way to check a message without delivering it.
            Ok(payload) if device.provider == Provider::Fcm && questions.len() < MAX_ASKED => {
                questions.push(Question {
                    position,
                    device,
                    payload,
                });
            }
            Ok(_) => {}
        }
    }
}

async fn ask(run: &DryRun<'_>, question: Question<'_>) -> Option<RecipientError> {
    let answer = answer(run, &question).await;

    answer
        .err()
        .map(|failure| RecipientError::new(question.position, failure))
}

async fn answer(run: &DryRun<'_>, question: &Question<'_>) -> Result<(), Failure> {
    let client = run.client(question.device.credential_id)?;
    let token = question.device.token()?;

    match client.validate(&question.payload, token).await {
        // Only FCM can be asked.
        None => Ok(()),
        Some(Ok(answer)) if answer.outcome == Outcome::Accepted => Ok(()),
        Some(Ok(answer)) => Err(Failure::from(&answer)),
        Some(Err(reason)) => Err(Failure::from(&reason)),
    }
}
