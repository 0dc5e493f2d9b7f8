//! Logs on standard error, for people or for programs. Standard output is for a command's result.

use std::io::IsTerminal;

use anyhow::Context;
use tracing::Level;
use tracing_opentelemetry::OpenTelemetryLayer;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer};

use crate::config::{Config, LogFormat};
use crate::telemetry::panics;
use crate::telemetry::traces::Traces;

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

    // Requests are traced whatever the log level is.
    let requests = Targets::new().with_target("bellwire::http", Level::INFO);
    let spans = traces.map(|traces| OpenTelemetryLayer::new(traces.tracer()).with_filter(requests));

    let started = tracing_subscriber::registry()
        .with(lines.with_filter(filter))
        .with(spans)
        .try_init();
    started.map_err(|error| anyhow::anyhow!("logging can't be started: {error}"))?;
    panics::log();

    for key in &config.renamed_keys {
        tracing::warn!("{key}");
    }
    Ok(())
}
