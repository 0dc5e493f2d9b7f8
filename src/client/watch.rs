//! `bellwire watch`: follows Operations to their end, with a progress bar.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use humantime_serde::re::humantime;
use serde_json::Value;
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinSet;

use crate::client::api::Api;
use crate::client::exit::{Exit, Failure, Result};
use crate::client::follow::{STREAMS, follow};
use crate::client::ids::{OPERATION, ids};
use crate::client::operation::{Operation, Stats};
use crate::client::profile::ConnectionArguments;
use crate::client::screen::Screen;
use crate::client::text::{counted, grouped};
use crate::client::time_argument::duration;

/// Updates that wait to be shown.
const UPDATES: usize = 1024;

/// Options of `bellwire watch`.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Ids of Operations. Without any, they are read from the standard input, as `bellwire send` prints
    /// them.
    #[arg(value_name = "OPERATION")]
    operations: Vec<String>,
    #[command(flatten)]
    pub watching: Watching,
    #[command(flatten)]
    pub connection: ConnectionArguments,
}

/// How Operations are watched.
#[derive(Debug, Clone, Args)]
pub(crate) struct Watching {
    /// Stop waiting after this time, such as 10m, and exit with 4. The Operations go on.
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub timeout: Option<Duration>,
    /// Print JSON: each Operation as a line when it has ended.
    #[arg(long)]
    pub json: bool,
}

pub(super) async fn run(arguments: Arguments, api: Arc<Api>, screen: &Screen) -> Result<Exit> {
    let ids = ids(arguments.operations, &[OPERATION])?;

    watch(api, screen, ids, &arguments.watching).await
}

/// Follows each Operation whose id comes through `ids`, until all have ended.
pub(super) async fn watch(
    api: Arc<Api>,
    screen: &Screen,
    ids: mpsc::Receiver<Result<String>>,
    watching: &Watching,
) -> Result<Exit> {
    let mut watch = Watch {
        api,
        screen,
        is_json: watching.json,
        streams: Arc::new(Semaphore::new(STREAMS)),
        seen: BTreeMap::new(),
        worst: Exit::Done,
    };
    screen.show_bar();

    let all = watch.all(ids);
    let ended = match watching.timeout {
        Some(limit) => tokio::time::timeout(limit, all).await.unwrap_or_else(|_| {
            Err(Failure::timed_out(format!(
                "not all Operations have ended within {}; delivery continues. Check again with \
                 `bellwire watch`",
                humantime::format_duration(limit)
            )))
        }),
        None => all.await,
    };

    // Also before an error, which would be printed into the bar.
    screen.hide_bar();
    ended?;
    // A pipeline fails if its first command sent nothing.
    if watch.seen.is_empty() && watch.worst == Exit::Done {
        return Err(Failure::failed(
            "there is no Operation to watch: the standard input has no id",
        ));
    }
    Ok(watch.worst)
}

struct Watch<'a> {
    api: Arc<Api>,
    screen: &'a Screen,
    is_json: bool,
    streams: Arc<Semaphore>,
    /// By their ids.
    seen: BTreeMap<String, Operation>,
    worst: Exit,
}

impl Watch<'_> {
    async fn all(&mut self, mut ids: mpsc::Receiver<Result<String>>) -> Result<()> {
        let (sender, mut updates) = mpsc::channel(UPDATES);
        let mut following = JoinSet::new();
        let mut has_more = true;

        loop {
            tokio::select! {
                id = ids.recv(), if has_more => match id {
                    Some(id) => self.begin(id?, &sender, &mut following),
                    None => has_more = false,
                },
                Some(update) = updates.recv() => self.see(&update),
                Some(ended) = following.join_next() => self.end(ended)?,
                else => return Ok(()),
            }

            // The sender is kept here, so the updates never end by themselves.
            if !has_more && following.is_empty() {
                return Ok(());
            }
        }
    }

    fn begin(
        &mut self,
        id: String,
        sender: &mpsc::Sender<Value>,
        following: &mut JoinSet<(String, Result<Value>)>,
    ) {
        // An id that is given twice is watched once.
        if self.seen.contains_key(&id) {
            return;
        }
        self.seen.insert(id.clone(), Operation::of(&Value::Null));

        let api = Arc::clone(&self.api);
        let streams = Arc::clone(&self.streams);
        let sender = sender.clone();
        following.spawn(async move {
            let ended = follow(&api, &id, streams, &sender).await;
            (id, ended)
        });
    }

    fn see(&mut self, operation: &Value) {
        let operation = Operation::of(operation);
        // An update may come after the end.
        if let Some(seen) = self.seen.get_mut(&operation.id)
            && !seen.has_ended()
        {
            *seen = operation;
        }

        let stats = self.stats();
        self.screen
            .move_bar(stats.settled(), stats.total, self.text(stats));
    }

    /// Takes the end of an Operation, or why it can't be followed.
    fn end(
        &mut self,
        ended: std::result::Result<(String, Result<Value>), tokio::task::JoinError>,
    ) -> Result<()> {
        let (id, ended) = ended
            .map_err(|error| Failure::failed(format!("an Operation can't be followed: {error}")))?;

        let operation = match ended {
            Ok(operation) => operation,
            // The others are followed to their end.
            Err(failure) => {
                // The bar counts what is followed to its end. With this Operation it would never be
                // full.
                self.seen.remove(&id);
                self.screen
                    .note(&format!("error: {id}: {}", failure.message));
                self.worsen(failure.exit);
                return Ok(());
            }
        };

        // The last update may have been dropped for lack of room, so the end is counted here.
        self.see(&operation);
        let read = Operation::of(&operation);
        if !read.stats.is_all_sent() {
            self.worsen(Exit::Partly);
        }

        if self.is_json {
            return self.screen.print_json(&operation);
        }
        self.screen.print(&read.summary())?;
        if read.stats.failed > 0 {
            self.screen.note(&format!(
                "`bellwire errors {id}` lists what failed, and why"
            ));
        }
        Ok(())
    }

    /// A failure to follow counts more than recipients that got nothing.
    fn worsen(&mut self, exit: Exit) {
        let rank = |exit: Exit| match exit {
            Exit::Done => 0,
            Exit::Partly => 1,
            _ => 2,
        };
        if rank(exit) > rank(self.worst) {
            self.worst = exit;
        }
    }

    fn stats(&self) -> Stats {
        self.seen
            .values()
            .fold(Stats::default(), |sum, operation| sum.plus(operation.stats))
    }

    fn text(&self, stats: Stats) -> String {
        let mut text = format!("{} sent", grouped(stats.sent));
        let bad = stats.failed + stats.unaddressable;
        if bad > 0 {
            let _ = write!(text, ", {} failed", grouped(bad));
        }

        if self.seen.len() > 1 {
            let ended = self.seen.values().filter(|seen| seen.has_ended()).count();
            let all = counted(self.seen.len() as u64, "Operation");
            let _ = write!(text, ", {ended} of {all}");
        }
        let is_paused = |seen: &Operation| seen.status == "PAUSED";
        if self.seen.values().any(is_paused) {
            text += ", paused";
        }
        if stats.scheduled > 0 && stats.scheduled + stats.settled() == stats.total {
            text += ", scheduled";
        }
        text
    }
}
