//! Reads JSON bodies field by field. Each missing, malformed or unknown field is noted with its
//! path, and reading goes on, so that one answer names every problem of a request.

mod outline;
mod problems;

use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;

use serde_json::{Map, Value};

use crate::http::error::ApiError;
pub(super) use crate::http::validation::outline::Outline;
pub(super) use crate::http::validation::problems::{Path, Problems};
use crate::model::id::ParseIdError;
pub(super) use crate::model::quoted::{either, quoted_string};
use crate::model::quoted::{quoted, type_of};
pub(super) use crate::unique_names::parse as parse_value;

/// Most values of a body: 10,000 recipients with 25 variables each. A parsed body takes up to a
/// hundred times the memory of its text.
const MAX_VALUES: usize = 300_000;
/// U+FEFF in UTF-8, which some editors and libraries begin a text with.
pub(super) const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";
pub(super) const NO_NUL: &str = "must not contain the NUL character (U+0000)";

/// Parses a body that must be a JSON object. It may begin with a byte order mark (RFC 8259, section
/// 8.1).
pub(super) fn parse_body(body: &[u8]) -> Result<Object<'static>, ApiError> {
    let body = body.strip_prefix(BYTE_ORDER_MARK).unwrap_or(body);

    // Counting comes first, because parsing is what takes the memory. A short body can't have so
    // many.
    if body.len() > MAX_VALUES && count_values(body) > MAX_VALUES {
        return Err(ApiError::invalid_field(
            "",
            format!("the body has more than {MAX_VALUES} JSON values; split the request"),
        ));
    }

    match parse_value(body) {
        Ok(Value::Object(fields)) => Ok(Object::new(Path::Root, fields)),
        Ok(other) => Err(ApiError::invalid_field(
            "",
            format!("the body must be a JSON object; got {}", type_of(&other)),
        )),
        Err(error) => Err(not_json(&error)),
    }
}

fn not_json(error: &serde_json::Error) -> ApiError {
    // serde_json has no kind of error for an empty text. This is how it reports one.
    if error.is_eof() && (error.line(), error.column()) == (1, 0) {
        return ApiError::invalid_field("", "the body is empty; it must be a JSON object");
    }

    // An error of data is a name that occurs twice. Any other error is one of syntax.
    if error.is_data() {
        return ApiError::invalid_field("", error.to_string());
    }

    ApiError::invalid_field("", format!("the body is not valid JSON: {error}"))
}

/// The problem of a field that is not among `known`.
fn does_not_exist(known: &[&str]) -> String {
    if known.is_empty() {
        return no_fields();
    }

    // A reader may have asked for a field twice.
    let mut names: Vec<&str> = Vec::new();
    for name in known {
        if !names.contains(name) {
            names.push(name);
        }
    }

    format!(
        "this field does not exist; the fields here are {}",
        names.join(", ")
    )
}

/// The problem of a field where there are none.
pub(super) fn no_fields() -> String {
    "this field does not exist; this request has no fields".to_owned()
}

/// How many values a JSON text has, or a few more: every `[`, `{` and `,` outside of strings begins
/// one.
fn count_values(json: &[u8]) -> usize {
    let mut count = 1;
    let mut in_string = false;
    let mut escaped = false;

    for byte in json {
        match byte {
            // Bytes and not characters: in UTF-8, no byte of a longer character is one of these.
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            b'[' | b'{' | b',' if !in_string => count += 1,
            _ => {}
        }
    }

    count
}

/// An object that is read field by field. `null` is the same as absent.
pub(super) struct Object<'a> {
    path: Path<'a>,
    /// The fields that have not been read yet.
    fields: Map<String, Value>,
    /// The names that have been asked for, whether they were there or not.
    known: Vec<&'static str>,
}

impl<'a> Object<'a> {
    fn new(path: Path<'a>, fields: Map<String, Value>) -> Self {
        Self {
            path,
            fields,
            known: Vec::new(),
        }
    }

