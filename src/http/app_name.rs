//! The name of an App in a request.

use crate::http::validation::{Object, Problems};

/// Longest name.
const LONGEST: usize = 64;
/// What a name must be.
pub(super) const RULE: &str = "1 to 64 lower-case letters, digits and '_'";

/// Whether `name` can be an App's.
pub(super) fn is_app_name(name: &str) -> bool {
    (1..=LONGEST).contains(&name.len())
        && name
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
}

/// Reads `appName` from the fields of `object`, if it is there.
pub(super) fn read(object: &mut Object<'_>, problems: &mut Problems) -> Option<String> {
    let name = object.text("appName", problems)?;
    if !is_app_name(&name) {
        problems.push(&object.at("appName"), format!("must be {RULE}"));
        return None;
    }
    Some(name)
}

/// Reads `appName`, which must be there.
pub(super) fn read_required(object: &mut Object<'_>, problems: &mut Problems) -> Option<String> {
    if object.has("appName") {
        return read(object, problems);
    }
    object.take("appName");
    problems.push(&object.at("appName"), "is required");
    None
}
