//! Ids, as arguments or from the standard input.

use serde_json::Value;
use tokio::sync::mpsc;

use crate::client::exit::{Failure, Result};
use crate::client::json::parse_object;
use crate::client::lines::{is_piped, lines_of};
use crate::client::text::printable;

pub(super) const OPERATION: &str = "comms_operation";
pub(super) const NOTIFICATION: &str = "comms_pushnotification";
pub(super) const USER: &str = "comms_pushnotificationuser";

/// Ids that wait to be taken.
const IDS: usize = 1024;
/// Characters of an id after its prefix.
const LENGTH: usize = 26;

/// The ids that were given, or else those of the standard input, a line each: alone, or in the JSON that
/// `bellwire send --json` prints. Each must have one of these prefixes.
pub(super) fn ids(
    given: Vec<String>,
    prefixes: &'static [&'static str],
) -> Result<mpsc::Receiver<Result<String>>> {
    let is_read = given.is_empty() || given == ["-"];
    // All are checked before the first request: a mistyped id must not stop the command halfway.
    let checked = if is_read {
        Vec::new()
    } else {
        given
            .into_iter()
            .map(|id| check(&id, prefixes))
            .collect::<Result<Vec<String>>>()?
    };
    // Reading from a terminal would look like a command that hangs.
    if is_read && !is_piped() {
        return Err(Failure::usage(
            "no id is given: name one, or pipe the output of `bellwire send` into this command",
        ));
    }

    let (sender, ids) = mpsc::channel(IDS);
    if !is_read {
        tokio::spawn(async move {
            for id in checked {
                let _ = sender.send(Ok(id)).await;
            }
        });
        return Ok(ids);
    }

    let mut lines = lines_of("-")?;
    tokio::spawn(async move {
        while let Some(line) = lines.recv().await {
            let id = line.and_then(|line| {
                id_of_line(&line.text)
                    .and_then(|id| check(&id, prefixes).map_err(|failure| failure.message))
                    .map_err(|problem| {
                        let number = line.number;
                        Failure::failed(format!("the standard input, line {number}: {problem}"))
                    })
            });
            let is_wrong = id.is_err();
            if sender.send(id).await.is_err() || is_wrong {
                return;
            }
        }
    });
    Ok(ids)
}

/// Whether `text` is an id with this prefix.
pub(super) fn is_id(text: &str, prefix: &str) -> bool {
    let rest = text
        .strip_prefix(prefix)
        .and_then(|rest| rest.strip_prefix('_'));

    rest.is_some_and(|rest| {
        // An id becomes a part of an address: a slash or a dot would name another resource.
        rest.len() == LENGTH && rest.bytes().all(|byte| byte.is_ascii_alphanumeric())
    })
}

/// Checks an id that was given as an argument.
pub(super) fn check(id: &str, prefixes: &[&str]) -> Result<String> {
    if prefixes.iter().any(|prefix| is_id(id, prefix)) {
        return Ok(id.to_owned());
    }

    let expected: Vec<String> = prefixes
        .iter()
        .map(|prefix| format!("{prefix}_ and {LENGTH} characters"))
        .collect();
    Err(Failure::usage(format!(
        "'{}' is not an id: it must be {}",
        printable(id),
        expected.join(", or ")
    )))
}

/// The id of a line: its first word, or a field of its JSON object. Fails with the rule that the line
/// breaks.
fn id_of_line(line: &str) -> std::result::Result<String, String> {
    if !line.starts_with('{') {
        let word = line.split_whitespace().next();
        return Ok(word.unwrap_or_default().to_owned());
    }

    let object = parse_object(line)?;
    // A notification and its errors name the Operation too. The first field alone counts, also if it is of
    // another kind: otherwise `cancel` would cancel the whole Operation.
    let first = ["id", "pushNotificationId", "operationId"]
        .into_iter()
        .find_map(|name| Some((name, object.get(name).filter(|value| !value.is_null())?)));

    match first {
        Some((_, Value::String(id))) => Ok(id.clone()),
        Some((name, _)) if object.get("operationId").is_some_and(Value::is_string) => {
            Err(format!("`{name}` must be a string with an id"))
        }
        _ => Err("the line has neither `id` nor `operationId` with an id".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "comms_operation_01h9krwprkeee8fzqspvwy6nq8";

    #[test]
    fn an_id_is_found_in_each_form_of_output() {
        for line in [
            ID.to_owned(),
            format!("{ID}  COMPLETED  1 recipient: 1 sent"),
            format!(r#"{{"operationId":"{ID}","recipients":1}}"#),
            format!(r#"{{"id":"{ID}","status":"COMPLETED"}}"#),
        ] {
            assert_eq!(id_of_line(&line).unwrap(), ID);
        }
    }

    #[test]
    fn an_id_of_another_kind_is_refused() {
        assert_eq!(check(ID, &[OPERATION]).unwrap(), ID);
        assert!(check(ID, &[NOTIFICATION]).is_err());
        // An id goes into an address.
        assert!(check(&format!("{OPERATION}_../../../x"), &[OPERATION]).is_err());
        let user = format!("{USER}_01h9krwprkeee8fzqspvwy6nq8");
        assert!(!is_id(&user, NOTIFICATION));
    }

    #[test]
    fn a_notification_is_not_taken_for_its_operation() {
        let id = format!("{NOTIFICATION}_01h9krwprkeee8fzqspvwy6nq9");
        for name in ["id", "pushNotificationId"] {
            let line = format!(r#"{{"operationId":"{ID}","{name}":"{id}"}}"#);
            assert_eq!(id_of_line(&line).unwrap(), id);
        }
        let line = format!(r#"{{"pushNotificationId":"x","operationId":"{ID}","id":"{id}"}}"#);
        assert_eq!(id_of_line(&line).unwrap(), id);

        // The caller refuses an id of another kind.
        let user = format!("{USER}_01h9krwprkeee8fzqspvwy6nq8");
        let line = format!(r#"{{"id":"{user}","operationId":"{ID}"}}"#);
        assert!(check(&id_of_line(&line).unwrap(), &[OPERATION, NOTIFICATION]).is_err());
        let line = format!(r#"{{"id":7,"operationId":"{ID}"}}"#);
        assert_eq!(
            id_of_line(&line).unwrap_err(),
            "`id` must be a string with an id"
        );
    }

    #[test]
    fn a_line_without_an_id_says_where_one_is_looked_for() {
        for line in [
            "{}",
            r#"{"id":1}"#,
            r#"{"id":null}"#,
            r#"{"operationId":{}}"#,
            r#"{"user":"x"}"#,
        ] {
            assert_eq!(
                id_of_line(line).unwrap_err(),
                "the line has neither `id` nor `operationId` with an id"
            );
        }
    }

    #[test]
    fn a_line_that_gives_its_id_twice_is_refused() {
        let line = format!(r#"{{"id":"{ID}","id":"{ID}"}}"#);

        let problem = id_of_line(&line).unwrap_err();
        assert!(problem.contains("'id' is given twice"), "{problem}");
        assert!(id_of_line("{\"id\":").is_err());
    }
}
