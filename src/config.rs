//! Configuration: the defaults in `config/default.toml`, then a file, then
//! `BELLWIRE__SECTION__KEY`. Unknown keys are refused, and every value that can't be right is named
//! with its rule.

use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, anyhow, bail};
use config::{Environment, File, FileFormat};
use secrecy::{ExposeSecret, SecretString};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use tracing_subscriber::EnvFilter;

/// The defaults, with an explanation of every key.
pub const DEFAULTS: &str = include_str!("../config/default.toml");

/// All settings.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    pub server: Server,
    pub database: Database,
    pub delivery: Delivery,
    pub limits: Limits,
    pub fcm: Fcm,
    pub apns: Apns,
    pub retention: Retention,
    pub secrets: Secrets,
    pub log: Log,
    pub traces: Traces,
    pub metrics: Metrics,
}

/// The HTTP API.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Server {
    pub listen: SocketAddr,
    pub api: bool,
    #[serde(deserialize_with = "or_empty")]
    pub public_url: Option<String>,
    pub max_body_size: usize,
    #[serde(with = "humantime_serde")]
    pub drain_delay: Duration,
}

/// Postgres.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
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
    #[serde(with = "humantime_serde")]
    pub grace: Duration,
    pub burst_percent: u8,
    pub burst_count: u32,
}

/// Rate limits.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    pub requests_per_second: u32,
    pub recipients_per_minute: u32,
}

/// FCM.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Fcm {
    pub endpoint: String,
    pub token_uris: Vec<String>,
    #[serde(deserialize_with = "or_empty")]
    pub ca_file: Option<PathBuf>,
    #[serde(with = "humantime_serde")]
    pub timeout: Duration,
    pub max_connections: usize,
    pub max_per_minute: u32,
    #[serde(with = "humantime_serde")]
    pub ramp: Duration,
}

/// APNs.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Apns {
    pub endpoint: String,
    pub sandbox_endpoint: String,
    #[serde(deserialize_with = "or_empty")]
    pub ca_file: Option<PathBuf>,
    #[serde(with = "humantime_serde")]
    pub timeout: Duration,
    pub max_connections: usize,
    pub max_per_minute: u32,
    #[serde(with = "humantime_serde")]
    pub ramp: Duration,
}

/// How long records live.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Retention {
    pub enabled: bool,
    #[serde(with = "humantime_serde")]
    pub period: Duration,
    pub partitions_ahead: u16,
}

/// Secrets at rest.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Secrets {
    #[serde(serialize_with = "redacted")]
    pub master_key: SecretString,
    #[serde(deserialize_with = "or_empty")]
    pub master_key_file: Option<PathBuf>,
    pub master_key_id: String,
    #[serde(serialize_with = "redacted")]
    pub old_master_keys: SecretString,
    #[serde(deserialize_with = "or_empty")]
    pub old_master_keys_file: Option<PathBuf>,
}

/// Logs.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Log {
    pub format: LogFormat,
    pub level: String,
}

/// Traces.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Traces {
    #[serde(deserialize_with = "or_empty")]
    pub endpoint: Option<String>,
    pub ratio: f64,
}

/// Metrics.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Metrics {
    #[serde(deserialize_with = "address_or_empty")]
    pub listen: Option<SocketAddr>,
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

fn or_empty<'de, D: Deserializer<'de>, T: From<String>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    let text = String::deserialize(deserializer)?;
    Ok(Some(text).filter(|text| !text.is_empty()).map(T::from))
}

fn address_or_empty<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<SocketAddr>, D::Error> {
    let text: Option<String> = or_empty(deserializer)?;
    text.map(|text| {
        text.parse()
            .map_err(|_| D::Error::custom(format!("{text} is not an address and a port")))
    })
    .transpose()
}

fn redacted<S: Serializer>(secret: &SecretString, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(if secret.expose_secret().is_empty() {
        ""
    } else {
        "[redacted]"
    })
}

impl Config {
    /// Loads the settings of this process.
    pub fn load(file: Option<&Path>) -> anyhow::Result<Self> {
        Self::from_sources(file, Environment::with_prefix("BELLWIRE"))
    }

    fn from_sources(file: Option<&Path>, environment: Environment) -> anyhow::Result<Self> {
        let mut builder =
            config::Config::builder().add_source(File::from_str(DEFAULTS, FileFormat::Toml));
        if let Some(file) = file {
            builder = builder.add_source(File::from(file).format(FileFormat::Toml));
        }
        let environment = environment
            .prefix_separator("__")
            .separator("__")
            .try_parsing(true)
            .list_separator(",")
            .with_list_parse_key("fcm.token_uris");
        let built = builder.add_source(environment).build();
        let loaded = built
            .map_err(|error| anyhow!("the configuration can't be read: {}", in_one_line(&error)))?;
        let mut config: Self = loaded
            .try_deserialize()
            .context("the configuration can't be read")?;
        config.read_files()?;
        config.check()?;
        Ok(config)
    }

