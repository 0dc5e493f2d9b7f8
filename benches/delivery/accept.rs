//! How fast requests become durable, beside what Postgres itself takes to write the same rows.

use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context;
use bellwire::model::provider::Provider;
use serde_json::json;
use uuid::Uuid;

use crate::Arguments;
use crate::api::{devices, message};
use crate::deliver::bodies;
use crate::report::Report;
use crate::world::World;

/// Callers at a time: as many as it takes to keep the service busy.
const CALLERS: usize = 256;
/// Connections of pgbench: more make it slower.
const PGBENCH_CALLERS: usize = 64;
/// Far enough ahead that nothing is delivered during the measurement of acceptance.
const LATER: time::Duration = time::Duration::days(6);

/// The rows *accept*, *COPY*, *single POSTs*, *pgbench* and *single sends*.
pub async fn run(
    world: &mut World,
    arguments: &Arguments,
    report: &mut Report,
) -> anyhow::Result<()> {
    let (accept, rows) = large(world, arguments.recipients).await?;
    report.add("accept, 10,000 a request", accept, "recipients/s");
    report.add("COPY of the same rows", copy(world, &rows).await?, "rows/s");
    report.ratio(
        "accept, 10,000 a request",
        "COPY of the same rows",
        Some(0.5),
    );

    report.add(
        "single-recipient POSTs",
        single(world, arguments.seconds, true).await?.1,
        "requests/s",
    );

    report.add(
        "pgbench of the same inserts",
        pgbench(world, arguments.seconds)?,
        "transactions/s",
    );

    report.ratio(
        "single-recipient POSTs",
        "pgbench of the same inserts",
        Some(1.5),
    );

    report.add(
        "single sends, POST to SENT",
        sends(world, arguments.seconds).await?,
        "sent/s",
    );

    Ok(())
}

/// Recipients accepted a second, and the Operations that they are in.
async fn large(world: &World, count: usize) -> anyhow::Result<(f64, Vec<Uuid>)> {
    let mut bodies = bodies(Provider::Apn, count, "accept");
    for body in &mut bodies {
        body["schedule"] = later();
    }

    let started = Instant::now();
    let mut operations = Vec::new();

    for body in &bodies {
        operations.push(world.api.send(body).await?);
    }

    let rate = count as f64 / started.elapsed().as_secs_f64();
    let ids = sqlx::query_scalar("select id from operations order by id desc limit $1")
        .bind(operations.len() as i64)
        .fetch_all(&world.pool)
        .await?;
    Ok((rate, ids))
}

fn later() -> serde_json::Value {
    let at = time::OffsetDateTime::now_utc() + LATER;
    json!({"sendAt": [at.format(&time::format_description::well_known::Rfc3339).unwrap_or_default()]})
}

/// Rows written a second by `COPY`, of the same content under other ids.
async fn copy(world: &World, operations: &[Uuid]) -> anyhow::Result<f64> {
    let mut texts = Vec::new();
    for id in operations {
        let query = format!(
            "copy (select * from push_notifications where operation_id = '{id}') to stdout"
        );
        let mut connection = world.pool.acquire().await?;
        let mut stream = connection.copy_out_raw(&query).await?;
        let mut text = Vec::new();

        while let Some(chunk) = futures_util::StreamExt::next(&mut stream).await {
            text.extend_from_slice(&chunk?);
        }
        texts.push(String::from_utf8(text)?.replace(&id.to_string(), &Uuid::now_v7().to_string()));
    }

    let rows: usize = texts.iter().map(|text| text.lines().count()).sum();
    let started = Instant::now();

    for text in &texts {
        let mut connection = world.pool.acquire().await?;
        let mut copy = connection
            .copy_in_raw("copy push_notifications from stdin")
            .await?;
        copy.send(text.as_bytes()).await?;
        copy.finish().await?;
    }

    Ok(rows as f64 / started.elapsed().as_secs_f64())
}

/// Requests answered a second, each for one recipient, by callers who ask again as soon as they are
/// answered.
async fn single(world: &World, seconds: u64, later_on: bool) -> anyhow::Result<(usize, f64)> {
    let mut body = message(&devices("APN", "single", 1));
    if later_on {
        body["schedule"] = later();
    }

    let request = Arc::new(world.api.post_bytes(&body));
    let until = Instant::now() + Duration::from_secs(seconds);
    let started = Instant::now();
    let mut callers = Vec::new();

    for _ in 0..CALLERS {
        let mut connection = world.api.connect().await?;
        let request = Arc::clone(&request);
        callers.push(tokio::spawn(async move {
            let mut answered = 0;
            while Instant::now() < until {
                connection.call(&request).await?;
                answered += 1;
            }
            anyhow::Ok(answered)
        }));
    }

    let mut answered = 0;
    for caller in callers {
        answered += caller.await??;
    }
    Ok((answered, answered as f64 / started.elapsed().as_secs_f64()))
}

/// Sent a second, from the first POST until the last is recorded.
async fn sends(world: &mut World, seconds: u64) -> anyhow::Result<f64> {
    // What waits for its time weighs the same for everybody, but is not part of this.
    let started = Instant::now();
    let (answered, _) = single(world, seconds, false).await?;
    world.finished().await?;
    Ok(answered as f64 / started.elapsed().as_secs_f64())
}

/// Transactions a second of the rows that a single-recipient request makes, one statement each.
fn pgbench(world: &World, seconds: u64) -> anyhow::Result<f64> {
    let script = world.directory.path().join("single.sql");
    std::fs::write(&script, include_str!("single.sql"))?;

    let options = world.postgres.options(World::database());
    let socket = options.get_socket().context("no socket")?;
    let output = Command::new(pgbench_binary())
        .args([
            "-n",
            "-M",
            "prepared",
            "-j",
            "2",
            "-c",
            &PGBENCH_CALLERS.to_string(),
            "-T",
            &seconds.to_string(),
            "-f",
        ])
        .arg(&script)
        .arg("-h")
        .arg(socket)
        .args(["-U", options.get_username(), World::database()])
        .output()
        .context("pgbench can't be run")?;

    let text = String::from_utf8_lossy(&output.stdout);
    let line = text.lines().find_map(|line| line.strip_prefix("tps = "));
    let rate = line.and_then(|line| line.split_whitespace().next());
    let problem = || format!("pgbench said: {}", String::from_utf8_lossy(&output.stderr));

    Ok(rate.with_context(problem)?.parse()?)
}

/// Beside the server's other binaries, else from the path.
fn pgbench_binary() -> std::path::PathBuf {
    let installed = bellwire::dev::postgres::installed()
        .into_iter()
        .map(|binaries| binaries.directory.join("pgbench"));
    installed
        .into_iter()
        .find(|path| path.exists())
        .unwrap_or_else(|| "pgbench".into())
}
