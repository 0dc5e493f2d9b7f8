//! What it costs to report events to webhooks.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use bellwire::model::provider::Provider;
use serde_json::{Value, json};

use crate::Arguments;
use crate::api::{devices, message};
use crate::receiver::Receiver;
use crate::report::{Goal, Report};
use crate::world::World;

const PER_REQUEST: usize = 10_000;
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// Rounds, of which the median counts: these machines are shared.
const ROUNDS: usize = 3;

/// The webhook of a round.
#[derive(Clone, Copy, PartialEq)]
enum Reported {
    Nothing,
    Failed,
    Sent,
    /// Of failures, to a receiver that never answers.
    Dead,
}

/// The rows *webhooks*: a tenth of the notifications fails.
pub async fn run(
    world: &mut World,
    arguments: &Arguments,
    report: &mut Report,
) -> anyhow::Result<()> {
    world.config.webhooks.allow_private = true;
    world.restart().await?;
    let receiver = Receiver::start(true).await?;
    let dead = Receiver::start(false).await?;

    let mut rates: [Vec<f64>; 4] = Default::default();
    let mut cpu: [Vec<f64>; 4] = Default::default();
    let kinds = [
        Reported::Nothing,
        Reported::Failed,
        Reported::Sent,
        Reported::Dead,
    ];
    // In turns, so that whatever else the machine does meets all.
    for round in 0..ROUNDS {
        for (index, reported) in kinds.into_iter().enumerate() {
            let webhook = subscribe(world, reported, &receiver, &dead).await?;
            let name = format!("webhooks-{round}-{index}");
            let before = world.service.cpu()?;
            rates[index].push(deliver(world, arguments.recipients, &name).await?);

            let expected = expected(reported, arguments.recipients);
            while receiver.reported.load(Ordering::Relaxed) < expected {
                tokio::time::sleep(LOOK_EVERY).await;
            }
            cpu[index].push(world.service.cpu()? - before);
            receiver.reported.store(0, Ordering::Relaxed);

            if let Some(id) = webhook {
                world.api.delete(&format!("/Webhooks/{id}")).await?;
            }
            world.forget().await?;
        }
    }

    let median = |values: &mut Vec<f64>| {
        values.sort_by(f64::total_cmp);
        values[values.len() / 2]
    };
    let [nothing, failed, sent, hanging] = rates.each_mut().map(median);
    let [cpu_nothing, _, cpu_sent, _] = cpu.each_mut().map(median);
    report.add("deliver, a tenth fails, no webhook", nothing, "sent/s");
    report.add("the same with notification.failed", failed, "sent/s");
    report.goal(
        "with notification.failed ÷ no webhook",
        failed / nothing,
        "×",
        Goal::AtLeast(0.95),
    );
    report.goal(
        "with a receiver that hangs ÷ no webhook",
        hanging / nothing,
        "×",
        Goal::AtLeast(0.95),
    );
    report.add("with notification.sent ÷ no webhook", sent / nothing, "×");
    let reported = expected(Reported::Sent, arguments.recipients) as f64;
    report.add(
        "CPU for a notification that is reported",
        (cpu_sent - cpu_nothing) / reported * 1e6,
        "µs",
    );

    world.config.webhooks.allow_private = false;
    world.restart().await
}

/// How many notifications are reported to the receiver.
fn expected(reported: Reported, recipients: usize) -> usize {
    match reported {
        Reported::Nothing | Reported::Dead => 0,
        Reported::Failed => recipients.div_ceil(10),
        Reported::Sent => recipients - recipients.div_ceil(10),
    }
}

async fn subscribe(
    world: &World,
    reported: Reported,
    receiver: &Receiver,
    dead: &Receiver,
) -> anyhow::Result<Option<String>> {
    let (url, event) = match reported {
        Reported::Nothing => return Ok(None),
        Reported::Failed => (&receiver.url, "notification.failed"),
        Reported::Sent => (&receiver.url, "notification.sent"),
        Reported::Dead => (&dead.url, "notification.failed"),
    };

    let body = json!({"url": url, "events": [event]});
    let created = world.api.post("/Webhooks", &body).await?;
    Ok(created["id"].as_str().map(str::to_owned))
}

/// Settled a second.
async fn deliver(world: &World, count: usize, name: &str) -> anyhow::Result<f64> {
    let to: Vec<Value> = devices(Provider::Fcm.as_str(), name, count)
        .into_iter()
        .enumerate()
        .map(|(number, mut device)| {
            if number % 10 == 0 {
                device["token"] = json!(format!("{name}-{number}~UNREGISTERED"));
            }
            device
        })
        .collect();
    let bodies: Vec<Value> = to.chunks(PER_REQUEST).map(message).collect();

    let started = Instant::now();
    let mut ids = Vec::new();
    for body in &bodies {
        ids.push(world.api.send(body).await?);
    }
    for id in &ids {
        while world.api.get(&format!("/Operations/{id}")).await?["status"] != "COMPLETED" {
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }
    Ok(count as f64 / started.elapsed().as_secs_f64())
}
