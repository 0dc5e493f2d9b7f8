//! An index of a table with day partitions that was added after its rows.
//!
//! A migration can't build it: its statements are written before the days' partitions exist, and one
//! statement for all of them would block sends until it ends. So each partition's index is built
//! concurrently, and then attached to that of its table. A partition that is created later gets its
//! index with it. `indexes` and `batch_index` say when this happens, and who gives way to whom.

#![expect(
    clippy::disallowed_methods,
    reason = "the names of partitions are not known when compiling"
)]

use sqlx::{AssertSqlSafe, PgConnection};

pub(super) struct PartitionIndex {
    pub table: &'static str,
    /// The name of the table's own index.
    pub name: &'static str,
    /// The end of the name of a partition's index.
    pub suffix: &'static str,
    /// The columns, and the condition.
    pub columns: &'static str,
}

/// A partition whose index is not attached to that of its table.
pub(super) struct Partition {
    pub name: String,
    /// Whether its own index is there, and complete.
    has_index: bool,
}

impl PartitionIndex {
    /// The partitions that lack the index, or whose index is not attached.
    pub(super) async fn missing(
        &self,
        connection: &mut PgConnection,
    ) -> sqlx::Result<Vec<Partition>> {
        sqlx::query_as!(
            Partition,
            r#"
            select
                partition.relname::text as "name!",
                exists (
                    select
                    from pg_index
                    where pg_index.indrelid = partition.oid
                        and pg_index.indexrelid = to_regclass(partition.relname || '_' || $3)
                        and pg_index.indisvalid
                ) as "has_index!"
            from pg_inherits
            join pg_class as partition on partition.oid = pg_inherits.inhrelid
            where pg_inherits.inhparent = to_regclass($1)
                and not exists (
                    select
                    from pg_index
                    join pg_inherits as attached on attached.inhrelid = pg_index.indexrelid
                    where pg_index.indrelid = partition.oid and attached.inhparent = to_regclass($2)
                )
            order by partition.relname
            "#,
            self.table,
            self.name,
            self.suffix,
        )
        .fetch_all(connection)
        .await
    }

    /// Builds the index of a partition, unless it is there. Statements on the partition go on meanwhile.
    pub(super) async fn build(
        &self,
        connection: &mut PgConnection,
        partition: &Partition,
    ) -> sqlx::Result<()> {
        if partition.has_index {
            // An earlier run was interrupted before it attached the index.
            return Ok(());
        }
        let name = self.name_on(partition);

        // One that an interrupted build has left is not complete, and is never used.
        let leftover = format!("drop index concurrently if exists {name}");
        execute(connection, &leftover).await?;
        let build = format!(
            "create index concurrently {name} on {} {}",
            partition.name, self.columns
        );
        execute(connection, &build).await
    }

    /// The statement that attaches the index of a partition. It needs the partition for itself for a
    /// moment.
    pub(super) fn attach(&self, partition: &Partition) -> String {
        format!(
            "alter index {} attach partition {}",
            self.name,
            self.name_on(partition)
        )
    }

    fn name_on(&self, partition: &Partition) -> String {
        format!("{}_{}", partition.name, self.suffix)
    }
}

/// Names come from constants and the catalog's names of partitions, which are made of constants and
/// dates, so there is nothing to escape.
pub(super) async fn execute(connection: &mut PgConnection, statement: &str) -> sqlx::Result<()> {
    sqlx::query(AssertSqlSafe(statement.to_owned()))
        .execute(connection)
        .await
        .map(drop)
}
