//! `bellwire why`: explains why a User or a device got a notification or did not.

use std::time::{Duration, Instant};

use clap::Args;
use http::StatusCode;
use serde_json::{Value, json};

mod story;

use crate::client::api::{Api, Ask, Query};
use crate::client::api_error::ApiError;
use crate::client::exit::{Exit, Failure, Result};
use crate::client::ids::{NOTIFICATION, OPERATION, USER, is_id};
use crate::client::pieces::next_piece;
use crate::client::profile::ConnectionArguments;
use crate::client::screen::Screen;
use crate::client::text::printable;

/// Most pages of a list that are read to find the newest notifications of a User or a device. One request
/// reads about 10,000 records.
const PAGES: usize = 20;
/// How long the devices of all Users are searched, and how long their list may be silent.
const EXPORT_WITHIN: Duration = Duration::from_secs(20);
/// Characters at each end of a token that answers show.
const SHOWN: usize = 4;

/// Options of `bellwire why`.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The id of a notification or of a User, a User's external id, a device token, or a masked
    /// token as answers show it, such as dqWD…91bF.
    subject: String,
    /// How many of the newest notifications to explain.
    #[arg(long, value_name = "NUMBER", default_value_t = 3)]
    limit: usize,
    /// Print JSON: an object with the User, its registrations, and the notifications with their attempts.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    pub connection: ConnectionArguments,
}

/// What was found.
#[derive(Debug, Default)]
struct Found {
    user: Option<Value>,
    registrations: Vec<Value>,
    /// Each with its attempts, the newest first.
    notifications: Vec<(Value, Vec<Value>)>,
    /// Whether older notifications were not searched.
    is_cut: bool,
}

pub(super) async fn run(arguments: Arguments, api: &Api, screen: &Screen) -> Result<Exit> {
    let subject = arguments.subject.trim();
    if is_id(subject, OPERATION) {
        return Err(Failure::usage(format!(
            "{subject} is an Operation: `bellwire errors {subject}` lists its failures"
        )));
    }

    let asking = Asking {
        api,
        limit: arguments.limit,
    };
    // An external id may look like anything, so Bellwire's own ids are recognised first.
    let found = if is_id(subject, NOTIFICATION) {
        asking.about_notification(subject).await?
    } else if is_id(subject, USER) {
        let user = api.get(format!("/Users/{subject}")).await?;
        asking.about_user(user).await?
    } else if let Some(user) = asking.user_with_external_id(subject).await? {
        asking.about_user(user).await?
    } else {
        asking.about_token(subject).await?
    };

    print(&found, arguments.json, screen)?;
    Ok(Exit::Done)
}

struct Asking<'a> {
    api: &'a Api,
    limit: usize,
}

impl Asking<'_> {
    async fn about_notification(&self, id: &str) -> Result<Found> {
        Ok(Found {
            notifications: vec![self.with_attempts(id).await?],
            ..Found::default()
        })
    }

    async fn about_user(&self, user: Value) -> Result<Found> {
        let id = user["id"].as_str().unwrap_or_default();
        let mut query = Query::default();
        query.add("userId", id);

        let mut registrations = Vec::new();
        let mut pages = self
            .api
            .pages("/DeviceRegistrations", &query, "deviceRegistrations");
        while let Some(page) = pages.next().await? {
            registrations.extend(page);
        }
        let newest = self.newest(&query, |_| true).await?;

        Ok(Found {
            user: Some(user),
            registrations,
            ..newest
        })
    }

    /// The User with this external id, if there is one.
    async fn user_with_external_id(&self, id: &str) -> Result<Option<Value>> {
        let mut query = Query::default();
        query.add("externalId", id);

        match self.api.try_json(&Ask::get(format!("/Users{query}"))).await {
            Ok(mut users) => Ok(users["users"].as_array_mut().and_then(Vec::pop)),
            // A server without external ids refuses the parameter, and an id may be no external id.
            Err(ApiError::Permanent {
                status: Some(StatusCode::BAD_REQUEST | StatusCode::NOT_FOUND),
                ..
            }) => Ok(None),
            Err(error) => Err(error.into_failure()),
        }
    }

    /// Answers show only the ends of tokens, so notifications are found by these.
    async fn about_token(&self, token: &str) -> Result<Found> {
        let ends = ends_of(token).ok_or_else(|| {
            Failure::usage(format!(
                "'{}' is neither an id nor a token that can be searched for, and no User has it as external id: answers \
                 show nothing of a token of fewer than {} characters, so ask about the notification by its id \
                 (GET /v1/PushNotifications?operationId=… lists those of an Operation); a masked token is written as \
                 dqWD…91bF",
                printable(token),
                4 * SHOWN
            ))
        })?;

        // What is sent to a User names the User and no token, so the list below would not find it.
        if let Some(id) = self.user_with_device(&ends).await {
            let user = self.api.get(format!("/Users/{id}")).await?;
            return self.about_user(user).await;
        }

        let is_its = |notification: &Value| {
            let shown = notification["to"]["token"].as_str();
            // APNs' tokens are stored in lower case, and may be given in capitals.
            shown.is_some_and(|shown| ends.eq_ignore_ascii_case(shown))
        };
        let found = self.newest(&Query::default(), is_its).await?;
        if found.notifications.is_empty() {
            return Err(Failure::failed(format!(
                "no User has this id, and no recent notification was sent to the token {ends}{}. If a User has the \
                 device, ask about the User",
                if found.is_cut {
                    " (only the newest were searched)"
                } else {
                    ""
                }
            )));
        }

        Ok(found)
    }

    /// The User of the device whose token has these ends. Only the export lists the devices of all Users; its
    /// tokens are masked. `None`: there is none, or it can't be read.
    async fn user_with_device(&self, ends: &str) -> Option<String> {
        let ask = Ask::get("/DeviceRegistrations/Export").accepting("application/x-ndjson");
        // A failure is no end: the notifications that were sent to tokens are searched then.
        let mut body = self.api.open_once(&ask).await.ok()?.into_body();
        let began = Instant::now();
        let mut rest = Vec::new();

        while let Ok(Some(piece)) = next_piece(&mut body, EXPORT_WITHIN).await {
            rest.extend_from_slice(&piece);
            // A piece may end within a line, which stays for the next one.
            let Some(end) = rest.iter().rposition(|byte| *byte == b'\n') else {
                continue;
            };

            let lines: Vec<u8> = rest.drain(..=end).collect();
            let found = lines
                .split(|byte| *byte == b'\n')
                .find_map(|line| user_of_line(line, ends));
            if found.is_some() || began.elapsed() > EXPORT_WITHIN {
                return found;
            }
        }

        None
    }

    /// The newest notifications of a list that `is_wanted` takes.
    async fn newest(&self, query: &Query, is_wanted: impl Fn(&Value) -> bool) -> Result<Found> {
        let mut ids = Vec::new();
        let mut pages = self.api.pages("", query, "pushNotifications");
        let mut is_cut = true;

        // Pages are counted and not records: Bellwire may answer empty pages while it searches.
        for _ in 0..PAGES {
            let Some(page) = pages.next().await? else {
                is_cut = false;
                break;
            };
            let wanted = page.iter().filter(|record| is_wanted(record));
            ids.extend(wanted.filter_map(|record| record["id"].as_str().map(str::to_owned)));
            // Enough were found, so it does not matter whether there are older ones.
            if ids.len() >= self.limit {
                is_cut = false;
                break;
            }
        }

        let mut notifications = Vec::new();
        for id in ids.into_iter().take(self.limit) {
            notifications.push(self.with_attempts(&id).await?);
        }
        Ok(Found {
            notifications,
            is_cut,
            ..Found::default()
        })
    }

    async fn with_attempts(&self, id: &str) -> Result<(Value, Vec<Value>)> {
        // The lists have notifications without their content.
        let notification = self.api.get(format!("/{id}")).await?;

        let mut attempts = Vec::new();
        let path = format!("/{id}/DeliveryAttempts");
        let mut pages = self.api.pages(&path, &Query::default(), "deliveryAttempts");
        while let Some(page) = pages.next().await? {
            attempts.extend(page);
        }
        Ok((notification, attempts))
    }
}

