//! Logs on standard error, for people or for programs. Standard output is for a command's result.

use std::io::IsTerminal;

use anyhow::Context;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer, Registry};

use crate::config::{Config, LogFormat};
use crate::telemetry::panics;
use crate::telemetry::traces::Traces;

/// Takes up spans, beside the logs.
pub type SpanLayer = Box<dyn Layer<Registry> + Send + Sync>;

/// Starts logging, and sends the spans of requests to `traces`.
pub fn start(config: &Config, traces: Option<&Traces>) -> anyhow::Result<()> {
    let log = &config.log;
    let filter = EnvFilter::try_new(&log.level)
        .with_context(|| format!("log.level is not valid: {}", log.level))?;

    let lines = tracing_subscriber::fmt::layer()
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal());
    let lines = match log.format {
        LogFormat::Pretty => lines.boxed(),
        LogFormat::Json => lines.json().boxed(),
    };

    let started = tracing_subscriber::registry()
        .with(traces.map(Traces::layer))
        .with(lines.with_filter(filter))
        .try_init();
    started.map_err(|error| anyhow::anyhow!("logging can't be started: {error}"))?;
    panics::log();

    for key in &config.renamed_keys {
        tracing::warn!("{key}");
    }
    Ok(())
}
