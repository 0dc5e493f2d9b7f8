//! What is known of a person's device or a notification, as a short text.

use serde_json::Value;

use crate::advice::{self, Attempted, Known};
use crate::client::operation_errors::recipient;
use crate::client::text::{printable, style_of_status};

/// The lines of a notification's story.
pub(super) fn of_notification(notification: &Value, attempts: &[Value]) -> Vec<String> {
    let text = |name: &str| printable(notification[name].as_str().unwrap_or_default());
    let status = text("status");
    let mut lines = vec![
        format!(
            "{}  {}",
            text("id"),
            style_of_status(&status).apply_to(&status)
        ),
        field("to", &recipient(&notification["to"])),
        field(
            "accepted",
            &format!("{} in {}", text("createdAt"), text("operationId")),
        ),
    ];

    if let Some(title) = notification["content"]["title"].as_str() {
        lines.push(field("title", title));
    }
    for (name, label) in [
        ("deliveredAt", "delivered"),
        ("openedAt", "opened"),
        ("dismissedAt", "dismissed"),
    ] {
        if let Some(at) = notification[name].as_str() {
            lines.push(field(label, at));
        }
    }
    lines.extend(attempts.iter().map(of_attempt));
    lines.extend(of_reason(notification));

    lines.push(field("what to do", advice(notification, attempts)));
    lines
}

/// What to do about a notification, with its attempts first to last, as the API shows both.
pub(super) fn advice(notification: &Value, attempts: &[Value]) -> &'static str {
    let last = attempts.last();

    advice::what_to_do(&Known {
        status: notification["status"].as_str().unwrap_or_default(),
        code: notification["error"]["code"].as_str(),
        last: last.map(|attempt| Attempted {
            outcome: attempt["outcome"].as_str().unwrap_or_default(),
            code: attempt["error"]["code"].as_str(),
            message: attempt["error"]["message"].as_str(),
        }),
        is_waiting: notification["waitingFor"].is_object(),
    })
}

/// What it waits for, or why it failed.
fn of_reason(notification: &Value) -> Option<String> {
    let waiting = &notification["waitingFor"];
    if let Some(reason) = waiting["reason"].as_str() {
        let next = match waiting["nextTry"].as_str() {
            Some(at) => format!(" Next try: {at}."),
            None => String::new(),
        };
        return Some(field("waits", &format!("{reason}{next}")));
    }

    let error = &notification["error"];
    let code = error["code"].as_str()?;
    let message = error["message"].as_str().unwrap_or_default();
    Some(field("failed", &words(code, message)))
}

fn of_attempt(attempt: &Value) -> String {
    let text = |name: &str| attempt[name].as_str().unwrap_or_default();
    let mut words = vec![
        text("createdAt").to_owned(),
        text("provider").to_owned(),
        text("token").to_owned(),
        text("outcome").to_owned(),
    ];
    if let Some(status) = attempt["httpStatus"].as_u64() {
        words.push(format!("status {status}"));
    }

    let error = &attempt["error"];
    let code = error["code"].as_str().unwrap_or_default();
    let message = error["message"].as_str().unwrap_or_default();
    words.push(self::words(code, message));
    words.push(format!(
        "({} ms)",
        attempt["durationMs"].as_u64().unwrap_or_default()
    ));
    words.retain(|word| !word.is_empty());

    let number = attempt["number"].as_u64().unwrap_or_default();
    field(&format!("attempt {number}"), &words.join("  "))
}

/// The provider's code and its message.
fn words(code: &str, message: &str) -> String {
    match (code, message) {
        ("", message) => message.to_owned(),
        (code, "") => code.to_owned(),
        (code, message) => format!("{code}: {message}"),
    }
}

/// The lines of a User and its devices.
pub(super) fn of_user(user: &Value, registrations: &[Value]) -> Vec<String> {
    let text = |name: &str| printable(user[name].as_str().unwrap_or_default());
    let mut lines = vec![format!("{}  created {}", text("id"), text("createdAt"))];
    if user["externalId"].is_string() {
        lines.push(field("external id", &text("externalId")));
    }
    if user["optedOut"].as_bool() == Some(true) {
        lines.push(field(
            "opted out",
            "the User gets no notifications until the opt-out is removed",
        ));
    }

    let mut has_device = false;
    for registration in registrations {
        let app = registration["appName"].as_str().unwrap_or_default();
        let since = registration["createdAt"].as_str().unwrap_or_default();
        for device in registration["devices"].as_array().into_iter().flatten() {
            has_device = true;
            let place = format!("{}  in {app}, registered {since}", recipient(device));
            lines.push(field("device", &place));
        }
    }
    // A registration may have lost its last device, so registrations are not counted.
    if !has_device {
        lines.push(field(
            "device",
            "none: the User gets nothing until the app registers a device",
        ));
    }
    lines
}

fn field(name: &str, value: &str) -> String {
    format!("  {name:<11} {}", printable(value))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_failure_is_shown_in_the_words_of_its_provider() {
        let notification = json!({
            "id": "n", "operationId": "o", "status": "FAILED", "createdAt": "2026-11-26T08:00:00Z",
            "to": {"token": "abcd…wxyz", "provider": "FCM"},
            "content": {"title": "Hi\u{1b}"},
            "error": {"code": "X", "message": "gone"},
        });
        let attempts = [json!({
            "number": 1, "createdAt": "2026-11-26T08:00:01Z", "provider": "FCM", "token": "abcd…wxyz",
            "outcome": "TOKEN_DEAD", "httpStatus": 404, "error": {"code": "X", "message": "gone"}, "durationMs": 12,
        })];

        let story = of_notification(&notification, &attempts).join("\n");
        for expected in [
            "n  FAILED\n",
            "  to          abcd…wxyz (FCM)\n",
            "  title       Hi\u{fffd}\n",
            "TOKEN_DEAD  status 404  X: gone  (12 ms)\n",
            "  failed      X: gone\n",
            "  what to do  The app was removed",
        ] {
            assert!(story.contains(expected), "{expected} is not in\n{story}");
        }
    }

    #[test]
    fn what_a_notification_waits_for_is_sentences() {
        let waiting = |next_try: Option<&str>| {
            let notification = json!({
                "id": "n", "operationId": "o", "status": "QUEUED",
                "waitingFor": {"reason": "The provider asks for a pause: X.", "nextTry": next_try},
            });
            of_notification(&notification, &[]).join("\n")
        };

        let story = waiting(Some("2026-11-26T08:00:00Z"));
        let expected =
            "  waits       The provider asks for a pause: X. Next try: 2026-11-26T08:00:00Z.\n";
        assert!(story.contains(expected), "{story}");
        let story = waiting(None);
        assert!(
            story.contains("  waits       The provider asks for a pause: X.\n"),
            "{story}"
        );
    }

    #[test]
    fn a_user_without_a_device_is_named() {
        let story = of_user(&json!({"id": "u", "createdAt": "x"}), &[]).join("\n");

        assert!(story.contains("none: the User gets nothing"), "{story}");
    }
}
