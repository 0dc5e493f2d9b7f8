//! Compose a message, look at what each device would get, have it checked, and send it.

use actix_web::http::{Method, StatusCode};
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::console::caller::{Caller, SubmittedForm};
use crate::console::form::Fields;
use crate::console::format;
use crate::console::page::{self, Frame, PageError, View, path_part};
use crate::http::in_process_api::CallError;
use crate::model::id::UserId;
use crate::model::quoted::type_of;

/// What is written in the form: device tokens too, so that it has no `Debug`.
#[derive(Clone, Default)]
struct Draft {
    /// A recipient a line.
    to: String,
    app_name: String,
    title: String,
    body: String,
    image: String,
    is_low: bool,
    ttl: String,
    tags: String,
    /// Any other fields of a send, as a JSON object.
    more: String,
}

/// A field of the form that is not valid: its name in a send, and what it must be.
type Problem = (String, String);

impl Draft {
    fn of(fields: &Fields) -> Self {
        let text = |name: &str| fields.text(name).to_owned();

        Self {
            to: text("to"),
            app_name: text("appName"),
            title: text("title"),
            body: text("body"),
            image: text("image"),
            is_low: fields.text("priority") == "LOW",
            ttl: text("ttl"),
            tags: text("tags"),
            more: text("more"),
        }
    }

    /// The body of a send.
    fn to_body(&self) -> Result<Value, Problem> {
        let mut body: Map<String, Value> = match self.more.as_str() {
            "" => Map::new(),
            more => serde_json::from_str(more).map_err(|error| {
                (
                    "More options".to_owned(),
                    format!("must be a JSON object: {error}"),
                )
            })?,
        };

        // The fields of the form are set after `more`, so that what the person sees in them is what
        // is sent.
        let recipients: Vec<Value> = self.to.lines().filter_map(recipient).collect();
        if !recipients.is_empty() {
            body.insert("to".to_owned(), Value::Array(recipients));
        }
        let mut content = match body.remove("content") {
            None | Some(Value::Null) => Map::new(),
            Some(Value::Object(content)) => content,
            Some(other) => {
                let message = format!("must be an object; got {}", type_of(&other));
                return Err(("content".to_owned(), message));
            }
        };
        for (name, text) in [
            ("title", &self.title),
            ("body", &self.body),
            ("image", &self.image),
        ] {
            if !text.is_empty() {
                content.insert(name.to_owned(), json!(text));
            }
        }
        body.insert("content".to_owned(), Value::Object(content));

        if !self.app_name.is_empty() {
            body.insert("from".to_owned(), json!({"appName": self.app_name}));
        }
        if self.is_low {
            body.insert("priority".to_owned(), json!("LOW"));
        }
        if !self.ttl.is_empty() {
            let ttl: i64 = self
                .ttl
                .parse()
                .map_err(|_| ("ttl".to_owned(), "must be a number of seconds".to_owned()))?;
            body.insert("ttl".to_owned(), json!(ttl));
        }
        if !self.tags.is_empty() {
            body.insert("tags".to_owned(), tags(&self.tags)?);
        }

        Ok(Value::Object(body))
    }
}

/// A recipient as a line names it: `FCM token`, `APN token`, or the id of a User. A token without its
/// provider is APNs' if it has only hexadecimal digits, as those of APNs do.
fn recipient(line: &str) -> Option<Value> {
    let line = line.trim();
    if line.is_empty() {
        return None;
    }
    // Also if the rest is no id: the API then says what is wrong with it.
    if line.starts_with(UserId::PREFIX) {
        return Some(json!({"userId": line}));
    }

    let named = line.split_once(char::is_whitespace);
    if let Some((provider, token)) = named
        && matches!(provider.to_uppercase().as_str(), "FCM" | "APN")
    {
        let provider = provider.to_uppercase();
        return Some(json!({"provider": provider, "token": token.trim()}));
    }
    let is_apns = line.len() >= 64 && line.bytes().all(|byte| byte.is_ascii_hexdigit());
    let provider = if is_apns { "APN" } else { "FCM" };
    Some(json!({"provider": provider, "token": line}))
}