    /// Takes `value`, which must be an object, to be read.
    pub(super) fn of(value: Value, path: Path<'a>, problems: &mut Problems) -> Option<Self> {
        match value {
            Value::Object(fields) => Some(Self::new(path, fields)),
            other => {
                problems.push(&path, must_be("an object", &other));
                None
            }
        }
    }

    /// The path of a field of this object.
    pub(super) fn at<'b>(&'b self, name: &'b str) -> Path<'b> {
        Path::Field(&self.path, name)
    }

    /// Whether the field is there and has not been taken yet.
    pub(super) fn has(&self, name: &str) -> bool {
        self.fields.get(name).is_some_and(|value| !value.is_null())
    }

    /// The field, if it is there and has not been taken yet.
    pub(super) fn get(&self, name: &str) -> Option<&Value> {
        self.fields.get(name).filter(|value| !value.is_null())
    }

    /// Whether the field is there and `null`. In a change that means to clear it.
    pub(super) fn is_null(&self, name: &str) -> bool {
        self.fields.get(name).is_some_and(Value::is_null)
    }

    /// Takes the field out, whatever its type.
    pub(super) fn take(&mut self, name: &'static str) -> Option<Value> {
        // Also if it is absent, so that errors can list every field that there is.
        self.known.push(name);
        self.fields.remove(name).filter(|value| !value.is_null())
    }

    /// Whether the field is there. If it is not, a problem is noted, and `rule` says what the field
    /// must be: "a string".
    pub(super) fn require(
        &mut self,
        name: &'static str,
        rule: impl fmt::Display,
        problems: &mut Problems,
    ) -> bool {
        if self.has(name) {
            return true;
        }

        // A field that is `null` is taken out, so that it is not refused as unknown later.
        self.take(name);

        problems.push(
            &self.at(name),
            format!("this field is required and must be {rule}"),
        );
        false
    }

    pub(super) fn string(&mut self, name: &'static str, problems: &mut Problems) -> Option<String> {
        match self.take(name)? {
            // Postgres can't store NUL.
            Value::String(string) if string.contains('\0') => {
                problems.push(&self.at(name), NO_NUL);
                None
            }
            Value::String(string) => Some(string),
            other => {
                problems.push(&self.at(name), must_be("a string", &other));
                None
            }
        }
    }

    /// A string that must be there and must not be empty.
    pub(super) fn required_string(
        &mut self,
        name: &'static str,
        problems: &mut Problems,
    ) -> Option<String> {
        if !self.require(name, "a string", problems) {
            return None;
        }

        let string = self.string(name, problems)?;
        if string.is_empty() {
            problems.push(&self.at(name), "must not be empty");
            return None;
        }

        Some(string)
    }

    pub(super) fn id<T: FromStr<Err = ParseIdError>>(
        &mut self,
        name: &'static str,
        problems: &mut Problems,
    ) -> Option<T> {
        let string = self.string(name, problems)?;

        match string.parse() {
            Ok(id) => Some(id),
            Err(rule) => {
                problems.push(
                    &self.at(name),
                    format!("{rule}; got {}", quoted_string(&string)),
                );
                None
            }
        }
    }

    /// An integer of `0..=most`.
    pub(super) fn integer(
        &mut self,
        name: &'static str,
        most: u32,
        problems: &mut Problems,
    ) -> Option<u32> {
        self.integer_in(name, 0..=most, problems)
    }

    /// An integer within `range`.
    pub(super) fn integer_in(
        &mut self,
        name: &'static str,
        range: RangeInclusive<u32>,
        problems: &mut Problems,
    ) -> Option<u32> {
        let rule = format_args!("an integer from {} to {}", range.start(), range.end());

        self.integer_by(name, &range, rule, problems)
    }

