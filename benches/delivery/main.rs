//! What Bellwire does on this machine, as a table: `cargo bench --bench delivery`. Postgres, the
//! simulator and the service run as processes of their own and share the machine with this one,
//! which makes the load.
//!
//! Figures of machines can't be compared; ratios of figures from one run can, and they are what the
//! table ends with.

#![allow(unreachable_pub, clippy::print_stdout, reason = "a benchmark")]
#![allow(
    clippy::cast_precision_loss,
    clippy::format_collect,
    clippy::format_push_string,
    clippy::disallowed_methods,
    reason = "figures and test data"
)]

mod accept;
mod api;
mod console;
mod control;
mod deliver;
mod growth;
mod held_transaction;
mod hostile_reads;
mod import;
mod isolation;
mod latency;
mod noisy_neighbour;
mod pace;
mod peers;
mod process;
mod raw;
mod reads;
mod receipts;
mod receiver;
mod recipients;
mod records;
mod report;
mod results;
mod retention;
mod scrape;
mod vitals;
mod webhooks;
mod wide_area;
mod world;

use std::path::PathBuf;

use clap::Parser;
use report::Report;
use world::World;

/// As the service has, so that *raw* is not slowed by another.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Sizes. The default ends within two minutes on 2 cores; `--full` takes the sizes of
/// docs/performance.md.
#[derive(Debug, Clone, Parser)]
struct Arguments {
    /// Recipients of the deliver row.
    #[arg(long, default_value_t = 50_000)]
    recipients: usize,
    /// Notifications of another Operation that single sends must pass.
    #[arg(long, default_value_t = 100_000)]
    queued: usize,
    /// Recipients of the large Operation whose reads are timed.
    #[arg(long, default_value_t = 100_000)]
    large: usize,
    /// Records of earlier Operations for the growth row; 0: leave it out.
    #[arg(long, default_value_t = 0)]
    retained: usize,
    /// Notifications of the day that the retention row drops.
    #[arg(long, default_value_t = 200_000)]
    expired: usize,
    /// Notifications for the provider that hangs in the isolation row.
    #[arg(long, default_value_t = 100_000)]
    hanging: usize,
    /// What share of its full size the neighbour's noise has; 1: that of docs/performance.md.
    #[arg(long, default_value_t = 0.02)]
    noise: f64,
    /// Notifications that each of two accounts has queued when they share.
    #[arg(long, default_value_t = 20_000)]
    shared: usize,
    /// How long a transaction is held open in the held-transaction row, in seconds.
    #[arg(long, default_value_t = 600)]
    held: u64,
    /// How long a row of single sends or reads lasts, in seconds.
    #[arg(long, default_value_t = 5)]
    seconds: u64,
    /// All sizes as in docs/performance.md.
    #[arg(long)]
    full: bool,
    /// Devices of the file in the import row.
    #[arg(long, default_value_t = 100_000)]
    imported: usize,
    /// Only these rows, separated by commas: raw, deliver, accept, latency, wide-area, pace,
    /// isolation, noisy-neighbour, hostile-reads, held-transaction, reads, scrape, retention, import, growth, peers,
    /// pause, operation-pace, webhooks, receipts, results, recipients, console.
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
    /// Also run the peers in bench/peers, which `bench/peers/install` must have installed.
    #[arg(long)]
    peers: bool,
    /// A file for the figures in JSON.
    #[arg(long)]
    json: Option<PathBuf>,
    /// What cargo passes to every benchmark.
    #[arg(long, hide = true)]
    bench: bool,
}

impl Arguments {
    fn sizes(mut self) -> Self {
        if self.full {
            self.recipients = 200_000;
            self.queued = 1_000_000;
            self.large = 1_000_000;
            self.retained = 10_000_000;
            self.expired = 2_000_000;
            self.hanging = 1_000_000;
            self.noise = 1.0;
            self.shared = 1_000_000;
            self.imported = 1_000_000;
            self.seconds = 15;
        }

        self
    }

    /// Whether a row is wanted that takes too long for the default.
    fn wants_long(&self, row: &str) -> bool {
        self.full && self.only.is_empty() || self.only.iter().any(|wanted| wanted == row)
    }

    fn wants(&self, row: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|wanted| wanted == row)
    }
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse().sizes();
    let mut report = Report::new(&arguments);
    let mut world = World::start().await?;
    // A run to warm up connections, plans and pages, without a figure.
    deliver::once(&world, 10_000, "warm-up").await?;

    if arguments.wants("raw") || arguments.wants("deliver") {
        deliver::run(&world, &arguments, &mut report).await?;
    }

    if arguments.wants("accept") {
        accept::run(&mut world, &arguments, &mut report).await?;
    }

    if arguments.peers && arguments.wants("peers") {
        peers::run(&world, &arguments, &mut report).await?;
    }

    if arguments.wants("latency") {
        latency::run(&mut world, &arguments, &mut report).await?;
    }

    if arguments.wants("wide-area") {
        wide_area::run(&world, &arguments, &mut report).await?;
    }

    if arguments.wants("pace") {
        pace::run(&mut world, &mut report).await?;
    }

    if arguments.wants("isolation") {
        isolation::run(&mut world, &arguments, &mut report).await?;
    }

    if arguments.wants_long("noisy-neighbour") {
        noisy_neighbour::run(&mut world, &arguments, &mut report).await?;
    }

    if arguments.wants_long("hostile-reads") {
        hostile_reads::run(&mut world, &arguments, &mut report).await?;
    }

    if arguments.wants_long("held-transaction") {
        held_transaction::run(&world, &arguments, &mut report).await?;
    }

    if arguments.wants("reads") {
        reads::run(&mut world, &arguments, &mut report).await?;
    }

    if arguments.wants("scrape") {
        scrape::run(&world, &arguments, &mut report).await?;
    }

    if arguments.wants_long("pause") {
        control::pause(&mut world, &arguments, &mut report).await?;
    }

    if arguments.wants_long("operation-pace") {
        control::pace(&mut world, &mut report).await?;
    }

    if arguments.wants_long("webhooks") {
        webhooks::run(&mut world, &arguments, &mut report).await?;
    }

    if arguments.wants_long("receipts") {
        receipts::run(&mut world, &arguments, &mut report).await?;
    }

    if arguments.wants_long("results") {
        results::run(&mut world, &arguments, &mut report).await?;
    }

    if arguments.wants_long("recipients") {
        recipients::run(&mut world, &arguments, &mut report).await?;
    }

    if arguments.wants_long("console") {
        console::run(&mut world, &arguments, &mut report).await?;
    }

    if arguments.wants("retention") {
        retention::run(&world, &arguments, &mut report).await?;
    }

    if arguments.wants("import") {
        import::run(&world, &arguments, &mut report).await?;
    }

    if arguments.wants("growth") && arguments.retained > 0 {
        growth::run(&mut world, &arguments, &mut report).await?;
    }
    report.print();

    if let Some(path) = &arguments.json {
        report.write(path)?;
    }
    Ok(())
}
