//! `POST /PushNotifications/Operations/{id}/Resend`, an extension: sends what failed again, as an
//! Operation of its own.

use std::collections::HashSet;

use actix_web::{HttpRequest, HttpResponse, web};
use serde_json::Value;
use sqlx::PgConnection;

use crate::http::State;
use crate::http::accepted::{Accepted, AcceptedOperation};
use crate::http::error::ApiError;
use crate::http::idempotency::{IdempotencyKey, IdempotencyKeyParam, Once};
use crate::http::openapi::{CreateErrors, ResendRequest};
use crate::http::optional_body::OptionalJsonBody;
use crate::http::path;
use crate::http::problem::Problem;
use crate::http::rate_limit::Recipients;
use crate::http::validation::{
    NO_NUL, Object, Path, Problems, either, must_be, parse_body, quoted_string,
};
use crate::model::id::{MAX_POSITIONS, OperationId};
use crate::model::quoted::quoted;
use crate::model::status::OperationStatus;
use crate::store::operation_read::{self, OperationStats};
use crate::store::resend::{self as store, Resend};

/// Most codes of one request.
pub(crate) const MAX_CODES: usize = 50;
/// Most positions of one request, as many as a send has recipients.
pub(crate) const MAX_POSITIONS_NAMED: usize = 10_000;
/// Steps of the copy that are made before the answer, to learn whether anything is sent again. The rest
/// is copied in the background.
const STEPS_AT_ONCE: usize = 50;

/// What a request names.
#[derive(Debug, Default, PartialEq)]
struct Selection {
    codes: Option<Vec<String>>,
    positions: Option<Vec<i32>>,
}

/// Sends the failed notifications of an Operation again, as a new Operation (extension).
#[utoipa::path(
    post,
    path = "/v1/PushNotifications/Operations/{id}/Resend",
    operation_id = "resendOperation",
    tag = "Operations",
    params(
        ("id" = OperationId, Path),
        IdempotencyKeyParam,
    ),
    request_body = Option<ResendRequest>,
    responses((status = 202, description = "Stored: `operationId` names the new Operation", body = AcceptedOperation), CreateErrors),
)]
pub(crate) async fn resend(
    request: HttpRequest,
    state: web::Data<State>,
    id: web::Path<String>,
    body: OptionalJsonBody,
) -> Result<HttpResponse, ApiError> {
    let caller = body.caller;
    let source_id = path::id::<OperationId>(&id)?;
    let selection = Selection::parse(&body.bytes)?;

    let oldest = state.oldest_readable_id();
    let source = operation_read::fetch(&state.pool, caller.account_id, source_id, oldest)
        .await?
        .ok_or_else(ApiError::not_found)?;

    // A repeat is answered before anything is checked, because the queue may be full by now.
    if let Some(key) = IdempotencyKey::of(&request, caller, &body.bytes)?
        && let Some(response) = key.replay(&state.pool).await?
    {
        return Ok(response);
    }
    // A notification that is not settled could still fail, and would be missing in the copy.
    if matches!(
        source.status(),
        OperationStatus::Scheduled | OperationStatus::Processing
    ) || source.queued > 0
        || source.is_growing
    {
        return Err(ApiError::conflict(
            "This Operation is still running. Resend it once it is completed, or cancel it first",
        ));
    }

    let count = selection.most_sent(&source);
    // Before the transaction: a new count takes a connection of its own, and many requests that each
    // hold one and wait for another would block the pool.
    state
        .account_limits
        .check_queued(caller.account_id, count)
        .await?;

    let new_id = OperationId::generate();
    Once::new(&request, &state, caller, &body.bytes)
        .run(async |connection| {
            if let Some(positions) = &selection.positions {
                check_positions(&mut *connection, source_id, positions).await?;
            }

            let resend = Resend {
                id: new_id,
                source_id,
                account_id: caller.account_id,
                codes: selection.codes.as_deref(),
                positions: selection.positions.as_deref(),
            };
            if !store::insert(&mut *connection, &resend).await? {
                return Err(ApiError::not_found());
            }
            // In the same transaction, so that a small resend has its notifications at once.
            copy_first(connection, new_id, &selection).await?;

            // Last, because what is counted is not given back. The error ends the transaction.
            let recipients = Recipients {
                count,
                field: "recipients",
                advice: "name fewer positions in recipients",
            };
            state
                .rate_limits
                .check_recipients(&request, caller.account_id, &recipients)?;

            Ok(Accepted::operation(&request, &state, new_id))
        })
        .await
}

/// A position whose notification did not fail is the client's mistake.
async fn check_positions(
    connection: &mut PgConnection,
    source_id: OperationId,
    positions: &[i32],
) -> Result<(), ApiError> {
    let wrong = store::not_failed(connection, source_id, positions).await?;

    let problems: Vec<Problem> = wrong
        .into_iter()
        .map(|index| {
            // The message names the position, because the field's path has only its index in the
            // array.
            let position = positions.get(index).copied().unwrap_or_default();
            Problem::new(
                format!("recipients[{index}]"),
                format!(
                    "must be the position of a notification that failed; the one at {position} did not"
                ),
            )
        })
        .collect();
    Problems::from(problems).check()
}

/// Copies until there is a notification to send. The error, under which nothing is stored, says that
/// there is none.
async fn copy_first(
    connection: &mut PgConnection,
    id: OperationId,
    selection: &Selection,
) -> Result<(), ApiError> {
    for _ in 0..STEPS_AT_ONCE {
        let Some(copied) = store::step(&mut *connection, Some(id)).await? else {
            return Ok(());
        };
        if copied.step.notifications > 0 {
            return Ok(());
        }
        if copied.is_done {
            // The error ends the transaction, so the new Operation is not stored.
            return Err(ApiError::conflict(nothing_to_send(selection)));
        }
    }

    Ok(())
}

