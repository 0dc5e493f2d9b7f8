//! Values of a request as error messages quote them.

use serde_json::Value;

/// How many characters of a client's string an error repeats.
pub const QUOTED_CHARACTERS: usize = 40;

/// A value as an error message quotes it. Not for secrets.
pub fn quoted(value: &Value) -> String {
    match value {
        Value::String(string) => quoted_string(string),
        Value::Bool(_) | Value::Number(_) => value.to_string(),
        // An array or an object may be as large as the body.
        _ => type_of(value).to_owned(),
    }
}

/// The beginning of a client's string, in quotes and on one line. Not for secrets.
pub fn quoted_string(string: &str) -> String {
    let mut characters = string.chars();
    let mut beginning = String::new();

    for character in characters.by_ref().take(QUOTED_CHARACTERS) {
        // A line break of a client's must not begin a line of its own in a log or a terminal.
        if character.is_control() {
            beginning.extend(character.escape_default());
        } else {
            beginning.push(character);
        }
    }

    match characters.next() {
        Some(_) => format!("'{beginning}…'"),
        None => format!("'{beginning}'"),
    }
}

/// The type of a value, for people.
pub fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

/// A list of alternatives for a message: `APN, APN_SANDBOX or FCM`.
pub fn either(names: &[&str]) -> String {
    match names.split_last() {
        Some((last, [])) => (*last).to_owned(),
        Some((last, rest)) => format!("{} or {last}", rest.join(", ")),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_string_is_quoted_on_one_line() {
        assert_eq!(quoted(&json!("a\nb\t\u{1b}\u{0}")), r"'a\nb\t\u{1b}\u{0}'");
    }

    #[test]
    fn a_long_string_is_quoted_in_part() {
        assert_eq!(
            quoted(&json!("é".repeat(41))),
            format!("'{}…'", "é".repeat(40))
        );
        assert_eq!(
            quoted(&json!("é".repeat(40))),
            format!("'{}'", "é".repeat(40))
        );
        assert_eq!(quoted(&json!({"a": 1})), "an object");
    }
}
