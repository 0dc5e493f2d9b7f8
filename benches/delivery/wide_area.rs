//! Providers 50 ms away, with the stream limits that FCM and APNs have.

use bellwire::model::provider::Provider;
use serde_json::json;

use crate::Arguments;
use crate::deliver;
use crate::report::Report;
use crate::world::World;

const LATENCY: u64 = 50;

/// The rows *wide area*.
pub async fn run(world: &World, arguments: &Arguments, report: &mut Report) -> anyhow::Result<()> {
    for provider in [Provider::Fcm, Provider::Apn] {
        let local = format!("local, {provider}");
        let far = format!("{LATENCY} ms away, {provider}");
        report.add(
            &local,
            deliver::to(world, provider, arguments.recipients, "local").await?,
            "sent/s",
        );

        world.set_faults(&json!({"latency": LATENCY})).await?;

        let before = connections(world).await?;
        report.add(
            &far,
            deliver::to(world, provider, arguments.recipients, "far").await?,
            "sent/s",
        );

        report.add(
            format!("connections opened for that, {provider}"),
            connections(world).await? - before,
            "",
        );

        world.set_faults(&json!({"latency": 0})).await?;
        report.ratio(&far, &local, (provider == Provider::Fcm).then_some(0.9));
        world.forget().await?;
    }

    Ok(())
}

async fn connections(world: &World) -> anyhow::Result<f64> {
    Ok(world.arrived().await?["connections"]
        .as_f64()
        .unwrap_or(f64::NAN))
}
