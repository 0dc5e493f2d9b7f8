//! The signals that shut the process down: SIGINT (Ctrl-C), and SIGTERM from service managers.
//! What they start is `App::stop`.

use std::io;
use std::time::{Duration, Instant};

use tokio::signal::unix::{Signal, SignalKind, signal};

/// `timeout`, `npm run` and others pass a signal on that the process gets from the terminal as well:
/// within this time after the first, a signal is that same one.
const REPEATED_WITHIN: Duration = Duration::from_millis(50);

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
        self.unless_signaled_when(work, || true).await
    }

    /// Runs `work`, which a signal began, until it is done or another signal arrives. `None`: another
    /// signal.
    pub(crate) async fn unless_signaled_again<T>(
        &mut self,
        work: impl Future<Output = T>,
    ) -> Option<T> {
        let began = Instant::now();

        self.unless_signaled_when(work, || began.elapsed() >= REPEATED_WITHIN)
            .await
    }

    /// Runs `work` until it is done or a signal arrives that `counts`.
    async fn unless_signaled_when<T>(
        &mut self,
        work: impl Future<Output = T>,
        counts: impl Fn() -> bool,
    ) -> Option<T> {
        let signaled = async {
            loop {
                self.received().await;
                if counts() {
                    return;
                }
            }
        };

        tokio::select! {
            done = work => Some(done),
            () = signaled => None,
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
