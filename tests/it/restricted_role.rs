//! One role owns the tables and migrates, another serves with the rights that docs/operations.md
//! grants.

use std::process::{Command, Output};

use bellwire::dev::simulator::Options;
use sqlx::AssertSqlSafe;

use crate::support::client::{fcm, message};
use crate::support::database::Database;
use crate::support::process::Process;
use crate::support::service::World;

/// The statements of docs/operations.md, for the role `name`.
fn grants(name: &str) -> String {
    let document = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/operations.md");
    let text = std::fs::read_to_string(document).unwrap();
    let block = text
        .split("```sql\n")
        .find(|block| block.starts_with("create role push_service"))
        .unwrap();
    let statements = block.split("```").next().unwrap();

    statements
        .replace("push_service", name)
        .replace("push_owner", "current_user")
}

fn run(arguments: &[&str], url: &str) -> Output {
    Command::new(env!("CARGO_BIN_EXE_bellwire"))
        .args(arguments)
        .env("BELLWIRE__DATABASE__URL", url)
        .output()
        .unwrap()
}

/// A role that may do what the document grants, and the URL with which it logs in.
struct Role {
    name: String,
    url: String,
}

impl Role {
    async fn create(database: &Database) -> Self {
        let (server, database_name) = database.url.rsplit_once('/').unwrap();
        let name = format!("service_of_{database_name}");
        let statements = grants(&name);
        sqlx::raw_sql(AssertSqlSafe(statements))
            .execute(&database.pool)
            .await
            .unwrap();

        let (login, place) = server.rsplit_once('@').unwrap();
        let (scheme, _) = login.split_once("://").unwrap();
        Self {
            url: format!("{scheme}://{name}:secret@{place}/{database_name}"),
            name,
        }
    }

    async fn drop(self, database: &Database) {
        let drop = format!("drop owned by {0}; drop role {0}", self.name);
        sqlx::raw_sql(AssertSqlSafe(drop))
            .execute(&database.pool)
            .await
            .unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_that_owns_nothing_serves_what_the_owner_has_migrated() {
    let database = Database::empty().await;
    let role = Role::create(&database).await;
    assert!(run(&["migrate"], &database.url).status.success());

    let mut world = World::on(database, Options::default()).await;
    let caller = world.demo().await;
    world.database.url.clone_from(&role.url);
    let (process, client) = Process::serve(&world, &caller).await;
    let id = client.send(&message(&[fcm("a-device")])).await;
    assert_eq!(client.completed(&id).await["stats"]["sent"], 1);
    let device = serde_json::json!({"appName": "demo", "token": "a-device", "provider": "FCM"});
    assert_eq!(client.post("/DeviceRegistrations", &device).await.0, 202);
    let everyone = message(&[serde_json::json!({"audience": {}})]);
    let id = client.send(&everyone).await;
    assert_eq!(client.completed(&id).await["stats"]["sent"], 1);
    let (status, _) = client
        .post(&format!("/Operations/{id}/Cancel"), &serde_json::json!({}))
        .await;
    assert_eq!(status, 409, "it is settled");
    assert!(
        !process.log().contains("permission denied"),
        "{}",
        process.log()
    );

    // The commands for keys need no more.
    let listed = run(&["keys", "list"], &role.url);
    assert!(listed.status.success(), "{listed:?}");
    let created = run(&["keys", "create", "--account", "other"], &role.url);
    assert!(created.status.success(), "{created:?}");

    drop(process);
    role.drop(&world.database).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn partitions_that_a_role_may_not_make_are_left_to_the_owner() {
    let database = Database::new().await;
    let role = Role::create(&database).await;
    let owner_url = database.url.clone();
    let mut world = World::on(database, Options::default()).await;
    let caller = world.demo().await;
    world.database.url.clone_from(&role.url);

    let (process, client) = Process::serve(&world, &caller).await;
    process.logged("this role may not create partitions").await;
    let id = client.send(&message(&[fcm("a-device")])).await;
    assert_eq!(client.completed(&id).await["stats"]["sent"], 1);

    // The owner's command makes them; of today's, whose rows are in the default partition, there are
    // none.
    let made = run(&["retention"], &owner_url);
    assert!(made.status.success(), "{made:?}");
    let days: i64 =
        sqlx::query_scalar("select count(*) from pg_class where relname ~ '^operations_[0-9]{8}$'")
            .fetch_one(&world.database.pool)
            .await
            .unwrap();
    assert!(days >= 3, "{days}");

    drop(process);
    role.drop(&world.database).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_that_may_not_migrate_says_who_must() {
    let database = Database::empty().await;
    let role = Role::create(&database).await;

    let output = run(&["migrate"], &role.url);
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{error}");
    assert!(error.contains(&role.name), "{error}");
    assert!(
        error.contains("run `bellwire migrate` with the role that owns"),
        "{error}"
    );
    assert_eq!(error.lines().count(), 1, "{error}");
    role.drop(&database).await;
}
