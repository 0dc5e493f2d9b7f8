//! How soon a pause holds, and how exactly a pace does.

use std::time::{Duration, Instant};

use bellwire::model::provider::Provider;
use serde_json::{Value, json};

use crate::Arguments;
use crate::api::{Api, devices, message};
use crate::reads;
use crate::report::{Goal, Report};
use crate::world::World;

const LOOK_EVERY: Duration = Duration::from_millis(10);
/// How long nothing must arrive after a pause.
const QUIET: Duration = Duration::from_secs(2);
/// The pace that is held against the clock.
const PER_MINUTE: u32 = 6_000;

/// The rows *pause*: an audience is paused in the middle of its send.
pub async fn pause(
    world: &mut World,
    arguments: &Arguments,
    report: &mut Report,
) -> anyhow::Result<()> {
    reads::register(world, arguments.queued).await?;
    world.restart().await?;
    world.forget().await?;

    let mut body = message(&[json!({"audience": {}})]);
    body["priority"] = json!("LOW");
    let id = world.api.send(&body).await?;
    while accepted(world).await? < arguments.queued as u64 / 10 {
        tokio::time::sleep(LOOK_EVERY).await;
    }

    let began = Instant::now();
    post(&world.api, &id, "Pause").await?;
    let answered = began.elapsed();
    let (last, at_pause) = last_arrival(world, began).await?;
    anyhow::ensure!(
        at_pause < arguments.queued as u64,
        "it was sent before the pause: use a larger --queued"
    );
    report.add("Pause: answered in", answered.as_secs_f64() * 1000.0, "ms");
    report.goal(
        format!("last arrival after a Pause of {}", arguments.queued),
        last.as_secs_f64(),
        "s",
        Goal::AtMost(1.0),
    );

    post(&world.api, &id, "Resume").await?;
    let operations = [id];
    world.api.completed(&operations, LOOK_EVERY).await?;
    let arrived = world.arrived().await?;
    report.goal(
        "lost or doubled by Pause and Resume",
        (arrived["accepted"].as_u64().unwrap_or_default() as f64 - arguments.queued as f64).abs()
            + arrived["duplicates"].as_f64().unwrap_or_default(),
        "",
        Goal::AtMost(0.0),
    );
    world.forget().await
}

/// The rows *operation-pace*: 6,000 a minute over two replicas, and another pace.
pub async fn pace(world: &mut World, report: &mut Report) -> anyhow::Result<()> {
    let _other = world.replica()?;
    // Until it has claimed something.
    tokio::time::sleep(Duration::from_secs(3)).await;
    world.forget().await?;

    let mut body = message(&devices(Provider::Fcm.as_str(), "paced operation", 10_000));
    body["pace"] = json!({"perMinute": PER_MINUTE});
    let id = world.api.send(&body).await?;

    tokio::time::sleep(Duration::from_millis(2_500)).await;
    let before = accepted(world).await?;
    tokio::time::sleep(Duration::from_mins(1)).await;
    let minute = accepted(world).await? - before;
    report.add("sent in a minute at a pace of 6,000", minute as f64, "");
    report.goal(
        "off the pace by",
        (minute as f64 / f64::from(PER_MINUTE) - 1.0).abs() * 100.0,
        "%",
        Goal::AtMost(5.0),
    );

    // As many as the old pace sends in 5 s.
    let before = accepted(world).await?;
    let began = Instant::now();
    patch(
        &world.api,
        &id,
        &json!({"pace": {"perMinute": 10 * PER_MINUTE}}),
    )
    .await?;
    while accepted(world).await? < before + 500 {
        tokio::time::sleep(LOOK_EVERY).await;
    }
    report.goal(
        "500 more after a change to 60,000",
        began.elapsed().as_secs_f64(),
        "s",
        Goal::AtMost(2.0),
    );

    world.api.completed(&[id], LOOK_EVERY).await?;
    let duplicates = world.arrived().await?["duplicates"].clone();
    report.goal(
        "doubled by two replicas",
        duplicates.as_f64().unwrap_or_default(),
        "",
        Goal::AtMost(0.0),
    );
    world.forget().await
}

async fn accepted(world: &World) -> anyhow::Result<u64> {
    let arrived = world.arrived().await?;
    Ok(arrived["accepted"].as_u64().unwrap_or_default())
}

/// When the last message arrived after `began`, and how many had then.
async fn last_arrival(world: &World, began: Instant) -> anyhow::Result<(Duration, u64)> {
    let mut count = accepted(world).await?;
    let mut last = began.elapsed();
    let mut quiet_since = Instant::now();

    while quiet_since.elapsed() < QUIET {
        tokio::time::sleep(LOOK_EVERY).await;
        let now = accepted(world).await?;
        if now > count {
            count = now;
            last = began.elapsed();
            quiet_since = Instant::now();
        }
    }

    Ok((last, count))
}

async fn post(api: &Api, id: &str, what: &str) -> anyhow::Result<Value> {
    let path = format!("/Operations/{id}/{what}");
    api.post(&path, &Value::Null).await
}

async fn patch(api: &Api, id: &str, body: &Value) -> anyhow::Result<Value> {
    api.patch(&format!("/Operations/{id}"), body).await
}
