//! Configuration: the defaults in `config/default.toml`, then a file, then `BELLWIRE__SECTION__KEY`. Unknown keys are
//! refused, and every value that can't be right is named with its rule.

use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, bail};
use config::{Environment, File, FileFormat};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The defaults, with an explanation of every key.
pub const DEFAULTS: &str = include_str!("../config/default.toml");

/// All settings.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs, reason = "each key is explained in config/default.toml, once")]
pub struct Config {
    pub server: Server,
    pub database: Database,
    pub delivery: Delivery,
    pub fcm: Fcm,
    pub apns: Apns,
    pub retention: Retention,
    pub secrets: Secrets,
    pub log: Log,
}

/// The HTTP API.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs, reason = "each key is explained in config/default.toml, once")]
pub struct Server {
    pub listen: SocketAddr,
    #[serde(deserialize_with = "or_empty")]
    pub public_url: Option<String>,
    pub max_body_size: usize,
}

/// Postgres.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs, reason = "each key is explained in config/default.toml, once")]
pub struct Database {
    #[serde(serialize_with = "redacted")]
    pub url: SecretString,
    #[serde(deserialize_with = "or_empty")]
    pub url_file: Option<PathBuf>,
    pub max_connections: u32,
    #[serde(with = "humantime_serde")]
    pub connect_timeout: Duration,
}

/// Delivery.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs, reason = "each key is explained in config/default.toml, once")]
pub struct Delivery {
    pub enabled: bool,
    pub max_in_flight: usize,
    #[serde(with = "humantime_serde")]
    pub lease: Duration,
    #[serde(with = "humantime_serde")]
    pub poll_interval: Duration,
    #[serde(with = "humantime_serde")]
    pub recorder_window: Duration,
    #[serde(with = "humantime_serde")]
    pub retry_base: Duration,
    #[serde(with = "humantime_serde")]
    pub retry_max: Duration,
    pub max_attempts: u16,
    #[serde(with = "humantime_serde")]
    pub deadline: Duration,
}

/// FCM.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs, reason = "each key is explained in config/default.toml, once")]
pub struct Fcm {
    pub endpoint: String,
    pub token_uris: Vec<String>,
    #[serde(deserialize_with = "or_empty")]
    pub ca_file: Option<PathBuf>,
    #[serde(with = "humantime_serde")]
    pub timeout: Duration,
    pub max_connections: usize,
}

/// APNs.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs, reason = "each key is explained in config/default.toml, once")]
pub struct Apns {
    pub endpoint: String,
    pub sandbox_endpoint: String,
    #[serde(deserialize_with = "or_empty")]
    pub ca_file: Option<PathBuf>,
    #[serde(with = "humantime_serde")]
    pub timeout: Duration,
    pub max_connections: usize,
}

/// How long records live.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs, reason = "each key is explained in config/default.toml, once")]
pub struct Retention {
    #[serde(with = "humantime_serde")]
    pub period: Duration,
    pub partitions_ahead: u16,
}

/// Secrets at rest.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs, reason = "each key is explained in config/default.toml, once")]
pub struct Secrets {
    #[serde(serialize_with = "redacted")]
    pub master_key: SecretString,
    #[serde(deserialize_with = "or_empty")]
    pub master_key_file: Option<PathBuf>,
    pub master_key_id: String,
}

/// Logs.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs, reason = "each key is explained in config/default.toml, once")]
pub struct Log {
    pub format: LogFormat,
    pub level: String,
}

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    Pretty,
    /// For machines.
    Json,
}

fn or_empty<'de, D: Deserializer<'de>, T: From<String>>(deserializer: D) -> Result<Option<T>, D::Error> {
    let text = String::deserialize(deserializer)?;
    Ok(Some(text).filter(|text| !text.is_empty()).map(T::from))
}

fn redacted<S: Serializer>(secret: &SecretString, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(if secret.expose_secret().is_empty() { "" } else { "[redacted]" })
}

impl Config {
    /// Loads the settings of this process.
    pub fn load(file: Option<&Path>) -> anyhow::Result<Self> {
        Self::from_sources(file, Environment::with_prefix("BELLWIRE"))
    }

    fn from_sources(file: Option<&Path>, environment: Environment) -> anyhow::Result<Self> {
        let mut builder = config::Config::builder().add_source(File::from_str(DEFAULTS, FileFormat::Toml));
        if let Some(file) = file {
            builder = builder.add_source(File::from(file).format(FileFormat::Toml));
        }
        let environment = environment
            .prefix_separator("__")
            .separator("__")
            .try_parsing(true)
            .list_separator(",")
            .with_list_parse_key("fcm.token_uris");
        let loaded = builder.add_source(environment).build()?;
        let mut config: Self = loaded.try_deserialize().context("the configuration can't be read")?;
        config.read_files()?;
        config.check()?;
        Ok(config)
    }

    fn read_files(&mut self) -> anyhow::Result<()> {
        read_secret("database.url_file", self.database.url_file.as_deref(), &mut self.database.url)?;
        read_secret("secrets.master_key_file", self.secrets.master_key_file.as_deref(), &mut self.secrets.master_key)
    }

