//! A running service with a database and a simulator of its own.

use std::collections::HashMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use bellwire::app::{App, master_keys};
use bellwire::config::Config;
use bellwire::crypto::{generate_api_secret, generate_master_key, hash_api_secret, hash_token};
use bellwire::dev::simulator::behaviour::Faults;
use bellwire::dev::simulator::{Options, Simulator};
use bellwire::model::id::{AccountId, CredentialId, DeviceRegistrationId, UserId};
use bellwire::model::provider::CredentialType;
use bellwire::model::sealed::ContentOwner;
use bellwire::store::api_keys::{KnownKey, Role};
use bellwire::store::credentials::NewCredential;
use bellwire::store::{accounts, api_keys, credentials};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use tempfile::NamedTempFile;
use tokio::sync::OnceCell;
use uuid::Uuid;

use super::client::Client;
use super::database::{Database, is_on_citus};

/// A User's device, to be registered.
pub struct Device {
    pub provider: &'static str,
    pub token: String,
    pub tags: Option<Value>,
}

/// All that a service needs to run, and its configuration for tests. Waits between attempts are
/// short. Timeouts are long, so that a busy machine is not taken for a provider that fails.
pub struct World {
    pub database: Database,
    pub simulator: Simulator,
    pub config: Config,
    ca_file: NamedTempFile,
}

/// The directory of a simulator's keys, which all tests use: an RSA key takes longer to make than many a test.
async fn shared_keys() -> PathBuf {
    static ARE_MADE: OnceCell<()> = OnceCell::const_new();
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("simulator");

    ARE_MADE
        .get_or_init(async || {
            let options = Options {
                directory: Some(directory.clone()),
                ..Options::default()
            };
            Simulator::start(options).await.unwrap().stop().await;
        })
        .await;
    directory
}

impl World {
    pub async fn new() -> Self {
        Self::with(Options::default()).await
    }

    pub async fn with(options: Options) -> Self {
        Self::on(Database::new().await, options).await
    }

