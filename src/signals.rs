//! Being told to end: Ctrl-C, or SIGTERM as service managers send it.

use tokio::signal::unix::{SignalKind, signal};

/// Returns when the process is told to end.
pub async fn ended() {
    let terminated = async {
        match signal(SignalKind::terminate()) {
            Ok(mut signal) => drop(signal.recv().await),
            Err(error) => {
                tracing::error!(%error, "SIGTERM can't be listened for; only Ctrl-C ends this process");
                std::future::pending::<()>().await;
            }
        }
    };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        () = terminated => {}
    }
}
