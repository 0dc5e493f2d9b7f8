//! Draws a snapshot on the terminal.

#![allow(clippy::cast_precision_loss, reason = "a bar has a few characters")]

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::Line;
use ratatui::widgets::{Block, Borders, Cell, Paragraph, Row, Table};

use crate::client::text::grouped;
use crate::client::top::snapshot::{LANE_TITLES, OPERATION_TITLES, Snapshot};

/// Characters of a bar, and of one on a narrow terminal.
const BAR: u16 = 20;
const SHORT_BAR: u16 = 10;
/// Widths of the columns of Operations: the id, the bar with its brackets, DONE, SENT, FAILED, RATE, LEFT. An
/// id has 42 characters.
const OPERATION_WIDTHS: [u16; 7] = [42, BAR + 2, 21, 10, 10, 10, 8];
/// Which of these give way on a narrow terminal, the first first. The id stays, so that it can be copied.
const OPERATIONS_GIVE_WAY: [usize; 6] = [6, 5, 1, 3, 4, 2];
/// Widths of the columns of lanes: the provider, the Credential, whose id has 43 characters, the state, IN
/// FLIGHT, CONNECTIONS, BACKLOG.
const LANE_WIDTHS: [u16; 6] = [8, 43, 8, 15, 11, 10];
const LANES_GIVE_WAY: [usize; 5] = [4, 3, 5, 2, 0];

/// Draws all of it. `is_colored` is false if the user wants no colours.
pub(super) fn draw(frame: &mut Frame<'_>, title: &str, snapshot: &Snapshot, is_colored: bool) {
    let lanes = snapshot
        .reading
        .metrics
        .as_ref()
        .map_or(0, |metrics| metrics.lanes.len());
    // A border above, a line of titles, and an empty line below. Eight lanes at most leave room for
    // the Operations.
    let lanes_height = if lanes == 0 {
        0
    } else {
        lanes.min(8) as u16 + 3
    };
    let [head, operations, below, foot] = Layout::vertical([
        Constraint::Length(2),
        Constraint::Min(3),
        Constraint::Length(lanes_height),
        Constraint::Length(1),
    ])
    .areas(frame.area());

    let lines = vec![
        Line::from(format!("{title}  {}", snapshot.headline())).style(bold()),
        Line::from(snapshot.queue().unwrap_or_default()),
    ];
    frame.render_widget(Paragraph::new(lines), head);
    let width = frame.area().width;
    frame.render_widget(operation_table(snapshot, is_colored, width), operations);
    if lanes > 0 {
        frame.render_widget(lane_table(snapshot, is_colored, width), below);
    }

    let foot_line = match &snapshot.reading.error {
        Some(error) => Line::from(error.clone()).style(colored(Color::Red, is_colored)),
        None => Line::from("q: quit"),
    };
    frame.render_widget(Paragraph::new(foot_line), foot);
}

fn bold() -> Style {
    Style::new().add_modifier(Modifier::BOLD)
}

fn colored(color: Color, is_colored: bool) -> Style {
    if is_colored {
        Style::new().fg(color)
    } else {
        Style::new()
    }
}

/// The widths of columns in a terminal of `width`: where they do not fit, columns get the width 0, in the
/// order of `give_way`.
fn fitted<const N: usize>(mut widths: [u16; N], give_way: &[usize], width: u16) -> [u16; N] {
    for column in give_way {
        let shown = widths.iter().filter(|width| **width > 0);
        // A column apart from the one before.
        let needed: u16 = shown.map(|width| width + 1).sum();
        if needed <= width + 1 {
            break;
        }

        widths[*column] = 0;
    }

    widths
}

/// The widths of the columns of Operations: the bar is shortened before a column gives way.
fn operation_widths(width: u16) -> [u16; 7] {
    let mut widths = OPERATION_WIDTHS;
    if width + 1 < widths.iter().map(|width| width + 1).sum() {
        widths[1] = SHORT_BAR + 2;
    }

    fitted(widths, &OPERATIONS_GIVE_WAY, width)
}

/// What of the columns is shown.
fn shown<T, const N: usize>(columns: [T; N], widths: [u16; N]) -> impl Iterator<Item = T> {
    columns
        .into_iter()
        .zip(widths)
        .filter(|(_, width)| *width > 0)
        .map(|(column, _)| column)
}

