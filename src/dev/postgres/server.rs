//! A private server's life: initdb, start, stop.

use std::fs::{self, File};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use nix::errno::Errno;
use nix::sys::signal::kill;
use nix::unistd::Pid;
use sqlx::Connection;
use sqlx::postgres::{PgConnectOptions, PgConnection};

use crate::dev::postgres::binaries::{self, Binaries};
use crate::dev::postgres::download;
use crate::dev::postgres::owner::Owner;
use crate::dev::postgres::runtime::Runtime;

const USER: &str = "bellwire";
/// How long a start may take, recovery after a crash included.
const START_TIMEOUT: Duration = Duration::from_secs(60);
const STOP_TIMEOUT: Duration = Duration::from_secs(20);
/// How long a server may take to notice that the process that started it is no more.
const NOTICE_TIMEOUT: Duration = Duration::from_secs(3);
const SETTINGS: [&str; 4] = [
    "listen_addresses=",
    "max_connections=300",
    "shared_buffers=128MB",
    "max_wal_size=2GB",
];
/// For data that may be lost in a crash.
const HASTY: [&str; 3] = [
    "fsync=off",
    "synchronous_commit=off",
    "full_page_writes=off",
];
const LOOK_AGAIN: Duration = Duration::from_millis(30);

/// Runs Postgres, and stops it at the end of the standard input: that comes when we close it, or
/// are no more. The first argument is a directory that is removed in the end.
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
    runtime: Runtime,
}

impl PrivatePostgres {
    /// Starts a server on the data in `directory`, which is made if there is none. Binaries are
    /// those that are installed, else they are downloaded.
    pub async fn start(directory: &Path) -> anyhow::Result<Self> {
        let owner = Owner::choose()?;
        let base = owner.data_directory(&std::path::absolute(directory)?)?;
        Self::start_in(owner, &base, Runtime::make(owner)?, &[]).await
    }

    /// Starts a server whose data is gone when it ends, and which never waits for the disk: for
    /// tests.
    pub async fn throwaway() -> anyhow::Result<Self> {
        let owner = Owner::choose()?;
        let runtime = Runtime::make(owner)?;
        let base = runtime.path().to_owned();
        Self::start_in(owner, &base, runtime, &HASTY).await
    }

    async fn start_in(
        owner: Owner,
        base: &Path,
        runtime: Runtime,
        settings: &[&str],
    ) -> anyhow::Result<Self> {
        let data = base.join("data");
        let binaries = find_binaries(owner, base, &data).await?;
        if !data.join("PG_VERSION").exists() {
            initialise(owner, &binaries, &data, settings == HASTY)?;
        }

        let log = base.join("postgres.log");
        wait_for_predecessor(&data).await;
        let launch = Launch {
            owner,
            binaries: &binaries,
            data: &data,
            runtime: runtime.path(),
            log: &log,
            settings,
        };
        let mut server = Self {
            supervisor: launch.spawn()?,
            runtime,
        };

        server.wait_until_ready(&log).await?;
        Ok(server)
    }

    /// How to connect to its database `name`.
    pub fn options(&self, name: &str) -> PgConnectOptions {
        PgConnectOptions::new()
            .socket(self.runtime.path())
            .username(USER)
            .database(name)
    }

