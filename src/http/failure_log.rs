//! Which failures are logged: each one of a request, but only the first one in a series of automatic reads,
//! such as those of the console's live pages.

use std::future::Future;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// A series ends after this time without a failure. It is longer than a read may wait for Postgres.
const QUIET: Duration = Duration::from_secs(60);

tokio::task_local! {
    static IS_REPEATED: ();
}

/// When an automatic read of this process failed last.
static LAST_FAILURE: Mutex<Option<Instant>> = Mutex::new(None);

/// Runs a read that is repeated when it fails.
pub(crate) async fn repeated<F: Future>(read: F) -> F::Output {
    IS_REPEATED.scope((), read).await
}

/// Whether the failure that has just happened is to be logged.
pub(crate) fn is_to_be_logged() -> bool {
    let is_repeated = IS_REPEATED.try_with(|()| ()).is_ok();
    if !is_repeated {
        return true;
    }

    let now = Instant::now();
    let mut last = LAST_FAILURE.lock().unwrap_or_else(PoisonError::into_inner);
    // Every failure moves the time, also one that is not logged: a series lasts until a minute has
    // none.
    begins_series(last.replace(now), now)
}

fn begins_series(last: Option<Instant>, now: Instant) -> bool {
    last.is_none_or(|last| now.saturating_duration_since(last) >= QUIET)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_series_ends_when_nothing_has_failed_for_a_while() {
        let first = Instant::now();

        assert!(begins_series(None, first));
        assert!(!begins_series(Some(first), first + QUIET / 2));
        assert!(begins_series(Some(first), first + QUIET));
    }

    #[tokio::test]
    async fn every_failure_of_a_request_is_logged_and_one_of_a_series() {
        assert!(is_to_be_logged());
        assert!(is_to_be_logged());

        let is_logged =
            repeated(async { [is_to_be_logged(), is_to_be_logged(), is_to_be_logged()] });
        let is_logged = is_logged.await;
        assert!(!is_logged[1] && !is_logged[2]);
    }
}
