//! `bellwire serve`: runs the service until a signal, and shuts it down. A second signal ends the
//! process at once.

use anyhow::{Context, bail};

use crate::app::App;
use crate::cli::memory_warning;
use crate::config::Config;
use crate::signals::{Signals, ignore_hangups};
use crate::telemetry;
use crate::telemetry::traces::Traces;

pub(super) async fn run(config: &Config) -> anyhow::Result<()> {
    // Before the logs, whose subscriber sends the spans on to it.
    let traces = Traces::start(&config.traces)?;
    telemetry::logs::start(config, traces.as_ref())?;
    memory_warning::warn_if_too_little();

    // A signal during the start ends the process: nothing has been claimed yet.
    let mut signals = Signals::listen()?;
    ignore_hangups()?;
    let started = signals.unless_signaled(App::start(config)).await;
    let Some(mut app) = started.transpose()? else {
        return Ok(());
    };
    for address in &app.addresses {
        tracing::info!(%address, "ready");
    }

    // A process that accepts and does not deliver would look alive. It ends, so that its service
    // manager starts another.
    if signals.unless_signaled(app.broken()).await.is_some() {
        bail!(
            "delivery has ended unexpectedly, which is a defect: the log says where; other \
             processes take over the claimed batches when their leases run out"
        );
    }

    tracing::info!("shutting down; a second signal ends the process at once");
    signals.unless_signaled(app.stop()).await.context(
        "a second signal ended the process: other processes take over the claimed batches when \
         their leases run out",
    )
}
