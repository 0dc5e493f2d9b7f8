//! Checks of values before they are read into types, so that an error is in words of the key: its
//! name, its environment variable, what it must be, and an example.

use std::net::SocketAddr;
use std::time::Duration;

use config::{ConfigError, Map, Value, ValueKind};
use humantime_serde::re::humantime;

use super::origin;
use super::stray_variable::key_like;

/// The longest duration, ten years: sums of times with it stay within what a date can be.
const MAX_DURATION: Duration = Duration::from_hours(24 * 3650);

/// Keys whose value is never shown.
const SECRET: [&str; 5] = [
    "database.url",
    "oidc.client_secret",
    "secrets.master_key",
    "secrets.old_master_keys",
    "proxy.url",
];

/// What a value must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Boolean,
    Integer,
    Number,
    Duration,
    /// An IP address with a port.
    Address,
    List,
    LogFormat,
    Text,
}

impl Kind {
    /// The kind of the key with this default.
    fn of(key: &str, default: &Value) -> Self {
        // By its default, so that a new key needs no entry here.
        match &default.kind {
            ValueKind::Boolean(_) => Self::Boolean,
            ValueKind::I64(_) | ValueKind::I128(_) | ValueKind::U64(_) | ValueKind::U128(_) => {
                Self::Integer
            }
            ValueKind::Float(_) => Self::Number,
            ValueKind::Array(_) => Self::List,
            ValueKind::String(_) if key == "log.format" => Self::LogFormat,
            ValueKind::String(_) if key.ends_with(".listen") => Self::Address,
            ValueKind::String(text) if humantime::parse_duration(text).is_ok() => Self::Duration,
            _ => Self::Text,
        }
    }

    fn rule(self) -> &'static str {
        match self {
            Self::Boolean => "true or false",
            Self::Integer => "an integer of 0 or more",
            Self::Number => "a number",
            Self::Duration => "a duration of at most 3650d: a number with ms, s, m, h or d",
            Self::Address => "an IP address and a port",
            Self::List => "a list; in an environment variable, its items are separated by commas",
            Self::LogFormat => "pretty or json",
            Self::Text => "a string",
        }
    }

    fn takes(self, value: &Value) -> bool {
        let text = value.clone().into_string().unwrap_or_default();

        match self {
            // The crate `config` would take 2 for true, cut 1.5 to 1, and take true for 1.
            Self::Boolean => {
                let is_other = matches!(value.kind, ValueKind::Float(_))
                    || (is_integer(value) && !matches!(text.as_str(), "0" | "1"));
                !is_other && value.clone().into_bool().is_ok()
            }
            // The crate `config` would also take yes for 1 and off for 0.
            Self::Integer => match &value.kind {
                ValueKind::String(text) => text.parse::<i64>().is_ok_and(|number| number >= 0),
                _ => {
                    let number = value.clone().into_int();
                    is_integer(value) && number.is_ok_and(|number| number >= 0)
                }
            },
            Self::Number => match &value.kind {
                ValueKind::String(text) => text.parse::<f64>().is_ok(),
                ValueKind::Boolean(_) => false,
                _ => value.clone().into_float().is_ok(),
            },
            Self::Duration => {
                humantime::parse_duration(&text).is_ok_and(|duration| duration <= MAX_DURATION)
            }
            // Empty means not set, for the keys that may be so.
            Self::Address => text.is_empty() || text.parse::<SocketAddr>().is_ok(),
            Self::List => value.clone().into_array().is_ok(),
            Self::LogFormat => matches!(text.as_str(), "pretty" | "json"),
            Self::Text => value.clone().into_string().is_ok(),
        }
    }
}

fn is_integer(value: &Value) -> bool {
    matches!(
        value.kind,
        ValueKind::I64(_) | ValueKind::I128(_) | ValueKind::U64(_) | ValueKind::U128(_)
    )
}

/// The environment variable of a key: `BELLWIRE__SERVER__LISTEN`.
pub(super) fn variable(key: &str) -> String {
    format!("BELLWIRE__{}", key.to_uppercase().replace('.', "__"))
}