/// `key:value;key:value` as an object.
fn tags(text: &str) -> Result<Value, Problem> {
    let mut tags = Map::new();
    for pair in text.split(';').filter(|pair| !pair.trim().is_empty()) {
        let Some((key, value)) = pair.split_once(':') else {
            let message = "must be of the form key:value;key:value".to_owned();
            return Err(("tags".to_owned(), message));
        };
        if tags
            .insert(key.trim().to_owned(), json!(value.trim()))
            .is_some()
        {
            let message = format!("'{}' is given twice; give it once", key.trim());
            return Err(("tags".to_owned(), message));
        }
    }

    Ok(Value::Object(tags))
}

#[derive(Debug, Deserialize)]
struct Previews {
    previews: Vec<RecipientPreview>,
}

#[derive(Debug, Deserialize)]
struct RecipientPreview {
    position: usize,
    requests: Vec<RequestPreview>,
    #[serde(default)]
    errors: Vec<RecipientError>,
}

#[derive(Debug, Deserialize)]
struct RequestPreview {
    provider: String,
    url: String,
    headers: Map<String, Value>,
    body: Value,
}

#[derive(Debug, Deserialize)]
struct RecipientError {
    #[serde(default)]
    position: usize,
    code: String,
    #[serde(default)]
    message: Option<String>,
}

impl RequestPreview {
    /// The first text at one of these paths of the provider's request.
    fn text(&self, paths: &[&str]) -> String {
        let mut texts = paths
            .iter()
            .filter_map(|path| self.body.pointer(path)?.as_str());

        texts.next().unwrap_or_default().to_owned()
    }

    fn title(&self) -> String {
        self.text(&["/message/notification/title", "/aps/alert/title"])
    }

    fn words(&self) -> String {
        self.text(&[
            "/message/notification/body",
            "/aps/alert/body",
            "/aps/alert",
        ])
    }

    fn head(&self) -> Vec<String> {
        let line = |(name, value): (&String, &Value)| {
            format!("{name}: {}", value.as_str().unwrap_or_default())
        };

        self.headers.iter().map(line).collect()
    }

    fn whole(&self) -> String {
        serde_json::to_string_pretty(&self.body).unwrap_or_default()
    }
}

#[derive(Debug, Deserialize)]
struct Validation {
    valid: bool,
    asked: usize,
    errors: Vec<RecipientError>,
}

#[derive(Debug, Deserialize)]
struct AppList {
    apps: Vec<App>,
}

#[derive(Debug, Deserialize)]
struct App {
    name: String,
}

#[derive(Template)]
#[template(path = "console/send.html")]
struct SendPage {
    frame: Frame,
    draft: Draft,
    /// Empty: they can't be listed with this role.
    apps: Vec<String>,
    problems: Vec<Problem>,
    previews: Vec<RecipientPreview>,
    validation: Option<Validation>,
}

/// What is shown below the form.
#[derive(Default)]
struct Outcome {
    problems: Vec<Problem>,
    previews: Vec<RecipientPreview>,
    validation: Option<Validation>,
}

impl Outcome {
    fn refused(problem: Problem) -> Self {
        Self {
            problems: vec![problem],
            ..Self::default()
        }
    }
}

impl From<CallError> for Outcome {
    fn from(error: CallError) -> Self {
        let problems = if error.problems.is_empty() {
            vec![(String::new(), error.message)]
        } else {
            error.problems
        };

        Self {
            problems,
            ..Self::default()
        }
    }
}

pub(super) async fn form(request: HttpRequest, caller: Caller) -> Result<HttpResponse, PageError> {
    let frame = Frame::new(&caller, View::Send, "Send").with_notice(&request);

    show_in(frame, &caller, Draft::default(), Outcome::default()).await
}

/// The form as it was sent, with what came of it.
async fn show(caller: &Caller, draft: Draft, outcome: Outcome) -> Result<HttpResponse, PageError> {
    let frame = Frame::new(caller, View::Send, "Send");

    show_in(frame, caller, draft, outcome).await
}

async fn show_in(
    frame: Frame,
    caller: &Caller,
    draft: Draft,
    outcome: Outcome,
) -> Result<HttpResponse, PageError> {
    // A role that only sends may not list them, and writes the name.
    let apps = match caller.api.get::<AppList>("/Apps").await {
        Ok(list) => list.apps.into_iter().map(|app| app.name).collect(),
        Err(error) if error.status == StatusCode::FORBIDDEN => Vec::new(),
        Err(error) => return Err(error.into()),
    };

    let page = SendPage {
        frame,
        draft,
        apps,
        problems: outcome.problems,
        previews: outcome.previews,
        validation: outcome.validation,
    };
    page::html(StatusCode::OK, &page)
}

