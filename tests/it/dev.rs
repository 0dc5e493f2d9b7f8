//! `bellwire dev` delivers from an empty folder, and leaves no process behind.

use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::process::{Child, Command, Stdio};

use bellwire::crypto::generate_master_key;
use bellwire::model::provider::CredentialType;
use bellwire::store::accounts;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use secrecy::ExposeSecret;
use serde_json::Value;

use crate::support::client::{Client, apn, fcm, message};
use crate::support::database::Database;
use crate::support::eventually;
use crate::support::process::Process;
use crate::support::service::World;

/// A directory that other users can enter: Postgres may run as one.
fn directory() -> tempfile::TempDir {
    let permissions = std::fs::Permissions::from_mode(0o755);
    tempfile::Builder::new()
        .permissions(permissions)
        .tempdir()
        .unwrap()
}

struct Dev {
    process: Child,
    /// What it printed at its start.
    text: String,
}

impl Dev {
    /// Starts it, and waits until it is ready.
    fn start(directory: &std::path::Path) -> Self {
        Self::run(dev(directory).env_remove("DATABASE_URL"))
    }

    /// Starts `command`, and waits until it is ready.
    fn run(command: &mut Command) -> Self {
        let mut process = command
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut output = BufReader::new(process.stdout.take().unwrap());
        let mut text = String::new();
        while !text.contains("Try: ") {
            let length = output.read_line(&mut text).unwrap();
            assert!(length > 0, "it ended: {text}");
        }
        assert!(text.starts_with("ready: "), "{text}");

        Self { process, text }
    }

    fn url(&self) -> &str {
        self.text
            .split_whitespace()
            .find(|word| word.starts_with("http://"))
            .unwrap()
    }

    /// The example command in its output.
    fn curl(&self) -> &str {
        self.text.split_once("Try: ").unwrap().1.trim()
    }

    /// The place that it printed for `name`.
    fn place(&self, name: &str) -> &str {
        let line = self
            .text
            .lines()
            .find_map(|line| line.trim().strip_prefix(name));
        line.unwrap_or_else(|| panic!("{name} is not in {}", self.text))
            .trim()
    }

    async fn stop(mut self) {
        kill(Pid::from_raw(self.process.id() as i32), Signal::SIGINT).unwrap();
        let status = eventually("its end", async || self.process.try_wait().unwrap()).await;
        assert!(status.success(), "{status}");
    }
}

