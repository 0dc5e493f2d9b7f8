//! The name of an App in a request.

use crate::http::validation::{Object, Problems, quoted_string};

const MAX_LENGTH: usize = 64;

/// The rule for a name, as an error states it.
pub(super) fn rule() -> String {
    format!("1 to {MAX_LENGTH} lower-case letters, digits and '_'")
}

/// The rule for a name, as a regular expression.
pub(super) fn pattern() -> String {
    format!("^[a-z0-9_]{{1,{MAX_LENGTH}}}$")
}

pub(super) fn is_app_name(name: &str) -> bool {
    (1..=MAX_LENGTH).contains(&name.len())
        && name
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
}

/// Reads `appName` from `object`, if it is there.
pub(super) fn read(object: &mut Object<'_>, problems: &mut Problems) -> Option<String> {
    let name = object.string("appName", problems)?;

    if !is_app_name(&name) {
        problems.push(
            &object.at("appName"),
            format!("must be {}; got {}", rule(), quoted_string(&name)),
        );
        return None;
    }

    Some(name)
}

/// Reads `appName`, which must be there.
pub(super) fn read_required(object: &mut Object<'_>, problems: &mut Problems) -> Option<String> {
    object
        .require("appName", rule(), problems)
        .then(|| read(object, problems))
        .flatten()
}
