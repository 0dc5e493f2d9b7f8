//! How an Operation was sent over time: attempts and their durations, in steps of equal length.
//!
//! A large Operation has millions of attempts, so only those of some batches are read, which lie at
//! equal distances among all of them.

use sqlx::PgExecutor;
use time::OffsetDateTime;

use crate::model::id::OperationId;
use crate::model::operation::BATCH_SIZE;

/// Most batches that are read, of up to [`BATCH_SIZE`] notifications each.
const MAX_BATCHES: i64 = 40;

/// What was answered within one step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct CurveStep {
    /// From 0.
    pub step: i32,
    /// Attempts that a provider accepted, and all others, of the batches that were read.
    pub accepted: i64,
    pub refused: i64,
    /// Half of the attempts took no longer, in milliseconds.
    pub median_ms: f64,
    /// 95 of 100 took no longer.
    pub p95_ms: f64,
}

pub(crate) struct Curve {
    /// In their order; steps without an answer are left out.
    pub steps: Vec<CurveStep>,
    /// How many batches each one that was read stands for.
    pub every: i64,
}

pub(crate) struct CurveParams {
    pub operation_id: OperationId,
    /// Where the first step begins.
    pub from: OffsetDateTime,
    /// The length of a step, in seconds.
    pub step: f64,
    /// Notifications of the Operation, to know how many batches there are about.
    pub recipients: i64,
}

/// Reads the curve of an Operation, which must be the account's.
pub(crate) async fn fetch(
    executor: impl PgExecutor<'_>,
    params: &CurveParams,
) -> sqlx::Result<Curve> {
    let every = every(params.recipients);

    // An attempt counts in the step in which its answer came: at its begin plus its duration.
    let rows = sqlx::query!(
        r#"
        -- Read first: on Citus, batches and attempts lie on different machines.
        with batch as materialized (
            select batches.operation_id, batches.first_position, batches.size
            from batches
            where batches.operation_id = $1 and batches.number % $4 = 0
            order by batches.number
            limit $5
        ),
        attempt as (
            select
                floor(
                    (extract(epoch from tried.created_at - $2::timestamptz) + tried.duration_ms / 1000.0) / $3::float8
                )::integer as step,
                tried.outcome = 'ACCEPTED' as is_accepted,
                tried.duration_ms
            from batch
            cross join lateral (
                select
                    delivery_attempts.created_at,
                    delivery_attempts.duration_ms,
                    delivery_attempts.outcome
                from delivery_attempts
                where delivery_attempts.operation_id = batch.operation_id
                    and delivery_attempts.position >= batch.first_position
                    and delivery_attempts.position < batch.first_position + batch.size
            ) as tried
        )
        select
            attempt.step as "step!",
            count(*) filter (where attempt.is_accepted) as "accepted!",
            count(*) filter (where not attempt.is_accepted) as "refused!",
            percentile_disc(0.5) within group (order by attempt.duration_ms)::float8 as "median_ms!",
            percentile_disc(0.95) within group (order by attempt.duration_ms)::float8 as "p95_ms!"
        from attempt
        group by attempt.step
        order by attempt.step
        "#,
        params.operation_id.as_uuid(),
        params.from,
        params.step,
        every as i32,
        MAX_BATCHES,
    )
    .fetch_all(executor)
    .await?;

    let steps = rows.into_iter().map(|row| CurveStep {
        step: row.step,
        accepted: row.accepted,
        refused: row.refused,
        median_ms: row.median_ms,
        p95_ms: row.p95_ms,
    });
    Ok(Curve {
        steps: steps.collect(),
        every,
    })
}

/// How many batches each one that is read stands for.
///
/// Rounded up: rounded down, the last batches of an Operation would be beyond [`MAX_BATCHES`].
fn every(recipients: i64) -> i64 {
    let batch_size = i64::from(BATCH_SIZE);
    let batches = (recipients + batch_size - 1) / batch_size;

    ((batches + MAX_BATCHES - 1) / MAX_BATCHES).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_batches_from_the_first_to_the_last() {
        for (recipients, expected) in [(0, 1), (20_000, 1), (20_001, 2), (39_500, 2), (40_001, 3)] {
            assert_eq!(every(recipients), expected, "{recipients} recipients");
        }
    }
}
