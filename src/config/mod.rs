//! Configuration: the defaults in `config/default.toml`, then a file, then
//! `BELLWIRE__SECTION__KEY`. Unknown keys are refused, and all values that break a rule are named at
//! once.

use std::ffi::OsString;
use std::fmt;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use anyhow::{Context, anyhow, bail};
use config::{Environment, File, FileFormat, Map, Source, Value};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};

mod check;
mod oidc;
mod origin;
mod renamed_keys;
mod sections;
mod stray_variable;
mod values;

pub use oidc::{Access, Oidc};
pub use renamed_keys::RenamedKey;
pub use sections::{
    Apns, Console, Database, Delivery, Fcm, Limits, Log, LogFormat, Metrics, Proxy, Retention,
    Secrets, Server, Traces, Webhooks,
};

use check::Check;
use renamed_keys::Renamed;

/// `config/default.toml`: every key with its default and an explanation.
pub const DEFAULTS: &str = include_str!("../../config/default.toml");

#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    pub server: Server,
    pub database: Database,
    pub delivery: Delivery,
    pub limits: Limits,
    pub fcm: Fcm,
    pub apns: Apns,
    pub webhooks: Webhooks,
    pub console: Console,
    pub oidc: Oidc,
    pub proxy: Proxy,
    pub retention: Retention,
    pub secrets: Secrets,
    pub log: Log,
    pub traces: Traces,
    pub metrics: Metrics,
    /// Keys that were given by an old name, to be warned of.
    #[serde(skip)]
    pub renamed_keys: Vec<RenamedKey>,
}

impl Config {
    /// Loads the configuration of this process: `file`, and the environment.
    pub fn load(file: Option<&Path>) -> anyhow::Result<Self> {
        check_encoding(std::env::vars_os())?;
        let names = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok());
        // First: a variable with one underscore would be ignored, and the error be about a missing
        // setting.
        check_variables(names)?;

        Self::from_sources(file, Environment::with_prefix("BELLWIRE"))
    }

    fn from_sources(file: Option<&Path>, environment: Environment) -> anyhow::Result<Self> {
        let unreadable = |error: &config::ConfigError| {
            anyhow!("the configuration can't be read: {}", in_one_line(error))
        };
        let mut builder =
            config::Config::builder().add_source(File::from_str(DEFAULTS, FileFormat::Toml));
        let mut renamed_keys = Vec::new();

        if let Some(file) = file {
            let file = File::from(file).format(FileFormat::Toml);
            // Each source by itself: an old name in the environment wins over the new name in the
            // file.
            let renamed = Renamed::read(&file).map_err(|error| unreadable(&error))?;
            renamed_keys.extend(renamed.keys.clone());
            builder = builder.add_source(renamed);
        }

        // Values stay strings until their key says what they are. The crate `config` would read the
        // client id 007 as 7, and the secret 1e5 as 100000.
        let environment = environment.prefix_separator("__").separator("__");
        let defaults = defaults()?;
        let mut renamed = Renamed::read(&environment).map_err(|error| unreadable(&error))?;
        renamed.split_lists(&defaults);
        renamed_keys.extend(renamed.keys.clone());

        let loaded = builder
            .add_source(renamed)
            .build()
            .map_err(|error| unreadable(&error))?;
        let given = loaded.collect().map_err(|error| unreadable(&error))?;
        // Before the values are read into types, whose error names only the first problem.
        let problems = values::problems(&given, &defaults);
        if !problems.is_empty() {
            bail!("the configuration is not valid: {}", problems.join("; "));
        }

        let mut config: Self = loaded.try_deserialize().map_err(|error| {
            anyhow!(
                "the configuration is not valid: {}",
                values::does_not_fit(&error, &defaults)
            )
        })?;
        config.renamed_keys = renamed_keys;

        // Before the rules, which hold for a secret from a file too.
        config.read_secret_files()?;
        config.check()?;
        Ok(config)
    }

    fn read_secret_files(&mut self) -> anyhow::Result<()> {
        let Self {
            database,
            secrets,
            proxy,
            oidc,
            ..
        } = self;

        read_secret_file(SecretFile {
            key: "database.url",
            file: database.url_file.as_deref(),
            secret: &mut database.url,
            may_be_empty: false,
            is_private: false,
        })?;
        read_secret_file(SecretFile {
            key: "proxy.url",
            file: proxy.url_file.as_deref(),
            secret: &mut proxy.url,
            may_be_empty: true,
            is_private: false,
        })?;
        read_secret_file(SecretFile {
            key: "oidc.client_secret",
            file: oidc.client_secret_file.as_deref(),
            secret: &mut oidc.client_secret,
            may_be_empty: false,
            is_private: true,
        })?;
        read_secret_file(SecretFile {
            key: "secrets.master_key",
            file: secrets.master_key_file.as_deref(),
            secret: &mut secrets.master_key,
            may_be_empty: false,
            is_private: true,
        })?;
        read_secret_file(SecretFile {
            key: "secrets.old_master_keys",
            file: secrets.old_master_keys_file.as_deref(),
            secret: &mut secrets.old_master_keys,
            may_be_empty: true,
            is_private: true,
        })
    }

    fn check(&self) -> anyhow::Result<()> {
        let mut check = Check::default();

        self.server.check(&mut check);
        self.database.check(&mut check);
        self.delivery.check(&mut check);
        self.delivery
            .check_timeout(&mut check, "fcm", self.fcm.timeout);
        self.delivery
            .check_timeout(&mut check, "apns", self.apns.timeout);
        self.limits.check(&mut check, self.server.max_body_size);
        self.fcm.check(&mut check);
        self.apns.check(&mut check);
        self.console.check(&mut check);
        self.oidc.check(&mut check);
        self.proxy.check(&mut check);
        self.retention.check(&mut check);
        self.secrets.check(&mut check);
        self.log.check(&mut check);
        self.traces.check(&mut check);

        if !check.broken.is_empty() {
            bail!(
                "the configuration is not valid: {}",
                check.broken.join("; ")
            );
        }
        Ok(())
    }
}