    /// A world with this database.
    pub async fn on(database: Database, mut options: Options) -> Self {
        if options.directory.is_none() && options.host_names.is_empty() {
            options.directory = Some(shared_keys().await);
        }
        let simulator = Simulator::start(options).await.unwrap();
        let mut ca_file = NamedTempFile::new().unwrap();
        ca_file.write_all(simulator.ca_pem.as_bytes()).unwrap();

        let mut config = Config::load(None).unwrap();
        config.server.listen = "127.0.0.1:0".parse().unwrap();
        config.server.drain_delay = Duration::ZERO;
        config.metrics.listen = Some("127.0.0.1:0".parse().unwrap());
        config.database.url = SecretString::from(database.url.clone());
        config.database.max_connections = 5;
        config.database.connect_timeout = Duration::from_secs(120);
        config.secrets.master_key = SecretString::from(generate_master_key());

        config.fcm.endpoint.clone_from(&simulator.fcm_url);
        config.fcm.token_uris = vec![simulator.token_uri.clone()];
        config.fcm.ca_file = Some(ca_file.path().to_owned());
        config.fcm.max_per_minute = 0;
        config.apns.endpoint.clone_from(&simulator.apns_url);
        config.apns.sandbox_endpoint.clone_from(&simulator.apns_url);
        config.apns.ca_file = Some(ca_file.path().to_owned());

        config.fcm.timeout = Duration::from_secs(30);
        config.apns.timeout = Duration::from_secs(30);
        config.delivery.lease = Duration::from_secs(60);
        config.delivery.grace = Duration::from_secs(60);
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
        let key = format!("SK{name}");
        let secret = generate_api_secret();
        let known = KnownKey {
            account_id,
            secret_hash: hash_api_secret(&secret),
            role: Role::Full,
            ended: None,
        };
        assert!(
            api_keys::insert(&self.database.pool, &key, &known)
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
        let owner = ContentOwner {
            account_id,
            app_name: "demo",
            credential_type,
            id,
        };
        let sealed = master_keys(&self.config)
            .unwrap()
            .seal_content(&owner, content.to_string().as_bytes())
            .unwrap();
        let new = NewCredential {
            id,
            account_id,
            app_name: "demo",
            credential_type,
            is_default: true,
            content: &sealed,
            details: None,
            expires_at: None,
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

    /// Another account, that can send to FCM with a Credential of its own.
    pub async fn neighbour(&self, name: &str) -> (AccountId, String, String) {
        let (account_id, key, secret) = self.account(name).await;
        self.credential(
            account_id,
            CredentialType::Fcm,
            &self.simulator.fcm_credential(),
        )
        .await;

        (account_id, key, secret)
    }

    /// Registers `count` Users with a device each in the App `demo`; every tenth device is tagged.
    pub async fn register_many(&self, count: usize) {
        let user = |number: usize| {
            vec![Device {
                provider: "FCM",
                token: format!("device-{number}"),
                tags: (number.is_multiple_of(10)).then(|| json!({"tier": "gold", "lang": "et"})),
            }]
        };
        let users: Vec<_> = (0..count).map(user).collect();
        self.register_users(&users).await;
    }

    /// Registers new Users with these devices in the App `demo`. Returns the ids of the devices, in
    /// this order.
    pub async fn register_users(&self, users: &[Vec<Device>]) -> Vec<Uuid> {
        let pool = &self.database.pool;
        let account_id: Uuid = sqlx::query_scalar("select id from accounts where name = 'demo'")
            .fetch_one(pool)
            .await
            .unwrap();
        let registrations: Vec<Uuid> = users
            .iter()
            .map(|_| DeviceRegistrationId::generate().as_uuid())
            .collect();
        let insert = "
            with person as (insert into users (id, account_id) select unnest($2::uuid[]), $1)
            insert into device_registrations (id, account_id, app_name, user_id)
            select id, $1, 'demo', user_id from unnest($3::uuid[], $2::uuid[]) as new (id, user_id)";
        let user_ids: Vec<Uuid> = users.iter().map(|_| UserId::generate().as_uuid()).collect();
        sqlx::query(insert)
            .bind(account_id)
            .bind(user_ids)
            .bind(&registrations)
            .execute(pool)
            .await
            .unwrap();

        let keys = master_keys(&self.config).unwrap();
        let devices: Vec<(Uuid, &Device)> = registrations
            .into_iter()
            .zip(users)
            .flat_map(|(registration, devices)| devices.iter().map(move |new| (registration, new)))
            .collect();
        let ids: Vec<Uuid> = devices.iter().map(|_| Uuid::now_v7()).collect();
        let of = |(id, (registration, device)): (&Uuid, &(Uuid, &Device))| {
            let token = keys
                .seal_device_token(account_id, *id, &device.token)
                .unwrap();
            let hash = hash_token(&device.token);
            (
                *registration,
                device.provider,
                token,
                hash,
                device.tags.clone(),
            )
        };
        let rows: Vec<_> = ids.iter().zip(&devices).map(of).collect();
        let insert = "
            insert into devices (id, registration_id, account_id, app_name, provider, token, token_hash, tags)
            select id, registration_id, $1, 'demo', provider::provider, token, hash, tags
            from unnest($2::uuid[], $3::uuid[], $4::text[], $5::bytea[], $6::bytea[], $7::jsonb[])
                as new (id, registration_id, provider, token, hash, tags)";
        sqlx::query(insert)
            .bind(account_id)
            .bind(&ids)
            .bind(rows.iter().map(|row| row.0).collect::<Vec<_>>())
            .bind(rows.iter().map(|row| row.1).collect::<Vec<_>>())
            .bind(rows.iter().map(|row| row.2.as_slice()).collect::<Vec<_>>())
            .bind(rows.iter().map(|row| row.3.as_slice()).collect::<Vec<_>>())
            .bind(rows.iter().map(|row| row.4.clone()).collect::<Vec<_>>())
            .execute(pool)
            .await
            .unwrap();
        ids
    }

    /// Sets how the simulator behaves from now on.
    pub async fn set_faults(&self, faults: Faults) {
        let url = format!("{}/faults", self.simulator.control_url);
        let answer = reqwest::Client::new().put(url).json(&faults).send().await;
        assert!(answer.unwrap().status().is_success());
    }

    /// The sums of what arrived at the simulator.
    pub async fn arrived(&self) -> Value {
        let url = format!("{}/summary", self.simulator.control_url);
        reqwest::get(url).await.unwrap().json().await.unwrap()
    }

    /// What arrived at the simulator, by token.
    pub async fn messages(&self) -> HashMap<String, Value> {
        let url = format!("{}/messages", self.simulator.control_url);
        reqwest::get(url).await.unwrap().json().await.unwrap()
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

    /// The command that runs the service as a separate process, listening on `port`.
    pub fn command(&self, port: u16) -> Command {
        let delivery = &self.config.delivery;
        let milliseconds = |duration: Duration| format!("{}ms", duration.as_millis());
        let mut command = Command::new(env!("CARGO_BIN_EXE_bellwire"));
        command
            .arg("serve")
            .env("BELLWIRE__SERVER__LISTEN", format!("127.0.0.1:{port}"))
            .env(
                "BELLWIRE__SERVER__DRAIN_DELAY",
                milliseconds(self.config.server.drain_delay),
            )
            .env("BELLWIRE__METRICS__LISTEN", "")
            .env("BELLWIRE__DATABASE__URL", &self.database.url)
            .env(
                "BELLWIRE__DATABASE__CONNECT_TIMEOUT",
                milliseconds(self.config.database.connect_timeout),
            )
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
            .env("BELLWIRE__DELIVERY__GRACE", milliseconds(delivery.grace))
            .env(
                "BELLWIRE__DELIVERY__MAX_ATTEMPTS",
                delivery.max_attempts.to_string(),
            )
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

    /// Sets how the simulator behaves from now on.
    pub async fn set_faults(&self, faults: Faults) {
        self.world.set_faults(faults).await;
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

    /// The sums of what arrived at the simulator.
    pub async fn arrived(&self) -> Value {
        self.world.arrived().await
    }

    /// Stops the service, and returns its world.
    pub async fn rest(self) -> World {
        self.app.stop().await;
        self.world
    }

    /// Stops the service, and compares every tally with the rows that it counts.
    pub async fn stop(self) {
        self.app.stop().await;
        assert_tallies(&self.world.database).await;
        self.world.simulator.stop().await;
    }
}

/// Asserts that every tally equals the count of its rows, that every attempt is on record, and that
/// notifications with an accepted attempt, and only those, are SENT.
pub async fn assert_tallies(database: &Database) {
    let mut wrong = wrong_tallies(database).await;

    // On Citus, a query does not see all machines at the same moment.
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
    // Compares sets instead of joining rows, because Citus can't join `batches` with distributed
    // tables.
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
