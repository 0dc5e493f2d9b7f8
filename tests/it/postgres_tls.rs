//! TLS between Bellwire and Postgres.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::str::FromStr;

use bellwire::dev::postgres::{Owner, PrivatePostgres, installed};
use bellwire::dev::simulator::Options;
use bellwire::store::{pool, schema};
use secrecy::SecretString;
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{Connection, Row};

use crate::support::client::{fcm, message};
use crate::support::database::Database;
use crate::support::eventually;
use crate::support::process::{Process, free_port};
use crate::support::service::World;

/// A Postgres server that speaks TLS as `localhost`.
struct Encrypted {
    port: u16,
    /// The certificate that its clients trust.
    authority: PathBuf,
    _server: Process,
    _directory: tempfile::TempDir,
}

impl Encrypted {
    async fn start() -> Self {
        let directory = tempfile::Builder::new()
            .permissions(PermissionsExt::from_mode(0o755))
            .tempdir()
            .unwrap();
        let base = directory.path().join("postgres");
        // Makes the data. A private server listens on a socket, where Postgres offers no TLS.
        PrivatePostgres::start(&base).await.unwrap().stop();

        let issued = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
        let authority = write(&base, "certificate.pem", &issued.cert.pem());
        let key = write(&base, "key.pem", &issued.signing_key.serialize_pem());

        let port = free_port();
        let program = installed()[0].directory.join("postgres");
        let mut command = Owner::choose().unwrap().command(program);
        command
            .arg("-D")
            .arg(base.join("data"))
            .args(["-h", "127.0.0.1", "-k", ""])
            .args(["-p", &port.to_string()])
            .args(["-c", "ssl=on"])
            .arg("-c")
            .arg(format!("ssl_cert_file={}", authority.display()))
            .arg("-c")
            .arg(format!("ssl_key_file={}", key.display()));
        let server = Process::spawn(&mut command);
        server.logged("ready to accept connections").await;

        Self {
            port,
            authority,
            _server: server,
            _directory: directory,
        }
    }

    fn url(&self, host: &str, database: &str) -> String {
        format!(
            "postgres://bellwire@{host}:{}/{database}?sslmode=verify-full&sslrootcert={}",
            self.port,
            self.authority.display()
        )
    }

    /// A database of this server with Bellwire's tables.
    async fn database(&self) -> Database {
        let maintenance = self.url("localhost", PrivatePostgres::MAINTENANCE);
        let mut connection = PgConnection::connect(&maintenance).await.unwrap();
        pool::create_database(&mut connection, "drill")
            .await
            .unwrap();

        let url = self.url("localhost", "drill");
        let options = PgConnectOptions::from_str(&url).unwrap();
        let database = Database::at(url, options);
        schema::migrate(&database.connections).await.unwrap();
        database
    }
}

/// Writes a file that its directory's owner alone may read, as Postgres asks of a key.
fn write(directory: &Path, name: &str, content: &str) -> PathBuf {
    let path = directory.join(name);
    fs::write(&path, content).unwrap();
    fs::set_permissions(&path, PermissionsExt::from_mode(0o600)).unwrap();

    let owner = fs::metadata(directory).unwrap();
    chown(&path, Some(owner.uid()), Some(owner.gid())).unwrap();
    path
}

#[tokio::test(flavor = "multi_thread")]
async fn every_connection_to_postgres_is_encrypted_and_its_certificate_checked() {
    let postgres = Encrypted::start().await;
    let mut world = World::on(postgres.database().await, Options::default()).await;
    world.config.database.url = SecretString::from(postgres.url("localhost", "drill"));
    let caller = world.demo().await;

    let (process, client) = Process::serve(&world, &caller).await;
    let id = client.send(&message(&[fcm("a-device")])).await;
    assert_eq!(client.completed(&id).await["stats"]["sent"], 1);

    let sessions = eventually("the sessions to be seen", async || {
        let rows = sqlx::query(
            "select s.ssl from pg_stat_ssl s join pg_stat_activity a on a.pid = s.pid where a.datname = 'drill' \
             and a.pid <> pg_backend_pid()",
        )
        .fetch_all(&world.database.pool)
        .await
        .unwrap();
        (rows.len() > 3).then_some(rows)
    })
    .await;
    assert!(sessions.iter().all(|row| row.get::<bool, _>(0)));
    drop(process);

    // The certificate names localhost, and not its address.
    let output = Command::new(env!("CARGO_BIN_EXE_bellwire"))
        .args(["migrate"])
        .env(
            "BELLWIRE__DATABASE__URL",
            postgres.url("127.0.0.1", "drill"),
        )
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success(), "{said}");
    assert!(said.contains("no TLS connection to Postgres"), "{said}");
}
