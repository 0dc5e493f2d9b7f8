//! A private server's life: initdb, start, stop.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use sqlx::Connection;
use sqlx::postgres::{PgConnectOptions, PgConnection};

use crate::postgres::binaries::{self, Binaries};
use crate::postgres::owner::Owner;

const USER: &str = "bellwire";
/// How long a start may take, recovery after a crash included.
const START_TIMEOUT: Duration = Duration::from_secs(60);
const STOP_TIMEOUT: Duration = Duration::from_secs(20);
const SETTINGS: [&str; 4] = ["listen_addresses=", "max_connections=300", "shared_buffers=128MB", "max_wal_size=2GB"];
/// For data that nobody will miss.
const HASTY: [&str; 3] = ["fsync=off", "synchronous_commit=off", "full_page_writes=off"];
const LOOK_AGAIN: Duration = Duration::from_millis(30);

/// Runs Postgres, and stops it at the end of the standard input: that comes when we close it, or are no more. The first
/// argument is a directory that is removed in the end.
const SUPERVISOR: &str = r#"
runtime=$1; shift
exec 3<&0
"$@" </dev/null 3<&- & pid=$!
{ cat >/dev/null; kill -INT $pid; } <&3 2>/dev/null &
exec 3<&-
wait $pid
status=$?
rm -rf "$runtime"
exit $status
"#;

/// A running private server.
pub struct PrivatePostgres {
    supervisor: Child,
    /// Where its socket is, and all of it if it is a throwaway. Gone when it has ended.
    runtime: PathBuf,
}

impl PrivatePostgres {
    /// Starts a server on the data in `directory`, which is made if there is none. Binaries are those that are installed,
    /// else they are downloaded.
    pub async fn start(directory: &Path) -> anyhow::Result<Self> {
        let owner = Owner::choose()?;
        let base = owner.data_directory(&std::path::absolute(directory)?)?;
        Self::start_in(owner, &base, make_runtime(owner)?, &[]).await
    }

    /// Starts a server whose data is gone when it ends, and which never waits for the disk: for tests.
    pub async fn throwaway() -> anyhow::Result<Self> {
        let owner = Owner::choose()?;
        let runtime = make_runtime(owner)?;
        Self::start_in(owner, &runtime.clone(), runtime, &HASTY).await
    }

    async fn start_in(owner: Owner, base: &Path, runtime: PathBuf, settings: &[&str]) -> anyhow::Result<Self> {
        let data = base.join("data");
        let binaries = find_binaries(base, &data).await?;
        if !data.join("PG_VERSION").exists() {
            initialise(owner, &binaries, &data)?;
        }
        let log = base.join("postgres.log");
        let supervisor = supervise(owner, &binaries, &data, &runtime, &log, settings)?;
        let mut server = Self { supervisor, runtime };
        server.wait_until_ready(&log).await?;
        Ok(server)
    }

    /// How to connect to its database `name`.
    pub fn options(&self, name: &str) -> PgConnectOptions {
        PgConnectOptions::new().socket(&self.runtime).username(USER).database(name)
    }

    /// The URL of its database `name`.
    pub fn url(&self, name: &str) -> String {
        let socket = self.runtime.display().to_string().replace('/', "%2F");
        format!("postgres://{USER}@{socket}/{name}")
    }

    /// The database that every server has.
    pub const MAINTENANCE: &'static str = "postgres";

    async fn wait_until_ready(&mut self, log: &Path) -> anyhow::Result<()> {
        let began = Instant::now();
        loop {
            match PgConnection::connect_with(&self.options(Self::MAINTENANCE)).await {
                Ok(connection) => return Ok(connection.close().await?),
                Err(error) if began.elapsed() > START_TIMEOUT => {
                    return Err(error).with_context(|| format!("Postgres does not start; see {}", log.display()));
                }
                Err(_) => {}
            }
            if let Some(status) = self.supervisor.try_wait()? {
                bail!("Postgres ended as soon as it started ({status}): {}", last_lines(log));
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }

    /// Stops it, and waits for its end.
    pub fn stop(&mut self) {
        // The supervisor takes the end of its input as the end of us.
        drop(self.supervisor.stdin.take());
        let began = Instant::now();
        while matches!(self.supervisor.try_wait(), Ok(None)) && began.elapsed() < STOP_TIMEOUT {
            std::thread::sleep(LOOK_AGAIN);
        }
    }
}

impl Drop for PrivatePostgres {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Binaries of the version that wrote the data; any, where there is none yet.
async fn find_binaries(base: &Path, data: &Path) -> anyhow::Result<Binaries> {
    let written_by = fs::read_to_string(data.join("PG_VERSION")).ok().and_then(|text| text.trim().parse::<u32>().ok());
    let fits = |binaries: &Binaries| written_by.is_none_or(|version| version == binaries.version);
    if let Some(binaries) = binaries::installed().into_iter().find(fits) {
        return Ok(binaries);
    }
    tracing::info!("no installed Postgres server fits; downloading one");
    let downloaded = binaries::downloaded(&base.join("binaries")).await.context(
        "no Postgres server (15 or newer) is installed and none could be downloaded: install one (Debian, Ubuntu: \
         apt install postgresql; macOS: brew install postgresql), or set DATABASE_URL",
    )?;
    if !fits(&downloaded) {
        let version = written_by.unwrap_or_default();
        bail!("the data in {} was written by Postgres {version}: install that version, or remove it", data.display());
    }
    Ok(downloaded)
}

fn initialise(owner: Owner, binaries: &Binaries, data: &Path) -> anyhow::Result<()> {
    let mut initdb = owner.command(binaries.directory.join("initdb"));
    initdb.arg("-D").arg(data).args(["-U", USER, "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"]);
    let output = initdb.stdin(Stdio::null()).output().context("can't run initdb")?;
    if !output.status.success() {
        // A half-made one would be taken for a whole one.
        let _ = fs::remove_dir_all(data);
        bail!("initdb failed: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(())
}

/// A directory for the socket, whose path must be short.
fn make_runtime(owner: Owner) -> anyhow::Result<PathBuf> {
    let runtime = std::env::temp_dir().join(format!("bellwire-{:08x}", rand::random::<u32>()));
    owner.make_directory(&runtime)?;
    Ok(runtime)
}

fn supervise(
    owner: Owner,
    binaries: &Binaries,
    data: &Path,
    runtime: &Path,
    log: &Path,
    settings: &[&str],
) -> anyhow::Result<Child> {
    let log = File::create(log).with_context(|| format!("can't write {}", log.display()))?;
    let mut command: Command = owner.command("sh");
    command.args(["-c", SUPERVISOR, "sh"]).arg(runtime);
    command.arg(binaries.directory.join("postgres")).arg("-D").arg(data).arg("-k").arg(runtime);
    for setting in SETTINGS.iter().chain(settings) {
        command.args(["-c", setting]);
    }
    command.stdin(Stdio::piped()).stdout(log.try_clone()?).stderr(log);
    command.spawn().context("can't start Postgres")
}

fn last_lines(log: &Path) -> String {
    let text = fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = text.lines().rev().take(3).collect();
    lines.into_iter().rev().collect::<Vec<_>>().join(" / ")
}
