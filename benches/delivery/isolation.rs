//! Whether a provider that hangs slows the other.

use bellwire::model::provider::Provider;

use crate::Arguments;
use crate::deliver::{self, bodies};
use crate::report::Report;
use crate::world::{World, simulate};

/// The rows *FCM while APNs hangs*.
pub async fn run(
    world: &mut World,
    arguments: &Arguments,
    report: &mut Report,
) -> anyhow::Result<()> {
    let alone = "FCM alone";
    let beside = "FCM while APNs hangs";
    report.add(
        alone,
        deliver::to(world, Provider::Fcm, arguments.recipients, "alone").await?,
        "sent/s",
    );

    let directory = world.directory.path().join("hanging");
    let (_hanging, address) = simulate(&directory, &["--outage", "hang"])?;
    let before = world.config.apns.clone();
    world.config.apns.endpoint = address("APNs ")?;
    world.config.apns.ca_file = Some(directory.join("ca.pem"));
    world.restart().await?;

    for number in 0..arguments.hanging.div_ceil(10_000) {
        // One at a time, so that this process does not hold them all.
        for body in bodies(Provider::Apn, 10_000, &format!("hanging {number}")) {
            world.api.send(&body).await?;
        }
    }

    deliver::to(world, Provider::Fcm, 10_000, "warm-up beside").await?;
    report.add(
        beside,
        deliver::to(world, Provider::Fcm, arguments.recipients, "beside").await?,
        "sent/s",
    );

    report.ratio(beside, alone, Some(0.9));
    world.config.apns = before;
    world.restart().await?;
    world.finished().await?;

    world.forget().await
}
