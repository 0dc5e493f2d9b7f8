//! Where a value of the configuration was set: the line of the file, or the environment variable.

use config::{Value, ValueKind};

use super::values::variable;

/// What the crate `config` calls the source of an environment variable.
const ENVIRONMENT: &str = "the environment";

/// Where `value` was set, to follow a sentence about it: ` (set in line 7 of bellwire.toml)`. `key` is
/// absent for a section. The defaults have no place.
pub(super) fn place(value: &Value, section: &str, key: Option<&str>) -> String {
    // A section has no origin, but its values have.
    let (origin, path) = match (key, &value.kind) {
        (Some(key), _) => (value.origin(), format!("{section}.{key}")),
        (None, ValueKind::Table(keys)) => match keys.iter().next() {
            Some((key, value)) => (value.origin(), format!("{section}.{key}")),
            None => (None, String::new()),
        },
        (None, _) => (value.origin(), section.to_owned()),
    };

    match origin {
        None => String::new(),
        Some(ENVIRONMENT) => format!(" (set by the environment variable {})", variable(&path)),
        Some(file) => {
            // The crate `config` keeps the file of a value and not its line. If the file can't be
            // read again, the message names it alone.
            let text = std::fs::read_to_string(file).unwrap_or_default();

            match line_of(&text, section, key) {
                Some(line) => format!(" (set in line {line} of {file})"),
                None => format!(" (set in {file})"),
            }
        }
    }
}

/// The number, from 1, of the line of a TOML text that sets `key` of `section`, or that begins `section`.
fn line_of(text: &str, section: &str, key: Option<&str>) -> Option<usize> {
    // `[section]`, then `key`; or `section.key` before all sections.
    let dotted = key.map_or(section.to_owned(), |key| format!("{section}.{key}"));
    let mut current = String::new();

    for (index, line) in text.lines().enumerate() {
        // Good enough for a hint: a line within a string of several lines may look like a key.
        let line = line.trim();
        let is_found = match header(line) {
            Some(header) => {
                current = header;
                is_within(&current, &dotted)
            }
            None => {
                let name = name(line);
                let path = match current.as_str() {
                    "" => name,
                    current => format!("{current}.{name}"),
                };
                is_within(&path, &dotted)
            }
        };

        if is_found {
            return Some(index + 1);
        }
    }

    None
}

/// The name in a header such as `[section]`.
fn header(line: &str) -> Option<String> {
    let rest = line.strip_prefix('[')?.trim_start_matches('[');
    let (name, _) = rest.split_once(']')?;

    Some(plain(name))
}

/// What a line such as `key = 1` sets.
fn name(line: &str) -> String {
    let (name, _) = line.split_once('=').unwrap_or_default();

    plain(name)
}

/// A dotted name without its quotes and spaces.
fn plain(name: &str) -> String {
    let is_mark = |letter: char| letter.is_whitespace() || matches!(letter, '"' | '\'');

    name.replace(is_mark, "")
}

/// Whether `path` is `whole`, or lies within it.
fn is_within(path: &str, whole: &str) -> bool {
    path.strip_prefix(whole)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_of_a_value_is_found() {
        let text = "\
# lease = 1
server.listen = '0.0.0.0:8080'
[delivery] # lease
leases = 2
lease = 3
\"quoted\" = 4
[ fcm ]
lease = 5
[apns.deep]
x = 6";

        for (section, key, line) in [
            ("server", Some("listen"), Some(2)),
            ("delivery", None, Some(3)),
            ("delivery", Some("lease"), Some(5)),
            ("delivery", Some("quoted"), Some(6)),
            ("fcm", Some("lease"), Some(8)),
            ("apns", None, Some(9)),
            ("apns", Some("deep"), Some(9)),
            ("log", None, None),
            ("delivery", Some("missing"), None),
        ] {
            assert_eq!(line_of(text, section, key), line, "{section} {key:?}");
        }
    }
}
