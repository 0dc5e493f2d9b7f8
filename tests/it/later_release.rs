//! Statements of this release beside the schema of a later one: while a later release migrates and
//! starts, this one goes on.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use serde_json::Value;
use sqlx::AssertSqlSafe;

use crate::support::database::Database;

/// Every table has these, so no release can add them.
const SYSTEM_COLUMNS: [&str; 6] = ["tableoid", "xmin", "cmin", "xmax", "cmax", "ctid"];

/// Whatever a later release calls its columns: here every table gets one of every name that any
/// statement uses. An unqualified column of joined tables is ambiguous then; one of an outer
/// statement means another one, of a type that nothing is compared with.
#[tokio::test(flavor = "multi_thread")]
async fn a_column_that_is_added_to_any_table_leaves_every_statement_as_it_is() {
    let database = Database::new().await;
    let statements = statements();
    assert!(statements.len() > 50, "are the statements read at all?");

    let names: BTreeSet<&str> = statements.iter().flat_map(|text| names(text)).collect();
    let columns: Vec<String> = names
        .iter()
        .filter(|name| !SYSTEM_COLUMNS.contains(name))
        .map(|name| format!(r#"add column if not exists "{name}" point"#))
        .collect();

    for table in tables(&database).await {
        run(
            &database,
            &format!("alter table {table} {}", columns.join(", ")),
        )
        .await
        .unwrap();
    }

    let mut broken = Vec::new();
    for text in &statements {
        if let Err(error) = run(&database, &format!("prepare statement as {text}")).await {
            broken.push(format!("{error} in:\n{text}"));
        }
    }

    assert_eq!(broken, [""; 0], "{}", broken.join("\n\n"));
}

/// On a connection that is not used again, so that a prepared statement ends with it.
async fn run(database: &Database, statement: &str) -> sqlx::Result<()> {
    let mut connection = database.pool.acquire().await.unwrap().detach();

    sqlx::raw_sql(AssertSqlSafe(format!(
        "set client_min_messages = error; {statement}"
    )))
    .execute(&mut connection)
    .await
    .map(drop)
}

async fn tables(database: &Database) -> Vec<String> {
    sqlx::query_scalar(
        "select relname::text
         from pg_class
         where relnamespace = current_schema()::regnamespace and relkind in ('r', 'p') and not relispartition
             and relname not like '\\_sqlx%'",
    )
    .fetch_all(&database.pool)
    .await
    .unwrap()
}

fn statements() -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(".sqlx");

    fs::read_dir(folder)
        .unwrap()
        .map(|file| {
            let file: Value =
                serde_json::from_str(&fs::read_to_string(file.unwrap().path()).unwrap()).unwrap();
            file["query"].as_str().unwrap().to_owned()
        })
        .collect()
}

/// The words of a statement, its columns among them; comments are left out.
fn names(statement: &str) -> Vec<&str> {
    statement
        .lines()
        .filter_map(|line| line.split("--").next())
        .flat_map(|line| line.split(|c: char| !(c.is_ascii_lowercase() || c == '_')))
        .filter(|word| !word.is_empty())
        .collect()
}
