//! `bellwire top`: what is being sent now, live in the terminal.

use std::io::{self, IsTerminal};
use std::time::{Duration, Instant};

use clap::Args;
use humantime_serde::re::humantime;
use ratatui::crossterm::event::{self, Event, KeyCode, KeyEventKind, KeyModifiers};
use tokio::sync::mpsc;

mod display;
mod metrics;
mod snapshot;

use crate::client::api::{Api, Query};
use crate::client::exit::{Exit, Failure, Result};
use crate::client::operation::Operation;
use crate::client::profile::ConnectionArguments;
use crate::client::screen::Screen;
use crate::client::top::display::draw;
use crate::client::top::metrics::Metrics;
use crate::client::top::snapshot::{Reading, Snapshot};

/// Operations that are shown.
const MOST: usize = 50;
/// Pages that are read at most to find them.
const PAGES: usize = 3;

/// Options of `bellwire top`.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The address of a process' metrics, such as `http://127.0.0.1:9464/metrics`, to show the queue and the
    /// lanes too.
    #[arg(long, value_name = "URL", env = "BELLWIRE_METRICS_URL")]
    metrics: Option<String>,
    /// How often to update.
    #[arg(long, value_name = "DURATION", default_value = "1s", value_parser = pause)]
    every: Duration,
    /// Print one snapshot and exit; the default if the output is not a terminal. It takes as long
    /// as --every, because rates need two readings.
    #[arg(long)]
    once: bool,
    /// Print one snapshot as a JSON object.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    pub connection: ConnectionArguments,
}

fn pause(text: &str) -> std::result::Result<Duration, String> {
    let rule = "must be 200ms to 1h, such as 2s";
    let pause = humantime::parse_duration(text).map_err(|_| rule)?;
    let is_allowed = (Duration::from_millis(200)..=Duration::from_secs(3600)).contains(&pause);
    if is_allowed {
        Ok(pause)
    } else {
        Err(rule.to_owned())
    }
}

pub(super) async fn run(arguments: Arguments, api: &Api, screen: &Screen) -> Result<Exit> {
    let is_plain = arguments.json || arguments.once || !io::stdout().is_terminal();
    // Before the terminal is taken over, so that a wrong address or key is an ordinary error.
    let first = read(&arguments, api).await?;

    if is_plain {
        tokio::time::sleep(arguments.every).await;
        let second = read(&arguments, api).await?;
        let snapshot = Snapshot::new(second, Some(&first));
        if arguments.json {
            screen.print_json(&snapshot.as_json())?;
        } else {
            for line in snapshot.lines() {
                screen.print(&line)?;
            }
        }
        return Ok(Exit::Done);
    }

    show(&arguments, api, first).await
}

async fn read(arguments: &Arguments, api: &Api) -> Result<Reading> {
    let mut query = Query::default();
    query.add("status", "PROCESSING");
    let mut pages = api.pages("/Operations", &query, "operations").of(MOST);

    let mut operations = Vec::new();
    let mut has_more = true;
    // A page may be short although others follow, so the first one may not suffice.
    for _ in 0..PAGES {
        let Some(page) = pages.next().await? else {
            has_more = false;
            break;
        };
        operations.extend(page.iter().map(Operation::of));
        if operations.len() >= MOST {
            break;
        }
    }

    let metrics = match &arguments.metrics {
        Some(url) => {
            let text = api.text_at(url).await.map_err(|failure| Failure {
                message: format!(
                    "the metrics can't be read: {}. `bellwire dev` prints the address of its metrics; that of \
                     `bellwire serve` is the setting metrics.listen",
                    failure.message
                ),
                ..failure
            })?;
            Some(Metrics::parse(&text))
        }
        None => None,
    };
    Ok(Reading {
        at: Instant::now(),
        operations,
        has_more,
        metrics,
        error: None,
    })
}

/// The terminal as it was, when this is dropped.
struct Restored;

impl Drop for Restored {
    fn drop(&mut self) {
        ratatui::restore();
    }
}