    /// The URL of its database `name`.
    pub fn url(&self, name: &str) -> String {
        let socket = self
            .runtime
            .path()
            .display()
            .to_string()
            .replace('/', "%2F");
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
                    return Err(error).with_context(|| {
                        format!("Postgres did not start in time; see {}", log.display())
                    });
                }
                Err(_) => {}
            }

            // A server that can't start exits at once, and the last lines of its log say why.
            if let Some(status) = self.supervisor.try_wait()? {
                bail!(
                    "Postgres exited during its start ({status}): {}",
                    last_lines(log)
                );
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
async fn find_binaries(owner: Owner, base: &Path, data: &Path) -> anyhow::Result<Binaries> {
    let written_by = fs::read_to_string(data.join("PG_VERSION"))
        .ok()
        .and_then(|text| text.trim().parse::<u32>().ok());
    // A server reads only the data of its own major version.
    let fits = |binaries: &Binaries| written_by.is_none_or(|version| version == binaries.version);

    if let Some(binaries) = binaries::installed().into_iter().find(fits) {
        return Ok(binaries);
    }

    tracing::info!(
        version = download::VERSION,
        "no installed Postgres server fits; downloading one"
    );
    let downloaded = Box::pin(binaries::downloaded(owner, &base.join("binaries"))).await.context(
        "no Postgres server (15 or newer) is installed and none could be downloaded: install one (Debian, Ubuntu: \
         apt install postgresql; macOS: brew install postgresql), or give --database-url",
    )?;

    if !fits(&downloaded) {
        let version = written_by.unwrap_or_default();
        bail!(
            "the data in {} was written by Postgres {version}: install that version, or delete the data",
            data.display()
        );
    }

    Ok(downloaded)
}

/// Makes a data directory beside its place and moves it there, so that a half-made one is never
/// taken for a whole one.
fn initialise(owner: Owner, binaries: &Binaries, data: &Path, hasty: bool) -> anyhow::Result<()> {
    let unfinished = data.with_extension("unfinished");
    let _ = fs::remove_dir_all(&unfinished);

    let mut initdb = owner.command(binaries.directory.join("initdb"));
    initdb
        .arg("-D")
        .arg(&unfinished)
        .args(["-U", USER, "-A", "trust", "-E", "UTF8", "--locale=C"]);
    if hasty {
        // Nothing of a throwaway server outlives a crash, so nothing need be on the disk.
        initdb.arg("--no-sync");
    }

    let output = initdb
        .stdin(Stdio::null())
        .output()
        .context("can't run initdb")?;
    if !output.status.success() {
        let _ = fs::remove_dir_all(&unfinished);
        bail!(
            "initdb failed: {}",
            String::from_utf8_lossy(&output.stderr).trim()
        );
    }

    fs::rename(&unfinished, data).with_context(|| format!("can't create {}", data.display()))
}

/// Waits for the end of a server that a killed process left behind: it takes a moment to notice, and
/// uses the data until then. A server that goes on running belongs to a live process, and the next one
/// can't start.
async fn wait_for_predecessor(data: &Path) {
    let began = Instant::now();
    while let Some(ending) = predecessor(data)
        && began.elapsed() < if ending { STOP_TIMEOUT } else { NOTICE_TIMEOUT }
    {
        tokio::time::sleep(LOOK_AGAIN).await;
    }
}

/// Whether the server that has the data is about to end; `None`: no server has it.
fn predecessor(data: &Path) -> Option<bool> {
    let text = fs::read_to_string(data.join("postmaster.pid")).ok()?;
    let pid = text.lines().next()?.parse().ok()?;
    // A crash of the machine leaves the file behind.
    let alive = kill(Pid::from_raw(pid), None) != Err(Errno::ESRCH);

    // The eighth line is its state.
    alive.then(|| {
        text.lines()
            .nth(7)
            .is_some_and(|state| state.trim() == "stopping")
    })
}

/// What a server is started with.
struct Launch<'a> {
    owner: Owner,
    binaries: &'a Binaries,
    data: &'a Path,
    runtime: &'a Path,
    log: &'a Path,
    settings: &'a [&'a str],
}

impl Launch<'_> {
    /// Starts the server under its supervisor, which stops it when this process ends.
    fn spawn(&self) -> anyhow::Result<Child> {
        // Appended to, as one that still runs on the same data may write there too.
        let opened = File::options()
            .create(true)
            .append(true)
            .open(self.log)
            .and_then(|file| file.set_len(0).map(|()| file));
        let log = opened.with_context(|| format!("can't write {}", self.log.display()))?;

        let mut command: Command = self.owner.command("sh");
        command.args(["-c", SUPERVISOR, "sh"]).arg(self.runtime);
        command
            .arg(self.binaries.directory.join("postgres"))
            .arg("-D")
            .arg(self.data)
            .arg("-k")
            .arg(self.runtime);
        for setting in SETTINGS.iter().chain(self.settings) {
            command.args(["-c", setting]);
        }

        command
            .stdin(Stdio::piped())
            .stdout(log.try_clone()?)
            .stderr(log);
        command.spawn().context("can't start Postgres")
    }
}

fn last_lines(log: &Path) -> String {
    let text = fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = text.lines().rev().take(3).collect();
    lines.into_iter().rev().collect::<Vec<_>>().join(" / ")
}

#[cfg(test)]
mod tests {
    #![expect(clippy::disallowed_methods, reason = "a table of the test's own")]

    use super::*;

    #[test]
    fn a_pid_file_that_a_crash_left_is_no_server() {
        let data = tempfile::tempdir().unwrap();
        let holds = |pid: u32, state: &str| {
            let text = format!("{pid}\n/data\n1\n5432\n/tmp\n\n1 2\n{state}\n");
            fs::write(data.path().join("postmaster.pid"), text).unwrap();
            predecessor(data.path())
        };
        assert_eq!(predecessor(Path::new("/no/such/directory")), None);
        let mut ended = Command::new("true").spawn().unwrap();
        ended.wait().unwrap();
        assert_eq!(holds(ended.id(), "ready   "), None);
        assert_eq!(holds(std::process::id(), "ready   "), Some(false));
        assert_eq!(holds(std::process::id(), "stopping"), Some(true));
    }

    #[tokio::test]
    async fn settings_of_a_server_survive_its_restart_and_its_socket_does_not_survive_its_end() {
        let parent = Runtime::make(Owner::choose().unwrap()).unwrap();
        let directory = parent.path().join("postgres");
        // The owner makes it, as the parent is the owner's alone.
        let mut server = PrivatePostgres::start(&directory).await.unwrap();
        let mut connection = PgConnection::connect(&server.url(PrivatePostgres::MAINTENANCE))
            .await
            .unwrap();
        sqlx::query("create table kept (id integer)")
            .execute(&mut connection)
            .await
            .unwrap();
        drop(connection);
        let socket = server.runtime.path().to_owned();
        server.stop();
        drop(server);
        assert!(!socket.exists());

        let server = PrivatePostgres::start(&directory).await.unwrap();
        let options = server.options(PrivatePostgres::MAINTENANCE);
        let mut connection = PgConnection::connect_with(&options).await.unwrap();
        sqlx::query("insert into kept values (1)")
            .execute(&mut connection)
            .await
            .unwrap();
    }
}
