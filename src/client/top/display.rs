//! Draws a snapshot on the terminal.

#![allow(clippy::cast_precision_loss, reason = "a bar has a few characters")]

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::Line;
use ratatui::widgets::{Block, Borders, Cell, Paragraph, Row, Table};

use crate::client::text::grouped;
use crate::client::top::snapshot::{LANE_TITLES, OPERATION_TITLES, Snapshot};

/// Characters of a bar.
const BAR: usize = 20;

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
    frame.render_widget(operation_table(snapshot, is_colored), operations);
    if lanes > 0 {
        frame.render_widget(lane_table(snapshot, is_colored), below);
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

fn titles<const N: usize>(titles: [&'static str; N]) -> Row<'static> {
    // The mark is for the plain tables, which align numbers to the right and share these titles.
    Row::new(titles.map(|title| title.trim_start_matches('#'))).style(bold())
}

fn operation_table(snapshot: &Snapshot, is_colored: bool) -> Table<'static> {
    let rows = (0..snapshot.reading.operations.len()).filter_map(|index| {
        let [id, done, sent, failed, rate, left] = snapshot.operation(index)?;
        let has_failed = failed != "0";
        let failed_style = colored(
            if has_failed { Color::Red } else { Color::Reset },
            is_colored,
        );

        Some(Row::new([
            Cell::from(id),
            Cell::from(bar(snapshot.done(index))).style(colored(Color::Green, is_colored)),
            Cell::from(done),
            Cell::from(sent),
            Cell::from(failed).style(failed_style),
            Cell::from(rate),
            Cell::from(left),
        ]))
    });
    let [id, done, sent, failed, rate, left] = OPERATION_TITLES;

    let widths = [
        // An id of an Operation has 42 characters.
        Constraint::Length(42),
        Constraint::Length(BAR as u16 + 2),
        Constraint::Length(21),
        Constraint::Length(10),
        Constraint::Length(10),
        Constraint::Length(10),
        Constraint::Length(8),
    ];
    Table::new(rows, widths)
        .header(titles([id, "", done, sent, failed, rate, left]))
        .block(block("Operations"))
}

fn lane_table(snapshot: &Snapshot, is_colored: bool) -> Table<'static> {
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
        Row::new([
            lane.provider.clone(),
            lane.credential.clone(),
            lane.state().to_owned(),
            format!("{}/{}", grouped(lane.in_flight), grouped(lane.limit)),
            grouped(lane.connections),
            grouped(lane.backlog),
        ])
        .style(colored(color, is_colored))
    });

    let widths = [
        Constraint::Length(8),
        // An id of a Credential has 43 characters.
        Constraint::Length(43),
        Constraint::Length(8),
        Constraint::Length(15),
        Constraint::Length(11),
        Constraint::Length(10),
    ];
    Table::new(rows, widths)
        .header(titles(LANE_TITLES))
        .block(block("Lanes"))
}

fn block(title: &'static str) -> Block<'static> {
    Block::new().borders(Borders::TOP).title(title)
}

/// `0.5` as `[==========          ]`.
fn bar(done: f64) -> String {
    let full = (done * BAR as f64).round() as usize;
    let full = full.min(BAR);
    format!("[{}{}]", "=".repeat(full), " ".repeat(BAR - full))
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
