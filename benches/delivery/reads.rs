//! How long reads take, idle and during a send: an Operation of 10,000 recipients, a large one,
//! lists.

use std::time::{Duration, Instant};

use bellwire::model::provider::Provider;
use serde_json::json;
use sqlx::AssertSqlSafe;
use uuid::Uuid;

use crate::Arguments;
use crate::api::{Api, token};
use crate::deliver;
use crate::report::{Goal, Report, percentile};
use crate::world::World;

/// Reads come at least this far apart.
const EVERY: Duration = Duration::from_millis(5);
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// The rows *reads*, and *RSS* of a broadcast.
pub async fn run(
    world: &mut World,
    arguments: &Arguments,
    report: &mut Report,
) -> anyhow::Result<()> {
    deliver::to(world, Provider::Apn, 10_000, "reads").await?;

    let small = newest(world).await?;
    register(world, arguments.large).await?;
    world.restart().await?;

    let began = Instant::now();
    let message = json!({"to": [{"audience": {}}], "content": {"title": "a", "body": "b"}});
    let large = world.api.send(&message).await?;
    report.add(
        format!("broadcast to {}: answered in", arguments.large),
        began.elapsed().as_secs_f64() * 1000.0,
        "ms",
    );

    let paths = [
        (
            format!("GET Operation of {}", arguments.large),
            format!("/Operations/{large}"),
        ),
        (
            "GET Operation of 10000".to_owned(),
            format!("/Operations/{small}"),
        ),
        (
            "list of 50 Operations".to_owned(),
            "/Operations?pageSize=50".to_owned(),
        ),
        (
            "list of 1000 Operations".to_owned(),
            "/Operations?pageSize=1000".to_owned(),
        ),
    ];

    let duration = Duration::from_secs(arguments.seconds) / paths.len() as u32;
    for (what, path) in &paths {
        let mut times = read(&world.api, path, duration).await?;
        let name = format!("{what}, during a send, p99");
        let goal = path.contains(&large).then_some(Goal::AtMost(20.0));

        match goal {
            Some(goal) => report.goal(name, percentile(&mut times, 0.99), "ms", goal),
            None => report.add(name, percentile(&mut times, 0.99), "ms"),
        }
    }

    let status = world.api.get(&format!("/Operations/{large}")).await?["status"].clone();
    report.add(
        "the send was still going on after these (1: yes)",
        f64::from(u8::from(status == "PROCESSING")),
        "",
    );

    let peak = wait(world, &large).await?;
    report.add(
        format!("broadcast to {}: completed after", arguments.large),
        began.elapsed().as_secs_f64(),
        "s",
    );

    report.goal(
        format!("peak RSS, broadcast to {}", arguments.large),
        peak,
        "MB",
        Goal::AtMost(150.0),
    );

    for (what, path) in &paths {
        let mut times = read(&world.api, path, duration).await?;
        report.add(
            format!("{what}, idle, p99"),
            percentile(&mut times, 0.99),
            "ms",
        );
    }

    world.forget().await
}

async fn newest(world: &World) -> anyhow::Result<String> {
    let list = world.api.get("/Operations?pageSize=1").await?;
    let id = &list["operations"][0]["id"];
    Ok(id
        .as_str()
        .ok_or_else(|| anyhow::anyhow!("no Operation: {list}"))?
        .to_owned())
}

async fn wait(world: &World, operation: &str) -> anyhow::Result<f64> {
    let mut peak: f64 = 0.0;
    while world.api.get(&format!("/Operations/{operation}")).await?["status"] != "COMPLETED" {
        peak = peak.max(world.service.rss()?);
        tokio::time::sleep(LOOK_EVERY).await;
    }
    Ok(peak)
}

/// Milliseconds that each read took.
async fn read(api: &Api, path: &str, duration: Duration) -> anyhow::Result<Vec<f64>> {
    let request = api.get_bytes(path);
    let mut connection = api.connect().await?;
    let began = Instant::now();
    let mut ticks = tokio::time::interval(EVERY);
    let mut times = Vec::new();

    while began.elapsed() < duration {
        ticks.tick().await;

        let started = Instant::now();
        connection.call(&request).await?;
        times.push(started.elapsed().as_secs_f64() * 1000.0);
    }

    Ok(times)
}

/// Registers `count` Users with one device each: straight into the tables, since what is measured
/// comes after.
pub async fn register(world: &World, count: usize) -> anyhow::Result<()> {
    let account = world.account_id.as_uuid();
    let account_id = world.account_id.as_uuid();
    let known: i64 = sqlx::query_scalar("select count(*) from users where account_id = $1")
        .bind(account)
        .fetch_one(&world.pool)
        .await?;
    let known = known as usize;
    anyhow::ensure!(
        known == 0 || known == count,
        "{known} Users are registered already"
    );
    if known == count {
        return Ok(());
    }

    for first in (0..count).step_by(10_000) {
        let mut texts = [String::new(), String::new(), String::new()];
        for number in first..count.min(first + 10_000) {
            let [user, registration, device] = [Uuid::now_v7(), Uuid::now_v7(), Uuid::now_v7()];
            let token = token("FCM", "user", number);
            let sealed = hex(&world
                .master_keys
                .seal_device_token(account_id, device, &token)?);
            let hash = hex(&bellwire::crypto::hash_token(&token));
            texts[0] += &format!("{user}\t{account}\n");
            texts[1] += &format!("{registration}\t{account}\tdemo\t{user}\n");
            texts[2] +=
                &format!("{device}\t{registration}\t{account}\tdemo\tFCM\t{sealed}\t{hash}\n");
        }

        let tables = [
            "users (id, account_id)",
            "device_registrations (id, account_id, app_name, user_id)",
            "devices (id, registration_id, account_id, app_name, provider, token, token_hash)",
        ];

        for (table, text) in tables.iter().zip(&texts) {
            let mut connection = world.pool.acquire().await?;
            let mut copy = connection
                .copy_in_raw(&format!("copy {table} from stdin"))
                .await?;
            copy.send(text.as_bytes()).await?;
            copy.finish().await?;
        }
    }

    sqlx::raw_sql(AssertSqlSafe(
        "vacuum analyze users, device_registrations, devices",
    ))
    .execute(&world.pool)
    .await?;

    Ok(())
}

/// As `COPY` reads a `bytea`.
fn hex(bytes: &[u8]) -> String {
    let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("\\\\x{digits}")
}
