//! Whether single sends wait longer while a transaction is held open elsewhere in the database, so
//! that vacuum may remove nothing.

use std::time::Duration;

use serde_json::json;
use sqlx::{Connection, Executor, PgConnection};
use time::OffsetDateTime;

use crate::Arguments;
use crate::api::{Api, devices, message};
use crate::report::{Goal, Report};
use crate::world::World;

/// Single sends come this far apart: 500 a second.
const EVERY: Duration = Duration::from_millis(2);
/// Each second begins a campaign of this many.
const CAMPAIGN: usize = 10_000;

/// The rows *held transaction*: a fifth of `--held` seconds without it, then all of them with it.
pub async fn run(world: &World, arguments: &Arguments, report: &mut Report) -> anyhow::Result<()> {
    let held = Duration::from_secs(arguments.held);
    let window = held / 5;

    let without = traffic(world, window, "without").await?;
    let mut other = PgConnection::connect(&world.url()).await?;
    other
        .execute("begin isolation level repeatable read; select count(*) from operations")
        .await?;

    let mut with = Vec::new();
    for number in 1..=5 {
        with.push(traffic(world, window, &format!("with {number}")).await?);
    }
    other.execute("rollback").await?;
    world.finished().await?;

    report.add("accept → attempt, no transaction held, p50", without, "ms");
    for (number, median) in with.iter().enumerate() {
        let seconds = window.as_secs() * (number as u64 + 1);
        report.goal(
            format!("accept → attempt, a transaction held for {seconds} s, p50"),
            *median,
            "ms",
            Goal::AtMost((2.0 * without * 10.0).round() / 10.0),
        );
    }
    world.forget().await
}

/// Sends for so long. Returns the median of the milliseconds from accepting a single send to its
/// attempt.
async fn traffic(world: &World, duration: Duration, name: &str) -> anyhow::Result<f64> {
    let from = OffsetDateTime::now_utc();
    let campaigns = tokio::spawn(campaigns(world.api.clone(), duration, name.to_owned()));
    let mut ticks = tokio::time::interval(EVERY);
    let mut connections = Vec::new();
    for _ in 0..8 {
        connections.push(world.api.connect().await?);
    }

    // Eight connections in turns, so that one slow answer does not hold the next send back.
    let count = duration.as_millis() / EVERY.as_millis();
    let connections: Vec<_> = connections
        .into_iter()
        .map(tokio::sync::Mutex::new)
        .collect();
    let connections = std::sync::Arc::new(connections);
    let mut sends = tokio::task::JoinSet::new();
    for (number, recipient) in devices("APN", name, count as usize).into_iter().enumerate() {
        ticks.tick().await;

        let request = world.api.post_bytes(&message(&[recipient]));
        let connections = connections.clone();
        sends.spawn(async move {
            let connection = &connections[number % connections.len()];
            connection.lock().await.call(&request).await
        });
        while let Some(sent) = sends.try_join_next() {
            sent??;
        }
    }
    while let Some(sent) = sends.join_next().await {
        sent??;
    }
    campaigns.await??;
    world.finished().await?;

    let query = "select coalesce(percentile_cont(0.5) within group (
                     order by extract(epoch from attempts.created_at - operations.created_at)::float8 * 1000
                 ), 'NaN')
                 from operations join delivery_attempts attempts on attempts.operation_id = operations.id
                 where operations.recipients = 1 and operations.created_at >= $1";
    Ok(sqlx::query_scalar(query)
        .bind(from)
        .fetch_one(&world.pool)
        .await?)
}

async fn campaigns(api: Api, duration: Duration, name: String) -> anyhow::Result<()> {
    let mut ticks = tokio::time::interval(Duration::from_secs(1));
    for number in 0..duration.as_secs() {
        ticks.tick().await;

        let name = format!("campaign {name} {number}");
        let mut body = message(&devices("APN", &name, CAMPAIGN));
        body["priority"] = json!("LOW");
        api.send(&body).await?;
    }
    Ok(())
}