async fn show(arguments: &Arguments, api: &Api, first: Reading) -> Result<Exit> {
    let unusable = |error: io::Error| {
        Failure::failed(format!(
            "the terminal can't be used: {error}. `bellwire top --once` prints one snapshot"
        ))
    };
    let mut terminal = ratatui::try_init().map_err(unusable)?;
    // Also after an error: a terminal that stays in raw mode shows nothing of what is typed.
    let _restored = Restored;
    let is_colored = console::colors_enabled();
    let mut keys = keys();

    let mut before: Option<Reading> = None;
    let mut snapshot = Snapshot::new(first, None);
    loop {
        let next = async {
            tokio::time::sleep(arguments.every).await;
            read(arguments, api).await
        };
        let show_snapshot = || {
            terminal
                .draw(|frame| draw(frame, "bellwire top", &snapshot, is_colored))
                .map(drop)
                .map_err(unusable)
        };
        let Some(next) = until_quit(next, &mut keys, show_snapshot).await? else {
            return Ok(Exit::Done);
        };

        // The last figures stay on the screen, below which the error is shown.
        let next = next.unwrap_or_else(|failure| Reading {
            error: Some(failure.message),
            ..snapshot.reading.clone()
        });
        let is_new = next.error.is_none();
        // The figures of a failed reading are those of the last one, so they are no base for rates.
        if is_new {
            before = Some(snapshot.reading);
        }
        snapshot = Snapshot::new(next, before.as_ref());
    }
}

/// Draws, and again in each new size, until `next` is there. `None`: the user quits.
async fn until_quit<T>(
    next: impl Future<Output = T>,
    keys: &mut mpsc::Receiver<Key>,
    mut draw: impl FnMut() -> Result<()>,
) -> Result<Option<T>> {
    tokio::pin!(next);

    loop {
        draw()?;

        // Keys are taken during a reading too, which is repeated for two minutes while Bellwire is
        // away: in raw mode, nothing else ends the process.
        tokio::select! {
            key = keys.recv() => match key {
                Some(Key::Quit) | None => return Ok(None),
                Some(Key::Resized) => {}
            },
            next = &mut next => return Ok(Some(next)),
        }
    }
}

enum Key {
    Quit,
    Resized,
}

/// What the user types, read by a thread of its own.
fn keys() -> mpsc::Receiver<Key> {
    let (sender, keys) = mpsc::channel(16);
    // The read of the terminal blocks and can't be canceled, so it gets no thread of the runtime.
    std::thread::spawn(move || {
        while let Ok(event) = event::read() {
            let Some(key) = key_of(&event) else { continue };
            if sender.blocking_send(key).is_err() {
                return;
            }
        }
    });
    keys
}

fn key_of(event: &Event) -> Option<Key> {
    match event {
        Event::Resize(..) => Some(Key::Resized),
        // Some terminals also report that a key was released.
        Event::Key(key) if key.kind == KeyEventKind::Press => {
            // In raw mode, Ctrl-C is a key and sends no signal.
            let is_interrupt =
                key.code == KeyCode::Char('c') && key.modifiers.contains(KeyModifiers::CONTROL);
            let is_quit = matches!(key.code, KeyCode::Char('q') | KeyCode::Esc);
            (is_interrupt || is_quit).then_some(Key::Quit)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_user_quits_also_during_a_reading() {
        let (sender, mut keys) = mpsc::channel(2);
        sender.send(Key::Resized).await.unwrap();
        sender.send(Key::Quit).await.unwrap();
        let mut drawn = 0;

        let next = until_quit(std::future::pending::<()>(), &mut keys, || {
            drawn += 1;
            Ok(())
        });
        assert_eq!(next.await.unwrap(), None);
        assert_eq!(drawn, 2, "again in the new size");
    }

    #[tokio::test]
    async fn a_reading_ends_the_wait() {
        let (_sender, mut keys) = mpsc::channel(1);

        let next = until_quit(async { 7 }, &mut keys, || Ok(())).await;
        assert_eq!(next.unwrap(), Some(7));
    }
}