/// Every value of `given` that is of no key, or not of the kind of its default, as a sentence.
pub(super) fn problems(given: &Map<String, Value>, defaults: &Map<String, Value>) -> Vec<String> {
    let mut problems = Vec::new();

    for (section, value) in given {
        let known = defaults.get(section).map(table);
        let Some(known) = known else {
            let place = origin::place(value, section, None);
            problems.push(format!("{}{place}", unknown_section(section, defaults)));
            continue;
        };
        let ValueKind::Table(keys) = &value.kind else {
            problems.push(format!(
                "{section} is a section, and can have no value of its own; its keys are {}{}",
                names(section, &known),
                origin::place(value, section, None)
            ));
            continue;
        };

        for (key, value) in keys {
            match known.get(key) {
                None => {
                    let place = origin::place(value, section, Some(key));
                    problems.push(format!("{}{place}", unknown_key(section, key, &known)));
                }
                Some(default) => {
                    let wrong = wrong_value(&format!("{section}.{key}"), value, default);
                    let place = || origin::place(value, section, Some(key));
                    problems.extend(wrong.map(|wrong| format!("{wrong}{}", place())));
                }
            }
        }
    }

    // Maps have no order, and the same mistakes must give the same message.
    problems.sort();
    problems
}

pub(super) fn table(value: &Value) -> Map<String, Value> {
    value.clone().into_table().unwrap_or_default()
}

fn wrong_value(key: &str, value: &Value, default: &Value) -> Option<String> {
    let kind = Kind::of(key, default);
    if kind.takes(value) {
        return None;
    }
    if matches!(value.kind, ValueKind::Table(_)) {
        return Some(format!(
            "{key} ({}) must be {}, and has no keys below it",
            variable(key),
            kind.rule()
        ));
    }

    let given = quoted(key, value);
    let example = match example(key, kind, default).as_str() {
        "" => String::new(),
        example => format!(", such as {example}"),
    };
    Some(format!(
        "{key} ({}) is {given}, but must be {}{example}",
        variable(key),
        kind.rule()
    ))
}

fn quoted(key: &str, value: &Value) -> String {
    match &value.kind {
        // A part of it may be the secret, such as the first item of a list.
        _ if SECRET.contains(&key) => "of another type".to_owned(),
        ValueKind::String(text) => format!("{text:?}"),
        _ => value.to_string(),
    }
}

fn example(key: &str, kind: Kind, default: &Value) -> String {
    let default = default.to_string();
    match kind {
        Kind::List if key == "oidc.access" => "FULL:my-company:admins".to_owned(),
        Kind::List if key == "oidc.scopes" => "profile,email".to_owned(),
        Kind::List if key == "proxy.no_proxy" => "example.com,10.0.0.0/8".to_owned(),
        Kind::List if key == "server.trusted_proxies" => "10.0.0.0/8".to_owned(),
        Kind::List => "https://example.com/token".to_owned(),
        Kind::Address if default.is_empty() => "127.0.0.1:9464".to_owned(),
        _ => default,
    }
}

fn unknown_section(section: &str, defaults: &Map<String, Value>) -> String {
    // `BELLWIRE__DATABASE_URL` is read as the section `database_url`.
    if let Some(key) = key_like(section, defaults) {
        return format!(
            "BELLWIRE__{} is not known: write {}",
            section.to_uppercase(),
            variable(&key)
        );
    }

    let mut sections: Vec<&str> = defaults.keys().map(String::as_str).collect();
    sections.sort_unstable();
    let variables = |section: &str| format!("{}__…", variable(section));
    match nearest(section, &sections) {
        Some(near) => format!(
            "the section '{section}' ({}) does not exist; did you mean {near} ({})?",
            variables(section),
            variables(near)
        ),
        None => format!(
            "the section '{section}' ({}) does not exist; the sections are {}",
            variables(section),
            sections.join(", ")
        ),
    }
}

fn unknown_key(section: &str, key: &str, known: &Map<String, Value>) -> String {
    let near = nearest(key, &known.keys().map(String::as_str).collect::<Vec<_>>());
    match near {
        Some(near) => format!(
            "{section}.{key} does not exist; did you mean {section}.{near} ({})?",
            variable(&format!("{section}.{near}"))
        ),
        None => format!(
            "{section}.{key} does not exist; the keys are {}",
            names(section, known)
        ),
    }
}

pub(super) fn names(section: &str, keys: &Map<String, Value>) -> String {
    let mut names: Vec<String> = keys.keys().map(|key| format!("{section}.{key}")).collect();
    names.sort();
    names.join(", ")
}

/// The name of `names` that was probably meant: a few letters differ.
fn nearest<'a>(name: &str, names: &[&'a str]) -> Option<&'a str> {
    let near = names
        .iter()
        .map(|known| (distance(name, known), *known))
        .min()?;

    // Beyond that, the list of all keys helps more than a guess.
    (near.0 <= 2.max(name.len() / 4)).then_some(near.1)
}

/// The number of letters to insert, delete or replace (Levenshtein).
fn distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();

    for (index, letter) in left.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = index + 1;
        for (column, other) in right.iter().enumerate() {
            let replaced = diagonal + usize::from(letter != *other);
            diagonal = row[column + 1];
            row[column + 1] = replaced.min(diagonal + 1).min(row[column] + 1);
        }
    }

    row[right.len()]
}

