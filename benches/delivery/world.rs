//! A private Postgres that waits for the disk, the simulator and the service, each a process of its
//! own.

use std::net::TcpListener;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, bail};
use bellwire::config::Config;
use bellwire::crypto::{MasterKeys, generate_api_secret, generate_master_key, hash_api_secret};
use bellwire::dev::postgres::PrivatePostgres;
use bellwire::model::id::AccountId;
use bellwire::store::api_keys::{KnownKey, Role};
use bellwire::store::pool::{self, Pool, PoolParams};
use bellwire::store::{accounts, api_keys, schema};
use serde_json::Value;
use sqlx::postgres::{PgPool, PgPoolOptions};
use sqlx::{Connection, PgConnection};
use tempfile::TempDir;

use crate::api::Api;
use crate::process::Process;

const DATABASE: &str = "bench";
const KEY: &str = "SKbench";

/// Everything that runs.
pub struct World {
    pub api: Api,
    pub account_id: AccountId,
    pub master_keys: MasterKeys,
    /// The service's settings.
    pub config: Config,
    pub pool: PgPool,
    pub service: Process,
    pub control_url: String,
    pub metrics_url: String,
    master_key: String,
    simulator: Process,
    pub postgres: PrivatePostgres,
    pub directory: TempDir,
}

impl World {
    /// Starts everything, with a Credential of each provider in the App `demo`.
    pub async fn start() -> anyhow::Result<Self> {
        let directory = TempDir::new()?;
        let postgres = PrivatePostgres::start(&directory.path().join("postgres")).await?;
        let mut connection =
            PgConnection::connect_with(&postgres.options(PrivatePostgres::MAINTENANCE)).await?;
        pool::create_database(&mut connection, DATABASE).await?;

        let connections = Pool::new(PoolParams {
            options: postgres.options(DATABASE),
            max_connections: 1,
            acquire_timeout: Duration::from_secs(30),
            limit: Duration::from_secs(60),
            statement_timeout: Duration::from_secs(60),
        });
        schema::migrate(&connections).await?;
        let pool = PgPoolOptions::new()
            .max_connections(4)
            .connect_lazy_with(postgres.options(DATABASE));

        let (simulator, address) = simulate(&directory.path().join("simulator"), &[])?;
        let master_key = generate_master_key();
        let secret = generate_api_secret();
        let account_id = accounts::find_or_create(&pool, "bench").await?;
        let key = KnownKey {
            account_id,
            secret_hash: hash_api_secret(&secret),
            role: Role::Full,
            ended: None,
        };
        api_keys::insert(&pool, KEY, &key).await?;

        let listen = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let mut config = Config::load(None)?;
        config.server.listen = listen;

        let metrics = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        config.metrics.listen = Some(metrics);
        config.fcm.endpoint = address("FCM ")?;
        config.fcm.token_uris = vec![format!("{}/token", config.fcm.endpoint)];
        config.fcm.ca_file = Some(directory.path().join("simulator/ca.pem"));
        // The engine's own limit is what is measured, not the quota of a project.
        config.fcm.max_per_minute = 0;
        config.apns.endpoint = address("APNs ")?;
        config
            .apns
            .sandbox_endpoint
            .clone_from(&config.apns.endpoint);
        config.apns.ca_file.clone_from(&config.fcm.ca_file);

        let service = serve(
            &config,
            &master_key,
            &postgres.url(DATABASE),
            directory.path(),
        )?;

        let api = Api::new(listen, KEY, &secret);
        let mut world = Self {
            control_url: address("control ")?,
            metrics_url: format!("http://{metrics}/metrics"),
            api,
            account_id,
            master_keys: MasterKeys::new("1", &master_key)?,
            config,
            pool,
            service,
            master_key,
            simulator,
            postgres,
            directory,
        };

        world.wait_until_ready().await?;

        for name in ["fcm.json", "apn.json"] {
            let body =
                std::fs::read_to_string(world.directory.path().join("simulator").join(name))?;
            world
                .api
                .post("/Credentials", &serde_json::from_str(&body)?)
                .await?;
        }

        Ok(world)
    }

    /// Another account, by its key.
    pub async fn account(&self, name: &str) -> anyhow::Result<Api> {
        let account_id = accounts::find_or_create(&self.pool, name).await?;
        let key = format!("SK{name}");
        let secret = generate_api_secret();
        let known = KnownKey {
            account_id,
            secret_hash: hash_api_secret(&secret),
            role: Role::Full,
            ended: None,
        };
        api_keys::insert(&self.pool, &key, &known).await?;

        Ok(Api::new(self.config.server.listen, &key, &secret))
    }

    /// Ends the service and starts it anew, so that what it holds in memory is its own doing from
    /// now on.
    pub async fn restart(&mut self) -> anyhow::Result<()> {
        // The old one first: both listen at the same address.
        self.service = Process::spawn(Command::new("sleep").arg("0"))?;
        self.service = serve(
            &self.config,
            &self.master_key,
            &self.url(),
            self.directory.path(),
        )?;

        self.wait_until_ready().await
    }

