//! `validateOnly`, an extension: runs every check of a send, FCM's own among them, tries the Credentials,
//! and sends nothing.

use std::collections::HashSet;
use std::sync::Arc;

use actix_web::HttpResponse;
use futures_util::StreamExt;
use serde::Serialize;
use utoipa::ToSchema;

use crate::http::State;
use crate::http::auth::Caller;
use crate::http::error::ApiError;
use crate::http::send::checked::CheckedSend;
use crate::http::send::dry_run::{Device, DryRun, Part, RecipientError, UsedCredentials};
use crate::model::credential_state::CredentialCheck;
use crate::model::failure::{Failure, FailureCode};
use crate::model::id::CredentialId;
use crate::model::outcome::{Outcome, OutcomeKind};
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
    device: Device,
    payload: Payload,
}

/// What can be said of some recipients without a provider.
#[derive(Default)]
struct Checked {
    errors: Vec<RecipientError>,
    questions: Vec<Question>,
    used: UsedCredentials,
}

pub(super) async fn validate(
    state: &State,
    caller: Caller,
    send: Box<CheckedSend>,
) -> Result<HttpResponse, ApiError> {
    let run = Arc::new(DryRun::load(state, caller, send).await?);
    let mut errors = Vec::new();
    let mut questions = Vec::new();
    let mut used = UsedCredentials::default();

    // Part by part, so that the devices of one are dropped before those of the next are loaded.
    for positions in run.parts() {
        let part = run.load_part(state, positions).await?;
        let rendering = Arc::clone(&run);
        let room = MAX_ASKED - questions.len();
        let checked = state
            .work
            .run(caller.account_id, move || check(&rendering, &part, room))
            .await?;
        errors.extend(checked.errors);
        questions.extend(checked.questions);
        for (id, position) in checked.used.iter() {
            used.add(id, position);
        }
    }
    for id in run.credentials_of_audience() {
        used.add(id, None);
    }

    let asked = questions.len();
    let asked_with: HashSet<CredentialId> = questions
        .iter()
        .map(|question| question.device.credential_id)
        .collect();
    let refused: Vec<RecipientError> = futures_util::stream::iter(questions)
        .map(|question| ask(&run, question))
        .buffer_unordered(CONCURRENCY)
        .filter_map(async |error| error)
        .collect()
        .await;

    errors.extend(refused);
    errors.extend(refused_credentials(&run, &used, &asked_with).await);

    // FCM's answers come in any order.
    errors.sort_by_key(|error| error.position);

    Ok(HttpResponse::Ok().json(Validation {
        valid: errors.is_empty(),
        asked,
        errors,
    }))
}

/// The Credentials among `used` that no question was `asked_with`, tried with their provider: APNs has no way to ask
/// about a message, but it knows a wrong key. A problem is reported once, at the first recipient.
async fn refused_credentials(
    run: &DryRun,
    used: &UsedCredentials,
    asked_with: &HashSet<CredentialId>,
) -> Vec<RecipientError> {
    let mut errors = Vec::new();

    // One after the other: a send has three Credentials at most.
    for (id, position) in used.iter() {
        if asked_with.contains(&id) {
            continue;
        }

        let failure = match run.client(id) {
            Ok(client) => failure_of(client.test().await),
            Err(failure) => Some(failure),
        };
        errors.extend(failure.map(|failure| match position {
            Some(position) => RecipientError::new(position, failure),
            None => RecipientError::of_audience(failure),
        }));
    }

    errors
}

fn failure_of(check: CredentialCheck) -> Option<Failure> {
    let (code, reason) = match check {
        CredentialCheck::Working => return None,
        CredentialCheck::Refused(reason) => (
            FailureCode::Outcome(OutcomeKind::CredentialRefused),
            format!("The provider refuses the Credential: {reason}"),
        ),
        CredentialCheck::Unreadable(reason) => (FailureCode::CredentialUnusable, reason),
        CredentialCheck::Unreachable(reason) => (FailureCode::Unreachable, reason),
    };

    Some(Failure::new(code, reason))
}

/// Checks what can be checked without a provider, and collects up to `room` questions for FCM.
fn check(run: &DryRun, part: &Part, room: usize) -> Checked {
    let mut checked = Checked::default();

    for recipient in run.recipients(part) {
        let position = recipient.position;

        checked.errors.extend(
            recipient
                .unaddressable()
                .map(|failure| RecipientError::new(position, failure)),
        );

        for device in recipient.devices {
            checked.used.add(device.credential_id, Some(position));
            let payload = run
                .payload(&recipient.message, device.provider)
                .and_then(|payload| run.token(device).map(|_| payload));

            match payload {
                Err(failure) => checked.errors.push(RecipientError::new(position, failure)),
                // APNs has no way to check a message without delivering it.
                Ok(payload)
                    if device.provider == Provider::Fcm && checked.questions.len() < room =>
                {
                    checked.questions.push(Question {
                        position,
                        device: device.clone(),
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
    let answer = answer(run, &question.device, &question.payload).await;

    answer
        .err()
        .map(|failure| RecipientError::new(question.position, failure))
}

async fn answer(run: &DryRun, device: &Device, payload: &Payload) -> Result<(), Failure> {
    let client = run.client(device.credential_id)?;
    let token = run.token(device)?;

    match client.validate(payload, &token).await {
        // Only FCM can be asked.
        None => Ok(()),
        Some(Ok(answer)) if answer.outcome == Outcome::Accepted => Ok(()),
        Some(Ok(answer)) => Err(Failure::from(&answer)),
        Some(Err(reason)) => Err(Failure::from(&reason)),
    }
}
