//! Postgres vanishes without a word, or takes no writes for a while. The service goes on by itself
//! when Postgres does.

use std::time::{Duration, Instant};

use bellwire::dev::postgres::PrivatePostgres;
use bellwire::dev::simulator::Options;
use reqwest::Method;
use secrecy::SecretString;
use serde_json::{Value, json};
use sqlx::AssertSqlSafe;

use crate::support::client::{fcm, message};
use crate::support::database::Database;
use crate::support::eventually;
use crate::support::proxy::Proxy;
use crate::support::service::{Service, World};

/// How soon everything must work again. It takes about 15 s, and longer on a busy machine. TCP alone
/// would give up a silent connection after 15 minutes.
const RECOVERY: Duration = Duration::from_mins(2);

/// A service that reaches Postgres through a proxy.
struct Proxied {
    service: Service,
    proxy: Proxy,
    _postgres: PrivatePostgres,
    _directory: tempfile::TempDir,
}

impl Proxied {
    async fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let postgres = PrivatePostgres::start(&directory.path().join("postgres"))
            .await
            .unwrap();
        let database = Database::own(&postgres, &directory.path().join("socket")).await;

        let options = postgres.options("drill");
        let socket = options.get_socket().unwrap().join(".s.PGSQL.5432");
        let proxy = Proxy::start(socket).await;
        let mut world = World::on(database, Options::default()).await;
        world.config.database.url = SecretString::from(format!(
            "postgres://{}@{}/drill?sslmode=disable",
            options.get_username(),
            proxy.address
        ));
        world.config.database.connect_timeout = Duration::from_secs(30);

        let (key, secret) = world.demo().await;
        world.register_many(20).await;
        Self {
            service: world.start_for(&key, &secret).await,
            proxy,
            _postgres: postgres,
            _directory: directory,
        }
    }
}

/// Waits until a GET of `path` succeeds.
async fn reads(service: &Service, path: &str) {
    eventually(path, async || {
        let request = service.client.request(Method::GET, path);
        let answer = request.timeout(RECOVERY).send().await.ok()?;
        answer.status().is_success().then_some(())
    })
    .await;
}

/// Sends until a send is accepted. Returns the Operation's id.
async fn sends(service: &Service, body: &Value) -> String {
    eventually("a send to be accepted", async || {
        let (status, answer) = service.client.post("", body).await;
        (status == 202).then(|| answer["operationId"].as_str().unwrap().to_owned())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_that_go_silent_are_given_up_and_everything_recovers() {
    let drill = Proxied::start().await;
    let service = &drill.service;
    let id = service.client.send(&message(&[fcm("before")])).await;
    service.client.completed(&id).await;

    // Reads of single records and of lists are under way when all connections go silent.
    let under_way: Vec<_> = ["/Operations", "/Apps/demo", "/Users", "", "/Credentials"]
        .into_iter()
        .cycle()
        .take(20)
        .map(|path| tokio::spawn(service.client.request(Method::GET, path).send()))
        .collect();
    let silenced = Instant::now();
    drill.proxy.silence();

    reads(service, "/Operations").await;
    reads(service, "/Apps/demo").await;
    let id = sends(service, &message(&[fcm("after")])).await;
    let everyone = sends(service, &message(&[json!({"audience": {}})])).await;
    assert_eq!(service.client.completed(&id).await["stats"]["sent"], 1);
    assert_eq!(
        service.client.completed(&everyone).await["stats"]["sent"],
        20
    );

    let ready = reqwest::get(format!("{}/readyz", service.url)).await;
    assert_eq!(ready.unwrap().status(), 200);
    for request in under_way {
        let _ = request.await.unwrap();
    }
    assert!(silenced.elapsed() < RECOVERY, "{:?}", silenced.elapsed());

    // The listener has noticed too, although nothing was sent on its connection.
    eventually("the service to listen again", async || {
        let listening: i64 = sqlx::query_scalar(
            "select count(*) from pg_stat_activity
             where datname = current_database() and backend_start > now() - $1 and (query ~* '^listen' or query = 'select 1')",
        )
        .bind(sqlx::postgres::types::PgInterval::try_from(whole(silenced.elapsed())).unwrap())
        .fetch_one(&service.world.database.pool)
        .await
        .unwrap();
        (listening > 0).then_some(())
    })
    .await;
    drill.service.stop().await;
}

/// Postgres' intervals have whole microseconds.
fn whole(duration: Duration) -> Duration {
    Duration::from_micros(duration.as_micros() as u64)
}

/// Makes the database read-only for sessions that begin from now on, or writable.
async fn set_read_only(database: &Database, is_read_only: bool) {
    let name = database.url.rsplit_once('/').unwrap().1;
    let value = if is_read_only { "on" } else { "off" };
    let statement = format!("alter database {name} set default_transaction_read_only = {value}");

    // This session began before, or sets itself free.
    let mut connection = database.pool.acquire().await.unwrap();
    sqlx::raw_sql(AssertSqlSafe(format!(
        "set default_transaction_read_only = off; {statement}"
    )))
    .execute(&mut *connection)
    .await
    .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_was_read_only_is_written_to_again_without_a_restart() {
    let world = World::new().await;
    let (key, secret) = world.demo().await;
    world.register_many(5).await;
    let service = world.start_for(&key, &secret).await;
    let database = &service.world.database;
    let device = json!({"appName": "demo", "token": "a-device", "provider": "FCM"});

    set_read_only(database, true).await;
    sqlx::query(
        "select pg_terminate_backend(pid) from pg_stat_activity
         where datname = current_database() and application_name ~ '^bellwire'",
    )
    .execute(&database.pool)
    .await
    .unwrap();
    eventually("the service to be not ready", async || {
        let answer = reqwest::get(format!("{}/readyz", service.url))
            .await
            .unwrap();
        let status = answer.status();
        let body: Value = answer.json().await.unwrap();
        let reason = body["reason"].as_str().unwrap_or_default().to_owned();
        (status == 503 && reason.contains("takes no writes")).then_some(())
    })
    .await;

    // What only reads still works; what writes is refused for now.
    reads(&service, "/Operations").await;
    let refused = service
        .client
        .request(Method::POST, "/DeviceRegistrations")
        .json(&device)
        .send()
        .await
        .unwrap();
    assert_eq!(refused.status(), 503);
    assert!(refused.headers().contains_key("retry-after"));
    let (status, answer) = service.client.post("", &message(&[fcm("a")])).await;
    assert_eq!(status, 503, "{answer}");
    let metrics = format!("http://{}/metrics", service.app.metrics_addresses[0]);
    let metrics = reqwest::get(metrics).await.unwrap().text().await.unwrap();
    assert!(
        metrics.contains("bellwire_postgres_read_only 1"),
        "{metrics}"
    );

    let writable = Instant::now();
    set_read_only(database, false).await;
    eventually("the service to be ready", async || {
        let answer = reqwest::get(format!("{}/readyz", service.url))
            .await
            .unwrap();
        (answer.status() == 200).then_some(())
    })
    .await;
    eventually("a device to be registered", async || {
        let (status, _) = service.client.post("/DeviceRegistrations", &device).await;
        (status == 202).then_some(())
    })
    .await;
    let id = sends(&service, &message(&[json!({"audience": {}})])).await;
    assert_eq!(service.client.completed(&id).await["stats"]["sent"], 6);
    assert!(writable.elapsed() < RECOVERY, "{:?}", writable.elapsed());
    service.stop().await;
}
