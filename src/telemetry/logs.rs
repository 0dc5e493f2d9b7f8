//! Logs on standard error, for people or for programs, or in a file. Standard output is for a
//! command's result.

use std::fs::File;
use std::io::IsTerminal;
use std::sync::Mutex;

use anyhow::Context;
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::layer::{Layered, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer, Registry};

use crate::config::{Config, LogFormat};
use crate::telemetry::panics;
use crate::telemetry::traces::Traces;

/// Takes up spans, beside the logs.
pub type SpanLayer = Box<dyn Layer<Registry> + Send + Sync>;

/// Starts logging to standard error, and sends the spans of requests to `traces`.
pub fn start(config: &Config, traces: Option<&Traces>) -> anyhow::Result<()> {
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(std::io::stderr)
        // Escape codes would end up in files, and in the journals of containers.
        .with_ansi(std::io::stderr().is_terminal());
    let lines = match config.log.format {
        LogFormat::Pretty => lines.boxed(),
        LogFormat::Json => lines.json().boxed(),
    };

    start_layers(
        config,
        traces.map(Traces::layer),
        lines.with_filter(filter(config)?),
    )
}

/// Starts logging to a file. Standard error gets warnings and errors alone.
pub fn start_in_file(config: &Config, file: File) -> anyhow::Result<()> {
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(Mutex::new(file))
        .with_ansi(false);
    let lines = match config.log.format {
        LogFormat::Pretty => lines.boxed(),
        LogFormat::Json => lines.json().boxed(),
    };
    let warnings = tracing_subscriber::fmt::layer()
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .with_filter(LevelFilter::WARN);

    start_layers(
        config,
        None,
        lines.with_filter(filter(config)?).and_then(warnings),
    )
}

/// The messages that `log.level` asks for.
fn filter(config: &Config) -> anyhow::Result<EnvFilter> {
    let level = &config.log.level;
    EnvFilter::try_new(level).with_context(|| format!("log.level is not valid: {level}"))
}

fn start_layers<L>(config: &Config, spans: Option<SpanLayer>, lines: L) -> anyhow::Result<()>
where
    L: Layer<Layered<Option<SpanLayer>, Registry>> + Send + Sync,
{
    let started = tracing_subscriber::registry()
        .with(spans)
        .with(lines)
        .try_init();
    started.map_err(|error| anyhow::anyhow!("logging can't be started: {error}"))?;
    // After the subscriber is set: the hook logs through it.
    panics::log();

    // Here, because there was no log when the configuration was read.
    for key in &config.renamed_keys {
        tracing::warn!("{key}");
    }
    Ok(())
}
