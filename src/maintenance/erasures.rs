//! Goes on with the erasure of Users whose records were too many for a request, or had requests in
//! flight.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::store::pool::Pool;
use crate::store::user_erasure;

const LOOK_EVERY: Duration = Duration::from_secs(30);
/// How long one erasure may take at a time. It is less than its lease.
const MOST: Duration = Duration::from_mins(1);

/// Erases what is due, until `stop`.
pub(crate) async fn run(pool: Pool, stop: CancellationToken) {
    let mut was_failing = false;

    loop {
        let erased = stop.run_until_cancelled(erase_due(&pool)).await;
        match erased {
            None => return,
            Some(Ok(())) => was_failing = false,
            // Logged when it begins to fail, and not each time.
            Some(Err(error)) if !was_failing => {
                tracing::warn!(%error, "the records of deleted Users can't be erased now; trying again");
                was_failing = true;
            }
            Some(Err(_)) => {}
        }

        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(LOOK_EVERY) => {}
        }
    }
}

async fn erase_due(pool: &Pool) -> sqlx::Result<()> {
    // A claim moves the erasure's due time, so a process that is killed here leaves it to the
    // others.
    while let Some(erasure) = user_erasure::claim(pool).await? {
        user_erasure::run(pool, &erasure, MOST).await?;
    }

    Ok(())
}
