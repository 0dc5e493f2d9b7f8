//! What a team would otherwise use, on the same machine, with the same simulator: see
//! `bench/peers`.

use std::path::Path;
use std::process::Stdio;

use anyhow::{Context, bail};
use serde::Deserialize;
use sqlx::{Connection, Executor, PgConnection};
use tokio::process::Command;

use crate::Arguments;
use crate::report::Report;
use crate::world::World;

const DATABASE: &str = "peers";

/// A line that a peer prints.
#[derive(Deserialize)]
struct Figure {
    what: String,
    rate: f64,
    sent: usize,
    rss: f64,
}

/// The rows of the peers, and the ratios of ours to theirs.
pub async fn run(world: &World, arguments: &Arguments, report: &mut Report) -> anyhow::Result<()> {
    let mut connection = PgConnection::connect_with(&world.postgres.options("postgres")).await?;
    connection.execute("create database peers").await?;

    let count = arguments.recipients.min(100_000);
    let mut best_raw: f64 = 0.0;

    for figure in node(world, &["node-apn.mjs"], count).await? {
        // What loses notifications is no way to send them.
        if figure.sent == count {
            best_raw = best_raw.max(figure.rate);
        }
        note(report, &figure, count);
    }

    report.add("@parse/node-apn, the best", best_raw, "sent/s");

    for (way, count) in [
        ("single", count / 4),
        ("coalesced", count / 2),
        ("arriving", count / 4),
        ("bulk", count),
    ] {
        for figure in node(world, &["graphile-worker.mjs", way], count).await? {
            note(report, &figure, count);
        }
        world.forget().await?;
    }

    for figure in node(world, &["firebase-admin.mjs"], count / 4).await? {
        note(report, &figure, count / 4);
    }

    let python = Path::new(env!("CARGO_MANIFEST_DIR")).join("bench/peers/.venv/bin/python");
    for figure in figures(world, Command::new(python).arg("aioapns_raw.py"), count / 4).await? {
        note(report, &figure, count / 4);
    }
    report.ratio("deliver APN", "@parse/node-apn, the best", Some(1.5));
    report.ratio("deliver APN", "graphile-worker, single", Some(8.0));
    report.ratio("deliver APN", "graphile-worker, bulk", Some(2.0));
    report.ratio(
        "single sends, POST to SENT",
        "graphile-worker, coalesced",
        Some(1.5),
    );

    report.ratio(
        "single sends, POST to SENT",
        "graphile-worker, arriving",
        None,
    );

    report.ratio("deliver FCM", "firebase-admin, 500 tokens a call", None);
    report.ratio("deliver APN", "aioapns", None);
    world.forget().await
}

fn note(report: &mut Report, figure: &Figure, count: usize) {
    report.add(&figure.what, figure.rate, "sent/s");
    report.add(format!("peak RSS, {}", figure.what), figure.rss, "MB");

    if figure.sent < count {
        report.add(
            format!("NOT sent by {}", figure.what),
            (count - figure.sent) as f64,
            "",
        );
    }
}

async fn node(world: &World, arguments: &[&str], count: usize) -> anyhow::Result<Vec<Figure>> {
    figures(world, Command::new("node").args(arguments), count).await
}

async fn figures(
    world: &World,
    command: &mut Command,
    count: usize,
) -> anyhow::Result<Vec<Figure>> {
    let options = world.postgres.options(DATABASE);
    let output = command
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("bench/peers"))
        .env(
            "NODE_EXTRA_CA_CERTS",
            world.directory.path().join("simulator/ca.pem"),
        )
        .env(
            "BENCH_CREDENTIALS",
            world.directory.path().join("simulator"),
        )
        .env("BENCH_APNS", &world.config.apns.endpoint)
        .env("BENCH_FCM", &world.config.fcm.endpoint)
        .env("BENCH_COUNT", count.to_string())
        .env("PGHOST", options.get_socket().context("no socket")?)
        .env("PGUSER", options.get_username())
        .env("PGDATABASE", DATABASE)
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .output()
        .await
        .context("a peer can't be run: is it installed? See bench/peers/install")?;

    let text = String::from_utf8_lossy(&output.stdout);
    let figures: Vec<Figure> = text
        .lines()
        .filter_map(|line| serde_json::from_str(line).ok())
        .collect();

    if figures.is_empty() {
        bail!(
            "a peer gave no figure: {}{text}",
            String::from_utf8_lossy(&output.stderr)
        );
    }

    Ok(figures)
}