    fn read_files(&mut self) -> anyhow::Result<()> {
        let Self {
            database, secrets, ..
        } = self;
        read_secret(
            "database.url",
            database.url_file.as_deref(),
            &mut database.url,
        )?;
        read_secret(
            "secrets.master_key",
            secrets.master_key_file.as_deref(),
            &mut secrets.master_key,
        )?;
        read_secret(
            "secrets.old_master_keys",
            secrets.old_master_keys_file.as_deref(),
            &mut secrets.old_master_keys,
        )?;
        // There may be no old keys, but always these.
        for (key, file, secret) in [
            ("database.url_file", &database.url_file, &database.url),
            (
                "secrets.master_key_file",
                &secrets.master_key_file,
                &secrets.master_key,
            ),
        ] {
            if let Some(file) = file
                && secret.expose_secret().is_empty()
            {
                bail!("{key}: {} is empty", file.display());
            }
        }
        Ok(())
    }

    /// Every rule that a value breaks, at once.
    #[expect(clippy::too_many_lines, reason = "one rule after the other")]
    fn check(&self) -> anyhow::Result<()> {
        let Self {
            server,
            database,
            delivery,
            limits: _,
            fcm,
            apns,
            retention,
            secrets,
            log,
            traces,
            metrics: _,
        } = self;
        let second = Duration::from_secs(1);
        let https = |address: &str| address.starts_with("https://");
        let public_url = server.public_url.as_deref().unwrap_or("http://");
        let mut broken = Vec::new();
        let mut rule = |holds: bool, key: &str, value: &dyn fmt::Debug, rule: &str| {
            if !holds {
                broken.push(format!("{key} is {value:?}, but must be {rule}"));
            }
        };
        rule(
            public_url.starts_with("http://") || public_url.starts_with("https://"),
            "server.public_url",
            &public_url,
            "an http or https address",
        );
        rule(
            server.max_body_size >= 1024,
            "server.max_body_size",
            &server.max_body_size,
            "at least 1024 bytes",
        );
        rule(
            database.max_connections >= 1,
            "database.max_connections",
            &database.max_connections,
            "at least 1",
        );
        rule(
            delivery.max_in_flight >= 500,
            "delivery.max_in_flight",
            &delivery.max_in_flight,
            "at least 500, the size of a batch",
        );
        rule(
            delivery.lease >= second,
            "delivery.lease",
            &delivery.lease,
            "at least 1s",
        );
        for (provider, timeout) in [("fcm", fcm.timeout), ("apns", apns.timeout)] {
            let least = format!("at least twice {provider}.timeout, which is {timeout:?}");
            rule(
                delivery.lease / 2 >= timeout,
                "delivery.lease",
                &delivery.lease,
                &least,
            );
            rule(
                !timeout.is_zero(),
                &format!("{provider}.timeout"),
                &timeout,
                "more than 0",
            );
            let least = format!("more than {provider}.timeout, which is {timeout:?}");
            rule(
                delivery.grace > timeout,
                "delivery.grace",
                &delivery.grace,
                &least,
            );
        }
        rule(
            !delivery.poll_interval.is_zero(),
            "delivery.poll_interval",
            &delivery.poll_interval,
            "more than 0",
        );
        rule(
            !delivery.retry_base.is_zero(),
            "delivery.retry_base",
            &delivery.retry_base,
            "more than 0",
        );
        let least = format!(
            "at least delivery.retry_base, which is {:?}",
            delivery.retry_base
        );
        rule(
            delivery.retry_max >= delivery.retry_base,
            "delivery.retry_max",
            &delivery.retry_max,
            &least,
        );
        rule(
            delivery.max_attempts >= 1,
            "delivery.max_attempts",
            &delivery.max_attempts,
            "at least 1",
        );
        rule(
            delivery.deadline >= second,
            "delivery.deadline",
            &delivery.deadline,
            "at least 1s",
        );
        let percent = delivery.burst_percent;
        rule(
            (1..=100).contains(&percent),
            "delivery.burst_percent",
            &percent,
            "1 to 100",
        );
        rule(
            delivery.burst_count >= 1,
            "delivery.burst_count",
            &delivery.burst_count,
            "at least 1",
        );
        let id_length = secrets.master_key_id.len();
        rule(
            id_length <= 32,
            "secrets.master_key_id",
            &secrets.master_key_id,
            "at most 32 bytes",
        );
        for (key, address) in [
            ("fcm.endpoint", &fcm.endpoint),
            ("apns.endpoint", &apns.endpoint),
            ("apns.sandbox_endpoint", &apns.sandbox_endpoint),
        ] {
            rule(https(address), key, address, "an https address");
        }
        rule(
            fcm.token_uris.iter().all(|uri| https(uri)),
            "fcm.token_uris",
            &fcm.token_uris,
            "https addresses",
        );
        rule(
            fcm.max_connections >= 1,
            "fcm.max_connections",
            &fcm.max_connections,
            "at least 1",
        );
        rule(
            apns.max_connections >= 1,
            "apns.max_connections",
            &apns.max_connections,
            "at least 1",
        );
        rule(
            retention.period >= second,
            "retention.period",
            &retention.period,
            "at least 1s",
        );
        let endpoint = traces.endpoint.as_deref().unwrap_or("http://");
        let is_http = endpoint.starts_with("http://") || endpoint.starts_with("https://");
        rule(
            is_http,
            "traces.endpoint",
            &endpoint,
            "an http or https address",
        );
        rule(
            (0.0..=1.0).contains(&traces.ratio),
            "traces.ratio",
            &traces.ratio,
            "0.0 to 1.0",
        );
        rule(
            !secrets.master_key_id.is_empty(),
            "secrets.master_key_id",
            &secrets.master_key_id,
            "not empty",
        );
        rule(
            EnvFilter::try_new(&log.level).is_ok(),
            "log.level",
            &log.level,
            "a level or filters",
        );
        if broken.is_empty() {
            Ok(())
        } else {
            bail!("the configuration is not valid: {}", broken.join("; "))
        }
    }
}

