//! A running service with a database and a simulator of its own.

use std::io::Write;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use bellwire::app::{App, master_keys};
use bellwire::config::Config;
use bellwire::crypto::{generate_api_secret, generate_master_key, hash_api_secret, hash_token};
use bellwire::dev::simulator::behaviour::Faults;
use bellwire::dev::simulator::{Options, Simulator};
use bellwire::model::id::{AccountId, CredentialId, DeviceRegistrationId, UserId};
use bellwire::model::provider::CredentialType;
use bellwire::store::api_keys::Role;
use bellwire::store::credentials::NewCredential;
use bellwire::store::{accounts, api_keys, credentials};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use tempfile::NamedTempFile;
use uuid::Uuid;

use super::client::Client;
use super::database::{Database, is_on_citus};

/// Everything that a service needs to run, and its settings for tests: short waits.
pub struct World {
    pub database: Database,
    pub simulator: Simulator,
    pub config: Config,
    ca_file: NamedTempFile,
}

impl World {
    pub async fn new() -> Self {
        Self::with(Options::default()).await
    }

    pub async fn with(options: Options) -> Self {
        Self::on(Database::new().await, options).await
    }

    /// With a database that a test has made for itself.
    pub async fn on(database: Database, options: Options) -> Self {
        let simulator = Simulator::start(options).await.unwrap();
        let mut ca_file = NamedTempFile::new().unwrap();
        ca_file.write_all(simulator.ca_pem.as_bytes()).unwrap();
        let mut config = Config::load(None).unwrap();
        config.server.listen = "127.0.0.1:0".parse().unwrap();
        config.metrics.listen = Some("127.0.0.1:0".parse().unwrap());
        config.database.url = SecretString::from(database.url.clone());
        config.database.max_connections = 5;
        config.secrets.master_key = SecretString::from(generate_master_key());
        config.fcm.endpoint.clone_from(&simulator.fcm_url);
        config.fcm.token_uris = vec![simulator.token_uri.clone()];
        config.fcm.ca_file = Some(ca_file.path().to_owned());
        config.fcm.max_per_minute = 0;
        config.fcm.timeout = Duration::from_secs(5);
        config.apns.endpoint.clone_from(&simulator.apns_url);
        config.apns.sandbox_endpoint.clone_from(&simulator.apns_url);
        config.apns.ca_file = Some(ca_file.path().to_owned());
        config.apns.timeout = Duration::from_secs(5);
        config.delivery.lease = Duration::from_secs(10);
        config.delivery.retry_base = Duration::from_millis(50);
        config.delivery.retry_max = Duration::from_millis(500);
        config.delivery.poll_interval = Duration::from_millis(200);
        Self {
            database,
            simulator,
            config,
            ca_file,
        }
    }

    /// A new account with a key.
    pub async fn account(&self, name: &str) -> (AccountId, String, String) {
        let account_id = accounts::find_or_create(&self.database.pool, name)
            .await
            .unwrap();
        let (key, secret) = (format!("SK{name}"), generate_api_secret());
        assert!(
            api_keys::insert(
                &self.database.pool,
                account_id,
                &key,
                &hash_api_secret(&secret),
                Role::Full
            )
            .await
            .unwrap()
        );
        (account_id, key, secret)
    }

    /// A Credential in the App `demo`.
    pub async fn credential(
        &self,
        account_id: AccountId,
        credential_type: CredentialType,
        content: &Value,
    ) -> CredentialId {
        let id = CredentialId::generate();
        let sealed = master_keys(&self.config)
            .unwrap()
            .seal(id.as_uuid(), content.to_string().as_bytes())
            .unwrap();
        let new = NewCredential {
            id,
            account_id,
            app_name: "demo",
            credential_type,
            is_default: true,
            content: &sealed,
        };
        let mut connection = self.database.pool.acquire().await.unwrap();
        credentials::insert(&mut connection, &new).await.unwrap();
        id
    }

    /// An account `demo` that can send to both providers. Returns its client's key and secret.
    pub async fn demo(&self) -> (String, String) {
        let (account_id, key, secret) = self.account("demo").await;
        self.credential(
            account_id,
            CredentialType::Fcm,
            &self.simulator.fcm_credential(),
        )
        .await;
        self.credential(
            account_id,
            CredentialType::Apn,
            &self.simulator.apn_credential(),
        )
        .await;
        (key, secret)
    }