/// The User of a line of the export, if its token has these ends.
fn user_of_line(line: &[u8], ends: &str) -> Option<String> {
    let device: Value = serde_json::from_slice(line).ok()?;
    let is_its = device["token"].as_str()?.eq_ignore_ascii_case(ends);

    is_its.then(|| device["userId"].as_str().map(str::to_owned))?
}

/// The ends of a token as answers show them; `None`: it is too short, or has other characters.
fn ends_of(token: &str) -> Option<String> {
    // People can type three dots, and often not the ellipsis.
    let separator = ["…", "..."]
        .into_iter()
        .find_map(|mark| token.split_once(mark));
    if let Some((first, last)) = separator {
        let is_end = |end: &str| end.chars().count() == SHOWN;
        return (is_end(first) && is_end(last)).then(|| format!("{first}…{last}"));
    }

    let characters: Vec<char> = token.chars().collect();
    if characters.len() < 4 * SHOWN {
        return None;
    }
    let first: String = characters[..SHOWN].iter().collect();
    let last: String = characters[characters.len() - SHOWN..].iter().collect();
    Some(format!("{first}…{last}"))
}

fn print(found: &Found, is_json: bool, screen: &Screen) -> Result<()> {
    if is_json {
        return screen.print_json(&as_json(found));
    }

    if let Some(user) = &found.user {
        for line in story::of_user(user, &found.registrations) {
            screen.print(&line)?;
        }
        if found.notifications.is_empty() {
            screen.print("")?;
            screen.print("No notification was sent to this User recently.")?;
        }
    }
    for (at, (notification, attempts)) in found.notifications.iter().enumerate() {
        if at > 0 || found.user.is_some() {
            screen.print("")?;
        }
        for line in story::of_notification(notification, attempts) {
            screen.print(&line)?;
        }
    }

    if found.is_cut {
        screen.note("older notifications were not searched");
    }
    Ok(())
}

fn as_json(found: &Found) -> Value {
    let notifications: Vec<Value> = found
        .notifications
        .iter()
        .map(|(notification, attempts)| {
            let advice = story::advice(notification, attempts);
            let mut notification = notification.clone();
            notification["deliveryAttempts"] = json!(attempts);
            notification["advice"] = json!(advice);
            notification
        })
        .collect();

    json!({
        "user": found.user,
        "deviceRegistrations": found.registrations,
        "pushNotifications": notifications,
        "isComplete": !found.is_cut,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_compared_by_what_answers_show() {
        let shown = Some("dqWD…91bF".to_owned());

        assert_eq!(ends_of("dqWD7WEC83K41WHyufTS7:APA91bF"), shown);
        assert_eq!(ends_of("dqWD…91bF"), shown);
        assert_eq!(ends_of("dqWD...91bF"), shown);
        assert_eq!(ends_of("0123456789"), None);
        assert_eq!(ends_of("dq…bF"), None);
    }
}