impl Drop for Dev {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// `bellwire dev` with this directory.
fn dev(directory: &std::path::Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_bellwire"));
    command
        .args(["dev", "--port", "0", "--data-dir"])
        .arg(directory)
        .env_remove("BELLWIRE_CONFIG");
    command
}

/// Every table of a database with a digest of its rows.
async fn content_of(database: &Database) -> String {
    let content = "
        select coalesce(string_agg(format('%s %s', pg_class.oid::regclass, rows), ' ' order by relname), '')
        from pg_class
        cross join lateral query_to_xml(
            format(
                'select md5(string_agg(item::text, chr(10) order by item::text)) from %s as item',
                pg_class.oid::regclass
            ),
            false, true, ''
        ) as rows
        where relkind in ('r', 'p') and relnamespace = 'public'::regnamespace";

    sqlx::query_scalar(content)
        .fetch_one(&database.pool)
        .await
        .unwrap()
}

/// The command of the README's example, for this instance.
fn readme_example(dev: &Dev) -> String {
    let readme = include_str!("../../README.md");
    let example = readme
        .split_once("<!-- example: send -->\n```sh\n")
        .unwrap()
        .1;
    example
        .split_once("\n```")
        .unwrap()
        .0
        .replace("http://127.0.0.1:8080", dev.url())
}

/// Runs a curl command, and waits until what it sent has been delivered. Returns the Operation's
/// id.
async fn delivered(dev: &Dev, command: &str) -> String {
    let output = Command::new("sh")
        .args(["-c", &format!("{command} -sS")])
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    let accepted: Value =
        serde_json::from_str(&text).unwrap_or_else(|_| panic!("{command}: {text}{output:?}"));
    let id = accepted["operationId"].as_str().unwrap().to_owned();
    let operation = Client::new(dev.url(), "dev", "dev").completed(&id).await;
    assert_eq!(
        (&operation["stats"]["total"], &operation["stats"]["sent"]),
        (&2.into(), &2.into())
    );

    id
}

#[tokio::test(flavor = "multi_thread")]
async fn it_delivers_its_own_example_and_the_readmes_and_keeps_its_data() {
    let directory = directory();
    let dev = Dev::start(directory.path());
    delivered(&dev, dev.curl()).await;
    let id = delivered(&dev, &readme_example(&dev)).await;
    dev.stop().await;

    let dev = Dev::start(directory.path());
    let operation = Client::new(dev.url(), "dev", "dev")
        .read(&format!("/Operations/{id}"))
        .await;
    assert_eq!(operation["status"], "COMPLETED");
    dev.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn its_postgres_ends_with_it_even_by_kill_9() {
    let directory = directory();
    let dev = Dev::start(directory.path());
    let pid_file = directory.path().join("postgres/data/postmaster.pid");
    assert!(pid_file.exists());
    drop(dev);
    eventually("Postgres' end", async || (!pid_file.exists()).then_some(())).await;
    Dev::start(directory.path()).stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_is_in_use_is_refused_and_left_alone() {
    let shared = Database::empty().await;
    sqlx::query("create table orders (id integer)")
        .execute(&shared.pool)
        .await
        .unwrap();

    // Another service's, with the same migrator and a table of the same name.
    let namesake = Database::empty().await;
    for table in [
        "create table users (id integer)",
        "create table _sqlx_migrations (version bigint, success boolean, checksum bytea)",
    ] {
        sqlx::query(table).execute(&namesake.pool).await.unwrap();
    }

    let production = Database::new().await;
    accounts::find_or_create(&production.pool, "shop")
        .await
        .unwrap();

    // An account of the same name, with a Credential that another key has sealed.
    let world = World::new().await;
    let (account_id, ..) = world.account("dev").await;
    let content = world.simulator.fcm_credential();
    world
        .credential(account_id, CredentialType::Fcm, &content)
        .await;

    let simulator = directory();
    for name in ["fcm.json", "apn.json"] {
        std::fs::write(simulator.path().join(name), r#"{"content": {}}"#).unwrap();
    }

    for (database, expected) in [
        (&shared, "public.orders"),
        (&namesake, "public.users"),
        (&production, "'shop'"),
        (&world.database, "Credential comms_credential_"),
    ] {
        let before = content_of(database).await;
        let data = directory();
        let dev = dev(data.path())
            .args(["--database-url", &database.url])
            .output()
            .unwrap();
        let demo = Command::new(env!("CARGO_BIN_EXE_bellwire"))
            .args(["demo", "--directory"])
            .arg(simulator.path())
            .env_remove("BELLWIRE_CONFIG")
            .env("BELLWIRE__DATABASE__URL", &database.url)
            .env("BELLWIRE__SECRETS__MASTER_KEY", generate_master_key())
            .output()
            .unwrap();

        for output in [dev, demo] {
            let text = String::from_utf8_lossy(&output.stderr).into_owned();
            assert_eq!(output.status.code(), Some(1), "{text}");
            assert!(
                text.contains("error: the database is in use") && text.contains(expected),
                "{text} should contain {expected}"
            );
        }
        assert_eq!(content_of(database).await, before);
    }
    world.simulator.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_option_names_another_database_and_its_own_is_taken_again() {
    let of_the_shell = Database::empty().await;
    let named = Database::empty().await;
    let directory = directory();
    let start = || {
        Dev::run(
            dev(directory.path())
                .env("DATABASE_URL", &of_the_shell.url)
                .args(["--database-url", &named.url]),
        )
    };

    for _ in 0..2 {
        let dev = start();
        delivered(&dev, dev.curl()).await;
        dev.stop().await;
    }
    assert_eq!(content_of(&of_the_shell).await, "");

    let key_id: String = sqlx::query_scalar("select distinct master_key_id from credentials")
        .fetch_one(&named.pool)
        .await
        .unwrap();
    assert_eq!(key_id, "dev");
}

/// As in compose, where the simulator, the demo and the service are separate processes.
#[tokio::test(flavor = "multi_thread")]
async fn the_demo_works_with_a_simulator_that_runs_by_itself() {
    let world = World::new().await;
    let directory = tempfile::tempdir().unwrap();
    let bellwire = || {
        let mut command = Command::new(env!("CARGO_BIN_EXE_bellwire"));
        command
            .env_remove("DATABASE_URL")
            .env_remove("BELLWIRE_CONFIG");
        command
    };
    let demo = || {
        let mut command = bellwire();
        command.env("BELLWIRE__DATABASE__URL", &world.database.url);
        command.env(
            "BELLWIRE__SECRETS__MASTER_KEY",
            world.config.secrets.master_key.expose_secret(),
        );
        command
            .args(["demo", "--directory"])
            .arg(directory.path())
            .output()
            .unwrap()
    };
    let refused = demo();
    let text = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(
        refused.status.code() == Some(1) && text.contains("fcm.json"),
        "{text}"
    );

    let mut simulator = bellwire();
    simulator.args([
        "simulate",
        "--fcm-port",
        "0",
        "--apns-port",
        "0",
        "--control-port",
        "0",
        "--directory",
    ]);
    let mut simulator = simulator
        .arg(directory.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(simulator.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    let simulator = Dev {
        process: simulator,
        text: line,
    };
    let mut urls = simulator
        .text
        .split([' ', ','])
        .filter(|word| word.starts_with("https://"));
    let fcm_url = urls.next().unwrap();
    let apns_url = urls.next().unwrap();

    // The second run changes nothing.
    for _ in 0..2 {
        let output = demo();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(
            output.status.success() && text.starts_with("ready"),
            "{output:?}"
        );
    }

    let ca_file = directory.path().join("ca.pem").display().to_string();
    let environment = [
        ("BELLWIRE__FCM__ENDPOINT", fcm_url.to_owned()),
        ("BELLWIRE__FCM__TOKEN_URIS", format!("{fcm_url}/token")),
        ("BELLWIRE__FCM__CA_FILE", ca_file.clone()),
        ("BELLWIRE__APNS__ENDPOINT", apns_url.to_owned()),
        ("BELLWIRE__APNS__CA_FILE", ca_file),
    ];
    let caller = ("dev".to_owned(), "dev".to_owned());
    let (process, client) = Process::serve_with(&world, &caller, &environment).await;
    let id = client
        .send(&message(&[fcm("a-device"), apn("0a1b2c3d")]))
        .await;
    assert_eq!(client.completed(&id).await["stats"]["sent"], 2);
    drop(process);
    simulator.stop().await;
    world.simulator.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn it_says_where_everything_is() {
    let directory = directory();
    let dev = Dev::start(directory.path());

    for (name, expected) in [
        ("documentation", "swagger-ui"),
        ("metrics", "bellwire_"),
        ("arrived messages", "{"),
    ] {
        let answer = reqwest::get(dev.place(name)).await.unwrap();
        assert!(answer.status().is_success(), "{name}");
        let text = answer.text().await.unwrap();
        assert!(text.contains(expected), "{name}: {text}");
    }

    for file in [
        "ca.pem",
        "service-account.json",
        "AuthKey_DEMOKEY001.p8",
        "client-certificate.pem",
        "client-key.pem",
    ] {
        let path = directory.path().join("simulator").join(file);
        assert!(path.exists(), "{}", path.display());
    }

    let log = std::fs::read_to_string(dev.place("log")).unwrap();
    assert!(log.contains("INFO"), "{log}");

    let command = format!(
        "{} -Atc 'select count(*) from accounts'",
        dev.place("database")
    );
    let output = Command::new("sh").args(["-c", &command]).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout), "1\n", "{output:?}");

    dev.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_one_in_the_directory_is_refused_and_harms_nothing() {
    let directory = directory();
    let first = Dev::start(directory.path());

    let second = dev(directory.path())
        .env_remove("DATABASE_URL")
        .output()
        .unwrap();
    let error = String::from_utf8_lossy(&second.stderr);
    assert!(!second.status.success(), "{second:?}");
    assert!(
        error.contains(&format!("(process {})", first.process.id()))
            && error.contains("--data-dir"),
        "{error}"
    );
    assert_eq!(error.lines().count(), 1, "{error}");

    delivered(&first, first.curl()).await;
    first.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_taken_port_is_named_with_its_option() {
    let directory = directory();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();

    let output = Command::new(env!("CARGO_BIN_EXE_bellwire"))
        .args(["dev", "--port", &port, "--data-dir"])
        .arg(directory.path())
        .output()
        .unwrap();
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success(), "{output:?}");
    assert!(error.contains(&port) && error.contains("--port"), "{error}");
}
