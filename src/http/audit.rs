//! The audit log: each change is recorded in its transaction, under a name that follows from its
//! route. So a new route is recorded without a word of its own.
//!
//! Sends, devices and receipts are not: each is a record itself, and there are thousands a second.

use std::net::IpAddr;
use std::sync::LazyLock;

use actix_web::http::Method;
use actix_web::{HttpMessage, HttpRequest, web};
use sqlx::PgConnection;

use crate::http::State;
use crate::http::auth::{self, Caller, LoggedIn};
use crate::http::error::ApiError;
use crate::http::in_process_api::ByConsole;
use crate::http::openapi;
use crate::model::command_action::CommandAction;
use crate::store::audit_events::{self, NewAuditEvent};

const API: &str = "/v1/PushNotifications/";

/// Longest path parameter that is recorded, in characters.
const MAX_TARGET: usize = 128;

/// Routes that change nothing that is worth a record.
const UNRECORDED: [&str; 9] = [
    "",
    "Audiences/Estimate",
    "Preview",
    "Receipts",
    "Credentials/{id}/Test",
    "DeviceRegistrations",
    "DeviceRegistrations/Remove",
    "DeviceRegistrations/{id}",
    "DeviceRegistrations/{id}/Devices/{deviceId}",
];

/// Routes that change nothing and take much away.
const EXPORTS: [&str; 3] = [
    "DeviceRegistrations/Export",
    "Operations/{id}/Results",
    "Users/{id}/Data",
];

/// What the log says of `method` on the route `pattern`, such as `credential.create`. `None`: it is not
/// recorded.
fn action(method: &Method, pattern: &str) -> Option<String> {
    let path = pattern.strip_prefix(API).unwrap_or_default();
    let parts: Vec<&str> = path.split('/').collect();
    let first = parts[0];
    if UNRECORDED.contains(&path) {
        return None;
    }

    // Below `{id}` is one notification.
    let mut names = parts.iter().filter(|part| !part.starts_with('{'));
    let noun = match first.strip_prefix('{') {
        Some(_) => "notification".to_owned(),
        None => singular(names.next()?),
    };
    let verb = match *method {
        Method::POST => None,
        Method::PATCH | Method::PUT => Some("update"),
        Method::DELETE => Some("delete"),
        Method::GET if EXPORTS.contains(&path) => Some("export"),
        // A HEAD of an export runs the same handler, but its answer has no data.
        _ => return None,
    };

    let rest: Vec<String> = names.map(|name| lower_first(name)).collect();
    Some(match (verb, rest.as_slice()) {
        (None, []) => format!("{noun}.create"),
        (None, rest) => format!("{noun}.{}", rest.join(".")),
        (Some("export"), [name]) if name == "export" => format!("{noun}.export"),
        (Some(verb), []) => format!("{noun}.{verb}"),
        (Some(verb), rest) => format!("{noun}.{}.{verb}", rest.join(".")),
    })
}

/// Parameters that make more of a request than its route says, with what the log calls it.
const AMPLIFIED: [(&str, &str, &str, &str); 3] = [
    (
        "deviceRegistration.export",
        "tokens",
        "FULL",
        "deviceRegistration.export.wholeTokens",
    ),
    (
        "user.data.export",
        "tokens",
        "FULL",
        "user.data.export.wholeTokens",
    ),
    ("user.delete", "records", "true", "user.erase"),
];

/// What the log says of `action` with these query parameters.
fn amplified(action: String, query: &[(String, String)]) -> String {
    let found = AMPLIFIED.iter().find(|(of, name, value, _)| {
        *of == action && query.iter().any(|pair| pair.0 == *name && pair.1 == *value)
    });

    found.map_or(action, |(_, _, _, amplified)| (*amplified).to_owned())
}

/// Every action that the log may have, in alphabetical order.
static ACTIONS: LazyLock<Vec<String>> = LazyLock::new(|| {
    let of_routes =
        openapi::every_operation().filter_map(|(pattern, method)| action(&method, pattern));
    let amplified = AMPLIFIED.map(|(_, _, _, amplified)| amplified);
    let of_commands = CommandAction::ALL.map(CommandAction::as_str);
    let named = amplified.into_iter().chain(of_commands);

    let mut actions: Vec<String> = of_routes.chain(named.map(str::to_owned)).collect();
    actions.sort_unstable();
    actions.dedup();
    actions
});

