//! Configuration: the defaults in `config/default.toml`, then a file, then
//! `BELLWIRE__SECTION__KEY`. Unknown keys are refused, and all values that break a rule are named at
//! once.

use std::fmt;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use anyhow::{Context, anyhow, bail};
use config::{Environment, File, FileFormat, Map, Source, Value};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};

mod check;
mod origin;
mod renamed_keys;
mod sections;
mod values;

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
        let names = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok());
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
            let renamed = Renamed::read(&file).map_err(|error| unreadable(&error))?;
            renamed_keys.extend(renamed.keys.clone());
            builder = builder.add_source(renamed);
        }

        let environment = environment
            .prefix_separator("__")
            .separator("__")
            .try_parsing(true)
            .list_separator(",")
            .with_list_parse_key("fcm.token_uris")
            .with_list_parse_key("proxy.no_proxy")
            .with_list_parse_key("server.trusted_proxies");
        let renamed = Renamed::read(&environment).map_err(|error| unreadable(&error))?;
        renamed_keys.extend(renamed.keys.clone());

        let loaded = builder
            .add_source(renamed)
            .build()
            .map_err(|error| unreadable(&error))?;
        let defaults = defaults()?;
        let given = loaded.collect().map_err(|error| unreadable(&error))?;
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

        config.read_secret_files()?;
        config.check()?;
        Ok(config)
    }

    fn read_secret_files(&mut self) -> anyhow::Result<()> {
        let Self {
            database,
            secrets,
            proxy,
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

/// Refuses environment variables that look like Bellwire's, and are read by nothing.
fn check_variables(names: impl Iterator<Item = String>) -> anyhow::Result<()> {
    let defaults = defaults()?;
    let strays: Vec<String> = names
        .filter_map(|name| values::stray_variable(&name, &defaults))
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
        bail!("{key} and {key}_file are both set: set only one of them");
    }

    let content = std::fs::read_to_string(file)
        .with_context(|| format!("{key}_file: can't read {}", file.display()))?;
    if is_private {
        check_private(key, file)?;
    }
    let content = content.trim();
    if content.is_empty() && !may_be_empty {
        bail!("{key}_file: {} is empty", file.display());
    }

    *secret = SecretString::from(content);
    Ok(())
}

/// The permission of others to read a file.
const READ_BY_OTHERS: u32 = 0o004;

/// Refuses a file that every user of the machine can read. A pipe or a device is not looked at.
fn check_private(key: &str, file: &Path) -> anyhow::Result<()> {
    let metadata = std::fs::metadata(file)
        .with_context(|| format!("{key}_file: can't read {}", file.display()))?;

    let mode = metadata.permissions().mode();
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
    use std::time::Duration;

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
    fn old_names_are_read_and_warned_of() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(
            file.path(),
            "[delivery]\nmax_in_flight = 600\nburst_count = 7\n[fcm]\nramp = \"5s\"\n",
        )
        .unwrap();
        let environment = environment(&[
            ("BELLWIRE__DELIVERY__MAX_CLAIMED", "700"),
            ("BELLWIRE__APNS__RAMP", "6s"),
        ]);

        let config = Config::from_sources(Some(file.path()), environment).unwrap();

        assert_eq!(config.delivery.max_claimed, 700, "the environment wins");
        assert_eq!(config.delivery.mass_invalidation_count, 7);
        assert_eq!(config.fcm.warm_up, Duration::from_secs(5));
        assert_eq!(config.apns.warm_up, Duration::from_secs(6));
        let warnings: Vec<String> = config
            .renamed_keys
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(warnings.len(), 4, "{warnings:?}");
        assert!(warnings[0].starts_with("delivery.max_in_flight is now delivery.max_claimed"));
    }

    #[test]
    fn a_key_under_both_names_is_refused() {
        let error = load(&[
            ("BELLWIRE__DELIVERY__BURST_COUNT", "7"),
            ("BELLWIRE__DELIVERY__MASS_INVALIDATION_COUNT", "8"),
        ]);

        let message = error.unwrap_err().to_string();
        assert!(message.contains("delete delivery.burst_count"), "{message}");
    }

    #[test]
    fn an_unknown_key_is_named() {
        let error = load(&[("BELLWIRE__DELIVERY__LEASES", "1s")]).unwrap_err();
        assert!(format!("{error:#}").contains("leases"), "{error:#}");
    }

    #[test]
    fn a_problem_names_the_line_of_the_file_or_the_variable() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(
            file.path(),
            "# [delivery]\n[server]\nlisten = \"0.0.0.0:8080\"\n\n[delivery]\nlease = 30\n  leases = \"1s\"\n\n[delivry]\nx = 1\n",
        )
        .unwrap();
        let environment = environment(&[("BELLWIRE__FCM__ENDPIONT", "https://x")]);

        let error = Config::from_sources(Some(file.path()), environment).unwrap_err();
        let text = error.to_string();

        let name = file.path().file_name().unwrap().to_string_lossy();
        assert!(text.contains(&format!("{name})")), "{text}");
        for expected in [
            "such as 30s (set in line 6 of ",
            "did you mean delivery.lease (BELLWIRE__DELIVERY__LEASE)? (set in line 7 of ",
            "did you mean delivery (BELLWIRE__DELIVERY__…)? (set in line 9 of ",
            "(set by the environment variable BELLWIRE__FCM__ENDPIONT)",
        ] {
            assert!(text.contains(expected), "{text} should contain {expected}");
        }
    }

    #[test]
    fn every_broken_rule_is_named_with_its_key_and_value() {
        let error = load(&[
            ("BELLWIRE__DELIVERY__LEASE", "5s"),
            ("BELLWIRE__DELIVERY__MAX_ATTEMPTS", "0"),
            ("BELLWIRE__FCM__ENDPOINT", "http://localhost"),
            ("BELLWIRE__LOG__LEVEL", "verbose"),
        ]);
        let text = error.unwrap_err().to_string();
        for expected in [
            "delivery.lease is 5s, but must be at least twice fcm.timeout",
            "delivery.max_attempts is 0, but must be at least 1",
            "fcm.endpoint is \"http://localhost\", but must be an https address",
            "log.level is \"verbose\", but must be a level",
            "(BELLWIRE__DELIVERY__LEASE)",
        ] {
            assert!(text.contains(expected), "{text} should contain {expected}");
        }
    }

    #[test]
    fn a_file_that_is_not_toml_is_refused_in_one_line_without_its_content() {
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
    fn a_master_key_file_that_others_can_read_is_refused() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "1:AAAA").unwrap();
        let path = file.path().display().to_string();

        for (variable, key) in [
            (
                "BELLWIRE__SECRETS__MASTER_KEY_FILE",
                "secrets.master_key_file",
            ),
            (
                "BELLWIRE__SECRETS__OLD_MASTER_KEYS_FILE",
                "secrets.old_master_keys_file",
            ),
        ] {
            for (mode, is_taken) in [(0o600, true), (0o440, true), (0o644, false), (0o604, false)] {
                std::fs::set_permissions(file.path(), std::fs::Permissions::from_mode(mode))
                    .unwrap();
                let loaded = load(&[(variable, path.as_str())]);
                assert_eq!(loaded.is_ok(), is_taken, "{mode:o}");
                if let Err(error) = loaded {
                    let text = format!("{error:#}");
                    assert!(
                        text.starts_with(key) && text.contains("chmod 640"),
                        "{text}"
                    );
                }
            }
        }
    }

    #[test]
    fn a_key_in_the_place_of_its_id_is_not_shown() {
        let key = "qFkFTU0oVKcF3DvMFdGbXDyhJyqKNrnb0sXdFuMGxlA=";
        let error = load(&[("BELLWIRE__SECRETS__MASTER_KEY_ID", key)]).unwrap_err();
        let text = format!("{error:#}");

        assert!(
            text.contains("secrets.master_key_id") && !text.contains(key),
            "{text}"
        );
    }

    #[test]
    fn an_unknown_level_is_refused() {
        for level in [
            "info",
            "WARN",
            "off",
            "info,bellwire::delivery=debug,sqlx=off",
            "bellwire[request]=trace",
        ] {
            load(&[("BELLWIRE__LOG__LEVEL", level)])
                .unwrap_or_else(|error| panic!("{level}: {error:#}"));
        }
        for level in [
            "verbose",
            "inof",
            "",
            "info,bellwire",
            "bellwire=loud",
            "a=b=c",
            "info;debug",
        ] {
            let error = load(&[("BELLWIRE__LOG__LEVEL", level)])
                .unwrap_err()
                .to_string();
            assert!(
                error.contains("log.level") && error.contains("off, error, warn"),
                "{level}: {error}"
            );
        }
    }

    #[test]
    fn a_number_that_does_not_fit_is_told_in_words_of_its_key() {
        let error = load(&[("BELLWIRE__DELIVERY__MAX_ATTEMPTS", "70000")])
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("delivery.max_attempts (BELLWIRE__DELIVERY__MAX_ATTEMPTS)")
                && !error.contains("u16"),
            "{error}"
        );
    }

    #[test]
    fn the_printed_configuration_is_toml_that_loads_again() {
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
