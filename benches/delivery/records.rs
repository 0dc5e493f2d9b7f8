//! Records of earlier Operations, as many as one likes: copies of one that has been completed.

use sqlx::AssertSqlSafe;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::world::World;

/// Recipients of each.
pub const RECIPIENTS: usize = 10_000;

/// The ids of `count` Operations of the moment `at`, at most 4,096.
pub fn ids(at: OffsetDateTime, count: usize) -> Vec<Uuid> {
    let first = bellwire::model::id::lowest_id_at(at).as_u128() | 7 << 76 | 0b10 << 62;
    (0..count as u128)
        .map(|number| Uuid::from_u128(first | number << 64))
        .collect()
}

/// Copies a completed Operation of [`RECIPIENTS`], its batches, notifications and attempts, under
/// each of these ids.
pub async fn copy(world: &World, ids: &[Uuid]) -> anyhow::Result<()> {
    let source: Uuid = sqlx::query_scalar(
        "select id from operations where recipients = $1 and not exists (
             select from batches where operation_id = id and queued > 0
         ) order by id desc limit 1",
    )
    .bind(RECIPIENTS as i32)
    .fetch_one(&world.pool)
    .await?;

    for table in [
        "operations",
        "batches",
        "push_notifications",
        "delivery_attempts",
    ] {
        let key = if table == "operations" {
            "id"
        } else {
            "operation_id"
        };

        let columns: Vec<String> = sqlx::query_scalar(
            "select quote_ident(attname) from pg_attribute
             where attrelid = $1::regclass and attnum > 0 and not attisdropped and attname <> $2 order by attnum",
        )
        .bind(table)
        .bind(key)
        .fetch_all(&world.pool)
        .await?;

        let columns = columns.join(", ");
        let copy = format!(
            "insert into {table} ({key}, {columns})
             select copies.copy, {columns} from {table}, unnest($1::uuid[]) as copies (copy) where {key} = $2"
        );
        sqlx::query(AssertSqlSafe(copy))
            .bind(ids)
            .bind(source)
            .execute(&world.pool)
            .await?;
    }

    let vacuum = "vacuum analyze operations, batches, push_notifications, delivery_attempts";
    sqlx::raw_sql(vacuum).execute(&world.pool).await?;
    Ok(())
}
