//! Whether many records of earlier Operations slow a send.

use bellwire::provider::Provider;
use sqlx::AssertSqlSafe;

use crate::Arguments;
use crate::deliver;
use crate::report::Report;
use crate::world::World;

/// Recipients of each earlier Operation.
const RECIPIENTS: usize = 10_000;

/// The rows *growth*.
pub async fn run(world: &mut World, arguments: &Arguments, report: &mut Report) -> anyhow::Result<()> {
    let before = "deliver APN, before";
    let after = format!("deliver APN, {} records retained", arguments.retained);
    report.add(before, deliver::to(world, Provider::Apn, arguments.recipients, "before").await?, "sent/s");
    retain(world, arguments.retained / RECIPIENTS).await?;
    deliver::once(world, 10_000, "warm-up after").await?;
    report.add(&after, deliver::to(world, Provider::Apn, arguments.recipients, "after").await?, "sent/s");
    report.ratio(&after, before, Some(0.9));
    Ok(())
}

/// Copies a completed Operation, its batches, notifications and attempts, under `count` other ids of today.
async fn retain(world: &World, count: usize) -> anyhow::Result<()> {
    let source: uuid::Uuid = sqlx::query_scalar(
        "select id from operations where recipients = $1 and not exists (
             select from batches where operation_id = id and queued > 0
         ) order by id desc limit 1",
    )
    .bind(RECIPIENTS as i32)
    .fetch_one(&world.pool)
    .await?;
    for table in ["operations", "batches", "push_notifications", "delivery_attempts"] {
        let key = if table == "operations" { "id" } else { "operation_id" };
        let columns: Vec<String> = sqlx::query_scalar(
            "select quote_ident(attname) from pg_attribute
             where attrelid = $1::regclass and attnum > 0 and not attisdropped order by attnum",
        )
        .bind(table)
        .fetch_all(&world.pool)
        .await?;
        let others: Vec<&str> = columns.iter().map(String::as_str).filter(|column| *column != key).collect();
        let copied: Vec<String> = others.iter().map(|column| format!("{table}.{column}")).collect();
        let (others, copied) = (others.join(", "), copied.join(", "));
        let copy = format!(
            "insert into {table} ({key}, {others})
             select (left('{source}', 14) || '7' || lpad(to_hex(copies.number), 3, '0') || substr('{source}', 19))::uuid, {copied}
             from {table}, generate_series(0, {}) as copies (number) where {key} = '{source}' and lpad(to_hex(copies.number), 3, '0') <> substr('{source}', 16, 3)",
            count - 1
        );
        sqlx::raw_sql(AssertSqlSafe(copy)).execute(&world.pool).await?;
    }
    sqlx::raw_sql("vacuum analyze operations, batches, push_notifications, delivery_attempts")
        .execute(&world.pool)
        .await?;
    Ok(())
}
