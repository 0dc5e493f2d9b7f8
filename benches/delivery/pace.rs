//! A send to FCM with the default rate limit: whether it goes on at the rate that the warm-up allows.

use std::time::{Duration, Instant};

use bellwire::config::Config;
use bellwire::model::provider::Provider;

use crate::api::{devices, message};
use crate::report::{Goal, Report};
use crate::world::World;

const RECIPIENTS: usize = 10_000;
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// The rate at the start, as a share of the whole, and what may be sent at once at that rate, in
/// seconds: as in `src/delivery/lane/rate_limiter.rs`.
const COLD_SHARE: f64 = 0.1;
const BURST_SECONDS: f64 = 0.5;

/// The rows *pace*.
pub async fn run(world: &mut World, report: &mut Report) -> anyhow::Result<()> {
    let default = Config::load(None)?.fcm;
    let unlimited = std::mem::replace(&mut world.config.fcm.max_per_minute, default.max_per_minute);
    world.restart().await?;
    world.forget().await?;

    let body = message(&devices(Provider::Fcm.as_str(), "paced", RECIPIENTS));
    let began = Instant::now();
    world.api.send(&body).await?;

    let mut last = (Instant::now(), 0);
    let mut standstill = Duration::ZERO;
    while last.1 < RECIPIENTS as u64 {
        let arrived = world.arrived().await?["accepted"]
            .as_u64()
            .unwrap_or_default();
        if arrived > last.1 {
            standstill = standstill.max(last.0.elapsed());
            last = (Instant::now(), arrived);
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }

    let took = began.elapsed().as_secs_f64();
    let ramp = ramp_seconds(default.max_per_minute, default.warm_up);
    report.add("10,000 to FCM at default settings", took, "s");
    report.goal(
        "10,000 to FCM at default settings ÷ what the warm-up takes",
        took / ramp,
        "×",
        Goal::AtMost(1.1),
    );
    report.goal(
        "longest standstill in that",
        standstill.as_secs_f64(),
        "s",
        Goal::AtMost(1.0),
    );

    world.config.fcm.max_per_minute = unlimited;
    world.restart().await?;
    world.finished().await?;
    world.forget().await
}

/// How long the warm-up takes for the recipients: the burst is sent at once, and the rate grows evenly.
fn ramp_seconds(per_minute: u32, warm_up: Duration) -> f64 {
    let full = f64::from(per_minute) / 60.0;
    let cold = full * COLD_SHARE;
    let growth = (full - cold) / warm_up.as_secs_f64();
    let left = RECIPIENTS as f64 - cold * BURST_SECONDS;

    // The time in which `cold * t + growth * t² / 2` reaches what is left.
    ((cold * cold + 2.0 * growth * left).sqrt() - cold) / growth
}
