//! Reading the fields of a Credential's content: strings, and keys and certificates as PEM.

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use serde_json::Value;

use crate::provider::FieldProblem;

const PEM_HEADER: &str = "-----BEGIN";

/// Takes fields out of a content and collects every problem, so that an API user sees all of them
/// in one answer.
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
                let unknown = object.keys().filter(|name| !known.contains(&name.as_str()));
                for name in unknown {
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

    /// A string that may be absent or null. It has the first of `names` that is there.
    pub(super) fn optional_string(&mut self, names: &[&str]) -> Option<String> {
        let (name, value) = names
            .iter()
            .find_map(|name| Some((name, self.content.get(name)?)))?;

        match value.as_str().map(str::trim) {
            Some(text) if !text.is_empty() => Some(text.to_owned()),
            _ if value.is_null() => None,
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

        if text.is_none() && self.problems.len() == problems {
            self.push_problem(
                names.first().copied().unwrap_or_default(),
                "this field is required and must be a string",
            );
        }

        text.unwrap_or_default()
    }

    /// A PEM document that must be there, as it is or in base64. Empty if there was a problem.
    pub(super) fn required_pem(&mut self, names: &[&str]) -> String {
        let text = self.required_string(names);
        if text.is_empty() {
            return text;
        }

        let pem = decode_pem(&text);
        if pem.is_none() {
            self.push_problem(
                names.first().copied().unwrap_or_default(),
                "must be PEM, or PEM in base64",
            );
        }

        pem.unwrap_or_default()
    }

    /// `value`, if there was no problem. A caller that passes `None` has pushed the reason.
    pub(super) fn finish<T>(self, value: Option<T>) -> Result<T, Vec<FieldProblem>> {
        value
            .filter(|_| self.problems.is_empty())
            .ok_or(self.problems)
    }
}

fn decode_pem(text: &str) -> Option<String> {
    if text.contains(PEM_HEADER) {
        // A key that was copied out of a JSON file often has its line ends as backslash and n.
        return Some(text.replace("\\n", "\n"));
    }

    // `base64` without options wraps its lines, and some tools leave out the padding.
    let one_line: String = text
        .chars()
        .filter(|character| !character.is_whitespace())
        .collect();
    let decoded = STANDARD_NO_PAD
        .decode(one_line.trim_end_matches('='))
        .ok()?;

    String::from_utf8(decoded)
        .ok()
        .filter(|pem| pem.contains(PEM_HEADER))
}

/// The certificates of a PEM document, at least one.
pub(super) fn certificates(pem: &str) -> Option<Vec<CertificateDer<'static>>> {
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem.as_bytes()).collect();
    certificates
        .ok()
        .filter(|certificates| !certificates.is_empty())
}

pub(super) fn private_key(pem: &str) -> Option<PrivateKeyDer<'static>> {
    PrivateKeyDer::from_pem_slice(pem.as_bytes()).ok()
}

/// Whether `key` can sign. [`EncodingKey`] takes any DER of the right frame, so only a signature
/// shows that the key inside is of the algorithm's kind and size.
pub(super) fn can_sign(key: &EncodingKey, algorithm: Algorithm) -> bool {
    jsonwebtoken::crypto::sign(b"", key, algorithm).is_ok()
}
