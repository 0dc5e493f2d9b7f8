//! Shared by all tests: databases, running services with their simulators, clients, and how to
//! wait.

pub mod browser;
pub mod client;
pub mod database;
pub mod drill;
pub mod forms;
pub mod identity_provider;
pub mod process;
pub mod proxy;
pub mod service;
pub mod webdriver;

use std::time::{Duration, Instant};

/// How long a condition may take to come true. Only a test that fails waits this long, so it is far
/// more than a busy machine needs.
const PATIENCE: Duration = Duration::from_secs(300);
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Waits until `look` finds something, and returns it.
pub async fn eventually<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(found) = look().await {
            return found;
        }

        assert!(began.elapsed() < PATIENCE, "waited in vain for {what}");
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// Waits until what `look` returns has been the same for `period`, and returns it.
pub async fn steady<T: PartialEq>(
    what: &str,
    period: Duration,
    mut look: impl AsyncFnMut() -> T,
) -> T {
    let began = Instant::now();
    let mut value = look().await;
    let mut since = Instant::now();
    while since.elapsed() < period {
        assert!(began.elapsed() < PATIENCE, "{what} goes on changing");
        tokio::time::sleep(LOOK_EVERY).await;

        let now = look().await;
        if now != value {
            value = now;
            since = Instant::now();
        }
    }

    value
}
