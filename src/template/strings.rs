//! The strings of a message that may be templates, and where each is in a request.

use std::fmt;

use serde_json::Value;

use super::TemplateProblem;
use crate::model::message::{Badge, Message, Sound};

/// Where a string is in a request. It is formatted only when there is a problem.
pub(super) enum Place<'a> {
    Field(&'static str),
    Member(&'a Place<'a>, &'a str),
    Element(&'a Place<'a>, usize),
}

impl Place<'_> {
    pub(super) fn problem(&self, message: String) -> TemplateProblem {
        TemplateProblem {
            field: self.to_string(),
            message,
        }
    }
}

impl fmt::Display for Place<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Field(name) => formatter.write_str(name),
            Self::Member(parent, name) => write!(formatter, "{parent}.{name}"),
            Self::Element(parent, index) => write!(formatter, "{parent}[{index}]"),
        }
    }
}

type Visit<'v, E> = dyn FnMut(&Place<'_>, &mut String) -> Result<(), E> + 'v;

/// Visits the strings of a message that may be templates, always in the same order.
pub(super) fn visit_strings<E>(message: &mut Message, visit: &mut Visit<'_, E>) -> Result<(), E> {
    // `localizations` are not visited: a message is put into a language before it is parsed.
    let named = [
        ("content.title", &mut message.title),
        ("content.body", &mut message.body),
        ("content.image", &mut message.image),
        ("collapseKey", &mut message.collapse_key),
    ];
    for (name, string) in named {
        if let Some(string) = string {
            visit(&Place::Field(name), string)?;
        }
    }

    match &mut message.sound {
        Some(Sound::Same(name)) => visit(&Place::Field("sound"), name)?,
        Some(Sound::Each(each)) => {
            for (name, string) in [("fcm", &mut each.fcm), ("apn", &mut each.apn)] {
                if let Some(string) = string {
                    visit(&Place::Member(&Place::Field("sound"), name), string)?;
                }
            }
        }
        None => {}
    }
    if let Some(Badge::Template(text)) = &mut message.badge {
        visit(&Place::Field("badge"), text)?;
    }

    let data = Place::Field("content.data");
    for (key, string) in message.data.iter_mut().flatten() {
        visit(&Place::Member(&data, key), string)?;
    }

    // Names of fields are no templates: an override is checked by its names when the request
    // arrives.
    for (name, over) in [("fcm", &mut message.fcm), ("apn", &mut message.apn)] {
        let over_place = Place::Field(name);
        for (name, value) in over.iter_mut().flatten() {
            visit_value(&Place::Member(&over_place, name), value, visit)?;
        }
    }

    Ok(())
}

/// Visits the strings within a value of an override.
fn visit_value<E>(place: &Place<'_>, value: &mut Value, visit: &mut Visit<'_, E>) -> Result<(), E> {
    match value {
        Value::String(string) => visit(place, string),
        Value::Array(elements) => elements
            .iter_mut()
            .enumerate()
            .try_for_each(|(index, value)| {
                visit_value(&Place::Element(place, index), value, visit)
            }),
        Value::Object(fields) => fields
            .iter_mut()
            .try_for_each(|(name, value)| visit_value(&Place::Member(place, name), value, visit)),
        Value::Null | Value::Bool(_) | Value::Number(_) => Ok(()),
    }
}
