//! `variables` in a request: the values for a message's templates.

use serde_json::Value;

use crate::http::send::holds_nul;
use crate::http::validation::{NO_NUL, Object, Problems};

/// Longest `variables` of a recipient or a User, in bytes of JSON: no provider takes a larger message.
pub(super) const MAX_VARIABLES: usize = 4096;

/// Reads `variables` from `object`, if they are there.
pub(super) fn read(object: &mut Object<'_>, problems: &mut Problems) -> Option<Value> {
    let variables = Value::Object(object.object("variables", problems)?);
    let path = object.at("variables");

    if holds_nul(&variables) {
        problems.push(&path, NO_NUL);
    }

    let length = variables.to_string().len();
    if length > MAX_VARIABLES {
        problems.push(
            &path,
            format!("must be at most {MAX_VARIABLES} bytes of JSON; got {length}"),
        );
    }

    Some(variables)
}