/// Every action that the log may have, in alphabetical order.
pub(super) fn actions() -> Vec<&'static str> {
    ACTIONS.iter().map(String::as_str).collect()
}

/// `Operations` as `operation`.
fn singular(collection: &str) -> String {
    let name = lower_first(collection);

    name.strip_suffix('s').unwrap_or(&name).to_owned()
}

fn lower_first(name: &str) -> String {
    let mut letters = name.chars();

    letters
        .next()
        .map(|first| first.to_ascii_lowercase())
        .into_iter()
        .chain(letters)
        .collect()
}

/// Records what `request` changes, in the transaction of the change. `made` is the id of what was
/// created, if there is one.
pub(super) async fn record(
    connection: &mut PgConnection,
    request: &HttpRequest,
    caller: Caller,
    made: Option<&str>,
) -> Result<(), ApiError> {
    let pattern = request.match_pattern().unwrap_or_default();
    let Some(action) = action(request.method(), &pattern) else {
        return Ok(());
    };

    // A query that can't be read never gets here: `query::refuse_unknown` has read it for the
    // caller.
    let query = web::Query::<Vec<(String, String)>>::from_query(request.query_string());
    let action = amplified(
        action,
        &query.map(web::Query::into_inner).unwrap_or_default(),
    );

    let event = NewAuditEvent {
        account_id: caller.account_id,
        actor: actor(request),
        via: if request.extensions().contains::<ByConsole>() {
            "CONSOLE"
        } else {
            "API"
        },
        action,
        targets: targets(request, made),
        source_address: address(request).map(|address| address.to_string()),
    };
    audit_events::insert(connection, &event).await?;

    Ok(())
}

/// A change that is recorded.
pub(super) struct Recorded<'a> {
    pub request: &'a HttpRequest,
    pub state: &'a State,
    pub caller: Caller,
    /// The id of what is created.
    pub made: Option<&'a str>,
}

impl Recorded<'_> {
    /// Makes the change in a transaction, and records it there.
    pub(super) async fn make<T>(
        &self,
        change: impl AsyncFnOnce(&mut PgConnection) -> Result<T, ApiError>,
    ) -> Result<T, ApiError> {
        let pool = &self.state.pool;

        pool.transaction(async |connection: &mut PgConnection| {
            // The change comes first: if it is refused, the transaction ends without an event.
            let changed = change(&mut *connection).await?;
            record(connection, self.request, self.caller, self.made).await?;

            Ok(changed)
        })
        .await
    }
}

/// Makes a change that creates nothing, and records it.
pub(super) async fn recorded<T>(
    request: &HttpRequest,
    state: &State,
    caller: Caller,
    change: impl AsyncFnOnce(&mut PgConnection) -> Result<T, ApiError>,
) -> Result<T, ApiError> {
    let recorded = Recorded {
        request,
        state,
        caller,
        made: None,
    };

    recorded.make(change).await
}

/// Records a request that changes nothing but takes much away, such as an export.
pub(super) async fn note(
    request: &HttpRequest,
    state: &State,
    caller: Caller,
) -> Result<(), ApiError> {
    recorded(request, state, caller, async |_| Ok(())).await
}

/// The name of the caller's key, or of who is logged in.
fn actor(request: &HttpRequest) -> String {
    if let Some(logged_in) = request.extensions().get::<LoggedIn>() {
        return logged_in.actor.clone();
    }

    auth::key_of(request).unwrap_or_default()
}

/// What the path names, and what was made.
fn targets(request: &HttpRequest, made: Option<&str>) -> Vec<String> {
    // The caller chooses the path, which may be as long as the head of a request.
    let named = request
        .match_info()
        .iter()
        .map(|(_, value)| value.chars().take(MAX_TARGET).collect::<String>());

    let mut targets: Vec<String> = Vec::new();
    for target in named.chain(made.map(str::to_owned)) {
        if !target.is_empty() && !targets.contains(&target) {
            targets.push(target);
        }
    }
    targets
}