/// Shows what each device would get.
pub(super) async fn preview(form: SubmittedForm) -> Result<HttpResponse, PageError> {
    let draft = Draft::of(&form.fields);
    let outcome = match draft.to_body() {
        Err(problem) => Outcome::refused(problem),
        Ok(body) => match ask::<Previews>(&form.caller, "/Preview", &body).await {
            Ok(found) => Outcome {
                previews: found.previews,
                ..Outcome::default()
            },
            Err(error) => error.into(),
        },
    };

    show(&form.caller, draft, outcome).await
}

/// Has it checked, and sends nothing.
pub(super) async fn validate(form: SubmittedForm) -> Result<HttpResponse, PageError> {
    let draft = Draft::of(&form.fields);
    let outcome = match draft.to_body() {
        Err(problem) => Outcome::refused(problem),
        Ok(mut body) => {
            body["validateOnly"] = json!(true);
            match ask::<Validation>(&form.caller, "", &body).await {
                Ok(validation) => Outcome {
                    validation: Some(validation),
                    ..Outcome::default()
                },
                Err(error) => error.into(),
            }
        }
    };

    show(&form.caller, draft, outcome).await
}

/// Sends it, and shows its Operation.
pub(super) async fn send(form: SubmittedForm) -> Result<HttpResponse, PageError> {
    let draft = Draft::of(&form.fields);
    let caller = &form.caller;
    let body = match draft.to_body() {
        Ok(body) => body,
        Err(problem) => return show(caller, draft, Outcome::refused(problem)).await,
    };

    match caller.api.change(&Method::POST, "", Some(&body)).await {
        Err(error) => show(caller, draft, error.into()).await,
        Ok(answer) => {
            let id = path_part(answer["operationId"].as_str().unwrap_or_default());
            // A key with the role SEND may not read the Operation that it has made.
            let address = if View::Operations.is_open_to(caller) {
                format!("/console/operations/{id}?done=send")
            } else {
                View::Send.address().to_owned() + "?done=send"
            };
            Ok(page::redirect(&address))
        }
    }
}

async fn ask<T: for<'de> Deserialize<'de>>(
    caller: &Caller,
    path: &str,
    body: &Value,
) -> Result<T, CallError> {
    let answer = caller.api.change(&Method::POST, path, Some(body)).await?;

    serde_json::from_value(answer).map_err(|error| CallError::internal(&error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_a_recipient() {
        let hexadecimal = "a".repeat(64);
        for (line, expected) in [
            ("FCM abc", json!({"provider": "FCM", "token": "abc"})),
            ("apn 00ff", json!({"provider": "APN", "token": "00ff"})),
            ("abc:def", json!({"provider": "FCM", "token": "abc:def"})),
            (
                &hexadecimal,
                json!({"provider": "APN", "token": hexadecimal}),
            ),
        ] {
            assert_eq!(recipient(line), Some(expected), "{line}");
        }
        let user = UserId::generate().to_string();
        assert_eq!(recipient(&user), Some(json!({"userId": user})));
        assert_eq!(recipient("  "), None);
    }

    #[test]
    fn a_draft_is_a_send() {
        let draft = Draft {
            to: "FCM abc\n\n".to_owned(),
            title: "Hi".to_owned(),
            is_low: true,
            ttl: "60".to_owned(),
            tags: "a:b; c:d".to_owned(),
            more: r#"{"content": {"data": {"k": "v"}}, "sound": "ring"}"#.to_owned(),
            ..Draft::default()
        };
        let expected = json!({
            "to": [{"provider": "FCM", "token": "abc"}],
            "content": {"title": "Hi", "data": {"k": "v"}},
            "priority": "LOW", "ttl": 60, "tags": {"a": "b", "c": "d"}, "sound": "ring",
        });
        assert_eq!(draft.to_body(), Ok(expected));

        for (draft, field) in [
            (
                Draft {
                    ttl: "soon".to_owned(),
                    ..Draft::default()
                },
                "ttl",
            ),
            (
                Draft {
                    tags: "a".to_owned(),
                    ..Draft::default()
                },
                "tags",
            ),
            (
                Draft {
                    more: "[]".to_owned(),
                    ..Draft::default()
                },
                "More options",
            ),
            (
                Draft {
                    more: r#"{"content": "Hi"}"#.to_owned(),
                    ..Draft::default()
                },
                "content",
            ),
        ] {
            assert_eq!(draft.to_body().unwrap_err().0, field);
        }
    }
}
