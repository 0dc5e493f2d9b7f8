//! An audience in a request: `tags`, `all`, `any`, `none` and `max`.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use time::OffsetDateTime;

use crate::http::date;
use crate::http::tags;
use crate::http::validation::{Object, Path, Problems, must_be, quoted_string};
use crate::model::audience::{Audience, Condition, Conditions};
use crate::model::id::MAX_POSITIONS;
use crate::model::provider::Provider;
use crate::model::user_profile::canonical_timezone;

/// Most conditions in `all`, in `any` and in `none`.
pub(super) const MAX_CONDITIONS: usize = 20;
/// Most languages, providers or time zones of one condition.
pub(super) const MAX_CHOICES: usize = 50;

/// The parts of a condition that an audience has not itself.
const CONDITIONS: [&str; 5] = [
    "language",
    "provider",
    "timezone",
    "lastSeenBefore",
    "lastSeenAfter",
];
const PROVIDERS: [(&str, Provider); 2] = [("FCM", Provider::Fcm), ("APN", Provider::Apn)];
const TIMESTAMP_RULE: &str = "an RFC 3339 timestamp with a zone, such as 2026-01-31T09:30:00Z";
/// Longest subtag of a language, in bytes (RFC 4647, section 2.1).
const MAX_SUBTAG: usize = 8;
/// Longest language range, in bytes.
const MAX_LANGUAGE: usize = 64;

/// Reads an audience.
pub(super) fn read(value: Value, path: Path<'_>, problems: &mut Problems) -> Option<Audience> {
    let mut audience = Object::of(value, path, problems)?;

    // No tags at all and an empty object both mean every User of the App.
    let tags = tags::read(&mut audience, problems).filter(|tags| tags != &json!({}));
    let conditions = Conditions {
        all: conditions(&mut audience, "all", problems),
        any: conditions(&mut audience, "any", problems),
        none: conditions(&mut audience, "none", problems),
    };
    let max = audience.integer_in("max", 1..=MAX_POSITIONS, problems);

    // Taken out here, so that the answer says where a condition belongs and not that the field does
    // not exist.
    for name in CONDITIONS {
        if audience.has(name) {
            problems.push(
                &audience.at(name),
                format!("is a condition: put it into all, any or none, as in {{\"all\": [{{\"{name}\": …}}]}}"),
            );
            audience.take(name);
        }
    }
    audience.refuse_unknown(problems);
    Some(Audience {
        tags,
        conditions,
        max,
    })
}

fn conditions(
    audience: &mut Object<'_>,
    name: &'static str,
    problems: &mut Problems,
) -> Vec<Condition> {
    let Some(value) = audience.take(name) else {
        return Vec::new();
    };
    let path = audience.at(name);
    let rule = format!("an array of 1 to {MAX_CONDITIONS} conditions");

    let Value::Array(values) = value else {
        problems.push(&path, must_be(&rule, &value));
        return Vec::new();
    };

    // The elements of an array that is too long are not read: each could add problems of its own.
    if values.is_empty() || values.len() > MAX_CONDITIONS {
        problems.push(
            &path,
            format!(
                "must be {rule}; got {}; leave it out if there are none",
                values.len()
            ),
        );
        return Vec::new();
    }

    values
        .into_iter()
        .enumerate()
        .filter_map(|(index, value)| condition(value, Path::Index(&path, index), problems))
        .collect()
}

fn condition(value: Value, path: Path<'_>, problems: &mut Problems) -> Option<Condition> {
    let mut object = Object::of(value, path, problems)?;

    let tags: BTreeMap<String, String> = tags::read(&mut object, problems)
        // A value that is not a string is a problem already, so this error needs no words.
        .and_then(|tags| serde_json::from_value(tags).ok())
        .unwrap_or_default();
    let languages = choices(&mut object, "language", language, problems);
    let providers = choices(&mut object, "provider", provider, problems);
    let timezones = choices(&mut object, "timezone", timezone, problems);
    let condition = Condition {
        tags,
        languages,
        providers,
        timezones,
        last_seen_before: timestamp(&mut object, "lastSeenBefore", problems),
        last_seen_after: timestamp(&mut object, "lastSeenAfter", problems),
    };

    object.refuse_unknown(problems);

    // With problems, a field that was refused may be the condition.
    if condition.is_empty() && problems.is_empty() {
        problems.push(
            &path,
            "must have at least one of tags, language, provider, timezone, lastSeenBefore and lastSeenAfter",
        );
    }

    Some(condition)
}

/// Reads a string, or an array of strings of which one is enough. `read` gives the rule for a wrong one.
fn choices<T>(
    object: &mut Object<'_>,
    name: &'static str,
    read: impl Fn(&str) -> Result<T, String>,
    problems: &mut Problems,
) -> Vec<T> {
    let Some(value) = object.take(name) else {
        return Vec::new();
    };
    let path = object.at(name);
    let rule = format!("a string, or an array of 1 to {MAX_CHOICES} strings");

    let values = match value {
        Value::Array(values) => values,
        Value::String(_) => vec![value],
        other => {
            problems.push(&path, must_be(&rule, &other));
            return Vec::new();
        }
    };

    if values.is_empty() || values.len() > MAX_CHOICES {
        problems.push(
            &path,
            format!("must be {rule}; got {} elements", values.len()),
        );
        return Vec::new();
    }

    let mut found = Vec::with_capacity(values.len());
    for value in values {
        let Some(text) = value.as_str() else {
            problems.push(&path, must_be(&rule, &value));
            continue;
        };
        match read(text) {
            Ok(choice) => found.push(choice),
            Err(rule) => {
                problems.push(
                    &path,
                    format!("must be {rule}; got {}", quoted_string(text)),
                );
            }
        }
    }

    found
}

