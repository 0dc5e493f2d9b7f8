//! Reading JSON bodies field by field: what is missing, of the wrong type or unknown is noted with
//! its path, and reading goes on, so that a client learns of all its mistakes at once.

use std::fmt;
use std::str::FromStr;

use serde_json::{Map, Value};

use crate::http::error::{ApiError, Problem};
use crate::model::id::ParseIdError;

/// Where a value is; only written out when there is a problem.
#[derive(Clone, Copy)]
pub(super) enum Path<'a> {
    /// The body.
    Root,
    /// A field of an object.
    Field(&'a Path<'a>, &'a str),
    /// An element of an array.
    Index(&'a Path<'a>, usize),
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Root => Ok(()),
            Self::Field(Self::Root, name) => formatter.write_str(name),
            Self::Field(parent, name) => write!(formatter, "{parent}.{name}"),
            Self::Index(parent, index) => write!(formatter, "{parent}[{index}]"),
        }
    }
}

/// The problems found so far.
#[derive(Default)]
pub(super) struct Problems(Vec<Problem>);

impl Problems {
    /// Notes one.
    pub(super) fn push(&mut self, path: &Path<'_>, message: impl Into<String>) {
        self.0.push(Problem::new(path.to_string(), message));
    }

    /// Notes one whose path is at hand as text.
    pub(super) fn push_at(&mut self, field: impl Into<String>, message: impl Into<String>) {
        self.0.push(Problem::new(field, message));
    }

    /// Whether there are none.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// `value`, or a 400 that names every problem. A reader that returned `None` for a required field
    /// has noted why.
    pub(super) fn check_some<T>(self, value: Option<T>) -> Result<T, ApiError> {
        value
            .filter(|_| self.0.is_empty())
            .ok_or_else(|| ApiError::invalid(self.0))
    }

    /// An error if there are any.
    pub(super) fn check(self) -> Result<(), ApiError> {
        if self.0.is_empty() {
            Ok(())
        } else {
            Err(ApiError::invalid(self.0))
        }
    }
}

/// An object that is read field by field; [`Object::finish`] notes what nobody asked for.
pub(super) struct Object<'a> {
    path: Path<'a>,
    fields: Map<String, Value>,
    known: Vec<&'static str>,
}

/// Most values in a body: 10,000 recipients with 25 variables each. A parsed one takes up to a
/// hundred times its text.
const MOST_VALUES: usize = 300_000;

/// Parses a body that must be a JSON object.
pub(super) fn parse_body(body: &[u8]) -> Result<Object<'static>, ApiError> {
    if count_values(body) > MOST_VALUES {
        return Err(ApiError::invalid_field(
            "",
            format!("the body has more than {MOST_VALUES} JSON values"),
        ));
    }
    match serde_json::from_slice(body) {
        Ok(Value::Object(fields)) => Ok(Object {
            path: Path::Root,
            fields,
            known: Vec::new(),
        }),
        Ok(_) => Err(ApiError::invalid_field(
            "",
            "the body must be a JSON object",
        )),
        Err(error) => Err(ApiError::invalid_field(
            "",
            format!("the body is not JSON: {error}"),
        )),
    }
}

/// How many values a JSON text has, or a few more: whatever begins a list, an object or another
/// element, outside of texts.
fn count_values(json: &[u8]) -> usize {
    let (mut count, mut in_text, mut escaped) = (1, false, false);
    for byte in json {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_text => escaped = true,
            b'"' => in_text = !in_text,
            b'[' | b'{' | b',' if !in_text => count += 1,
            _ => {}
        }
    }
    count
}

impl<'a> Object<'a> {
    /// `value` as an object.
    pub(super) fn of(value: Value, path: Path<'a>, problems: &mut Problems) -> Option<Self> {
        match value {
            Value::Object(fields) => Some(Self {
                path,
                fields,
                known: Vec::new(),
            }),
            _ => {
                problems.push(&path, "must be an object");
                None
            }
        }
    }

