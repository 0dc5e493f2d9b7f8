//! The sections of the configuration. `config/default.toml` explains every key; each section checks
//! its own values.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;

use super::check::Check;

const SECOND: Duration = Duration::from_secs(1);

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
    pub docs: bool,
    #[serde(deserialize_with = "or_empty")]
    pub tls_certificate_file: Option<PathBuf>,
    #[serde(deserialize_with = "or_empty")]
    pub tls_key_file: Option<PathBuf>,
    pub trusted_proxies: Vec<String>,
    pub max_connections: usize,
    pub max_connections_per_source: usize,
    #[serde(with = "humantime_serde")]
    pub head_timeout: Duration,
    #[serde(with = "humantime_serde")]
    pub keep_alive: Duration,
    #[serde(with = "humantime_serde")]
    pub write_timeout: Duration,
}

impl Server {
    pub(super) fn check(&self, check: &mut Check) {
        if let Some(url) = &self.public_url {
            check.holds(
                is_http(url),
                "server.public_url",
                url,
                "an http or https address",
            );
        }

        check.at_least("server.max_body_size", self.max_body_size, 1024);
        check.holds(
            self.tls_certificate_file.is_some() == self.tls_key_file.is_some(),
            "server.tls_key_file",
            &self.tls_key_file,
            "set together with server.tls_certificate_file, or not at all",
        );

        // A limit of 0 would close connections before their first request.
        check.above_zero("server.head_timeout", self.head_timeout);
        check.above_zero("server.keep_alive", self.keep_alive);
        check.above_zero("server.write_timeout", self.write_timeout);
    }
}

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

impl Database {
    pub(super) fn check(&self, check: &mut Check) {
        check.at_least("database.max_connections", self.max_connections, 1);
    }
}

#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Delivery {
    pub enabled: bool,
    pub max_claimed: usize,
    #[serde(with = "humantime_serde")]
    pub lease: Duration,
    #[serde(with = "humantime_serde")]
    pub poll_interval: Duration,
    #[serde(with = "humantime_serde")]
    pub record_interval: Duration,
    #[serde(with = "humantime_serde")]
    pub retry_base: Duration,
    #[serde(with = "humantime_serde")]
    pub retry_max: Duration,
    pub max_attempts: u16,
    #[serde(with = "humantime_serde")]
    pub deadline: Duration,
    #[serde(with = "humantime_serde")]
    pub grace: Duration,
    pub mass_invalidation_percent: u8,
    pub mass_invalidation_count: u32,
}

impl Delivery {
    pub(super) fn check(&self, check: &mut Check) {
        // A batch is claimed whole.
        check.at_least("delivery.max_claimed", self.max_claimed, 500);
        check.at_least("delivery.lease", self.lease, SECOND);

        check.above_zero("delivery.poll_interval", self.poll_interval);
        check.above_zero("delivery.retry_base", self.retry_base);
        check.holds(
            self.retry_max >= self.retry_base,
            "delivery.retry_max",
            &self.retry_max,
            &format!(
                "at least delivery.retry_base, which is {:?}",
                self.retry_base
            ),
        );

        check.at_least("delivery.max_attempts", self.max_attempts, 1);
        check.at_least("delivery.deadline", self.deadline, SECOND);

        check.holds(
            (1..=100).contains(&self.mass_invalidation_percent),
            "delivery.mass_invalidation_percent",
            &self.mass_invalidation_percent,
            "1 to 100",
        );
        check.at_least(
            "delivery.mass_invalidation_count",
            self.mass_invalidation_count,
            1,
        );
    }

    /// Holds the times of delivery against a provider's: `section` is `fcm` or `apns`.
    pub(super) fn check_timeout(&self, check: &mut Check, section: &str, timeout: Duration) {
        // A request is sent until three quarters of the lease, and must be answered within it.
        check.holds(
            self.lease / 2 >= timeout,
            "delivery.lease",
            &self.lease,
            &format!("at least twice {section}.timeout, which is {timeout:?}"),
        );
        // A shutdown waits for requests in flight, and the slowest takes its whole timeout.
        check.holds(
            self.grace > timeout,
            "delivery.grace",
            &self.grace,
            &format!("more than {section}.timeout, which is {timeout:?}"),
        );
    }
}

#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    pub requests_per_second: u32,
    pub recipients_per_minute: u32,
    pub receipts_per_second: u32,
    pub queued_per_account: u64,
    pub users_per_account: u64,
    pub devices_per_account: u64,
    pub body_bytes: usize,
    pub body_bytes_per_account: usize,
}

impl Limits {
    pub(super) fn check(&self, check: &mut Check, max_body_size: usize) {
        // A body that is allowed and never gets room would be a 503 each time.
        check.holds(
            self.body_bytes_per_account >= max_body_size,
            "limits.body_bytes_per_account",
            &self.body_bytes_per_account,
            &format!("at least server.max_body_size, which is {max_body_size}"),
        );

        check.holds(
            self.body_bytes >= self.body_bytes_per_account,
            "limits.body_bytes",
            &self.body_bytes,
            &format!(
                "at least limits.body_bytes_per_account, which is {}",
                self.body_bytes_per_account
            ),
        );
    }
}

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
    pub warm_up: Duration,
}

impl Fcm {
    pub(super) fn check(&self, check: &mut Check) {
        // Requests carry access tokens and messages, which anyone in between could read without
        // TLS.
        check.https("fcm.endpoint", &self.endpoint);
        check.holds(
            self.token_uris.iter().all(|uri| is_https(uri)),
            "fcm.token_uris",
            &self.token_uris,
            "https addresses",
        );
        check.above_zero("fcm.timeout", self.timeout);
        check.at_least("fcm.max_connections", self.max_connections, 1);
    }
}

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
    pub warm_up: Duration,
}

