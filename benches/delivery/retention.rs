//! Whether dropping a day slows a send.

use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::ensure;
use bellwire::model::provider::Provider;
use bellwire::store::partitions;
use time::OffsetDateTime;

use crate::Arguments;
use crate::deliver;
use crate::records::{self, RECIPIENTS};
use crate::report::{Goal, Report};
use crate::world::World;

/// How old the day is.
const DAYS: i64 = 10;

/// The rows *retention*.
pub async fn run(world: &World, arguments: &Arguments, report: &mut Report) -> anyhow::Result<()> {
    let old = OffsetDateTime::now_utc() - time::Duration::days(DAYS);
    let mut connection = world.pool.acquire().await?;
    partitions::create(&mut connection, old.date(), 1).await?;
    drop(connection);
    records::copy(
        world,
        &records::ids(old, arguments.expired.div_ceil(RECIPIENTS)),
    )
    .await?;

    deliver::once(world, 10_000, "warm-up retention").await?;

    let day = format!("a day of {}", arguments.expired);
    let beside = format!("deliver APN, {day} retained");
    let meanwhile = format!("deliver APN, {day} dropped during it");
    report.add(
        &beside,
        deliver::to(world, Provider::Apn, arguments.recipients, "beside").await?,
        "sent/s",
    );

    let dropping = async {
        // In the midst of the send.
        tokio::time::sleep(Duration::from_secs(1)).await;

        let mut command = Command::new(env!("CARGO_BIN_EXE_bellwire"));
        command
            .arg("retention")
            .env("BELLWIRE__DATABASE__URL", world.url());

        let began = Instant::now();
        let output = tokio::task::spawn_blocking(move || command.output()).await??;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        ensure!(
            output.status.success() && text.contains("past its retention"),
            "{text}"
        );
        Ok(began.elapsed().as_secs_f64() * 1000.0)
    };

    let sending = deliver::to(world, Provider::Apn, arguments.recipients, "meanwhile");
    let (rate, milliseconds) = tokio::try_join!(sending, dropping)?;
    report.add(&meanwhile, rate, "sent/s");
    report.goal(
        format!("{day} dropped in, process and all"),
        milliseconds,
        "ms",
        Goal::AtMost(1000.0),
    );

    report.ratio(&meanwhile, &beside, Some(0.9));
    Ok(())
}
