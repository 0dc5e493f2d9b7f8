//! Whether many records of earlier Operations slow a send.

use bellwire::model::provider::Provider;
use time::OffsetDateTime;

use crate::Arguments;
use crate::deliver;
use crate::records::{self, RECIPIENTS};
use crate::report::Report;
use crate::world::World;

/// The rows *growth*.
pub async fn run(
    world: &mut World,
    arguments: &Arguments,
    report: &mut Report,
) -> anyhow::Result<()> {
    let before = "deliver APN, before";
    let after = format!("deliver APN, {} records retained", arguments.retained);
    report.add(
        before,
        deliver::to(world, Provider::Apn, arguments.recipients, "before").await?,
        "sent/s",
    );

    records::copy(
        world,
        &records::ids(OffsetDateTime::now_utc(), arguments.retained / RECIPIENTS),
    )
    .await?;

    deliver::once(world, 10_000, "warm-up after").await?;
    report.add(
        &after,
        deliver::to(world, Provider::Apn, arguments.recipients, "after").await?,
        "sent/s",
    );

    report.ratio(&after, before, Some(0.9));
    Ok(())
}
