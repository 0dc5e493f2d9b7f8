//! From `POST` to `COMPLETED`, everything durable, beside what the transport does alone.

use std::time::{Duration, Instant};

use bellwire::model::provider::Provider;
use serde_json::Value;

use crate::Arguments;
use crate::api::{devices, message};
use crate::raw;
use crate::report::Report;
use crate::world::World;

/// Recipients of a request.
const PER_REQUEST: usize = 10_000;
/// How often the Operations are looked at; each look costs the service a little.
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// Rounds, of which the median counts: these machines are shared.
const ROUNDS: usize = 3;

/// The rows *raw*, *deliver* and *deliver ÷ raw*, for each provider.
pub async fn run(world: &World, arguments: &Arguments, report: &mut Report) -> anyhow::Result<()> {
    for provider in [Provider::Apn, Provider::Fcm] {
        let mut raws = Vec::new();
        let mut delivers = Vec::new();
        // In turns, so that whatever else the machine does meets both.
        for round in 0..ROUNDS {
            raws.push(raw::run(world, provider, arguments.recipients).await?);
            delivers.push(
                to(
                    world,
                    provider,
                    arguments.recipients,
                    &format!("deliver {round}"),
                )
                .await?,
            );

            world.forget().await?;
        }

        let raw = format!("raw {provider}");
        let deliver = format!("deliver {provider}");
        report.add(&raw, median(&mut raws), "sent/s");
        report.add(&deliver, median(&mut delivers), "sent/s");
        report.ratio(&deliver, &raw, Some(0.5));
    }

    Ok(())
}

/// Sends to `count` devices of both providers.
pub async fn once(world: &World, count: usize, name: &str) -> anyhow::Result<()> {
    to(world, Provider::Fcm, count, name).await?;
    to(world, Provider::Apn, count, name).await?;
    Ok(())
}

/// Sent a second.
pub async fn to(
    world: &World,
    provider: Provider,
    count: usize,
    name: &str,
) -> anyhow::Result<f64> {
    let bodies = bodies(provider, count, name);
    let started = Instant::now();
    let mut operations = Vec::new();

    for body in &bodies {
        operations.push(world.api.send(body).await?);
    }
    world.api.completed(&operations, LOOK_EVERY).await?;
    Ok(count as f64 / started.elapsed().as_secs_f64())
}

/// Requests to `count` devices in all.
pub fn bodies(provider: Provider, count: usize, name: &str) -> Vec<Value> {
    let devices = devices(provider.as_str(), name, count);
    devices.chunks(PER_REQUEST).map(message).collect()
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
