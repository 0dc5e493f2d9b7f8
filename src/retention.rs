//! What comes and goes with time: partitions of the coming days are made ahead, old idempotency keys are forgotten.

use std::time::Duration;

use sqlx::PgPool;
use time::OffsetDateTime;
use tokio_util::sync::CancellationToken;

use crate::store::{idempotency_keys, partitions};

/// How often to look whether days are missing. A missed day costs nothing: its rows go to the default partition.
const EVERY: Duration = Duration::from_hours(1);

/// Makes the partitions of today and the `days_ahead` days after it.
pub async fn make_partitions(pool: &PgPool, days_ahead: u16) -> sqlx::Result<()> {
    let mut connection = pool.acquire().await?;
    partitions::create(&mut connection, OffsetDateTime::now_utc().date(), days_ahead.saturating_add(1)).await
}

/// Keeps partitions ahead of the calendar until `stop`.
pub async fn run(pool: PgPool, days_ahead: u16, stop: CancellationToken) {
    let mut ticks = tokio::time::interval(EVERY);
    while stop.run_until_cancelled(ticks.tick()).await.is_some() {
        if let Err(error) = make_partitions(&pool, days_ahead).await {
            tracing::error!(%error, "partitions of the coming days can't be made; trying again in an hour");
        }
        if let Err(error) = idempotency_keys::forget(&pool).await {
            tracing::warn!(%error, "old idempotency keys can't be deleted; trying again in an hour");
        }
    }
}
