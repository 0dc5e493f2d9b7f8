//! Postgres is lost in the middle of a send, and the service goes on with a backup or a replica.
//! Only notifications that were sent and are not on record there are sent again.

use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::time::Duration;

use bellwire::dev::postgres::{self, Owner, PrivatePostgres};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;
use sqlx::{Connection, PgConnection};
use tokio::process::Command;

use crate::support::database::Database;
use crate::support::drill::{Drill, RECIPIENTS};
use crate::support::eventually;
use crate::support::process::Process;

/// One of Postgres' programs.
fn program(name: &str) -> PathBuf {
    postgres::installed()
        .into_iter()
        .map(|binaries| binaries.directory.join(name))
        .find(|path| path.exists())
        .unwrap_or_else(|| panic!("{name} is not installed: install Postgres 15 or newer"))
}

async fn run(command: &mut Command) {
    let output = command.output().await.unwrap();
    assert!(
        output.status.success(),
        "{command:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_from_the_middle_of_a_send_goes_on_where_it_was_taken() {
    let pg_dump = program("pg_dump");
    let pg_restore = program("pg_restore");
    let mut drill = Drill::slow(Database::new().await).await;
    let (process, client) = drill.process().await;
    let id = drill.send(&client).await;
    drill.arrived(RECIPIENTS / 10).await;

    let dump = tempfile::NamedTempFile::new().unwrap();
    run(Command::new(pg_dump)
        .args(["-Fc", "-f"])
        .arg(dump.path())
        .arg(&drill.world.database.url))
    .await;
    let dumped = drill.accepted().await;
    drill.arrived(dumped + RECIPIENTS / 10).await;
    drop(process);
    drill.disconnected().await;

    drill.world.database = Database::empty().await;
    run(Command::new(pg_restore)
        .args(["--exit-on-error", "-d", &drill.world.database.url])
        .arg(dump.path()))
    .await;
    let recorded = drill.recorded().await;
    let unrecorded = drill.unrecorded().await;
    assert!(
        recorded < RECIPIENTS && unrecorded > 0,
        "{recorded} were on record: it was not in the middle"
    );

    drill.end_leases().await;

    // An operator may want to look before anything is sent.
    let idle = [("BELLWIRE__DELIVERY__ENABLED", "false".to_owned())];
    let (process, client) = Process::serve_with(&drill.world, &drill.caller, &idle).await;
    let waiting = client.read("/Operations?status=PROCESSING").await;
    assert_eq!(waiting["operations"][0]["id"], Value::from(id.as_str()));
    assert_eq!(drill.unrecorded().await, unrecorded);
    drop(process);

    let (_process, client) = drill.process().await;
    client.completed(&id).await;
    let arrivals = drill.world.messages().await;
    let by_apns = arrivals
        .values()
        .filter(|arrival| arrival["provider"] == "APN");

    for arrival in by_apns {
        assert_eq!(
            arrival["apnsIds"].as_array().unwrap().len(),
            1,
            "a second copy has the first one's: {arrival}"
        );
    }

    drill.ends_well(&client, &id, unrecorded).await;
}

/// A server with a synchronous standby, and a drill on the first.
struct Pair {
    drill: Drill,
    first: PrivatePostgres,
    second: PrivatePostgres,
    directory: tempfile::TempDir,
}

impl Pair {
    /// Every commit waits until the second server has it.
    async fn new(pg_basebackup: &Path) -> Self {
        let directory = tempfile::Builder::new()
            .permissions(PermissionsExt::from_mode(0o755))
            .tempdir()
            .unwrap();
        let owner = Owner::choose().unwrap();
        let first = PrivatePostgres::start(&directory.path().join("first"))
            .await
            .unwrap();
        let copy = directory.path().join("second");
        owner.make_directory(&copy).unwrap();
        let options = first.options(PrivatePostgres::MAINTENANCE);
        let mut command = Command::from(owner.command(pg_basebackup));
        command
            .args(["-R", "-c", "fast", "-U", options.get_username(), "-h"])
            .arg(options.get_socket().unwrap());
        run(command.arg("-D").arg(copy.join("data"))).await;
        let second = PrivatePostgres::start(&copy).await.unwrap();
        let mut connection = PgConnection::connect_with(&options).await.unwrap();
        for statement in [
            "alter system set synchronous_standby_names = '*'",
            "select pg_reload_conf()",
        ] {
            sqlx::query(statement)
                .execute(&mut connection)
                .await
                .unwrap();
        }

        let state = "select sync_state from pg_stat_replication";
        eventually("the second server to follow", async || {
            let state: Option<String> = sqlx::query_scalar(state)
                .fetch_optional(&mut connection)
                .await
                .unwrap();
            state.filter(|state| state == "sync")
        })
        .await;

        let database = Database::own(&first, &directory.path().join("socket")).await;
        Self {
            drill: Drill::slow(database).await,
            first,
            second,
            directory,
        }
    }

    /// Cuts replication: the second server gets nothing more, and commits don't wait for it.
    async fn part(&self) {
        for (server, statement) in [
            (
                &self.first,
                "alter system set synchronous_standby_names = ''",
            ),
            (&self.second, "alter system set primary_conninfo = ''"),
        ] {
            let options = server.options(PrivatePostgres::MAINTENANCE);
            let mut connection = PgConnection::connect_with(&options).await.unwrap();
            for statement in [statement, "select pg_reload_conf()"] {
                sqlx::query(statement)
                    .execute(&mut connection)
                    .await
                    .unwrap();
            }
        }

        let options = self.second.options(PrivatePostgres::MAINTENANCE);
        let mut connection = PgConnection::connect_with(&options).await.unwrap();
        eventually("the second server to hear nothing more", async || {
            let receivers: i64 = sqlx::query_scalar("select count(*) from pg_stat_wal_receiver")
                .fetch_one(&mut connection)
                .await
                .unwrap();
            (receivers == 0).then_some(())
        })
        .await;
    }

    /// Waits until the second server, which can only be read, has refused a statement of the
    /// service.
    async fn the_second_refuses(&self) {
        let options = self.second.options(PrivatePostgres::MAINTENANCE);
        let mut connection = PgConnection::connect_with(&options).await.unwrap();
        let refused = "select xact_rollback > 0 from pg_stat_database where datname = 'drill'";
        eventually("a statement to be refused", async || {
            let refused: bool = sqlx::query_scalar(refused)
                .fetch_one(&mut connection)
                .await
                .unwrap();
            refused.then_some(())
        })
        .await;
    }

    /// The first server ends abruptly. The second one gets its address, but is not promoted yet.
    fn lose_the_first(&self) {
        let pid = std::fs::read_to_string(self.directory.path().join("first/data/postmaster.pid"))
            .unwrap();
        kill(
            Pid::from_raw(pid.lines().next().unwrap().parse().unwrap()),
            Signal::SIGQUIT,
        )
        .unwrap();
        let socket = self.directory.path().join("socket");
        std::fs::remove_file(&socket).unwrap();
        symlink(self.second.options("").get_socket().unwrap(), &socket).unwrap();
    }

    async fn promote_the_second(&self) {
        let options = self.second.options(PrivatePostgres::MAINTENANCE);
        let mut connection = PgConnection::connect_with(&options).await.unwrap();
        let promoted: bool = sqlx::query_scalar("select pg_promote()")
            .fetch_one(&mut connection)
            .await
            .unwrap();
        assert!(promoted);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replica_is_promoted_and_nothing_is_lost_or_doubled() {
    let pair = Pair::new(&program("pg_basebackup")).await;
    let (_process, client) = pair.drill.process().await;
    let id = pair.drill.send(&client).await;
    pair.drill.arrived(RECIPIENTS / 4).await;
    pair.lose_the_first();
    pair.the_second_refuses().await;
    pair.promote_the_second().await;

    let Pair {
        drill,
        first,
        second,
        directory,
    } = pair;
    drill.ends_well(&client, &id, 0).await;
    drop((first, second, directory));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replica_that_lagged_behind_is_promoted_and_only_what_it_lacked_is_doubled() {
    let mut pair = Pair::new(&program("pg_basebackup")).await;
    // The second server knows older leases, which must run out.
    pair.drill.set_lease(Duration::from_secs(10));
    let (_process, client) = pair.drill.process().await;
    let id = pair.drill.send(&client).await;
    pair.drill.arrived(RECIPIENTS / 10).await;

    pair.part().await;
    let parted = pair.drill.accepted().await;
    pair.drill.arrived(parted + RECIPIENTS / 5).await;
    pair.lose_the_first();

    // The process sends what it has claimed, and claims no more while it can't write.
    pair.the_second_refuses().await;
    pair.drill.idle().await;
    let lacking = pair.drill.unrecorded().await;
    pair.promote_the_second().await;

    let Pair {
        drill,
        first,
        second,
        directory,
    } = pair;
    assert!(
        lacking >= RECIPIENTS / 5,
        "the second server lacked {lacking}"
    );

    drill.ends_well(&client, &id, lacking).await;
    drop((first, second, directory));
}
