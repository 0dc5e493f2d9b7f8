//! How long a single send takes from the caller to the provider's answer: alone, and while much
//! else is queued.

use std::collections::HashMap;
use std::time::Duration;

use bellwire::model::provider::Provider;
use serde_json::json;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::Arguments;
use crate::api::{devices, message};
use crate::deliver::bodies;
use crate::report::{Goal, Report, percentile};
use crate::world::World;

/// Single sends come this far apart.
const EVERY: Duration = Duration::from_millis(20);
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// The rows *latency* and *memory*.
pub async fn run(
    world: &mut World,
    arguments: &Arguments,
    report: &mut Report,
) -> anyhow::Result<()> {
    let duration = Duration::from_secs(arguments.seconds);
    let mut idle = singles(world, duration, "idle").await?;
    report.add(
        "POST → provider's answer, idle, p50",
        percentile(&mut idle, 0.5),
        "ms",
    );

    report.goal(
        "POST → provider's answer, idle, p99",
        percentile(&mut idle, 0.99),
        "ms",
        Goal::AtMost(20.0),
    );

    world.restart().await?;

    let queue = queue(world, arguments.queued).await?;
    let queued = format!("{} queued", arguments.queued);
    report.goal(
        format!("RSS, {queued}"),
        world.service.rss()?,
        "MB",
        Goal::AtMost(150.0),
    );

    let sampling = peak_rss(world, &queue);
    let sending = async {
        let times = singles(world, duration, "behind").await?;
        anyhow::Ok((times, left(world, &queue).await?))
    };
    let ((mut behind, left), peak) = tokio::try_join!(sending, sampling)?;
    report.add(
        format!("left of {queued} when the last single send was answered"),
        left as f64,
        "recipients",
    );

    report.add(
        format!("POST → provider's answer, {queued}, p50"),
        percentile(&mut behind, 0.5),
        "ms",
    );

    report.goal(
        format!("POST → provider's answer, {queued}, p99"),
        percentile(&mut behind, 0.99),
        "ms",
        Goal::AtMost(1000.0),
    );

    world.api.completed(&queue, LOOK_EVERY).await?;
    report.goal(
        format!("peak RSS, {queued} and being sent"),
        peak.max(world.service.rss()?),
        "MB",
        Goal::AtMost(150.0),
    );

    world.forget().await
}

/// Milliseconds from the POST to the provider's answer of each single send.
async fn singles(world: &World, duration: Duration, name: &str) -> anyhow::Result<Vec<f64>> {
    let recipients = devices(
        "APN",
        name,
        (duration.as_millis() / EVERY.as_millis()) as usize,
    );

    let mut ticks = tokio::time::interval(EVERY);
    let mut sends = Vec::new();

    for recipient in recipients {
        ticks.tick().await;

        let api = world.api.clone();
        let body = message(&[recipient]);
        let posted_at = OffsetDateTime::now_utc();
        sends.push(tokio::spawn(async move {
            anyhow::Ok((api.send(&body).await?, posted_at))
        }));
    }

    let mut posted = HashMap::new();
    for send in sends {
        let (operation, posted_at) = send.await??;
        posted.insert(bellwire_operation(&operation)?, (operation, posted_at));
    }

    let operations: Vec<String> = posted
        .values()
        .map(|(operation, _)| operation.clone())
        .collect();
    world
        .api
        .completed(&operations, Duration::from_millis(20))
        .await?;

    let query = "select operation_id, created_at + duration_ms * interval '1 ms' from delivery_attempts where operation_id = any ($1)";
    let ids: Vec<Uuid> = posted.keys().copied().collect();
    let answers: Vec<(Uuid, OffsetDateTime)> = sqlx::query_as(query)
        .bind(&ids)
        .fetch_all(&world.pool)
        .await?;

    Ok(answers
        .iter()
        .map(|(id, answered_at)| (*answered_at - posted[id].1).as_seconds_f64() * 1000.0)
        .collect())
}

/// The id in the database of an Operation as the API names it.
fn bellwire_operation(id: &str) -> anyhow::Result<Uuid> {
    let id: bellwire::model::id::OperationId = id.parse()?;
    Ok(id.as_uuid())
}

/// Queues `count` notifications that become due at the same moment, and waits for that.
async fn queue(world: &World, count: usize) -> anyhow::Result<Vec<String>> {
    let wait = time::Duration::seconds(3) + time::Duration::seconds((count / 20_000) as i64);
    let due_at = OffsetDateTime::now_utc() + wait;
    let mut operations = Vec::new();

    for number in 0..count.div_ceil(10_000) {
        // One at a time, so that this process does not hold them all.
        for mut body in bodies(
            Provider::Apn,
            10_000.min(count - number * 10_000),
            &format!("queue {number}"),
        ) {
            let send_at = due_at.format(&time::format_description::well_known::Rfc3339)?;
            body["schedule"] = json!({"sendAt": [send_at]});
            operations.push(world.api.send(&body).await?);
        }
    }

    let left = (due_at - OffsetDateTime::now_utc()).try_into();
    anyhow::ensure!(left.is_ok(), "accepting took longer than thought");
    tokio::time::sleep(left.unwrap_or(Duration::ZERO)).await;
    Ok(operations)
}

async fn peak_rss(world: &World, operations: &[String]) -> anyhow::Result<f64> {
    let mut peak: f64 = 0.0;
    while left(world, operations).await? > 0 {
        peak = peak.max(world.service.rss()?);
        tokio::time::sleep(LOOK_EVERY).await;
    }
    Ok(peak)
}

/// Notifications that are not settled.
async fn left(world: &World, operations: &[String]) -> anyhow::Result<i64> {
    let ids: Vec<Uuid> = operations
        .iter()
        .map(|id| bellwire_operation(id))
        .collect::<anyhow::Result<_>>()?;
    let query = "select coalesce(sum(queued), 0) from batches where operation_id = any ($1)";
    Ok(sqlx::query_scalar(query)
        .bind(ids)
        .fetch_one(&world.pool)
        .await?)
}
