//! A person: how to find one, their devices, and everything sent to them.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::console::caller::Caller;
use crate::console::format::{self, Timestamp};
use crate::console::notification::{self, Attempt, Notification};
use crate::console::operations::Pagination;
use crate::console::page::{self, Frame, PageError, View, path_part, query_value};
use crate::console::person_search::{self, Found};
use crate::model::id::OperationId;

/// Notifications on a page, and how many of them show their attempts at once.
const PAGE_SIZE: usize = 25;
const OPENED: usize = 10;

#[derive(Template)]
#[template(path = "console/people.html")]
struct SearchPage {
    frame: Frame,
    wanted: String,
    found: Option<Found>,
}

/// The form, and what was found. A single person is shown at once.
pub(super) async fn search(
    request: HttpRequest,
    caller: Caller,
) -> Result<HttpResponse, PageError> {
    let wanted = query_value(&request, "find").unwrap_or_default();
    // The id of an Operation leads to the Operation's own page.
    if let Ok(id) = wanted.trim().parse::<OperationId>() {
        return Ok(page::redirect(&format!("/console/operations/{id}")));
    }
    let found = match wanted.trim() {
        "" => None,
        text => Some(person_search::find(&caller, text).await?),
    };
    if let Some(found) = &found {
        match (found.users.as_slice(), found.notifications.as_slice()) {
            ([user], []) => return Ok(page::redirect(&format!("/console/people/{user}"))),
            ([], [id]) => return Ok(page::redirect(&format!("/console/notifications/{id}"))),
            _ => {}
        }
    }

    let page = SearchPage {
        frame: Frame::new(&caller, View::People, "Person"),
        wanted,
        found,
    };
    page::html(StatusCode::OK, &page)
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct User {
    id: String,
    created_at: Timestamp,
    /// What else is known of the User.
    #[serde(flatten)]
    more: Map<String, Value>,
}

impl User {
    /// The account's own id of the User.
    fn external_id(&self) -> Option<&str> {
        self.more.get("externalId").and_then(Value::as_str)
    }

    /// Facts with a name and a text, whatever this release knows of Users.
    fn facts(&self) -> Vec<(&'static str, String)> {
        let known = [
            ("externalId", "Your id"),
            ("language", "Language"),
            ("timezone", "Time zone"),
            ("variables", "Variables"),
            ("optedOut", "Opted out"),
            ("optedOutTags", "Opted out of"),
        ];

        known
            .into_iter()
            .filter_map(|(field, name)| match self.more.get(field)? {
                Value::Null => None,
                Value::String(text) => Some((name, text.clone())),
                Value::Bool(is_so) => is_so.then(|| (name, "yes".to_owned())),
                Value::Array(list) if list.is_empty() => None,
                Value::Object(object) if object.is_empty() => None,
                other => Some((name, other.to_string())),
            })
            .collect()
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct RegistrationList {
    device_registrations: Vec<Registration>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Registration {
    app_name: String,
    devices: Vec<Device>,
    updated_at: Timestamp,
}

#[derive(Debug, Deserialize)]
struct Device {
    token: String,
    provider: String,
    #[serde(default)]
    environment: Option<String>,
    #[serde(default)]
    kind: Option<String>,
    #[serde(default)]
    tags: Option<Map<String, Value>>,
}

impl Device {
    fn tags_shown(&self) -> Vec<String> {
        let tags = self.tags.iter().flatten();
        let text = |value: &Value| {
            value
                .as_str()
                .map_or_else(|| value.to_string(), str::to_owned)
        };

        tags.map(|(key, value)| format!("{key}:{}", text(value)))
            .collect()
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct NotificationList {
    push_notifications: Vec<Notification>,
    pagination: Pagination,
}

/// A notification with its attempts.
struct Line {
    notification: Notification,
    attempts: Vec<Attempt>,
    /// Whether its attempts were read.
    is_open: bool,
}

#[derive(Template)]
#[template(path = "console/person.html")]
struct PersonPage {
    frame: Frame,
    user: User,
    registrations: Vec<Registration>,
    lines: Vec<Line>,
    next: String,
}

pub(super) async fn show(
    request: HttpRequest,
    caller: Caller,
    id: web::Path<String>,
) -> Result<HttpResponse, PageError> {
    let id = path_part(&id);
    let user: User = caller.api.get(&format!("/Users/{id}")).await?;
    let registrations: RegistrationList = caller
        .api
        .get(&format!("/DeviceRegistrations?userId={id}"))
        .await?;

    let token = query_value(&request, "pageToken").unwrap_or_default();
    let list: NotificationList = caller
        .api
        .get(&format!(
            "?userId={id}&pageSize={PAGE_SIZE}&pageToken={}",
            path_part(&token)
        ))
        .await?;
    let mut lines = Vec::new();
    for (index, notification) in list.push_notifications.into_iter().enumerate() {
        // The attempts of each notification are a request to the API, so only the newest show
        // theirs.
        let is_open = index < OPENED;
        let attempts = if is_open {
            notification::attempts(&caller, &notification.id).await?
        } else {
            Vec::new()
        };
        lines.push(Line {
            notification,
            attempts,
            is_open,
        });
    }

    let page = PersonPage {
        frame: Frame::new(&caller, View::People, "Person"),
        user,
        registrations: registrations.device_registrations,
        lines,
        next: list.pagination.next.map_or_else(String::new, |token| {
            format!("/console/people/{id}?pageToken={}", path_part(&token))
        }),
    };
    page::html(StatusCode::OK, &page)
}
