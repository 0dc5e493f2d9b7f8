//! Keys that have another name since release 0.2.0. Release 0.2 still reads the old names and warns.

use std::fmt;

use config::{ConfigError, Map, Source, Value, ValueKind};

/// Section, old key, new key.
const RENAMED: [(&str, &str, &str); 6] = [
    ("delivery", "max_in_flight", "max_claimed"),
    ("delivery", "recorder_window", "record_interval"),
    ("delivery", "burst_percent", "mass_invalidation_percent"),
    ("delivery", "burst_count", "mass_invalidation_count"),
    ("fcm", "ramp", "warm_up"),
    ("apns", "ramp", "warm_up"),
];

/// An old key that a source of the configuration uses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RenamedKey {
    section: &'static str,
    old: &'static str,
    new: &'static str,
}

impl fmt::Display for RenamedKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { section, old, new } = self;
        write!(
            formatter,
            "{section}.{old} is now {section}.{new}; release 0.3 removes the old name"
        )
    }
}

/// The values of one source, under their new names.
#[derive(Debug, Clone)]
pub(super) struct Renamed {
    values: Map<String, Value>,
    pub(super) keys: Vec<RenamedKey>,
}

impl Renamed {
    /// Reads `source`. Fails if it cannot be read, or gives a key under both names.
    pub(super) fn read(source: &dyn Source) -> Result<Self, ConfigError> {
        let mut renamed = Self {
            values: source.collect()?,
            keys: Vec::new(),
        };

        for (section, old, new) in RENAMED {
            renamed.rename(RenamedKey { section, old, new })?;
        }

        Ok(renamed)
    }

    /// Splits the values of keys that are lists, for a source that has only strings. Spaces around an item
    /// and empty items are left out, so an empty value is an empty list.
    pub(super) fn split_lists(&mut self, defaults: &Map<String, Value>) {
        for (path, value) in &mut self.values {
            if !is_list(path, defaults) {
                continue;
            }
            if let ValueKind::String(text) = &value.kind {
                let items = text
                    .split(',')
                    .map(str::trim)
                    .filter(|item| !item.is_empty());
                let origin = value.origin().map(str::to_owned);
                let items = items.map(|item| Value::new(origin.as_ref(), item));
                value.kind = ValueKind::Array(items.collect());
            }
        }
    }

    fn rename(&mut self, key: RenamedKey) -> Result<(), ConfigError> {
        let RenamedKey { section, old, new } = key;

        // A file gives a table for each section, the environment a dotted path for each key.
        let old_path = format!("{section}.{old}");
        let new_path = format!("{section}.{new}");
        let (value, is_given_twice) = match self.values.remove(&old_path) {
            Some(value) => {
                let other = self.values.insert(new_path, value.clone());
                (Some(value), other.is_some())
            }
            None => match self
                .values
                .get_mut(section)
                .map(|section| &mut section.kind)
            {
                Some(ValueKind::Table(table)) => {
                    let value = table.remove(old);
                    let other = value
                        .clone()
                        .and_then(|value| table.insert(new.to_owned(), value));
                    (value, other.is_some())
                }
                _ => (None, false),
            },
        };

        // The two values may differ, and either choice would ignore a setting without an error.
        if is_given_twice {
            return Err(ConfigError::Message(format!(
                "{section}.{old} and {section}.{new} are both set: delete {section}.{old}, the old name"
            )));
        }
        if value.is_some() {
            self.keys.push(key);
        }

        Ok(())
    }
}

/// Whether the key at `path`, such as `fcm.token_uris`, has a list as its default.
fn is_list(path: &str, defaults: &Map<String, Value>) -> bool {
    let default = path.split_once('.').and_then(|(section, key)| {
        let ValueKind::Table(keys) = &defaults.get(section)?.kind else {
            return None;
        };
        keys.get(key)
    });

    default.is_some_and(|default| matches!(default.kind, ValueKind::Array(_)))
}

impl Source for Renamed {
    fn clone_into_box(&self) -> Box<dyn Source + Send + Sync> {
        Box::new(self.clone())
    }

    fn collect(&self) -> Result<Map<String, Value>, ConfigError> {
        Ok(self.values.clone())
    }
}