impl Apns {
    pub(super) fn check(&self, check: &mut Check) {
        // As for FCM: requests carry provider tokens and messages.
        check.https("apns.endpoint", &self.endpoint);
        check.https("apns.sandbox_endpoint", &self.sandbox_endpoint);
        check.above_zero("apns.timeout", self.timeout);
        check.at_least("apns.max_connections", self.max_connections, 1);
    }
}

#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Webhooks {
    pub enabled: bool,
    pub allow_private: bool,
    #[serde(deserialize_with = "or_empty")]
    pub ca_file: Option<PathBuf>,
}

#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Console {
    pub enabled: bool,
    #[serde(with = "humantime_serde")]
    pub idle_timeout: Duration,
    #[serde(with = "humantime_serde")]
    pub session_lifetime: Duration,
    #[serde(deserialize_with = "or_empty")]
    pub operator_account: Option<String>,
}

impl Console {
    pub(super) fn check(&self, check: &mut Check) {
        // A use is noted once a minute.
        check.at_least("console.idle_timeout", self.idle_timeout, 2 * 60 * SECOND);
        check.at_least("console.session_lifetime", self.session_lifetime, SECOND);
    }
}

#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Proxy {
    /// It may have a password.
    #[serde(serialize_with = "redacted")]
    pub url: SecretString,
    #[serde(deserialize_with = "or_empty")]
    pub url_file: Option<PathBuf>,
    pub no_proxy: Vec<String>,
}

impl Proxy {
    /// The `url` that turns the proxy of the environment off.
    pub const NONE: &str = "none";

    pub(super) fn check(&self, check: &mut Check) {
        let url = self.url.expose_secret();
        let is_proxy = url.is_empty() || url == Self::NONE || url.starts_with("http://");

        // The value may have a password, so it is not repeated.
        check.holds(
            is_proxy,
            "proxy.url",
            &"[redacted]",
            "an http address such as http://proxy.example.com:3128, or none",
        );
    }
}

#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Retention {
    pub enabled: bool,
    #[serde(with = "humantime_serde")]
    pub period: Duration,
    #[serde(with = "humantime_serde")]
    pub audit_period: Duration,
    pub partitions_ahead: u16,
}

impl Retention {
    pub(super) fn check(&self, check: &mut Check) {
        check.at_least("retention.period", self.period, SECOND);
        check.at_least("retention.audit_period", self.audit_period, SECOND);
    }
}

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
    pub keep_older_seal: bool,
}

impl Secrets {
    pub(super) fn check(&self, check: &mut Check) {
        // The id is stored before each sealed token, behind one byte of length.
        // A longer value may be a key in the wrong place, so it is not shown.
        if !(1..=32).contains(&self.master_key_id.len()) {
            check.broken.push(format!(
                "secrets.master_key_id must be 1 to 32 bytes long, such as \"1\"; it has {} bytes",
                self.master_key_id.len()
            ));
        }
    }
}

#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Log {
    pub format: LogFormat,
    pub level: String,
}

impl Log {
    pub(super) fn check(&self, check: &mut Check) {
        check.holds(
            is_log_filter(&self.level),
            "log.level",
            &self.level,
            "a level (off, error, warn, info, debug or trace), or filters such as \
             info,bellwire::delivery=debug",
        );
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    Pretty,
    Json,
}

#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Traces {
    #[serde(deserialize_with = "or_empty")]
    pub endpoint: Option<String>,
    pub ratio: f64,
}

impl Traces {
    pub(super) fn check(&self, check: &mut Check) {
        if let Some(endpoint) = &self.endpoint {
            check.holds(
                is_http(endpoint),
                "traces.endpoint",
                endpoint,
                "an http or https address",
            );
            check.holds(
                cfg!(feature = "otlp"),
                "traces.endpoint",
                endpoint,
                "empty: this build can't send spans, because it lacks the feature otlp",
            );
        }

        // NaN, which TOML can write, is in no range.
        check.holds(
            (0.0..=1.0).contains(&self.ratio),
            "traces.ratio",
            &self.ratio,
            "0.0 to 1.0",
        );
    }
}

#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Metrics {
    #[serde(deserialize_with = "address_or_empty")]
    pub listen: Option<SocketAddr>,
}

/// Whether each part of `level` is a level, or a target with one. `EnvFilter` takes any other word for
/// a target, and would log nothing else.
fn is_log_filter(level: &str) -> bool {
    let is_part = |part: &str| part.contains('=') || part.trim().parse::<LevelFilter>().is_ok();

    // `EnvFilter` takes an empty text too, and would log errors alone.
    !level.trim().is_empty() && level.split(',').all(is_part) && EnvFilter::try_new(level).is_ok()
}

fn is_http(address: &str) -> bool {
    address.starts_with("http://") || is_https(address)
}

pub(super) fn is_https(address: &str) -> bool {
    address.starts_with("https://")
}

/// An empty string means that the key is not set.
pub(super) fn or_empty<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: From<String>,
{
    let value = String::deserialize(deserializer)?;

    Ok(Some(value).filter(|value| !value.is_empty()).map(T::from))
}

fn address_or_empty<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<SocketAddr>, D::Error> {
    let Some(value) = or_empty::<D, String>(deserializer)? else {
        return Ok(None);
    };

    let address = value
        .parse()
        .map_err(|_| D::Error::custom(format!("{value} is not an IP address and a port")))?;
    Ok(Some(address))
}

pub(super) fn redacted<S: Serializer>(
    secret: &SecretString,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    // Whether it is set is shown, because a missing secret is what people look for.
    let is_set = !secret.expose_secret().is_empty();
    serializer.serialize_str(if is_set { "[redacted]" } else { "" })
}