fn address(request: &HttpRequest) -> Option<IpAddr> {
    let state = request.app_data::<web::Data<State>>()?;

    auth::address(state, request)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_named_after_its_route() {
        for (method, route, expected) in [
            (Method::POST, "Credentials", "credential.create"),
            (Method::PATCH, "Credentials/{id}", "credential.update"),
            (Method::DELETE, "Credentials/{id}", "credential.delete"),
            (Method::POST, "Keys", "key.create"),
            (Method::POST, "Keys/{key}/Rotate", "key.rotate"),
            (Method::DELETE, "Keys/{key}", "key.delete"),
            (Method::PATCH, "Apps/{name}", "app.update"),
            (Method::POST, "Operations/{id}/Cancel", "operation.cancel"),
            (Method::POST, "Operations/{id}/Resend", "operation.resend"),
            (Method::POST, "Operations/Cancel", "operation.cancel"),
            (
                Method::GET,
                "Operations/{id}/Results",
                "operation.results.export",
            ),
            (Method::POST, "{id}/Cancel", "notification.cancel"),
            (
                Method::POST,
                "Webhooks/{id}/RotateSecret",
                "webhook.rotateSecret",
            ),
            (
                Method::POST,
                "Webhooks/{id}/Deliveries/{deliveryId}/Resend",
                "webhook.deliveries.resend",
            ),
            (Method::DELETE, "Users/{id}", "user.delete"),
            (Method::GET, "Users/{id}/Data", "user.data.export"),
            (
                Method::GET,
                "DeviceRegistrations/Export",
                "deviceRegistration.export",
            ),
            (
                Method::POST,
                "DeviceRegistrations/Import",
                "deviceRegistration.import",
            ),
            (Method::PUT, "Account", "account.update"),
            (Method::PUT, "Users/{id}", "user.update"),
        ] {
            let pattern = format!("{API}{route}");
            assert_eq!(
                action(&method, &pattern).as_deref(),
                Some(expected),
                "{route}"
            );
        }
    }

    #[test]
    fn the_actions_are_those_of_routes_parameters_and_commands() {
        let actions = actions();

        for action in [
            "account.update",
            "account.weight",
            "deviceRegistration.export.wholeTokens",
            "deviceRegistration.import",
            "key.rotate",
            "notification.cancel",
            "operation.cancel",
            "operation.results.export",
            "user.erase",
            "user.update",
            "webhook.deliveries.resend",
        ] {
            assert!(actions.contains(&action), "{action}");
        }
        for action in [
            "audience.estimate",
            "credential.test",
            "deviceRegistration.create",
            "operation.errors.export",
        ] {
            assert!(!actions.contains(&action), "{action}");
        }
        assert!(actions.is_sorted_by(|one, other| one < other));
    }

    #[test]
    fn an_erasure_and_an_export_of_whole_tokens_differ() {
        let with = |action: &str, name: &str, value: &str| {
            amplified(action.to_owned(), &[(name.to_owned(), value.to_owned())])
        };

        assert_eq!(with("user.delete", "records", "true"), "user.erase");
        assert_eq!(with("user.delete", "records", "false"), "user.delete");
        assert_eq!(
            with("deviceRegistration.export", "tokens", "FULL"),
            "deviceRegistration.export.wholeTokens"
        );
        assert_eq!(
            with("user.data.export", "tokens", "MASKED"),
            "user.data.export"
        );
    }

    #[test]
    fn what_is_a_record_itself_is_not_recorded() {
        for (method, pattern) in [
            (Method::POST, "/v1/PushNotifications"),
            (Method::POST, "/v1/PushNotifications/Preview"),
            (Method::POST, "/v1/PushNotifications/DeviceRegistrations"),
            (
                Method::POST,
                "/v1/PushNotifications/DeviceRegistrations/Remove",
            ),
            (Method::POST, "/v1/PushNotifications/Credentials/{id}/Test"),
            (Method::POST, "/v1/PushNotifications/Audiences/Estimate"),
            (Method::GET, "/v1/PushNotifications/Operations/{id}/Errors"),
            (Method::GET, "/v1/PushNotifications/Users/{id}"),
            (Method::POST, "/v1/Receipts"),
        ] {
            assert_eq!(action(&method, pattern), None, "{pattern}");
        }
    }
}