/// Why nothing is sent again.
fn nothing_to_send(selection: &Selection) -> String {
    match selection.codes.as_deref() {
        None => "No notification of this Operation failed in a way that can be sent again. Permanent failures, \
                 such as dead tokens, are sent again only if codes or recipients name them"
            .to_owned(),
        Some(codes) => {
            let codes: Vec<String> = codes.iter().map(|code| quoted_string(code)).collect();
            let codes: Vec<&str> = codes.iter().map(String::as_str).collect();

            format!(
                "No failed notification that was asked for has the code {}. The Operation's ErrorTotals list \
                 the codes that there are",
                either(&codes)
            )
        }
    }
}

impl Selection {
    fn parse(body: &[u8]) -> Result<Self, ApiError> {
        let mut problems = Problems::default();
        let mut body = parse_body(body)?;

        let selection = Self {
            codes: codes(&mut body, &mut problems),
            positions: positions(&mut body, &mut problems),
        };
        body.refuse_unknown(&mut problems);

        problems.check_some(Some(selection))
    }

    /// How many notifications are sent again at most. How many of them have a code is not counted.
    fn most_sent(&self, source: &OperationStats) -> usize {
        if let Some(positions) = &self.positions {
            return positions.iter().collect::<HashSet<_>>().len();
        }

        // Those without a device are sent again only if a code names them.
        let failed = match self.codes {
            Some(_) => source.failed + source.unaddressable,
            None => source.failed,
        };
        usize::try_from(failed).unwrap_or_default()
    }
}

fn codes(body: &mut Object<'_>, problems: &mut Problems) -> Option<Vec<String>> {
    let value = body.take("codes")?;
    let path = body.at("codes");
    let values = elements(value, &path, &CODES, problems)?;

    let mut codes = Vec::with_capacity(values.len());
    for (index, value) in values.into_iter().enumerate() {
        let path = Path::Index(&path, index);
        match value {
            Value::String(code) if code.contains('\0') => problems.push(&path, NO_NUL),
            Value::String(code) if code.is_empty() => problems.push(&path, "must not be empty"),
            Value::String(code) => codes.push(code),
            other => problems.push(&path, must_be("a string", &other)),
        }
    }

    Some(codes)
}

fn positions(body: &mut Object<'_>, problems: &mut Problems) -> Option<Vec<i32>> {
    let value = body.take("recipients")?;
    let path = body.at("recipients");
    let values = elements(value, &path, &POSITIONS, problems)?;

    let last = MAX_POSITIONS as i32 - 1;
    let mut positions = Vec::with_capacity(values.len());
    for (index, value) in values.into_iter().enumerate() {
        let position = value
            .as_i64()
            .and_then(|position| i32::try_from(position).ok())
            .filter(|position| (0..=last).contains(position));
        match position {
            Some(position) => positions.push(position),
            None => problems.push(
                &Path::Index(&path, index),
                format!(
                    "must be a position in the request, an integer from 0 to {last}; got {}",
                    quoted(&value)
                ),
            ),
        }
    }

    Some(positions)
}

/// What an array has, and how many at most.
struct Elements {
    noun: &'static str,
    most: usize,
}

const CODES: Elements = Elements {
    noun: "codes",
    most: MAX_CODES,
};
const POSITIONS: Elements = Elements {
    noun: "positions",
    most: MAX_POSITIONS_NAMED,
};

/// The elements of an array that has at least one, and no more than `expected`.
fn elements(
    value: Value,
    path: &Path<'_>,
    expected: &Elements,
    problems: &mut Problems,
) -> Option<Vec<Value>> {
    let Elements { noun, most } = expected;

    match value {
        Value::Array(values) if (1..=*most).contains(&values.len()) => Some(values),
        Value::Array(values) => {
            problems.push(
                path,
                format!("must have 1 to {most} {noun}; got {}", values.len()),
            );
            None
        }
        other => {
            problems.push(
                path,
                must_be(&format!("an array of 1 to {most} {noun}"), &other),
            );
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: &str) -> Result<Selection, String> {
        Selection::parse(body.as_bytes()).map_err(|error| error.to_string())
    }

    #[test]
    fn codes_and_positions_are_optional() {
        assert_eq!(read("{}").unwrap(), Selection::default());
        assert_eq!(
            read(r#"{"codes": ["EXPIRED"], "recipients": [0, 7]}"#).unwrap(),
            Selection {
                codes: Some(vec!["EXPIRED".into()]),
                positions: Some(vec![0, 7]),
            }
        );
    }

    #[test]
    fn anything_else_names_its_field() {
        for (body, field) in [
            (r#"{"codes": []}"#, "codes"),
            (r#"{"codes": "EXPIRED"}"#, "codes"),
            (r#"{"codes": [7]}"#, "codes[0]"),
            (r#"{"codes": [""]}"#, "codes[0]"),
            (r#"{"codes": ["a\u0000"]}"#, "codes[0]"),
            (r#"{"recipients": []}"#, "recipients"),
            (r#"{"recipients": 7}"#, "recipients"),
            (r#"{"recipients": [-1]}"#, "recipients[0]"),
            (r#"{"recipients": [0.5]}"#, "recipients[0]"),
            (r#"{"recipients": ["0"]}"#, "recipients[0]"),
            (r#"{"recipients": [16777215]}"#, "recipients[0]"),
            (r#"{"code": ["EXPIRED"]}"#, "code"),
        ] {
            let error = read(body).unwrap_err();
            assert!(error.contains(&format!(" {field}: ")), "{body}: {error}");
        }
    }
}