    /// Every rule that a value breaks, at once.
    fn check(&self) -> anyhow::Result<()> {
        let delivery = &self.delivery;
        let second = Duration::from_secs(1);
        let rules = [
            (self.server.max_body_size >= 1024, "server.max_body_size must be at least 1024 bytes"),
            (self.database.max_connections >= 1, "database.max_connections must be at least 1"),
            (delivery.max_in_flight >= 500, "delivery.max_in_flight must be at least 500, the size of a batch"),
            (delivery.lease >= second, "delivery.lease must be at least 1s"),
            (delivery.lease >= self.fcm.timeout * 2, "delivery.lease must be at least twice fcm.timeout"),
            (delivery.lease >= self.apns.timeout * 2, "delivery.lease must be at least twice apns.timeout"),
            (!delivery.poll_interval.is_zero(), "delivery.poll_interval must be more than 0"),
            (!delivery.retry_base.is_zero(), "delivery.retry_base must be more than 0"),
            (delivery.retry_max >= delivery.retry_base, "delivery.retry_max must be at least delivery.retry_base"),
            (delivery.max_attempts >= 1, "delivery.max_attempts must be at least 1"),
            (delivery.deadline >= second, "delivery.deadline must be at least 1s"),
            (!self.fcm.timeout.is_zero(), "fcm.timeout must be more than 0"),
            (!self.apns.timeout.is_zero(), "apns.timeout must be more than 0"),
            (self.fcm.max_connections >= 1, "fcm.max_connections must be at least 1"),
            (self.apns.max_connections >= 1, "apns.max_connections must be at least 1"),
            (self.retention.period >= second, "retention.period must be at least 1s"),
            (!self.secrets.master_key_id.is_empty(), "secrets.master_key_id must not be empty"),
        ];
        let broken: Vec<&str> = rules.into_iter().filter(|(holds, _)| !holds).map(|(_, rule)| rule).collect();
        if broken.is_empty() { Ok(()) } else { bail!("the configuration is not valid: {}", broken.join("; ")) }
    }
}

fn read_secret(key: &str, file: Option<&Path>, secret: &mut SecretString) -> anyhow::Result<()> {
    if let Some(file) = file {
        let text = std::fs::read_to_string(file).with_context(|| format!("{key}: can't read {}", file.display()))?;
        *secret = SecretString::from(text.trim());
    }
    Ok(())
}

/// As TOML, without its secrets.
impl fmt::Display for Config {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sections = serde_json::to_value(self).map_err(|_| fmt::Error)?;
        for (section, keys) in sections.as_object().into_iter().flatten() {
            writeln!(formatter, "[{section}]")?;
            for (key, value) in keys.as_object().into_iter().flatten() {
                // JSON's texts, numbers, truths and lists of texts are TOML's too.
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
mod tests {
    use super::*;

    fn environment(pairs: &[(&str, &str)]) -> Environment {
        let pairs = pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        Environment::with_prefix("BELLWIRE").source(Some(pairs))
    }

    fn load(pairs: &[(&str, &str)]) -> anyhow::Result<Config> {
        Config::from_sources(None, environment(pairs))
    }

    #[test]
    fn the_defaults_are_valid() {
        let config = load(&[]).unwrap();
        assert_eq!(config.delivery.lease, Duration::from_secs(30));
        assert_eq!(config.server.public_url, None);
    }

    #[test]
    fn the_environment_wins_over_the_file_and_the_file_over_the_defaults() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "[delivery]\nlease = \"40s\"\nretry_base = \"3s\"\n").unwrap();
        let environment = environment(&[
            ("BELLWIRE__DELIVERY__RETRY_BASE", "1s"),
            ("BELLWIRE__SECRETS__MASTER_KEY_ID", "2"),
            ("BELLWIRE__FCM__TOKEN_URIS", "https://a/token,https://b/token"),
        ]);
        let config = Config::from_sources(Some(file.path()), environment).unwrap();
        assert_eq!((config.delivery.lease.as_secs(), config.delivery.retry_base.as_secs()), (40, 1));
        assert_eq!(config.secrets.master_key_id, "2");
        assert_eq!(config.fcm.token_uris, ["https://a/token", "https://b/token"]);
    }

    #[test]
    fn an_unknown_key_is_named() {
        let error = load(&[("BELLWIRE__DELIVERY__LEASES", "1s")]).unwrap_err();
        assert!(format!("{error:#}").contains("leases"), "{error:#}");
    }

    #[test]
    fn every_broken_rule_is_named() {
        let error =
            load(&[("BELLWIRE__DELIVERY__LEASE", "5s"), ("BELLWIRE__DELIVERY__MAX_ATTEMPTS", "0")]).unwrap_err();
        let text = error.to_string();
        assert!(text.contains("delivery.lease") && text.contains("delivery.max_attempts"), "{text}");
    }

    #[test]
    fn secrets_are_read_from_files_and_never_shown() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "postgres://user:hunter2@host/db\n").unwrap();
        let path = file.path().display().to_string();
        let config = load(&[("BELLWIRE__DATABASE__URL_FILE", path.as_str())]).unwrap();
        assert_eq!(config.database.url.expose_secret(), "postgres://user:hunter2@host/db");
        assert!(!format!("{config}{config:?}").contains("hunter2"));
    }

    #[test]
    fn what_is_shown_is_toml_that_loads_again() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), load(&[]).unwrap().to_string()).unwrap();
        Config::from_sources(Some(file.path()), environment(&[])).unwrap();
    }

    #[test]
    fn a_secret_file_that_is_missing_is_named() {
        let error = load(&[("BELLWIRE__SECRETS__MASTER_KEY_FILE", "/no/such/file")]).unwrap_err();
        assert!(format!("{error:#}").contains("/no/such/file"), "{error:#}");
    }
}
