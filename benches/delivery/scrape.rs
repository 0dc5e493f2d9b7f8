//! What it costs to be watched.

use std::time::{Duration, Instant};

use bellwire::model::provider::Provider;

use crate::Arguments;
use crate::deliver;
use crate::report::{Goal, Report, percentile};
use crate::world::World;

/// How often Prometheus reads, as in deploy/prometheus/prometheus.yml.
const EVERY: Duration = Duration::from_secs(5);
/// How often this reads, to have enough to judge by.
const MEASURED_EVERY: Duration = Duration::from_millis(200);

/// The rows *scrape*.
pub async fn run(world: &World, arguments: &Arguments, report: &mut Report) -> anyhow::Result<()> {
    let alone = "deliver APN, not scraped";
    let watched = "deliver APN, scraped five times a second";
    report.add(
        alone,
        deliver::to(world, Provider::Apn, arguments.recipients, "not scraped").await?,
        "sent/s",
    );

    let sending = deliver::to(world, Provider::Apn, arguments.recipients, "watched");
    let mut times = Vec::new();
    let rate = {
        let watching = async {
            let mut ticks = tokio::time::interval(MEASURED_EVERY);
            loop {
                ticks.tick().await;

                let began = Instant::now();
                let read = reqwest::get(&world.metrics_url).await;

                if read.is_ok_and(|answer| answer.status().is_success()) {
                    times.push(began.elapsed().as_secs_f64() * 1000.0);
                }
            }
        };

        tokio::select! {
            rate = sending => rate?,
            () = watching => 0.0,
        }
    };

    report.add(watched, rate, "sent/s");
    report.ratio(watched, alone, None);

    let median = percentile(&mut times, 0.5);
    report.add("a scrape during a send, p50", median, "ms");

    let share = median / EVERY.as_secs_f64() / 10.0;
    report.goal("that, every 5 s", share, "% of the time", Goal::AtMost(1.0));
    Ok(())
}
