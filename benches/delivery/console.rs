//! How soon the console's views are answered over many records, and what open dashboards cost a send.

use std::time::{Duration, Instant};

use anyhow::Context;
use bellwire::model::provider::Provider;
use serde_json::Value;
use time::OffsetDateTime;
use tokio::task::JoinHandle;

use crate::Arguments;
use crate::api::{Api, Visitor};
use crate::deliver;
use crate::process::Process;
use crate::records::{self, RECIPIENTS};
use crate::report::{Goal, Report, percentile};
use crate::world::World;

/// Visits of each view.
const VISITS: usize = 30;
/// Pages that show an Operation live.
const DASHBOARDS: usize = 50;
/// Rounds, of which the median counts: these machines are shared.
const ROUNDS: usize = 3;
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// The rows *console*: `--retained` records of the account whose console is looked at.
pub async fn run(
    world: &mut World,
    arguments: &Arguments,
    report: &mut Report,
) -> anyhow::Result<()> {
    deliver::to(world, Provider::Apn, RECIPIENTS, "console").await?;
    let copies = arguments.retained.max(RECIPIENTS) / RECIPIENTS;
    records::copy(world, &records::ids(OffsetDateTime::now_utc(), copies)).await?;
    world.restart().await?;

    let visitor = world.api.log_in().await?;
    for (view, path) in views(&world.api).await? {
        let mut times = Vec::new();
        for _ in 0..VISITS {
            let started = Instant::now();
            visitor.read(&path).await?;
            times.push(started.elapsed().as_secs_f64() * 1000.0);
        }
        report.goal(
            format!("console, {} records: {view}, slowest", copies * RECIPIENTS),
            percentile(&mut times, 1.0),
            "ms",
            Goal::AtMost(200.0),
        );
    }

    dashboards(world, &visitor, arguments, report).await
}

/// Each view, and where it is.
async fn views(api: &Api) -> anyhow::Result<Vec<(&'static str, String)>> {
    let id = |list: &Value, name: &str| -> anyhow::Result<String> {
        let id = list[name][0]["id"].as_str();
        Ok(id.context("an empty list")?.to_owned())
    };
    let operation = id(&api.get("/Operations?pageSize=1").await?, "operations")?;
    let path = format!("?operationId={operation}&pageSize=1");
    let list = api.get(&path).await?;
    let notification = id(&list, "pushNotifications")?;

    let views = [
        ("Operations", "operations".to_owned()),
        (
            "Operations that failed or were canceled, by tag",
            "operations?status=CANCELED&tags=campaign%3Anone".to_owned(),
        ),
        ("Operation", format!("operations/{operation}")),
        (
            "Operation, one code",
            format!("operations/{operation}?code=UNREGISTERED"),
        ),
        ("Notification", format!("notifications/{notification}")),
        ("Person, a search", "people".to_owned()),
        (
            "Person, by the end of a token",
            "people?find=%E2%80%A6abcdef".to_owned(),
        ),
        ("Send", "send".to_owned()),
        ("Queue", "queue".to_owned()),
        ("Credentials", "credentials".to_owned()),
        ("Webhooks", "webhooks".to_owned()),
        ("Keys", "keys".to_owned()),
        ("Audit log", "audit".to_owned()),
    ];
    Ok(views
        .map(|(view, path)| (view, format!("/console/{path}")))
        .into())
}

/// CPU seconds of the service and of Postgres for a send, without and with dashboards that show it.
async fn dashboards(
    world: &World,
    visitor: &Visitor,
    arguments: &Arguments,
    report: &mut Report,
) -> anyhow::Result<()> {
    let mut without = Vec::new();
    let mut with = Vec::new();
    // In turns, so that whatever else the machine does meets both.
    for round in 0..ROUNDS {
        without.push(cpu_of_send(world, visitor, arguments.recipients, round, 0).await?);
        with.push(cpu_of_send(world, visitor, arguments.recipients, round, DASHBOARDS).await?);
        world.forget().await?;
    }

    let without = percentile(&mut without, 0.5);
    let with = percentile(&mut with, 0.5);
    let send = format!("CPU of a send to {}", arguments.recipients);
    report.add(&send, without, "s");
    report.add(format!("{send}, {DASHBOARDS} dashboards open"), with, "s");
    Ok(())
}

async fn cpu_of_send(
    world: &World,
    visitor: &Visitor,
    recipients: usize,
    round: usize,
    dashboards: usize,
) -> anyhow::Result<f64> {
    let name = format!("dashboards {round} {dashboards}");
    let bodies = deliver::bodies(Provider::Apn, recipients, &name);
    let before = cpu(world).await?;

    let mut operations = Vec::new();
    let mut open: Vec<JoinHandle<()>> = Vec::new();
    for body in &bodies {
        operations.push(world.api.send(body).await?);
        // Half of the people look at the list, half at what has just been sent.
        if operations.len() == 1 {
            let paths = [
                "/console/operations/live".to_owned(),
                format!("/console/operations/{}/live", operations[0]),
            ];
            open = (0..dashboards)
                .map(|number| visitor.watch(&paths[number % paths.len()]))
                .collect();
        }
    }
    world.api.completed(&operations, LOOK_EVERY).await?;
    open.iter().for_each(JoinHandle::abort);

    Ok(cpu(world).await? - before)
}

/// CPU seconds of the service and of Postgres until now.
async fn cpu(world: &World) -> anyhow::Result<f64> {
    let backend: i32 = sqlx::query_scalar("select pg_backend_pid()")
        .fetch_one(&world.pool)
        .await?;
    let postgres = Process::parent_of(backend.cast_unsigned())?;

    Ok(world.service.cpu()? + Process::cpu_of_family(postgres)?)
}