    /// Registers `count` Users with a device each in the App `demo`; every tenth device is tagged.
    pub async fn register_many(&self, count: usize) {
        let pool = &self.database.pool;
        let account_id: Uuid = sqlx::query_scalar("select id from accounts where name = 'demo'")
            .fetch_one(pool)
            .await
            .unwrap();
        let keys = master_keys(&self.config).unwrap();
        let (mut users, mut registrations, mut devices) = (Vec::new(), Vec::new(), Vec::new());
        let (mut tokens, mut hashes, mut tags) = (Vec::new(), Vec::new(), Vec::new());
        for number in 0..count {
            let token = format!("device-{number}");
            users.push(UserId::generate().as_uuid());
            registrations.push(DeviceRegistrationId::generate().as_uuid());
            devices.push(Uuid::now_v7());
            tokens.push(keys.seal_token(account_id, &token).unwrap());
            hashes.push(hash_token(&token));
            tags.push((number % 10 == 0).then(|| json!({"tier": "gold", "lang": "et"})));
        }
        let insert = "
            with person as (insert into users (id, account_id) select unnest($2::uuid[]), $1),
            registration as (
                insert into device_registrations (id, account_id, app_name, user_id)
                select id, $1, 'demo', user_id from unnest($3::uuid[], $2::uuid[]) as new (id, user_id)
            )
            insert into devices (id, registration_id, account_id, app_name, provider, token, token_hash, tags)
            select id, registration_id, $1, 'demo', 'FCM', token, hash, tags
            from unnest($4::uuid[], $3::uuid[], $5::bytea[], $6::bytea[], $7::jsonb[])
                as new (id, registration_id, token, hash, tags)";
        let query = sqlx::query(insert)
            .bind(account_id)
            .bind(users)
            .bind(registrations)
            .bind(devices);
        query
            .bind(tokens)
            .bind(hashes)
            .bind(tags)
            .execute(pool)
            .await
            .unwrap();
    }

    /// Gives every registered User a second device, which fails the first two times.
    pub async fn add_second_devices(&self) {
        let pool = &self.database.pool;
        let keys = master_keys(&self.config).unwrap();
        let registrations: Vec<(Uuid, Uuid)> =
            sqlx::query_as("select id, account_id from device_registrations")
                .fetch_all(pool)
                .await
                .unwrap();
        for (number, (registration, account_id)) in registrations.into_iter().enumerate() {
            let token = format!("second-{number}~UNAVAILABLE-2");
            let insert = "
                insert into devices (id, registration_id, account_id, app_name, provider, token, token_hash)
                values ($1, $2, $3, 'demo', 'FCM', $4, $5)";
            let query = sqlx::query(insert)
                .bind(Uuid::now_v7())
                .bind(registration)
                .bind(account_id);
            query
                .bind(keys.seal_token(account_id, &token).unwrap())
                .bind(hash_token(&token))
                .execute(pool)
                .await
                .unwrap();
        }
    }

    /// Starts the service in this process, for an account `demo`.
    pub async fn start(self) -> Service {
        let (key, secret) = self.demo().await;
        self.start_for(&key, &secret).await
    }

    /// Starts the service in this process, with a client that has this key.
    pub async fn start_for(self, key: &str, secret: &str) -> Service {
        let app = App::start(&self.config).await.unwrap();
        let url = format!("http://{}", app.addresses[0]);
        Service {
            client: Client::new(&url, key, secret),
            url,
            app,
            world: self,
        }
    }

    /// The service as a process of its own, listening on `port`.
    pub fn process(&self, port: u16) -> Child {
        self.command(port)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap()
    }

    /// The command of [`Self::process`].
    pub fn command(&self, port: u16) -> Command {
        let delivery = &self.config.delivery;
        let milliseconds = |duration: Duration| format!("{}ms", duration.as_millis());
        let mut command = Command::new(env!("CARGO_BIN_EXE_bellwire"));
        command
            .arg("serve")
            .env("BELLWIRE__SERVER__LISTEN", format!("127.0.0.1:{port}"))
            .env("BELLWIRE__METRICS__LISTEN", "")
            .env("BELLWIRE__DATABASE__URL", &self.database.url)
            .env(
                "BELLWIRE__SECRETS__MASTER_KEY",
                self.config.secrets.master_key.expose_secret(),
            )
            .env("BELLWIRE__FCM__ENDPOINT", &self.simulator.fcm_url)
            .env("BELLWIRE__FCM__TOKEN_URIS", &self.simulator.token_uri)
            .env("BELLWIRE__FCM__CA_FILE", self.ca_file.path())
            .env(
                "BELLWIRE__FCM__MAX_PER_MINUTE",
                self.config.fcm.max_per_minute.to_string(),
            )
            .env(
                "BELLWIRE__FCM__TIMEOUT",
                milliseconds(self.config.fcm.timeout),
            )
            .env("BELLWIRE__APNS__ENDPOINT", &self.config.apns.endpoint)
            .env(
                "BELLWIRE__APNS__CA_FILE",
                self.config
                    .apns
                    .ca_file
                    .as_deref()
                    .unwrap_or(self.ca_file.path()),
            )
            .env(
                "BELLWIRE__APNS__TIMEOUT",
                milliseconds(self.config.apns.timeout),
            )
            .env(
                "BELLWIRE__DELIVERY__MAX_CLAIMED",
                delivery.max_claimed.to_string(),
            )
            .env("BELLWIRE__DELIVERY__LEASE", milliseconds(delivery.lease))
            .env(
                "BELLWIRE__DELIVERY__RETRY_BASE",
                milliseconds(delivery.retry_base),
            )
            .env(
                "BELLWIRE__DELIVERY__RETRY_MAX",
                milliseconds(delivery.retry_max),
            )
            .env(
                "BELLWIRE__DELIVERY__POLL_INTERVAL",
                milliseconds(delivery.poll_interval),
            );
        command
    }
}

