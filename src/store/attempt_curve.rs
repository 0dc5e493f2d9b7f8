//! How an Operation was sent over time: attempts and their durations, in steps of equal length.
//!
//! A large Operation has millions of attempts, so only those of some batches are read, which lie at
//! equal distances among all of them. Batches have different sizes: those of a pace are small.

use sqlx::PgExecutor;
use time::OffsetDateTime;

use crate::model::id::OperationId;

/// Most batches that are read, of up to 500 notifications each.
const MAX_BATCHES: i32 = 40;

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
    /// How many notifications each one that was read stands for: 1, if all were read.
    pub scale: f64,
}

pub(crate) struct CurveParams {
    pub operation_id: OperationId,
    /// Where the first step begins.
    pub from: OffsetDateTime,
    /// The length of a step, in seconds.
    pub step: f64,
}

/// Reads the curve of an Operation, which must be the account's.
pub(crate) async fn fetch(
    executor: impl PgExecutor<'_>,
    params: &CurveParams,
) -> sqlx::Result<Curve> {
    // An attempt counts in the step in which its answer came: at its start plus its duration.
    let rows = sqlx::query!(
        r#"
        -- Read first: on Citus, batches and attempts lie on different machines.
        with last as materialized (
            select batches.number, batches.first_position + batches.size as positions
            from batches
            where batches.operation_id = $1
            order by batches.number desc
            limit 1
        ),
        -- Rounded up: rounded down, the last batches would be beyond the limit.
        batch as materialized (
            select picked.operation_id, picked.first_position, picked.size
            from last
            cross join generate_series(0, last.number, last.number / $4::integer + 1) as wanted (number)
            cross join lateral (
                select batches.operation_id, batches.first_position, batches.size
                from batches
                where batches.operation_id = $1 and batches.number = wanted.number
                limit 1
            ) as picked
        ),
        sample as materialized (
            select (select last.positions from last)::float8 / sum(batch.size)::float8 as scale
            from batch
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
            percentile_disc(0.95) within group (order by attempt.duration_ms)::float8 as "p95_ms!",
            (select sample.scale from sample) as "scale!"
        from attempt
        group by attempt.step
        order by attempt.step
        "#,
        params.operation_id.as_uuid(),
        params.from,
        params.step,
        MAX_BATCHES,
    )
    .fetch_all(executor)
    .await?;

    // Without a row, nothing was attempted that would have to be scaled.
    let scale = rows.first().map_or(1.0, |row| row.scale);
    let steps = rows.into_iter().map(|row| CurveStep {
        step: row.step,
        accepted: row.accepted,
        refused: row.refused,
        median_ms: row.median_ms,
        p95_ms: row.p95_ms,
    });
    Ok(Curve {
        steps: steps.collect(),
        scale,
    })
}
