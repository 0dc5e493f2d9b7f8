//! `validateOnly`, an extension: runs every check of a send, FCM's own among them, and sends
//! nothing.

use std::ops::Range;
use std::sync::Arc;

use actix_web::HttpResponse;
use futures_util::StreamExt;
use serde::Serialize;
use utoipa::ToSchema;

use crate::http::State;
use crate::http::auth::Caller;
use crate::http::error::ApiError;
use crate::http::send::checked::CheckedSend;
use crate::http::send::dry_run::{Device, DryRun, RecipientError};
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
struct Question {
    position: usize,
    /// Its index among the recipient's devices.
    device: usize,
    payload: Payload,
}

/// What can be said of some recipients without a provider.
#[derive(Default)]
struct Checked {
    errors: Vec<RecipientError>,
    questions: Vec<Question>,
}

pub(super) async fn validate(
    state: &State,
    caller: Caller,
    send: CheckedSend,
) -> Result<HttpResponse, ApiError> {
    let run = Arc::new(DryRun::load(state, caller, send).await?);
    let mut errors = Vec::new();
    let mut questions = Vec::new();

    for part in run.parts() {
        let rendering = Arc::clone(&run);
        let room = MAX_ASKED - questions.len();
        let checked = state
            .work
            .run(caller.account_id, move || check(&rendering, part, room))
            .await?;
        errors.extend(checked.errors);
        questions.extend(checked.questions);
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

/// Checks what can be checked without a provider, and collects up to `room` questions for FCM.
fn check(run: &DryRun, positions: Range<usize>, room: usize) -> Checked {
    let mut checked = Checked::default();

    for recipient in run.recipients(positions) {
        let position = recipient.position;

        checked.errors.extend(
            recipient
                .unaddressable()
                .map(|failure| RecipientError::new(position, failure)),
        );

        for (index, device) in recipient.devices.iter().enumerate() {
            let payload = run
                .payload(&recipient.message, device.provider)
                .and_then(|payload| device.token().map(|_| payload));

            match payload {
                Err(failure) => checked.errors.push(RecipientError::new(position, failure)),
                // APNs has no way to check a message without delivering it.
                Ok(payload)
                    if device.provider == Provider::Fcm && checked.questions.len() < room =>
                {
                    checked.questions.push(Question {
                        position,
                        device: index,
                        payload,
                    });
                }
                Ok(_) => {}
            }
        }
    }

    checked
}

async fn ask(run: &DryRun, question: Question) -> Option<RecipientError> {
    let device = run.device(question.position, question.device)?;
    let answer = answer(run, device, &question.payload).await;

    answer
        .err()
        .map(|failure| RecipientError::new(question.position, failure))
}

async fn answer(run: &DryRun, device: &Device, payload: &Payload) -> Result<(), Failure> {
    let client = run.client(device.credential_id)?;
    let token = device.token()?;

    match client.validate(payload, token).await {
        // Only FCM can be asked.
        None => Ok(()),
        Some(Ok(answer)) if answer.outcome == Outcome::Accepted => Ok(()),
        Some(Ok(answer)) => Err(Failure::from(&answer)),
        Some(Err(reason)) => Err(Failure::from(&reason)),
    }
}
