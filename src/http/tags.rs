//! Tags in a request: up to 10 pairs of short texts.

use serde_json::{Value, json};

use crate::http::validation::{Object, Path, Problems};

const MAX_TAGS: usize = 10;
const MAX_KEY: usize = 128;
const MAX_VALUE: usize = 256;

/// Reads `tags` from the fields of `object`, in the form that they are stored in.
pub(super) fn read(object: &mut Object<'_>, problems: &mut Problems) -> Option<Value> {
    let tags = object.raw_object("tags", problems)?;
    let path = object.at("tags");
    if tags.len() > MAX_TAGS {
        problems.push(
            &path,
            format!("must be at most {MAX_TAGS}; there are {}", tags.len()),
        );
    }
    for (key, value) in &tags {
        if !is_tag(key, MAX_KEY) {
            problems.push(
                &Path::Field(&path, key),
                format!("the key {}", tag_rule(MAX_KEY)),
            );
        }
        if !value.as_str().is_some_and(|value| is_tag(value, MAX_VALUE)) {
            problems.push(&Path::Field(&path, key), tag_rule(MAX_VALUE));
        }
    }
    Some(json!(tags))
}

fn is_tag(text: &str, longest: usize) -> bool {
    (1..=longest).contains(&text.len())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"._~-".contains(&byte))
}

fn tag_rule(longest: usize) -> String {
    format!("must be a text of 1 to {longest} letters, digits, '.', '_', '~' and '-'")
}
