//! JSON that people give to commands: files, lines and arguments.

use serde_json::{Map, Value};

use crate::unique_names;

/// Reads an object. Fails with the rule that `text` breaks, for the end of a message. A field that is
/// given twice is refused, as by the API: one of its values would be lost.
pub(super) fn parse_object(text: &str) -> Result<Map<String, Value>, String> {
    // Some programs begin a file with a byte order mark.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);

    match unique_names::parse(text.as_bytes()) {
        Ok(Value::Object(object)) => Ok(object),
        Ok(_) => Err("must be a JSON object".to_owned()),
        // An error of data is a field that is given twice. Any other error is one of syntax.
        Err(error) if error.is_data() => Err(error.to_string()),
        Err(error) => Err(format!("must be a JSON object: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_has_each_field_once() {
        assert_eq!(parse_object("\u{feff}{\"a\": 1}").unwrap()["a"], 1);

        for (text, expected) in [
            (
                r#"{"a": 1, "a": 1}"#,
                "give each field once: 'a' is given twice at line 1",
            ),
            (
                r#"{"content": {"data": {"k": "1", "k": "2"}}}"#,
                "'k' is given twice",
            ),
            (
                r#"{"to": [{"token": "x", "token": "y"}]}"#,
                "'token' is given twice",
            ),
            ("[]", "must be a JSON object"),
            ("{", "must be a JSON object: "),
            ("{} {}", "must be a JSON object: "),
            ("", "must be a JSON object: "),
        ] {
            let problem = parse_object(text).unwrap_err();
            assert!(problem.contains(expected), "{text}: {problem}");
        }
    }
}