/// The error of a value that has the right kind and does not fit: a number that is too large.
pub(super) fn does_not_fit(error: &ConfigError, defaults: &Map<String, Value>) -> String {
    let text = error.to_string();
    let key = text
        .split_once("for key `")
        .and_then(|(_, rest)| rest.split_once('`'))
        .map(|(key, _)| key);
    let default = key.and_then(|key| {
        let (section, name) = key.split_once('.')?;
        table(defaults.get(section)?).remove(name)
    });

    match (key, default) {
        (Some(key), Some(default)) => {
            let kind = Kind::of(key, &default);
            format!(
                "{key} ({}) does not fit: it must be {}, such as {}, and is too large or empty",
                variable(key),
                kind.rule(),
                example(key, kind, &default)
            )
        }
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use config::{Config, File, FileFormat, Source};

    use super::*;

    fn parsed(toml: &str) -> Map<String, Value> {
        let file = File::from_str(toml, FileFormat::Toml);
        Config::builder()
            .add_source(file)
            .build()
            .unwrap()
            .collect()
            .unwrap()
    }

    fn defaults() -> Map<String, Value> {
        parsed(super::super::DEFAULTS)
    }

    #[test]
    fn the_defaults_have_no_problem() {
        assert_eq!(problems(&defaults(), &defaults()), Vec::<String>::new());
    }

    #[test]
    fn a_wrong_value_is_named_by_its_key() {
        for (toml, expected) in [
            (
                "[server]\nlisten = 8080",
                "server.listen (BELLWIRE__SERVER__LISTEN) is 8080, but must be an IP address and a port, such as 0.0.0.0:8080",
            ),
            (
                "[server]\nlisten = 'localhost:8080'",
                "is \"localhost:8080\", but must be an IP address",
            ),
            ("[server]\napi = 'maybe'", "must be true or false"),
            ("[server]\napi = 2", "is 2, but must be true or false"),
            ("[server]\napi = 1.0", "must be true or false"),
            (
                "[delivery]\nmax_attempts = 1.5",
                "is 1.5, but must be an integer of 0 or more",
            ),
            (
                "[delivery]\nmax_attempts = true",
                "is true, but must be an integer of 0 or more",
            ),
            (
                "[delivery]\nmax_attempts = 'yes'",
                "is \"yes\", but must be an integer of 0 or more",
            ),
            ("[traces]\nratio = true", "must be a number"),
            ("[traces]\nratio = 'off'", "must be a number"),
            (
                "[server]\ntrusted_proxies = '10.0.0.0/8'",
                "must be a list; in an environment variable, its items are separated by commas, such as 10.0.0.0/8",
            ),
            ("[proxy]\nno_proxy = 1", "such as example.com,10.0.0.0/8"),
            (
                "[database.url]\nx = 1",
                "must be a string, and has no keys below it",
            ),
            (
                "[delivery]\nmax_attempts = 'ten'",
                "is \"ten\", but must be an integer of 0 or more, such as 10",
            ),
            (
                "[delivery]\nmax_attempts = -1",
                "is -1, but must be an integer of 0 or more",
            ),
            (
                "[delivery]\nlease = '30'",
                "must be a duration of at most 3650d: a number with ms, s, m, h or d, such as 30s",
            ),
            ("[delivery]\nlease = 30", "must be a duration"),
            (
                "[retention]\nperiod = '10000000d'",
                "must be a duration of at most 3650d",
            ),
            ("[log]\nformat = 'xml'", "must be pretty or json"),
            ("[traces]\nratio = 'half'", "must be a number, such as 0.01"),
            (
                "[delivery]\nleases = '1s'",
                "did you mean delivery.lease (BELLWIRE__DELIVERY__LEASE)?",
            ),
            ("[delivery]\nthreads = 4", "the keys are delivery.deadline"),
            (
                "[delivry]\nlease = '1s'",
                "did you mean delivery (BELLWIRE__DELIVERY__…)?",
            ),
            ("database_url = 'x'", "write BELLWIRE__DATABASE__URL"),
            ("delivery = 1", "delivery is a section"),
        ] {
            let found = problems(&parsed(toml), &defaults());
            assert_eq!(found.len(), 1, "{found:?}");
            assert!(
                found[0].contains(expected),
                "{} should contain {expected}",
                found[0]
            );
        }
    }

    #[test]
    fn a_secret_is_not_shown() {
        let found = problems(&parsed("[database]\nurl = ['hunter2']"), &defaults());

        assert_eq!(found.len(), 1);
        assert!(!found[0].contains("hunter2"), "{found:?}");
    }
}
