//! How long a file of devices takes, alone and beside a send.

use std::fmt::Write;
use std::time::{Duration, Instant};

use anyhow::ensure;
use serde_json::Value;

use crate::Arguments;
use crate::api::{devices, message, token};
use crate::report::{Goal, Report};
use crate::world::World;

/// Devices of a User.
const DEVICES_OF_USER: usize = 2;
/// A second for this many rows: a million in a minute.
const ROWS_A_SECOND: f64 = 1_000_000.0 / 60.0;

/// The rows *import*.
pub async fn run(world: &World, arguments: &Arguments, report: &mut Report) -> anyhow::Result<()> {
    let rows = arguments.imported;
    let file = file(rows);

    let sending = async {
        let body = message(&devices("FCM", "beside an import", 10_000));
        let mut operations = Vec::new();
        for _ in 0..10 {
            operations.push(world.api.send(&body).await?);
        }
        world
            .api
            .completed(&operations, Duration::from_millis(100))
            .await
    };
    let began = Instant::now();
    let (import, ()) = tokio::try_join!(world.api.import(file.clone()), sending)?;
    check(&import, "created", rows)?;
    add(
        report,
        &format!("import of {rows} devices beside a send"),
        rows,
        began,
    );

    let began = Instant::now();
    let import = world.api.import(file).await?;
    check(&import, "unchanged", rows)?;
    add(report, "import of the same devices again", rows, began);

    Ok(())
}

fn add(report: &mut Report, what: &str, rows: usize, began: Instant) {
    let seconds = began.elapsed().as_secs_f64();

    report.add(what, seconds, "s");
    report.goal(
        format!("{what}, rows"),
        rows as f64 / seconds,
        "rows/s",
        Goal::AtLeast(ROWS_A_SECOND),
    );
}

fn check(import: &Value, count: &str, rows: usize) -> anyhow::Result<()> {
    ensure!(import["status"] == "COMPLETED", "{import}");
    ensure!(import[count] == rows, "{import}");
    Ok(())
}

fn file(rows: usize) -> String {
    let mut file = String::from("appName,provider,token,externalId,language,tags\n");
    for number in 0..rows {
        let token = token("FCM", "import", number);
        let user = number / DEVICES_OF_USER;
        let _ = writeln!(file, "demo,FCM,{token},customer-{user},en,plan:free");
    }

    file
}
