//! What a database holds, for commands that must not touch one that is in use for something else.

#![expect(
    clippy::disallowed_methods,
    reason = "the migrator's table is not known when compiling"
)]

use sqlx::PgConnection;
use uuid::Uuid;

use crate::model::sealed::SealedCredential;
use crate::store::schema::MIGRATOR;
use crate::store::sealed_secrets;

/// Most names of each kind that are read: an error names a few.
const MOST_NAMES: i64 = 5;

/// Most Credentials that are read.
const MOST_CONTENTS: i64 = 100;

/// What a database holds.
#[derive(Default)]
pub(crate) struct Inventory {
    /// Tables and views that are not Bellwire's: `schema.name`.
    pub other_tables: Vec<String>,
    /// The names of accounts besides the one asked for.
    pub other_accounts: Vec<String>,
    /// Credentials, the newest first.
    pub contents: Vec<SealedCredential>,
    /// The newest token of a registered device.
    pub registered: Option<RegisteredToken>,
}

pub(crate) struct RegisteredToken {
    pub account_id: Uuid,
    pub device_id: Uuid,
    pub token: Vec<u8>,
}

/// Looks at a database, and writes nothing. `account` is the name of the account that may be there.
pub(crate) async fn read(connection: &mut PgConnection, account: &str) -> sqlx::Result<Inventory> {
    let is_ours = is_migrated(connection).await?;
    let known = if is_ours { table_names() } else { Vec::new() };

    let mut inventory = Inventory {
        other_tables: other_tables(connection, &known).await?,
        ..Inventory::default()
    };

    // An older schema may lack tables; then what follows can't be read, and nothing is missed.
    let is_current = has_tables(connection, &["accounts", "credentials", "devices"]).await?;
    if !is_ours || !is_current {
        return Ok(inventory);
    }

    inventory.other_accounts = other_accounts(connection, account).await?;
    inventory.contents = sealed_secrets::newest_contents(&mut *connection, MOST_CONTENTS).await?;
    inventory.registered = registered(connection).await?;
    Ok(inventory)
}

/// The tables that the migrations create, and the migrator's own.
fn table_names() -> Vec<String> {
    let sql = MIGRATOR.iter().map(|migration| migration.sql.as_str());

    let mut names = vec!["_sqlx_migrations".to_owned()];
    names.extend(sql.flat_map(created_tables));
    names
}

/// The names after `create table` in `sql`.
fn created_tables(sql: &str) -> Vec<String> {
    // Comments are left out: a sentence in one of them may have the same words.
    let words: Vec<String> = sql
        .lines()
        .filter(|line| !line.trim_start().starts_with("--"))
        .flat_map(|line| {
            line.split(|character: char| character.is_whitespace() || character == '(')
        })
        .filter(|word| !word.is_empty())
        .map(str::to_ascii_lowercase)
        .collect();

    let is_create = |at: usize| words[at] == "create";
    let name_after = |at: usize| {
        let mut rest = words[at + 1..].iter().map(String::as_str).peekable();
        rest.next_if_eq(&"unlogged");
        rest.next_if_eq(&"table")?;
        for word in ["if", "not", "exists"] {
            rest.next_if_eq(&word);
        }
        rest.next().map(|name| name.trim_matches('"').to_owned())
    };

    (0..words.len())
        .filter(|at| is_create(*at))
        .filter_map(name_after)
        .collect()
}

/// Whether Bellwire's first migration was run here.
async fn is_migrated(connection: &mut PgConnection) -> sqlx::Result<bool> {
    if !has_tables(connection, &["_sqlx_migrations"]).await? {
        return Ok(false);
    }
    let Some(first) = MIGRATOR.iter().next() else {
        return Ok(false);
    };

    // Not checked when compiling: the table is the migrator's own.
    sqlx::query_scalar(
        "select exists (select from _sqlx_migrations where version = $1 and checksum = $2)",
    )
    .bind(first.version)
    .bind(first.checksum.as_ref())
    .fetch_one(connection)
    .await
}

async fn has_tables(connection: &mut PgConnection, names: &[&str]) -> sqlx::Result<bool> {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();

    sqlx::query_scalar!(
        r#"select coalesce(bool_and(to_regclass(name) is not null), true) as "all!" from unnest($1::text[]) as name"#,
        &names,
    )
    .fetch_one(connection)
    .await
}

/// Tables and views besides `known`, their partitions, and those of extensions.
async fn other_tables(
    connection: &mut PgConnection,
    known: &[String],
) -> sqlx::Result<Vec<String>> {
    sqlx::query_scalar!(
        r#"
        select format('%s.%s', pg_namespace.nspname, pg_class.relname) as "name!"
        from pg_class
        join pg_namespace on pg_namespace.oid = pg_class.relnamespace
        where pg_class.relkind in ('r', 'p', 'v', 'm', 'f')
            and not pg_class.relispartition
            and pg_namespace.nspname <> 'information_schema'
            and pg_namespace.nspname !~ '^pg_'
            and not exists (
                select from pg_depend
                where pg_depend.classid = 'pg_class'::regclass
                    and pg_depend.objid = pg_class.oid
                    and pg_depend.deptype = 'e'
            )
            and not (
                pg_namespace.nspname = current_schema()
                -- A partition that has just been detached, to be dropped, is Bellwire's too.
                and regexp_replace(pg_class.relname, '_[0-9]{8}$', '') = any($1::text[])
            )
        order by pg_namespace.nspname, pg_class.relname
        limit $2
        "#,
        known,
        MOST_NAMES,
    )
    .fetch_all(connection)
    .await
}

async fn other_accounts(connection: &mut PgConnection, account: &str) -> sqlx::Result<Vec<String>> {
    sqlx::query_scalar!(
        "select name from accounts where name <> $1 order by name limit $2",
        account,
        MOST_NAMES,
    )
    .fetch_all(connection)
    .await
}

async fn registered(connection: &mut PgConnection) -> sqlx::Result<Option<RegisteredToken>> {
    sqlx::query_as!(
        RegisteredToken,
        r#"select account_id, id as device_id, token from devices order by id desc limit 1"#,
    )
    .fetch_optional(connection)
    .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tables_of_the_migrations_are_known() {
        let names = table_names();

        for name in [
            "accounts",
            "credentials",
            "batches",
            "fanouts",
            "_sqlx_migrations",
        ] {
            assert!(names.iter().any(|known| known == name), "{name}: {names:?}");
        }
        assert_eq!(
            created_tables(
                "-- create table no\ncreate type t as enum ('x');\ncreate table if not exists \"a\"(id uuid);\n\
                 CREATE UNLOGGED TABLE b (\n id uuid)"
            ),
            ["a", "b"]
        );
    }
}