fn titles<const N: usize>(titles: [&'static str; N], widths: [u16; N]) -> Row<'static> {
    // The mark is for the plain tables, which align numbers to the right and share these titles.
    let titles = titles.map(|title| title.trim_start_matches('#'));

    Row::new(shown(titles, widths)).style(bold())
}

fn constraints<const N: usize>(widths: [u16; N]) -> impl Iterator<Item = Constraint> {
    shown(widths.map(Constraint::Length), widths)
}

fn operation_table(snapshot: &Snapshot, is_colored: bool, width: u16) -> Table<'static> {
    let widths = operation_widths(width);
    let bar_length = widths[1].saturating_sub(2);
    let rows = (0..snapshot.reading.operations.len()).filter_map(|index| {
        let [id, done, sent, failed, rate, left] = snapshot.operation(index)?;
        let has_failed = failed != "0";
        let failed_style = colored(
            if has_failed { Color::Red } else { Color::Reset },
            is_colored,
        );

        let bar = bar(snapshot.done(index), bar_length.into());
        let cells = [
            Cell::from(id),
            Cell::from(bar).style(colored(Color::Green, is_colored)),
            Cell::from(done),
            Cell::from(sent),
            Cell::from(failed).style(failed_style),
            Cell::from(rate),
            Cell::from(left),
        ];
        Some(Row::new(shown(cells, widths)))
    });
    let [id, done, sent, failed, rate, left] = OPERATION_TITLES;

    let titles = titles([id, "", done, sent, failed, rate, left], widths);
    Table::new(rows, constraints(widths))
        .header(titles)
        .block(block("Operations"))
}

fn lane_table(snapshot: &Snapshot, is_colored: bool, width: u16) -> Table<'static> {
    let widths = fitted(LANE_WIDTHS, &LANES_GIVE_WAY, width);
    let lanes = snapshot
        .reading
        .metrics
        .iter()
        .flat_map(|metrics| &metrics.lanes);
    let rows = lanes.map(|lane| {
        let color = if lane.is_tripped {
            Color::Red
        } else {
            Color::Reset
        };
        let cells = [
            lane.provider.clone(),
            lane.credential.clone(),
            lane.state().to_owned(),
            format!("{}/{}", grouped(lane.in_flight), grouped(lane.limit)),
            grouped(lane.connections),
            grouped(lane.backlog),
        ];
        Row::new(shown(cells, widths)).style(colored(color, is_colored))
    });

    Table::new(rows, constraints(widths))
        .header(titles(LANE_TITLES, widths))
        .block(block("Lanes"))
}

fn block(title: &'static str) -> Block<'static> {
    Block::new().borders(Borders::TOP).title(title)
}

/// `0.5` as `[==========          ]`, for the length 20.
fn bar(done: f64, length: usize) -> String {
    let full = (done * length as f64).round() as usize;
    let full = full.min(length);
    format!("[{}{}]", "=".repeat(full), " ".repeat(length - full))
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use ratatui::Terminal;
    use ratatui::backend::TestBackend;

    use super::*;
    use crate::client::top::metrics::{Lane, Metrics};
    use crate::client::top::snapshot::example;

    #[test]
    fn columns_give_way_to_the_ids() {
        let names = ["id", "bar", "done", "sent", "failed", "rate", "left"];
        let at = |width| shown(names, operation_widths(width)).collect::<Vec<_>>();

        assert_eq!(operation_widths(129), OPERATION_WIDTHS);
        assert_eq!(at(120), names);
        assert_eq!(operation_widths(120)[1], SHORT_BAR + 2);
        assert_eq!(at(110), ["id", "bar", "done", "sent", "failed", "rate"]);
        assert_eq!(at(100), ["id", "bar", "done", "sent", "failed"]);
        assert_eq!(at(80), ["id", "done", "failed"]);
        assert_eq!(at(42), ["id"]);

        for width in 43..200 {
            assert_eq!(operation_widths(width)[0], 42);
            let widths = fitted(LANE_WIDTHS, &LANES_GIVE_WAY, width);
            assert_eq!(widths[1], 43);
            let needed: u16 = shown(widths, widths).map(|width| width + 1).sum();
            assert!(needed <= width + 1, "{width}: {widths:?}");
        }
    }

    #[test]
    fn an_operations_id_is_whole_on_a_narrow_terminal() {
        let id = "comms_operation_01m8bxap3yes2abm0xnge00001";
        let mut reading = example(Instant::now(), 500);
        reading.operations[0].id = id.to_owned();
        let snapshot = Snapshot::new(reading, None);

        for width in [200, 120, 80, 60, 42] {
            let mut terminal = Terminal::new(TestBackend::new(width, 10)).unwrap();
            terminal
                .draw(|frame| draw(frame, "bellwire top", &snapshot, false))
                .unwrap();
            let screen = format!("{}", terminal.backend());
            assert!(screen.contains(id), "{width}:\n{screen}");
        }
    }

    #[test]
    fn operations_and_lanes_are_on_the_screen() {
        let began = Instant::now();
        let before = example(began, 200);
        let mut reading = example(began + Duration::from_secs(1), 500);
        reading.metrics = Some(Metrics {
            due: 1200,
            lanes: vec![Lane {
                provider: "FCM".to_owned(),
                is_tripped: true,
                ..Lane::default()
            }],
            ..Metrics::default()
        });
        let snapshot = Snapshot::new(reading, Some(&before));

        // Also where hardly anything fits.
        for (width, height) in [(140, 20), (20, 5), (1, 1)] {
            let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
            terminal
                .draw(|frame| draw(frame, "bellwire top", &snapshot, false))
                .unwrap();
            let screen = format!("{}", terminal.backend());
            if width < 140 {
                continue;
            }
            for expected in [
                "bellwire top  1 running, 500 to send, 300/s",
                "queue: 1,200 due",
                "[==========          ]",
                "500/1,000",
                "stopped",
                "q: quit",
            ] {
                assert!(screen.contains(expected), "{expected} is not in\n{screen}");
            }
        }
    }
}
