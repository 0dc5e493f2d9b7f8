//! How long the results of a large Operation take, and how much memory.

use std::time::{Duration, Instant};

use crate::Arguments;
use crate::reads;
use crate::report::{Goal, Report};
use crate::world::World;
use serde_json::json;

const LOOK_EVERY: Duration = Duration::from_millis(200);

/// The rows *results*: an audience, read as NDJSON and as CSV.
pub async fn run(
    world: &mut World,
    arguments: &Arguments,
    report: &mut Report,
) -> anyhow::Result<()> {
    let count = arguments.large;
    reads::register(world, count).await?;
    let message = json!({"to": [{"audience": {}}], "content": {"title": "a", "body": "b"}});
    let id = world.api.send(&message).await?;
    world
        .api
        .completed(std::slice::from_ref(&id), LOOK_EVERY)
        .await?;
    sqlx::raw_sql("vacuum analyze push_notifications")
        .execute(&world.pool)
        .await?;
    world.restart().await?;

    for format in ["application/x-ndjson", "text/csv"] {
        // Once before, so that what every first request costs is not counted.
        let path = format!("/Operations/{id}/Results");
        let mut answer = world.api.stream(&path, format).await?;
        answer.chunk().await?;
        drop(answer);
        tokio::time::sleep(Duration::from_secs(1)).await;

        let before = world.service.rss()?;
        let mut peak = before;
        let mut lines = 0;
        let began = Instant::now();
        let mut answer = world.api.stream(&path, format).await?;
        let mut chunks = 0;
        while let Some(chunk) = answer.chunk().await? {
            lines += chunk.split(|byte| *byte == b'\n').count() - 1;
            chunks += 1;
            if chunks % 100 == 0 {
                peak = peak.max(world.service.rss()?);
            }
        }
        let took = began.elapsed().as_secs_f64();

        anyhow::ensure!(lines >= count, "{lines} lines of {count}");
        report.goal(
            format!("results of {count}, {format}"),
            took,
            "s",
            Goal::AtMost(10.0),
        );
        report.goal(
            format!("additional memory for {format}"),
            peak - before,
            "MB",
            Goal::AtMost(20.0),
        );
    }

    world.forget().await
}