    /// A duration: an integer of seconds within `range`.
    pub(super) fn seconds(
        &mut self,
        name: &'static str,
        range: RangeInclusive<u32>,
        problems: &mut Problems,
    ) -> Option<u32> {
        // `format_args` writes nothing yet. To write this rule for the `ttl` of each send took
        // 3,100 instructions of the request.
        let days = in_days(*range.end());
        let rule = format_args!(
            "a number of seconds: an integer from {} to {}{days}",
            range.start(),
            range.end(),
        );

        self.integer_by(name, &range, rule, problems)
    }

    /// `rule` says what the field must be. It is only formatted if the field has a problem.
    fn integer_by(
        &mut self,
        name: &'static str,
        range: &RangeInclusive<u32>,
        rule: fmt::Arguments<'_>,
        problems: &mut Problems,
    ) -> Option<u32> {
        let value = self.take(name)?;
        let integer = value
            .as_u64()
            .and_then(|integer| u32::try_from(integer).ok())
            .filter(|integer| range.contains(integer));

        if integer.is_none() {
            problems.push(
                &self.at(name),
                format!("must be {rule}; got {}", quoted(&value)),
            );
        }

        integer
    }

    pub(super) fn boolean(&mut self, name: &'static str, problems: &mut Problems) -> Option<bool> {
        let value = self.take(name)?;

        if !value.is_boolean() {
            problems.push(
                &self.at(name),
                format!("must be true or false; got {}", quoted(&value)),
            );
        }

        value.as_bool()
    }

    /// An object whose fields are the client's own.
    pub(super) fn object(
        &mut self,
        name: &'static str,
        problems: &mut Problems,
    ) -> Option<Map<String, Value>> {
        match self.take(name)? {
            Value::Object(object) => Some(object),
            other => {
                problems.push(&self.at(name), must_be("an object", &other));
                None
            }
        }
    }

    /// A string that must be the name of one of `choices`.
    pub(super) fn one_of<T: Copy>(
        &mut self,
        name: &'static str,
        choices: &[(&str, T)],
        problems: &mut Problems,
    ) -> Option<T> {
        let value = self.take(name)?;
        let found = value
            .as_str()
            .and_then(|string| choices.iter().find(|(choice, _)| *choice == string));

        if found.is_none() {
            problems.push(
                &self.at(name),
                format!("must be {}; got {}", names(choices), quoted(&value)),
            );
        }

        found.map(|(_, meaning)| *meaning)
    }

    /// As [`Self::one_of`], for a field that must be there.
    pub(super) fn required_one_of<T: Copy>(
        &mut self,
        name: &'static str,
        choices: &[(&str, T)],
        problems: &mut Problems,
    ) -> Option<T> {
        // Written only for a problem: the names of the providers took 1,700 instructions of each
        // send.
        let rule = fmt::from_fn(|formatter| formatter.write_str(&names(choices)));

        self.require(name, rule, problems)
            .then(|| self.one_of(name, choices, problems))
            .flatten()
    }

    /// Notes every field that was not asked for.
    pub(super) fn refuse_unknown(self, problems: &mut Problems) {
        for name in self.fields.keys() {
            problems.push(&self.at(name), does_not_exist(&self.known));
        }
    }
}

/// Seconds in days, where they are whole ones, to follow their number.
fn in_days(seconds: u32) -> impl fmt::Display {
    const DAY: u32 = 86_400;

    fmt::from_fn(move |formatter| match seconds / DAY {
        0 => Ok(()),
        _ if !seconds.is_multiple_of(DAY) => Ok(()),
        1 => formatter.write_str(" (1 day)"),
        days => write!(formatter, " ({days} days)"),
    })
}

fn names<T>(choices: &[(&str, T)]) -> String {
    let names: Vec<&str> = choices.iter().map(|(name, _)| *name).collect();

    either(&names)
}

/// The problem of a value of the wrong type. It names the type that was sent and never the value,
/// which may be a secret.
pub(super) fn must_be(rule: &str, value: &Value) -> String {
    format!("must be {rule}; got {}", type_of(value))
}

#[cfg(test)]
mod tests;