    /// Takes a field out, whatever it is; `null` is the same as absent.
    pub(super) fn take(&mut self, name: &'static str) -> Option<Value> {
        self.known.push(name);
        self.fields.remove(name).filter(|value| !value.is_null())
    }

    /// Whether a field is there that has not been taken yet; `null` is the same as absent.
    pub(super) fn has(&self, name: &str) -> bool {
        self.fields.get(name).is_some_and(|value| !value.is_null())
    }

    /// The path of a field.
    pub(super) fn at<'b>(&'b self, name: &'b str) -> Path<'b> {
        Path::Field(&self.path, name)
    }

    /// A text.
    pub(super) fn text(&mut self, name: &'static str, problems: &mut Problems) -> Option<String> {
        match self.take(name)? {
            Value::String(text) if text.contains('\0') => {
                problems.push(&self.at(name), "must not contain the character NUL");
                None
            }
            Value::String(text) => Some(text),
            _ => {
                problems.push(&self.at(name), "must be a text");
                None
            }
        }
    }

    /// A text that must be there and not be empty.
    pub(super) fn required_text(
        &mut self,
        name: &'static str,
        problems: &mut Problems,
    ) -> Option<String> {
        if !self.has(name) {
            self.take(name);
            problems.push(&self.at(name), "is required");
            return None;
        }
        let text = self.text(name, problems)?;
        if text.is_empty() {
            problems.push(&self.at(name), "must not be empty");
            return None;
        }
        Some(text)
    }

    /// An id.
    pub(super) fn id<T: FromStr<Err = ParseIdError>>(
        &mut self,
        name: &'static str,
        problems: &mut Problems,
    ) -> Option<T> {
        let id: Result<T, ParseIdError> = self.text(name, problems)?.parse();
        if let Err(error) = &id {
            problems.push(&self.at(name), error.to_string());
        }
        id.ok()
    }

    /// A whole number of `0..=most`.
    pub(super) fn number(
        &mut self,
        name: &'static str,
        most: u32,
        problems: &mut Problems,
    ) -> Option<u32> {
        let value = self.take(name)?;
        let number = value
            .as_u64()
            .and_then(|number| u32::try_from(number).ok())
            .filter(|number| *number <= most);
        if number.is_none() {
            problems.push(
                &self.at(name),
                format!("must be a whole number from 0 to {most}"),
            );
        }
        number
    }

    /// True or false.
    pub(super) fn boolean(&mut self, name: &'static str, problems: &mut Problems) -> Option<bool> {
        let value = self.take(name)?;
        if !value.is_boolean() {
            problems.push(&self.at(name), "must be true or false");
        }
        value.as_bool()
    }

    /// An object that is not looked into.
    pub(super) fn raw_object(
        &mut self,
        name: &'static str,
        problems: &mut Problems,
    ) -> Option<Map<String, Value>> {
        match self.take(name)? {
            Value::Object(object) => Some(object),
            _ => {
                problems.push(&self.at(name), "must be an object");
                None
            }
        }
    }

    /// One of some words.
    pub(super) fn word<T: Copy>(
        &mut self,
        name: &'static str,
        words: &[(&str, T)],
        problems: &mut Problems,
    ) -> Option<T> {
        let value = self.take(name)?;
        let found = value
            .as_str()
            .and_then(|text| words.iter().find(|(word, _)| *word == text));
        if found.is_none() {
            let words: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
            problems.push(&self.at(name), format!("must be {}", words.join(" or ")));
        }
        found.map(|(_, meaning)| *meaning)
    }

    /// Notes every field that nobody asked for.
    pub(super) fn finish(self, problems: &mut Problems) {
        for name in self.fields.keys() {
            let message = format!("is unknown; known are {}", self.known.join(", "));
            problems.push(&Path::Field(&self.path, name), message);
        }
    }
}