/// A service in this process.
pub struct Service {
    pub client: Client,
    pub url: String,
    pub app: App,
    pub world: World,
}

impl Service {
    pub async fn start() -> Self {
        World::new().await.start().await
    }

    /// What the simulator does from now on.
    pub async fn set_faults(&self, faults: Faults) {
        let url = format!("{}/faults", self.world.simulator.control_url);
        assert!(
            reqwest::Client::new()
                .put(url)
                .json(&faults)
                .send()
                .await
                .unwrap()
                .status()
                .is_success()
        );
    }

    /// The value of a metric without labels.
    pub async fn metric(&self, name: &str) -> f64 {
        let url = format!("http://{}/metrics", self.app.metrics_addresses[0]);
        let text = reqwest::get(url).await.unwrap().text().await.unwrap();
        let value = text
            .lines()
            .find_map(|line| line.strip_prefix(name)?.trim().parse().ok());
        value.unwrap_or(0.0)
    }

    /// What arrived at the simulator, in sums.
    pub async fn arrived(&self) -> Value {
        reqwest::get(format!("{}/summary", self.world.simulator.control_url))
            .await
            .unwrap()
            .json()
            .await
            .unwrap()
    }

    /// Stops the service alone.
    pub async fn rest(self) -> World {
        self.app.stop().await;
        self.world
    }

    /// Stops the service, and holds every tally against the rows that it counts.
    pub async fn stop(self) {
        self.app.stop().await;
        assert_tallies(&self.world.database).await;
        self.world.simulator.stop().await;
    }
}

/// Every tally equals a count of its rows, every attempt is on record, and what has an accepted one
/// is SENT.
pub async fn assert_tallies(database: &Database) {
    let mut wrong = wrong_tallies(database).await;
    // On Citus, nobody sees all machines at one moment.
    for _ in 0..20 {
        if wrong == [0; 4] || !is_on_citus() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
        wrong = wrong_tallies(database).await;
    }
    let [batches, operations, notifications, untrue] = wrong;
    assert_eq!(
        batches, 0,
        "batches whose tallies are not the counts of their rows"
    );
    assert_eq!(
        operations, 0,
        "Operations whose recipients are not those of their batches"
    );
    assert_eq!(
        notifications, 0,
        "notifications whose attempts are not on record"
    );
    assert_eq!(
        untrue, 0,
        "notifications that are SENT without an accepted attempt, or the other way round"
    );
}

async fn wrong_tallies(database: &Database) -> [i64; 4] {
    // Sets are compared rather than rows, since Citus joins no batches with what it has
    // distributed.
    let wrong: i64 = sqlx::query_scalar(
        "with batch as materialized (select * from batches),
         counted as materialized (
             select
                 batch.operation_id, batch.number,
                 count(*) filter (where status = 'QUEUED') as queued, count(*) filter (where status = 'SENT') as sent,
                 count(*) filter (where status = 'FAILED') as failed,
                 count(*) filter (where status = 'CANCELED') as canceled,
                 count(*) filter (where status = 'UNADDRESSABLE') as unaddressable
             from batch
             join push_notifications
                 on push_notifications.operation_id = batch.operation_id
                 and position >= first_position and position < first_position + size
             group by batch.operation_id, batch.number
         )
         select count(*) from (
             select operation_id, number, queued, sent, failed, canceled, unaddressable from batch
             except
             select operation_id, number, queued, sent, failed, canceled, unaddressable from counted
         ) as wrong",
    )
    .fetch_one(&database.pool)
    .await
    .unwrap();
    let uncounted: i64 = sqlx::query_scalar(
        "with operation as materialized (select id, recipients::bigint from operations),
         batch as materialized (select operation_id, sum(size) from batches group by operation_id)
         select count(*) from (
             (select * from operation where recipients > 0 except select * from batch)
             union all
             (select * from batch except select * from operation)
         ) as uncounted",
    )
    .fetch_one(&database.pool)
    .await
    .unwrap();
    let unrecorded: i64 = sqlx::query_scalar(
        "with notification as materialized (
             select operation_id, position, attempts::bigint from push_notifications where attempts > 0
         ),
         attempt as materialized (
             select operation_id, position, count(*) from delivery_attempts group by operation_id, position
         )
         select count(*) from (
             (select * from notification except select * from attempt)
             union all
             (select * from attempt except select * from notification)
         ) as unrecorded",
    )
    .fetch_one(&database.pool)
    .await
    .unwrap();
    let untrue: i64 = sqlx::query_scalar(
        "select count(*) from push_notifications
         where status <> 'QUEUED' and (status = 'SENT') <> exists (
             select from delivery_attempts
             where delivery_attempts.operation_id = push_notifications.operation_id
                 and delivery_attempts.position = push_notifications.position
                 and outcome = 'ACCEPTED'
         )",
    )
    .fetch_one(&database.pool)
    .await
    .unwrap();
    [wrong, uncounted, unrecorded, untrue]
}
