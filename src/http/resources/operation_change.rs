//! `PATCH /PushNotifications/Operations/{id}`, an extension: another pace for an Operation, and another
//! time for one that is SCHEDULED.

use actix_web::{HttpRequest, HttpResponse, web};
use sqlx::PgConnection;
use time::OffsetDateTime;

use crate::http::State;
use crate::http::accepted::{Accepted, AcceptedOperation};
use crate::http::body::JsonBody;
use crate::http::error::ApiError;
use crate::http::idempotency::{IdempotencyKeyParam, Once};
use crate::http::openapi::{CreateErrors, OperationChangeRequest};
use crate::http::path;
use crate::http::send::{PacePlan, ScheduleBounds, longest_ahead, read_pace, send_at};
use crate::http::validation::{Problems, parse_body};
use crate::model::field_change::FieldChange;
use crate::model::id::OperationId;
use crate::model::pace::Pace;
use crate::store::operation_read::{self, OperationStats};
use crate::store::{pace_change, reschedule};

/// What a request changes.
struct Change {
    send_at: Option<OffsetDateTime>,
    /// `null` takes the pace away.
    pace: FieldChange<Pace>,
}

/// Changes when a SCHEDULED Operation is sent, or how fast an Operation is sent (extension).
#[utoipa::path(
    patch,
    path = "/v1/PushNotifications/Operations/{id}",
    operation_id = "updateOperation",
    tag = "Operations",
    params(("id" = OperationId, Path), IdempotencyKeyParam),
    request_body = OperationChangeRequest,
    responses((status = 202, description = "Changed", body = AcceptedOperation), CreateErrors),
)]
pub(crate) async fn update(
    request: HttpRequest,
    state: web::Data<State>,
    id: web::Path<String>,
    body: JsonBody,
) -> Result<HttpResponse, ApiError> {
    let caller = body.caller;
    let id = path::id::<OperationId>(&id)?;

    let oldest = state.oldest_readable_id();
    let operation = operation_read::fetch(&state.pool, caller.account_id, id, oldest)
        .await?
        .ok_or_else(ApiError::not_found)?;
    if operation.local_schedule.is_some() {
        return Err(ApiError::conflict(
            "This Operation has local times or a window, so its time and its pace can't be \
             changed. Cancel it and send again",
        ));
    }
    // Records can be read for so long after the Operation was accepted, and no longer.
    let kept_until = operation.created_at + longest_ahead(state.settings.retention);
    let change = Change::parse(&body.bytes, &operation, kept_until)?;

    Once::new(&request, &state, caller, &body.bytes)
        .run(async |connection| {
            // Both changes in one transaction: if the pace is refused, the time stays as it was.
            change.make(connection, id).await?;

            Ok(Accepted::operation(&request, &state, id))
        })
        .await
}

impl Change {
    fn parse(
        body: &[u8],
        operation: &OperationStats,
        kept_until: OffsetDateTime,
    ) -> Result<Self, ApiError> {
        let mut problems = Problems::default();
        let mut body = parse_body(body)?;

        let now = OffsetDateTime::now_utc();
        let bounds = ScheduleBounds {
            now,
            longest_ahead: kept_until - now,
        };
        // Before the pace is read, because reading takes the null out.
        let has_no_pace = body.is_null("pace");
        let changes_something = body.has("schedule") || body.has("pace") || has_no_pace;
        let send_at = send_at(&mut body, bounds, &mut problems);
        let pace = read_pace(&mut body, &mut problems);
        body.refuse_unknown(&mut problems);

        // A field that was refused is a change that the client meant.
        if problems.is_empty() && !changes_something {
            problems.push_at(
                "schedule",
                "this field or pace is required: schedule is another time, pace another pace or null for none",
            );
        }

        // Checked with the time that this request sets: a later start leaves less time for the same
        // pace.
        if let Some(pace) = pace {
            let plan = PacePlan {
                pace,
                notifications: u32::try_from(operation.queued).unwrap_or(u32::MAX),
                starts_at: send_at.or(operation.send_at).unwrap_or(now).max(now),
                kept_until,
            };
            plan.check(&mut problems);
        }

        let pace = FieldChange::of(pace, has_no_pace);
        problems.check_some(Some(Self { send_at, pace }))
    }

    async fn make(&self, connection: &mut PgConnection, id: OperationId) -> Result<(), ApiError> {
        if let Some(send_at) = self.send_at
            && !reschedule::operation(&mut *connection, id, send_at).await?
        {
            return Err(ApiError::conflict(
                "Only the time of a SCHEDULED Operation can be changed",
            ));
        }

        let is_left = match self.pace {
            FieldChange::Keep => true,
            FieldChange::Clear => pace_change::remove(connection, id).await?,
            FieldChange::Set(pace) => pace_change::change(connection, id, pace).await?,
        };
        if !is_left {
            return Err(ApiError::conflict(
                "Every notification of this Operation is settled already",
            ));
        }

        Ok(())
    }
}
