//! `PgBouncer` between the service and Postgres. Session mode works with no setting of `PgBouncer`'s
//! own; transaction and statement mode are refused. See `make drill-pgbouncer`.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use bellwire::dev::postgres::{Owner, PrivatePostgres};
use bellwire::dev::simulator::Options;
use serde_json::json;

use crate::support::client::{fcm, message};
use crate::support::database::Database;
use crate::support::eventually;
use crate::support::process::{Process, free_port};
use crate::support::service::World;

const WHY: &str = "needs PgBouncer: see `make drill-pgbouncer`";

/// A Postgres with a `PgBouncer` in front.
struct Pooled {
    /// Leads to Postgres itself.
    database: Database,
    /// Leads to the pooler.
    url: String,
    _pooler: Process,
    _postgres: PrivatePostgres,
    _directory: tempfile::TempDir,
}

fn program() -> PathBuf {
    ["/usr/sbin/pgbouncer", "/usr/local/bin/pgbouncer"]
        .into_iter()
        .map(PathBuf::from)
        .find(|path| path.exists())
        .unwrap_or_else(|| panic!("{WHY}"))
}

impl Pooled {
    /// `settings` are lines of its configuration.
    async fn start(settings: &str) -> Self {
        let directory = tempfile::Builder::new()
            .permissions(PermissionsExt::from_mode(0o755))
            .tempdir()
            .unwrap();
        let owner = Owner::choose().unwrap();
        let postgres = PrivatePostgres::start(&directory.path().join("postgres"))
            .await
            .unwrap();
        let database = Database::own(&postgres, &directory.path().join("socket")).await;
        let options = postgres.options("drill");
        let user = options.get_username();
        let port = free_port();

        let users = write(directory.path(), "users.txt", &format!("\"{user}\" \"\"\n"));
        let configuration = format!(
            "[databases]\n* = host={} port=5432\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\n\
             unix_socket_dir =\nauth_type = trust\nauth_file = {}\ndefault_pool_size = 60\n{settings}\n",
            options.get_socket().unwrap().display(),
            users.display(),
        );
        let configuration = write(directory.path(), "pgbouncer.ini", &configuration);
        let pooler = Process::spawn(owner.command(program()).arg(&configuration));
        pooler.logged("process up").await;

        Self {
            url: format!("postgres://{user}@127.0.0.1:{port}/drill?sslmode=disable"),
            database,
            _pooler: pooler,
            _postgres: postgres,
            _directory: directory,
        }
    }

    fn run(&self, argument: &str) -> (Option<i32>, String) {
        let output = Command::new(env!("CARGO_BIN_EXE_bellwire"))
            .arg(argument)
            .env("BELLWIRE__DATABASE__URL", &self.url)
            .env(
                "BELLWIRE__SECRETS__MASTER_KEY",
                bellwire::crypto::generate_master_key(),
            )
            .env("BELLWIRE__SERVER__LISTEN", "127.0.0.1:0")
            .env("BELLWIRE__METRICS__LISTEN", "")
            .output()
            .unwrap();
        (
            output.status.code(),
            String::from_utf8(output.stderr).unwrap(),
        )
    }

    /// How many locks are held that only one process may hold.
    async fn locks(&self) -> i64 {
        sqlx::query_scalar("select count(*) from pg_locks where locktype = 'advisory'")
            .fetch_one(&self.database.pool)
            .await
            .unwrap()
    }
}

fn write(directory: &Path, name: &str, content: &str) -> PathBuf {
    let path = directory.join(name);
    std::fs::write(&path, content).unwrap();
    path
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs PgBouncer: see `make drill-pgbouncer`"]
async fn session_mode_works_without_a_setting_of_its_own() {
    let pooled = Pooled::start("pool_mode = session").await;
    let url = pooled.url.clone();
    assert_eq!(pooled.run("migrate").0, Some(0));

    let Pooled {
        database,
        _pooler,
        _postgres,
        _directory,
        ..
    } = pooled;
    let mut world = World::on(database, Options::default()).await;
    let caller = world.demo().await;
    world.register_many(200).await;
    world.database.url = url;
    let (process, client) = Process::serve(&world, &caller).await;

    let recipients: Vec<_> = (0..2_000).map(|index| fcm(&format!("d{index}"))).collect();
    let id = client.send(&message(&recipients)).await;
    assert_eq!(client.completed(&id).await["stats"]["sent"], 2_000);
    let everyone = client.send(&message(&[json!({"audience": {}})])).await;
    assert_eq!(client.completed(&everyone).await["stats"]["sent"], 200);
    assert_eq!(
        client.all("?", "pushNotifications", 1_000).await.len(),
        2_200
    );

    // Sessions have the service's settings, and the listener hears of other processes.
    let settings: i64 = sqlx::query_scalar(
        "select count(*) from pg_stat_activity where query ~* '^listen' and datname = 'drill'",
    )
    .fetch_one(&world.database.pool)
    .await
    .unwrap();
    assert!(settings > 0);
    assert!(!process.log().contains("ERROR"), "{}", process.log());
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs PgBouncer: see `make drill-pgbouncer`"]
async fn modes_that_share_sessions_are_refused_in_one_sentence() {
    for mode in ["transaction", "statement"] {
        let pooled = Pooled::start(&format!("pool_mode = {mode}")).await;

        for command in ["serve", "migrate"] {
            let (code, error) = pooled.run(command);
            assert_eq!(code, Some(1), "{mode} {command}: {error}");
            assert!(
                error.contains("transaction or statement mode")
                    && error.contains("pool_mode = session"),
                "{mode} {command}: {error}"
            );
            assert_eq!(error.lines().count(), 1, "{mode} {command}: {error}");
        }
        assert_eq!(pooled.locks().await, 0, "{mode}");
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs PgBouncer: see `make drill-pgbouncer`"]
async fn a_failed_start_leaves_no_lock_on_a_pooled_session() {
    // Nothing resets a session before its next client.
    let pooled = Pooled::start("pool_mode = session\nserver_reset_query =").await;
    sqlx::query(
        "insert into _sqlx_migrations (version, description, success, checksum, execution_time)
         values (20990101000000, 'of a later release', true, '', 0)",
    )
    .execute(&pooled.database.pool)
    .await
    .unwrap();

    let (code, error) = pooled.run("serve");
    assert_eq!(code, Some(1), "{error}");
    assert!(
        error.contains("this release knows versions up to"),
        "{error}"
    );
    eventually("the locks to be released", async || {
        (pooled.locks().await == 0).then_some(())
    })
    .await;
}
