//! Reading the fields of a Credential's content: strings, keys and certificates.

use jsonwebtoken::{Algorithm, EncodingKey};
use serde_json::Value;

use crate::provider::FieldProblem;
use crate::provider::key_file::KeyFile;

/// Takes fields out of a content and collects every problem, so that an API user sees all of them
/// in one answer. A field that is `null` is the same as an absent one.
pub(super) struct CredentialFields<'a> {
    content: &'a Value,
    problems: Vec<FieldProblem>,
}

impl<'a> CredentialFields<'a> {
    /// The fields of `content`. A field that is not in `known` is a problem.
    pub(super) fn new(content: &'a Value, known: &[&str]) -> Self {
        let mut fields = Self {
            content,
            problems: Vec::new(),
        };

        match content.as_object() {
            None => fields.push_problem("", "must be an object"),
            Some(object) => {
                // A misspelled optional field would otherwise be lost without an error.
                let unknown = object
                    .iter()
                    .filter(|(name, value)| !value.is_null() && !known.contains(&name.as_str()));
                for (name, _) in unknown {
                    let known = known.join(", ");
                    let message = format!("this field does not exist; the fields here are {known}");
                    fields.push_problem(name, &message);
                }
            }
        }

        fields
    }

    pub(super) fn push_problem(&mut self, field: &str, message: &str) {
        self.problems.push(FieldProblem {
            field: field.to_owned(),
            message: message.to_owned(),
        });
    }

    /// A string that may be absent. It has the first of `names` that is there.
    pub(super) fn optional_string(&mut self, names: &[&str]) -> Option<String> {
        let (name, value) = names
            .iter()
            .find_map(|name| Some((name, present(self.content, name)?)))?;

        match value.as_str().map(str::trim) {
            Some(text) if !text.is_empty() => Some(text.to_owned()),
            _ => {
                self.push_problem(name, "must be a non-empty string");
                None
            }
        }
    }

    /// A string that must be there, under any of `names`; a missing one is reported under the
    /// first. Empty if there was a problem.
    pub(super) fn required_string(&mut self, names: &[&str]) -> String {
        let problems = self.problems.len();
        let text = self.optional_string(names);

        // A value of a wrong type is a problem already, and each field gets one problem.
        if text.is_none() && self.problems.len() == problems {
            self.push_problem(
                names.first().copied().unwrap_or_default(),
                "this field is required and must be a string",
            );
        }

        text.unwrap_or_default()
    }

    /// A key or certificate that must be there. `None` if there was a problem.
    pub(super) fn required_file(&mut self, names: &[&str]) -> Option<KeyFile> {
        // The copy of a private key is overwritten when it is dropped.
        let text = zeroize::Zeroizing::new(self.required_string(names));
        if text.is_empty() {
            return None;
        }

        let file = KeyFile::read(&text);
        if file.is_none() {
            self.push_problem(
                names.first().copied().unwrap_or_default(),
                "must be PEM, or PEM or DER in base64",
            );
        }
        file
    }

    /// The value of `read`, or `None` with a problem of the field `name`.
    pub(super) fn check<T>(&mut self, name: &str, read: Result<T, String>) -> Option<T> {
        match read {
            Ok(value) => Some(value),
            Err(message) => {
                self.push_problem(name, &message);
                None
            }
        }
    }

    /// `value`, if there was no problem. A caller that passes `None` has pushed the reason.
    pub(super) fn finish<T>(self, value: Option<T>) -> Result<T, Vec<FieldProblem>> {
        value
            .filter(|_| self.problems.is_empty())
            .ok_or(self.problems)
    }
}

/// A field of `content` that is there and not `null`.
pub(super) fn present<'a>(content: &'a Value, name: &str) -> Option<&'a Value> {
    content.get(name).filter(|value| !value.is_null())
}

/// A content that is of no use here, whatever its fields: `message` says what it is.
pub(super) fn wrong_content(field: &str, message: impl Into<String>) -> Vec<FieldProblem> {
    vec![FieldProblem {
        field: field.to_owned(),
        message: message.into(),
    }]
}

/// Whether `key` can sign. [`EncodingKey`] takes any DER of the right frame, so only a signature
/// shows that the key inside is of the algorithm's kind and size.
pub(super) fn can_sign(key: &EncodingKey, algorithm: Algorithm) -> bool {
    jsonwebtoken::crypto::sign(b"", key, algorithm).is_ok()
}
