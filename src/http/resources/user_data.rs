//! `GET /PushNotifications/Users/{id}/Data`, an extension: everything that is held on a person, as a stream
//! of lines, which reads a page of notifications at a time.

use std::collections::VecDeque;

use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, web};
use bytes::Bytes;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::http::State;
use crate::http::audit;
use crate::http::auth::{Caller, CallerKey};
use crate::http::error::ApiError;
use crate::http::line_stream::{LinePages, line_stream};
use crate::http::openapi::ReadErrors;
use crate::http::path;
use crate::http::query::Query;
use crate::http::resources::delivery_attempts::DeliveryAttempt;
use crate::http::resources::device_export::{self, ExportedDevice};
use crate::http::resources::push_notifications::{self, FullPushNotification};
use crate::http::resources::users::User;
use crate::model::id::{PushNotificationId, UserId};
use crate::store::delivery_attempts::{self, DeliveryAttemptFilter};
use crate::store::device_export as devices;
use crate::store::external_ids::{self, RecordsOf};
use crate::store::push_notifications::{self as notifications, PushNotificationFilter};
use crate::store::{user_merge, users};

/// Notifications that are read at a time.
const PAGE: usize = 100;
/// Ids of a User under which notifications are read together: each takes a statement.
const IDS_AT_A_TIME: usize = 20;
/// Most merged Users whose notifications are read.
const MAX_MERGED: i64 = 10_000;
/// Attempts of a notification that are shown: more than there are.
const MAX_ATTEMPTS: i64 = 1_000;

/// A line of the stream. `type` says what it is.
#[derive(Serialize, ToSchema)]
#[serde(tag = "type", rename_all = "camelCase")]
enum UserDataLine {
    User(User),
    /// A device with its tags.
    Device(Box<ExportedDevice>),
    /// A notification, with the content as the User got it.
    Notification(Box<FullPushNotification>),
    DeliveryAttempt(DeliveryAttempt),
}

/// The rest of a stream.
struct Data {
    state: web::Data<State>,
    caller: Caller,
    /// The ids under which notifications to the User are recorded, and are still to be read. Those of
    /// the first part are being read.
    user_ids: VecDeque<Vec<UserId>>,
    /// Notifications that were found and are not written yet.
    found: VecDeque<PushNotificationId>,
    after: Option<PushNotificationId>,
}

/// All data about a User (extension): a line of NDJSON for the User, each device, and each
/// notification on record with its attempts. Tokens are masked, unless a key with the role `FULL`
/// asks for them.
#[utoipa::path(
    get,
    path = "/v1/PushNotifications/Users/{id}/Data",
    operation_id = "exportUserData",
    tag = "Users",
    params(
        ("id" = UserId, Path),
        ("tokens" = Option<String>, Query, description = "`FULL` shows whole tokens, and is logged; `MASKED` if absent"),
    ),
    responses((status = 200, description = "A line for each record", content((UserDataLine = "application/x-ndjson"))), ReadErrors),
)]
pub(crate) async fn export(
    request: HttpRequest,
    state: web::Data<State>,
    caller: Caller,
    key: CallerKey,
    id: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    let mut query = Query::of(&request)?;
    let tokens = device_export::read_tokens(&mut query);
    query.check()?;
    let lines = device_export::lines(&state, caller, tokens, &key)?;

    let account_id = caller.account_id;
    // The id of a User who was merged leads to the one who has the data now.
    let id = user_merge::current(&state.pool, account_id, path::id(&id)?)
        .await?
        .ok_or_else(ApiError::not_found)?;
    let user = users::fetch(&state.pool, account_id, id)
        .await?
        .ok_or_else(ApiError::not_found)?;

    // Before the first byte: an export that breaks off has given data away too.
    audit::note(&request, &state, caller).await?;

    let mut head = line(&UserDataLine::User(user.into()))?;
    // Not paged: a User has at most 50 devices in each of the account's 10 Apps.
    for device in devices::of_user(&state.pool, account_id, id).await? {
        head.push_str(&line(&UserDataLine::Device(Box::new(
            lines.to_api(device),
        )))?);
    }

    let of = RecordsOf::User(id);
    let user_ids = external_ids::in_records(&state.pool, account_id, of, MAX_MERGED).await?;
    let data = Data {
        state,
        caller,
        user_ids: user_ids
            .chunks(IDS_AT_A_TIME)
            .map(<[UserId]>::to_vec)
            .collect(),
        found: VecDeque::new(),
        after: None,
    };

    Ok(HttpResponse::Ok()
        .content_type("application/x-ndjson")
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .streaming(line_stream(head, None, data)))
}

fn line(line: &UserDataLine) -> Result<String, ApiError> {
    let mut text = serde_json::to_string(line).map_err(ApiError::internal)?;
    text.push('\n');

    Ok(text)
}

impl LinePages for Data {
    /// The lines of the next notification.
    async fn next(&mut self) -> Result<Option<Bytes>, ApiError> {
        // A page may be empty although others follow: a scan of records ends after a bounded number
        // of rows.
        while self.found.is_empty() {
            let Some(user_ids) = self.user_ids.front().cloned() else {
                return Ok(None);
            };
            self.find(&user_ids).await?;
        }
        let Some(id) = self.found.pop_front() else {
            return Ok(None);
        };

        self.notification(id).await.map(|text| Some(text.into()))
    }
}

impl Data {
    /// Reads the next page of notifications to these ids.
    async fn find(&mut self, user_ids: &[UserId]) -> Result<(), ApiError> {
        let filter = PushNotificationFilter {
            operation_id: None,
            status: None,
            provider: None,
            is_delivered: None,
            is_opened: None,
            user_ids: Some(user_ids),
            tags: None,
            from: self.state.oldest_readable_id(),
            until: Some(Uuid::max()),
            after: self.after,
            limit: PAGE,
        };

        let turn = self.state.list_turns.next(self.caller.account_id).await?;
        let page = notifications::list(turn.pool, self.caller.account_id, &filter).await?;
        drop(turn);

        self.found
            .extend(page.records.iter().map(notifications::PushNotification::id));
        self.after = page.next;
        if self.after.is_none() {
            self.user_ids.pop_front();
        }
        Ok(())
    }

    /// The lines of a notification and its attempts; none if it is past its retention by now.
    async fn notification(&self, id: PushNotificationId) -> Result<String, ApiError> {
        let state = &self.state;
        let account_id = self.caller.account_id;
        let oldest = state.oldest_readable_id();
        let found = notifications::fetch(&state.pool, account_id, id, oldest).await?;
        let Some(found) = found else {
            return Ok(String::new());
        };

        let full = push_notifications::full(state, self.caller, id).await?;
        let mut text = line(&UserDataLine::Notification(Box::new(full)))?;

        let notification = found.notification;
        let filter = DeliveryAttemptFilter {
            operation_id: notification.operation_id,
            position: notification.position,
            after: 0,
            limit: MAX_ATTEMPTS,
        };
        for attempt in delivery_attempts::list(&state.pool, &filter).await? {
            // Without a token of the notification: each attempt for a User has that of its device.
            let attempt = DeliveryAttempt::new(&notification, "", attempt);
            text.push_str(&line(&UserDataLine::DeliveryAttempt(attempt))?);
        }
        Ok(text)
    }
}
