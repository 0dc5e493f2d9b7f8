//! The signals that shut the process down: SIGINT (Ctrl-C), and SIGTERM from service managers.
//! What they start is `App::stop`.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};

/// Listens from its creation on: no signal is missed, and none ends the process without a shutdown.
pub(crate) struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    pub(crate) fn listen() -> io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    /// Returns at the next signal.
    pub(crate) async fn received(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }

    /// Runs `work` until it is done or a signal arrives. `None`: a signal.
    pub(crate) async fn unless_signaled<T>(&mut self, work: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            done = work => Some(done),
            // `work` is dropped where it waits. If `work` is done when a signal arrives, the next
            // call may find the signal.
            () = self.received() => None,
        }
    }
}

/// Keeps SIGHUP from ending the process, which is what it does by default. Settings are read once, at
/// the start.
pub(crate) fn ignore_hangups() -> io::Result<()> {
    let mut hangups = signal(SignalKind::hangup())?;

    tokio::spawn(async move {
        while hangups.recv().await.is_some() {
            tracing::info!("SIGHUP changes nothing: restart the process to apply new settings");
        }
    });
    Ok(())
}
