//! Environment variables that look like Bellwire's and are read by nothing.

use config::{Map, Value};

use super::values::{names, table, variable};

/// The key that `name`, with single underscores, stands for: `database_url` for `database.url`. A key
/// without its section is taken if there is one of this name.
pub(super) fn key_like(name: &str, defaults: &Map<String, Value>) -> Option<String> {
    let plain = |text: &str| text.to_lowercase().replace(['_', '.'], "");
    let name = plain(name);

    let keys: Vec<(String, String)> = defaults
        .iter()
        .flat_map(|(section, keys)| {
            let keys = table(keys).into_keys();
            keys.map(|key| (format!("{section}.{key}"), key))
                .collect::<Vec<_>>()
        })
        .collect();

    if let Some((key, _)) = keys.iter().find(|(key, _)| plain(key) == name) {
        return Some(key.clone());
    }
    let mut without_section = keys.iter().filter(|(_, key)| plain(key) == name);
    // Several sections have a `timeout`: which is meant can't be known.
    match (without_section.next(), without_section.next()) {
        (Some((key, _)), None) => Some(key.clone()),
        _ => None,
    }
}

/// The problem with an environment variable that has one underscore where Bellwire's variables have two, or
/// that names a whole section or something below a key. `None`: it is a variable of Bellwire, or of another program. Kubernetes, for
/// example, sets variables for a service of this name.
pub(super) fn stray_variable(name: &str, defaults: &Map<String, Value>) -> Option<String> {
    /// Those that the command line reads.
    const ALLOWED: [&str; 6] = [
        "BELLWIRE_CONFIG",
        "BELLWIRE_URL",
        "BELLWIRE_KEY",
        "BELLWIRE_SECRET",
        "BELLWIRE_PROFILE",
        "BELLWIRE_METRICS_URL",
    ];

    let upper = name.to_uppercase();
    let rest = upper.strip_prefix("BELLWIRE_")?;
    // The value would replace the whole section, and the error be about a missing key. A key of a
    // section is checked with the other values.
    if let Some(path) = rest.strip_prefix('_') {
        let section = path.to_lowercase();
        if let Some(said) = below_key(name, &section, defaults) {
            return Some(said);
        }
        let keys = table(defaults.get(&section)?);
        return Some(format!(
            "the environment variable {name} is not read: {section} is a section, and can have no value of its \
             own; its keys are {}",
            names(&section, &keys)
        ));
    }
    if ALLOWED.contains(&upper.as_str()) {
        return None;
    }

    if let Some(key) = key_like(rest, defaults) {
        return Some(format!(
            "the environment variable {name} is not read: write {}, with two underscores",
            variable(&key)
        ));
    }
    let section = rest.to_lowercase();
    defaults.get(&section).map(|keys| {
        let keys = table(keys);
        let mut variables: Vec<String> = keys
            .keys()
            .map(|key| variable(&format!("{section}.{key}")))
            .collect();
        variables.sort();
        format!(
            "the environment variable {name} is not read: write one of {}",
            variables.join(", ")
        )
    })
}

/// The problem with a variable whose `path`, such as `database__url__x`, goes on below a key. Whether it or
/// the key's own variable counts would depend on the order in which they are read.
fn below_key(name: &str, path: &str, defaults: &Map<String, Value>) -> Option<String> {
    let mut parts = path.splitn(3, "__");
    let section = parts.next()?;
    let key = parts.next()?;
    parts.next()?;
    if !table(defaults.get(section)?).contains_key(key) {
        return None;
    }

    let key = format!("{section}.{key}");
    Some(format!(
        "the environment variable {name} is not read: {key} is a key, and has no keys below it; write {}",
        variable(&key)
    ))
}

#[cfg(test)]
mod tests {
    use config::{Config, File, FileFormat, Source};

    use super::*;

    fn defaults() -> Map<String, Value> {
        let file = File::from_str(super::super::DEFAULTS, FileFormat::Toml);
        Config::builder()
            .add_source(file)
            .build()
            .unwrap()
            .collect()
            .unwrap()
    }

    #[test]
    fn a_variable_with_one_underscore_is_distinguished_from_those_of_others() {
        for (name, expected) in [
            ("BELLWIRE_DATABASE_URL", "BELLWIRE__DATABASE__URL"),
            ("BELLWIRE_DATABASE__URL", "BELLWIRE__DATABASE__URL"),
            (
                "BELLWIRE_SECRETS_MASTER_KEY",
                "BELLWIRE__SECRETS__MASTER_KEY",
            ),
            ("BELLWIRE_MASTER_KEY", "BELLWIRE__SECRETS__MASTER_KEY"),
            ("BELLWIRE_MASTERKEY", "BELLWIRE__SECRETS__MASTER_KEY"),
            ("BELLWIRE_SERVER_LISTEN", "BELLWIRE__SERVER__LISTEN"),
            ("BELLWIRE_LOG", "BELLWIRE__LOG__LEVEL"),
            ("bellwire_log_level", "BELLWIRE__LOG__LEVEL"),
            ("BELLWIRE__SERVER", "server is a section"),
            (
                "BELLWIRE__SECRETS__MASTER_KEY__X",
                "secrets.master_key is a key, and has no keys below it",
            ),
            (
                "bellwire__database__url__x__y",
                "not read: database.url is a key, and has no keys below it; write BELLWIRE__DATABASE__URL",
            ),
            ("BELLWIRE__SERVER__LISTEN__", "server.listen is a key"),
        ] {
            let said = stray_variable(name, &defaults());
            assert!(
                said.as_deref().is_some_and(|said| said.contains(expected)),
                "{name}: {said:?}"
            );
        }

        for name in [
            "BELLWIRE_CONFIG",
            "BELLWIRE_URL",
            "BELLWIRE_KEY",
            "BELLWIRE_SECRET",
            "BELLWIRE_PROFILE",
            "BELLWIRE_METRICS_URL",
            "BELLWIRE__DATABASE__URL",
            "BELLWIRE_SERVICE_HOST",
            "BELLWIRE_PORT",
            "BELLWIRE_PORT_8080_TCP_ADDR",
            "BELLWIRE_METRICS_SERVICE_PORT",
            "BELLWIRE_UPDATE_DOCS",
            "DATABASE_URL",
            "PATH",
        ] {
            assert_eq!(stray_variable(name, &defaults()), None, "{name}");
        }
    }
}