    /// Another process of the service, at another address; it ends when dropped.
    pub fn replica(&self) -> anyhow::Result<Process> {
        let mut config = self.config.clone();
        config.server.listen = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        config.metrics.listen = Some(TcpListener::bind("127.0.0.1:0")?.local_addr()?);

        serve(
            &config,
            &self.master_key,
            &self.url(),
            self.directory.path(),
        )
    }

    /// The database's URL.
    pub fn url(&self) -> String {
        self.postgres.url(DATABASE)
    }

    /// The database's name.
    pub fn database() -> &'static str {
        DATABASE
    }

    async fn wait_until_ready(&mut self) -> anyhow::Result<()> {
        for _ in 0..600 {
            self.service.check()?;
            self.simulator.check()?;

            if self.api.get("/Apps").await.is_ok() {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }

        bail!("the service is not ready; see its log")
    }

    /// Waits until nothing is left that is due soon.
    pub async fn finished(&self) -> anyhow::Result<()> {
        let open = "select exists (select from batches where queued > 0 and due_at < now() + interval '1 hour')";
        while sqlx::query_scalar::<_, bool>(open)
            .fetch_one(&self.pool)
            .await?
        {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Ok(())
    }

    /// What arrived at the simulator, in sums.
    pub async fn arrived(&self) -> anyhow::Result<Value> {
        Ok(reqwest::get(format!("{}/summary", self.control_url))
            .await?
            .json()
            .await?)
    }

    /// Forgets what arrived at the simulator.
    pub async fn forget(&self) -> anyhow::Result<()> {
        let url = format!("{}/messages", self.control_url);
        reqwest::Client::new()
            .delete(url)
            .send()
            .await?
            .error_for_status()?;

        Ok(())
    }

    /// What the simulator does from now on.
    pub async fn set_faults(&self, faults: &Value) -> anyhow::Result<()> {
        let url = format!("{}/faults", self.control_url);
        reqwest::Client::new()
            .put(url)
            .json(faults)
            .send()
            .await?
            .error_for_status()?;

        Ok(())
    }
}

/// Starts a simulator. Returns it, and what tells the address after a word of what it said.
pub fn simulate(
    directory: &Path,
    faults: &[&str],
) -> anyhow::Result<(Process, impl Fn(&str) -> anyhow::Result<String> + use<>)> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_bellwire"));
    command.args([
        "simulate",
        "--fcm-port",
        "0",
        "--apns-port",
        "0",
        "--control-port",
        "0",
        "--directory",
    ]);

    let (simulator, ready) = Process::start(command.arg(directory).args(faults))?;
    let address = move |name: &str| {
        let rest = ready
            .split_once(name)
            .with_context(|| format!("the simulator said {ready:?}"))?
            .1;
        Ok(rest
            .trim_start()
            .split(',')
            .next()
            .unwrap_or_default()
            .to_owned())
    };

    Ok((simulator, address))
}

fn serve(
    config: &Config,
    master_key: &str,
    url: &str,
    directory: &Path,
) -> anyhow::Result<Process> {
    let log = std::fs::File::options()
        .create(true)
        .append(true)
        .open(directory.join("service.log"))?;
    let mut command = Command::new(env!("CARGO_BIN_EXE_bellwire"));
    command
        .arg("serve")
        .stderr(log)
        .env("BELLWIRE__SERVER__LISTEN", config.server.listen.to_string())
        .env(
            "BELLWIRE__METRICS__LISTEN",
            config
                .metrics
                .listen
                .map(|listen| listen.to_string())
                .unwrap_or_default(),
        )
        .env("BELLWIRE__DATABASE__URL", url)
        .env("BELLWIRE__SECRETS__MASTER_KEY", master_key)
        .env(
            "BELLWIRE__WEBHOOKS__ALLOW_PRIVATE",
            config.webhooks.allow_private.to_string(),
        )
        .env(
            "BELLWIRE__LIMITS__RECEIPTS_PER_SECOND",
            config.limits.receipts_per_second.to_string(),
        )
        .env("BELLWIRE__FCM__ENDPOINT", &config.fcm.endpoint)
        .env("BELLWIRE__FCM__TOKEN_URIS", config.fcm.token_uris.join(","))
        .env(
            "BELLWIRE__FCM__MAX_PER_MINUTE",
            config.fcm.max_per_minute.to_string(),
        )
        .env(
            "BELLWIRE__FCM__CA_FILE",
            config.fcm.ca_file.as_deref().unwrap_or(Path::new("")),
        )
        .env("BELLWIRE__APNS__ENDPOINT", &config.apns.endpoint)
        .env(
            "BELLWIRE__APNS__CA_FILE",
            config.apns.ca_file.as_deref().unwrap_or(Path::new("")),
        );

    Process::spawn(&mut command)
}