/// The values of [`DEFAULTS`], by section.
fn defaults() -> anyhow::Result<Map<String, Value>> {
    config::Config::builder()
        .add_source(File::from_str(DEFAULTS, FileFormat::Toml))
        .build()
        .and_then(|defaults| defaults.collect())
        .context("the default configuration can't be read")
}

/// Refuses values that are not UTF-8.
fn check_encoding(variables: impl Iterator<Item = (OsString, OsString)>) -> anyhow::Result<()> {
    // Checked here, because the crate `config` would quote the value, which may be a secret.
    let wrong: Vec<String> = variables
        .filter(|(_, value)| value.to_str().is_none())
        .filter_map(|(name, _)| name.into_string().ok())
        .filter(|name| name.to_uppercase().starts_with("BELLWIRE__"))
        .map(|name| format!("the environment variable {name} must be UTF-8"))
        .collect();

    if !wrong.is_empty() {
        bail!("the configuration is not valid: {}", wrong.join("; "));
    }
    Ok(())
}

/// Refuses environment variables that look like Bellwire's, and are read by nothing.
fn check_variables(names: impl Iterator<Item = String>) -> anyhow::Result<()> {
    let defaults = defaults()?;
    let strays: Vec<String> = names
        .filter_map(|name| stray_variable::stray_variable(&name, &defaults))
        .collect();

    if !strays.is_empty() {
        bail!("the configuration is not valid: {}", strays.join("; "));
    }
    Ok(())
}

/// A parser's message without the lines that quote the file, which may hold a secret.
fn in_one_line(error: &config::ConfigError) -> String {
    let message = error.to_string();
    let lines = message
        .lines()
        .map(str::trim)
        .filter(|line| !line.contains('|') && !line.is_empty());

    lines.collect::<Vec<_>>().join(": ")
}

/// A secret that may be given by value, under `key`, or in a file, under `key` and `_file`.
struct SecretFile<'a> {
    key: &'a str,
    file: Option<&'a Path>,
    secret: &'a mut SecretString,
    may_be_empty: bool,
    /// Whether only its owner and its group may read the file.
    is_private: bool,
}

fn read_secret_file(given: SecretFile<'_>) -> anyhow::Result<()> {
    let SecretFile {
        key,
        file: Some(file),
        secret,
        may_be_empty,
        is_private,
    } = given
    else {
        return Ok(());
    };
    if !secret.expose_secret().is_empty() {
        // A rotation of the one that is not used would change nothing, and nothing would say so.
        bail!("{key} and {key}_file are both set: set only one of them");
    }

    let content = std::fs::read_to_string(file)
        .with_context(|| format!("{key}_file: can't read {}", file.display()))?;
    if is_private {
        check_private(key, file)?;
    }
    // `echo` and editors end a file with a line break, which is no part of the secret.
    let content = content.trim();
    if content.is_empty() && !may_be_empty {
        bail!("{key}_file: {} is empty", file.display());
    }

    *secret = SecretString::from(content);
    Ok(())
}

/// The permission of others to read a file.
const READ_BY_OTHERS: u32 = 0o004;

/// Refuses a file that every user of the machine can read. A pipe or a device is not checked.
fn check_private(key: &str, file: &Path) -> anyhow::Result<()> {
    let metadata = std::fs::metadata(file)
        .with_context(|| format!("{key}_file: can't read {}", file.display()))?;

    let mode = metadata.permissions().mode();
    // The group may read it: a container often runs as another user than the owner of the file.
    if metadata.is_file() && mode & READ_BY_OTHERS != 0 {
        bail!(
            "{key}_file: every user can read {} (mode {:04o}); make it readable by its owner or group alone: \
             `chmod 640`, or `mode: 0440` and `defaultMode: 0440` for secrets of Docker and Kubernetes",
            file.display(),
            mode & 0o7777
        );
    }
    Ok(())
}

/// Prints the configuration as TOML, with its secrets redacted.
impl fmt::Display for Config {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sections = serde_json::to_value(self).map_err(|_| fmt::Error)?;

        for (section, keys) in sections.as_object().into_iter().flatten() {
            writeln!(formatter, "[{section}]")?;
            for (key, value) in keys.as_object().into_iter().flatten() {
                // JSON's strings, numbers, booleans and arrays of strings are TOML's too.
                // Null is a key that is not set, for which the file has an empty string.
                if value.is_null() {
                    writeln!(formatter, "{key} = \"\"")?;
                } else {
                    writeln!(formatter, "{key} = {value}")?;
                }
            }
            writeln!(formatter)?;
        }

        Ok(())
    }
}

#[cfg(test)]
mod tests;