/// A basic language range (RFC 4647, section 2.1), in lower case.
fn language(text: &str) -> Result<String, String> {
    let is_subtag = |subtag: &str| {
        (1..=MAX_SUBTAG).contains(&subtag.len())
            && subtag.bytes().all(|byte| byte.is_ascii_alphanumeric())
    };
    // RFC 4647, section 2.1: only the subtags after the first may have digits.
    let begins_with_letters = text
        .split('-')
        .next()
        .is_some_and(|first| first.bytes().all(|byte| byte.is_ascii_alphabetic()));

    if text.len() <= MAX_LANGUAGE && begins_with_letters && text.split('-').all(is_subtag) {
        Ok(text.to_ascii_lowercase())
    } else {
        Err("a language such as es or pt-BR (BCP 47)".to_owned())
    }
}

fn provider(text: &str) -> Result<Provider, String> {
    PROVIDERS
        .iter()
        .find(|(name, _)| *name == text)
        .map(|(_, provider)| *provider)
        .ok_or_else(|| "FCM or APN".to_owned())
}

/// The name of a zone of the IANA's database, in lower case.
fn timezone(text: &str) -> Result<String, String> {
    canonical_timezone(text)
        .map(|name| name.to_ascii_lowercase())
        .ok_or_else(|| {
            "the name of a time zone of the IANA database, such as Europe/Madrid".to_owned()
        })
}

fn timestamp(
    object: &mut Object<'_>,
    name: &'static str,
    problems: &mut Problems,
) -> Option<OffsetDateTime> {
    let text = object.string(name, problems)?;

    let at = date::parse(&text);
    if at.is_none() {
        problems.push(
            &object.at(name),
            format!("must be {TIMESTAMP_RULE}; got {}", quoted_string(&text)),
        );
    }
    at
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    fn parse(value: Value) -> Result<Audience, String> {
        let mut problems = Problems::default();
        let audience = read(value, Path::Field(&Path::Root, "audience"), &mut problems);

        problems
            .check_some(audience)
            .map_err(|error| error.to_string())
    }

    #[test]
    fn conditions_are_read() {
        let audience = parse(json!({
            "tags": {},
            "all": [{"language": "ES-mx", "lastSeenAfter": "2026-01-01T00:00:00+01:00"}],
            "any": [{"tags": {"a": "1", "b": "2"}}, {"provider": ["FCM", "APN"]}],
            "none": [{"timezone": ["Europe/Madrid"], "lastSeenBefore": "2026-01-01T00:00:00Z"}],
            "max": 5,
        }))
        .unwrap();

        assert_eq!(audience.tags, None);
        assert_eq!(audience.max, Some(5));
        assert_eq!(audience.conditions.all[0].languages, ["es-mx"]);
        assert_eq!(
            audience.conditions.all[0].last_seen_after,
            Some(datetime!(2025-12-31 23:00 UTC))
        );
        assert_eq!(audience.conditions.any[0].tags.len(), 2);
        assert_eq!(audience.conditions.any[1].providers.len(), 2);
        assert_eq!(audience.conditions.none[0].timezones, ["europe/madrid"]);
        assert!(!audience.is_by_tags_alone());

        let plain = parse(json!({"tags": {"a": "1"}, "all": null, "max": null})).unwrap();
        assert!(plain.is_by_tags_alone());
    }

    #[test]
    fn anything_else_names_its_field() {
        let one = |condition: Value| json!({"all": [condition]});
        let many = vec![json!({"provider": "FCM"}); MAX_CONDITIONS + 1];

        for (audience, field) in [
            (json!(7), "audience"),
            (json!({"all": {}}), "audience.all"),
            (json!({"any": []}), "audience.any"),
            (json!({"none": many}), "audience.none"),
            (json!({"max": 0}), "audience.max"),
            (json!({"max": MAX_POSITIONS + 1}), "audience.max"),
            (json!({"some": []}), "audience.some"),
            (json!({"language": "es"}), "audience.language"),
            (one(json!({})), "audience.all[0]"),
            (one(json!("FCM")), "audience.all[0]"),
            (one(json!({"tag": {}})), "audience.all[0].tag"),
            (one(json!({"tags": {"a": 1}})), "audience.all[0].tags.a"),
            (one(json!({"language": ""})), "audience.all[0].language"),
            (one(json!({"language": "e s"})), "audience.all[0].language"),
            (
                one(json!({"language": "es_MX"})),
                "audience.all[0].language",
            ),
            (one(json!({"language": []})), "audience.all[0].language"),
            (one(json!({"language": [7]})), "audience.all[0].language"),
            (one(json!({"provider": "fcm"})), "audience.all[0].provider"),
            (
                one(json!({"timezone": "Mars/Base"})),
                "audience.all[0].timezone",
            ),
            (
                one(json!({"lastSeenAfter": "2026-01-01"})),
                "audience.all[0].lastSeenAfter",
            ),
            (
                one(json!({"lastSeenBefore": 7})),
                "audience.all[0].lastSeenBefore",
            ),
        ] {
            let error = parse(audience.clone()).unwrap_err();
            assert!(
                error.contains(&format!(" {field}: ")),
                "{audience}: {error}"
            );
        }
    }
}