/// A parser's message without the lines that quote the file: they may hold a secret.
fn in_one_line(error: &config::ConfigError) -> String {
    let text = error.to_string();
    let lines = text
        .lines()
        .map(str::trim)
        .filter(|line| !line.contains('|') && !line.is_empty());
    lines.collect::<Vec<_>>().join(": ")
}

/// A secret that is given by a file: `key` is the setting without `_file`.
fn read_secret(key: &str, file: Option<&Path>, secret: &mut SecretString) -> anyhow::Result<()> {
    if let Some(file) = file {
        if !secret.expose_secret().is_empty() {
            bail!("{key} and {key}_file are both set: give one of them");
        }
        let text = std::fs::read_to_string(file)
            .with_context(|| format!("{key}_file: can't read {}", file.display()))?;
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
        let pairs = pairs
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect();
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
        std::fs::write(
            file.path(),
            "[delivery]\nlease = \"40s\"\nretry_base = \"3s\"\n",
        )
        .unwrap();
        let environment = environment(&[
            ("BELLWIRE__DELIVERY__RETRY_BASE", "1s"),
            ("BELLWIRE__SECRETS__MASTER_KEY_ID", "2"),
            (
                "BELLWIRE__FCM__TOKEN_URIS",
                "https://a/token,https://b/token",
            ),
        ]);
        let config = Config::from_sources(Some(file.path()), environment).unwrap();
        assert_eq!(
            (
                config.delivery.lease.as_secs(),
                config.delivery.retry_base.as_secs()
            ),
            (40, 1)
        );
        assert_eq!(config.secrets.master_key_id, "2");
        assert_eq!(
            config.fcm.token_uris,
            ["https://a/token", "https://b/token"]
        );
    }

    #[test]
    fn an_unknown_key_is_named() {
        let error = load(&[("BELLWIRE__DELIVERY__LEASES", "1s")]).unwrap_err();
        assert!(format!("{error:#}").contains("leases"), "{error:#}");
    }

    #[test]
    fn every_broken_rule_is_named_with_its_key_and_value() {
        let error = load(&[
            ("BELLWIRE__DELIVERY__LEASE", "5s"),
            ("BELLWIRE__DELIVERY__MAX_ATTEMPTS", "0"),
            ("BELLWIRE__FCM__ENDPOINT", "http://localhost"),
            ("BELLWIRE__LOG__LEVEL", "a=b=c"),
        ]);
        let text = error.unwrap_err().to_string();
        for expected in [
            "delivery.lease is 5s, but must be at least twice fcm.timeout",
            "delivery.max_attempts is 0, but must be at least 1",
            "fcm.endpoint is \"http://localhost\", but must be an https address",
            "log.level is \"a=b=c\"",
        ] {
            assert!(text.contains(expected), "{text} should contain {expected}");
        }
    }

    #[test]
    fn a_file_that_is_no_toml_is_refused_in_one_line_without_its_text() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(
            file.path(),
            "[database]\nurl = \"postgres://user:hunter2@host/db\n",
        )
        .unwrap();
        let text = format!(
            "{:#}",
            Config::from_sources(Some(file.path()), environment(&[])).unwrap_err()
        );
        assert!(
            text.contains("line 2") && !text.contains("hunter2") && !text.contains('\n'),
            "{text}"
        );
    }

    #[test]
    fn a_secret_given_twice_is_refused() {
        let error = load(&[
            ("BELLWIRE__DATABASE__URL", "postgres://a/b"),
            ("BELLWIRE__DATABASE__URL_FILE", "/some/file"),
        ]);
        assert!(
            error
                .unwrap_err()
                .to_string()
                .contains("database.url and database.url_file are both set")
        );
    }

    #[test]
    fn secrets_are_read_from_files_and_never_shown() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "postgres://user:hunter2@host/db\n").unwrap();
        let path = file.path().display().to_string();
        let config = load(&[("BELLWIRE__DATABASE__URL_FILE", path.as_str())]).unwrap();
        assert_eq!(
            config.database.url.expose_secret(),
            "postgres://user:hunter2@host/db"
        );
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
