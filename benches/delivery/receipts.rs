//! How many receipts a second the service takes.

use std::sync::Arc;
use std::time::Instant;

use bellwire::model::id::OperationId;
use bellwire::model::provider::Provider;
use serde_json::{Value, json};

use crate::Arguments;
use crate::api::{devices, message};
use crate::report::{Goal, Report};
use crate::world::World;

const PER_REQUEST: usize = 10_000;
/// Receipts of a request: the most that are allowed.
const PER_POST: usize = 100;
const CALLERS: usize = 32;

/// The rows *receipts*: each notification is reported as opened, and then again.
pub async fn run(
    world: &mut World,
    arguments: &Arguments,
    report: &mut Report,
) -> anyhow::Result<()> {
    world.config.limits.receipts_per_second = 0;
    world.restart().await?;

    let mut tokens = Vec::with_capacity(arguments.recipients);
    let to = devices(Provider::Apn.as_str(), "receipts", arguments.recipients);
    for part in to.chunks(PER_REQUEST) {
        let id = world.api.send(&message(part)).await?;
        let operation: OperationId = id.parse()?;
        for position in 0..part.len() as u32 {
            let id = operation.push_notification(position).as_uuid();
            tokens.push(world.master_keys.receipt_token(id));
        }
    }
    world.finished().await?;

    for what in ["receipts, new", "receipts, repeated"] {
        let before = world.service.cpu()?;
        let began = Instant::now();
        report_all(world, &tokens).await?;
        let took = began.elapsed().as_secs_f64();
        let cpu = world.service.cpu()? - before;

        report.add(what, tokens.len() as f64 / took, "receipts/s");
        report.goal(
            format!("{what}, for a second of the service's CPU"),
            tokens.len() as f64 / cpu,
            "receipts",
            Goal::AtLeast(20_000.0),
        );
    }

    let opened: i64 = sqlx::query_scalar("select sum(opened) from receipt_tallies")
        .fetch_one(&world.pool)
        .await?;
    report.goal(
        "receipts lost or counted twice",
        (opened as f64 - tokens.len() as f64).abs(),
        "",
        Goal::AtMost(0.0),
    );
    world.forget().await
}

async fn report_all(world: &World, tokens: &[String]) -> anyhow::Result<()> {
    let requests: Vec<Vec<u8>> = tokens
        .chunks(PER_POST)
        .map(|tokens| {
            let receipts: Vec<Value> = tokens
                .iter()
                .map(|token| json!({"receipt": token, "event": "OPENED"}))
                .collect();
            world.api.receipt_bytes(&json!({"receipts": receipts}))
        })
        .collect();
    let requests = Arc::new(requests);

    let mut callers = Vec::new();
    for caller in 0..CALLERS {
        let requests = Arc::clone(&requests);
        let mut connection = world.api.connect().await?;
        callers.push(tokio::spawn(async move {
            for request in requests.iter().skip(caller).step_by(CALLERS) {
                connection.call(request).await?;
            }
            Ok::<_, anyhow::Error>(())
        }));
    }
    for caller in callers {
        caller.await??;
    }
    Ok(())
}
