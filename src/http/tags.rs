//! Tags in a request: a few pairs of short strings.

use serde_json::{Map, Value, json};

use crate::http::validation::{Object, Path, Problems};
use crate::model::quoted::quoted;

pub(super) const MAX_TAGS: usize = 10;
const MAX_KEY: usize = 128;
const MAX_VALUE: usize = 256;

/// Reads `tags` from `object`, in the form in which they are stored.
pub(super) fn read(object: &mut Object<'_>, problems: &mut Problems) -> Option<Value> {
    let tags = object.object("tags", problems)?;
    let path = object.at("tags");

    if tags.len() > MAX_TAGS {
        problems.push(
            &path,
            format!("must have at most {MAX_TAGS} tags; got {}", tags.len()),
        );
    }

    for (key, value) in &tags {
        if !is_tag(key, MAX_KEY) {
            problems.push(
                &Path::Field(&path, key),
                format!("the key must be {}", rule(MAX_KEY)),
            );
        }

        if !value.as_str().is_some_and(|value| is_tag(value, MAX_VALUE)) {
            problems.push(
                &Path::Field(&path, key),
                format!(
                    "must be a string of {}; got {}",
                    rule(MAX_VALUE),
                    quoted(value)
                ),
            );
        }
    }

    Some(json!(tags))
}

/// Reads `key_1:value;key_2:value;`. A key that has two values is wrong: one of them would be lost.
pub(super) fn parse_pairs(text: &str) -> Option<Map<String, Value>> {
    let mut tags = Map::new();

    for pair in text.split(';').filter(|pair| !pair.is_empty()) {
        let (key, value) = pair.split_once(':')?;
        let value = Value::from(value);
        let earlier = tags.insert(key.to_owned(), value.clone());
        if earlier.is_some_and(|earlier| earlier != value) {
            return None;
        }
    }

    Some(tags).filter(|tags| !tags.is_empty())
}

/// Reads the tags by which a list is filtered, each of which an Operation can have.
pub(super) fn parse_filter(text: &str) -> Option<Map<String, Value>> {
    parse_pairs(text).filter(|tags| {
        tags.iter().all(|(key, value)| {
            is_tag(key, MAX_KEY) && value.as_str().is_some_and(|value| is_tag(value, MAX_VALUE))
        })
    })
}

/// What [`parse_filter`] takes.
pub(super) fn filter_rule() -> String {
    format!(
        "of the form key:value;key:value, each key once; a key is {}, a value {}",
        rule(MAX_KEY),
        rule(MAX_VALUE)
    )
}

/// Whether a string is the key of a tag, or a key and its value: `news` or `kind:offer`.
pub(super) fn is_key_or_pair(string: &str) -> bool {
    match string.split_once(':') {
        Some((key, value)) => is_tag(key, MAX_KEY) && is_tag(value, MAX_VALUE),
        None => is_tag(string, MAX_KEY),
    }
}

pub(super) fn key_or_pair_rule() -> String {
    format!(
        "must be the key of a tag, or key:value; the key is {}, the value {}",
        rule(MAX_KEY),
        rule(MAX_VALUE)
    )
}

/// The rule for a key, or a key and its value, as a regular expression.
pub(super) fn key_or_pair_pattern() -> String {
    format!("^[A-Za-z0-9._~-]{{1,{MAX_KEY}}}(:[A-Za-z0-9._~-]{{1,{MAX_VALUE}}})?$")
}

fn is_tag(string: &str, longest: usize) -> bool {
    (1..=longest).contains(&string.len())
        && string
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"._~-".contains(&byte))
}

fn rule(longest: usize) -> String {
    format!("1 to {longest} letters, digits, '.', '_', '~' and '-'")
}

/// The rule for a key, as a regular expression.
pub(super) fn key_pattern() -> String {
    pattern(MAX_KEY)
}

/// The rule for a value, as a regular expression.
pub(super) fn value_pattern() -> String {
    pattern(MAX_VALUE)
}

fn pattern(longest: usize) -> String {
    format!("^[A-Za-z0-9._~-]{{1,{longest}}}$")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_is_of_pairs() {
        let filter = |text| parse_filter(text).map(Value::Object);

        assert_eq!(filter("a:1;b:2;"), Some(json!({"a": "1", "b": "2"})));
        assert_eq!(filter("a:1"), Some(json!({"a": "1"})));
        assert_eq!(filter("a:1;a:1"), Some(json!({"a": "1"})));

        let long = format!("{}:1", "k".repeat(129));
        for wrong in [
            "a", ";", ":", "a:", ":1", "a:1;b", "a:1;a:2", "a:1 ", "a:1,b:2", "a:b:c", "a=1", &long,
        ] {
            assert_eq!(filter(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_key_may_have_a_value() {
        for good in ["news", "kind:offer", "a.b~c-d_e"] {
            assert!(is_key_or_pair(good), "{good}");
        }
        for bad in ["", ":", "a:", ":b", "a b", "a:b:c", &"a".repeat(129)] {
            assert!(!is_key_or_pair(bad), "{bad}");
        }
    }
}
