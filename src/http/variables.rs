//! `variables` in a request: the values for a message's templates.

use serde_json::{Map, Value};

use crate::http::send::holds_nul;
use crate::http::validation::{NO_NUL, Object, Problems};

/// Longest `variables` of a recipient, a User, a send or a template, in bytes of JSON: no provider takes
/// a larger message.
pub(super) const MAX_VARIABLES: usize = 4096;

/// Reads `variables` from `object`, if they are there.
pub(super) fn read(object: &mut Object<'_>, problems: &mut Problems) -> Option<Value> {
    read_map(object, "variables", problems).map(Value::Object)
}

/// Reads variables from the field `name` of `object`, if they are there.
pub(super) fn read_map(
    object: &mut Object<'_>,
    name: &'static str,
    problems: &mut Problems,
) -> Option<Map<String, Value>> {
    let variables = object.object(name, problems)?;
    let path = object.at(name);

    let holds_nul = variables
        .iter()
        .any(|(name, value)| name.contains('\0') || holds_nul(value));
    if holds_nul {
        problems.push(&path, NO_NUL);
    }

    // The length of what is kept: white space of the request does not count.
    let length = serde_json::to_string(&variables).map_or(0, |text| text.len());
    if length > MAX_VARIABLES {
        problems.push(
            &path,
            format!("must be at most {MAX_VARIABLES} bytes of JSON; got {length}"),
        );
    }

    Some(variables)
}
