//! What a command prints: results to the standard output, and to the standard error what is for people
//! alone, such as the progress bar.

use std::io::{self, IsTerminal, Write};

use indicatif::{HumanCount, ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};
use serde_json::Value;

use crate::client::exit::Result;
use crate::client::text::printable;

/// How often the bar is drawn, in times a second.
const DRAWS: u8 = 10;

/// The two outputs of a command, and a progress bar that they do not overwrite.
#[derive(Debug)]
pub(super) struct Screen {
    /// Hidden until it is shown, and where the standard error is no terminal.
    bar: ProgressBar,
}

impl Screen {
    pub(super) fn new() -> Self {
        Self {
            bar: ProgressBar::hidden(),
        }
    }

    /// Prints a line of the result. It is there at once, for the next program of a pipe.
    pub(super) fn print(&self, line: &str) -> Result<()> {
        // The bar is cleared for the line, and drawn again below it.
        let printed = self.bar.suspend(|| {
            let mut out = io::stdout().lock();
            writeln!(out, "{line}")?;
            out.flush()
        });

        Ok(printed?)
    }

    /// Prints a JSON value as a line.
    pub(super) fn print_json(&self, value: &Value) -> Result<()> {
        self.print(&value.to_string())
    }

    /// Prints a line for people. A closed output is not a failure.
    pub(super) fn note(&self, line: &str) {
        self.bar.suspend(|| {
            let _ = writeln!(io::stderr(), "{}", printable(line));
        });
    }

    /// Shows the progress bar, if a person can see it.
    pub(super) fn show_bar(&self) {
        if !io::stderr().is_terminal() {
            return;
        }

        self.bar
            .set_draw_target(ProgressDrawTarget::stderr_with_hz(DRAWS));
        self.bar.set_style(style());
        self.bar
            // The rate and the time left change also while no update arrives.
            .enable_steady_tick(std::time::Duration::from_secs(1));
    }

    /// Moves the bar to `done` of `total`, with a text beside it.
    pub(super) fn move_bar(&self, done: u64, total: u64, text: String) {
        self.bar.set_length(total);
        self.bar.set_position(done);
        self.bar.set_message(text);
    }

    pub(super) fn hide_bar(&self) {
        self.bar.finish_and_clear();
    }
}

fn style() -> ProgressStyle {
    // The template is a constant that is tested, so the default is never used.
    ProgressStyle::with_template(TEMPLATE)
        .unwrap_or_else(|_| ProgressStyle::default_bar())
        .with_key(
            "rate",
            |state: &ProgressState, out: &mut dyn std::fmt::Write| {
                let _ = write!(out, "{}/s", HumanCount(state.per_sec() as u64));
            },
        )
        .with_key(
            "left",
            |state: &ProgressState, out: &mut dyn std::fmt::Write| {
                let _ = write!(out, "{}", left(state));
            },
        )
        .progress_chars("=> ")
}

const TEMPLATE: &str = "[{wide_bar}] {human_pos}/{human_len}  {rate}  {left}  {msg}";

/// The time left, which is unknown while there is no progress.
fn left(state: &ProgressState) -> String {
    if state.per_sec() < 0.1 {
        return "-:-- left".to_owned();
    }

    let seconds = state.eta().as_secs();
    format!("{} left", clock(seconds))
}

/// `75` as `1:15`, `3675` as `1:01:15`.
fn clock(seconds: u64) -> String {
    let minutes = seconds / 60;
    if minutes < 60 {
        return format!("{minutes}:{:02}", seconds % 60);
    }

    format!("{}:{:02}:{:02}", minutes / 60, minutes % 60, seconds % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_template_of_the_bar_is_valid() {
        assert!(ProgressStyle::with_template(TEMPLATE).is_ok());
    }

    #[test]
    fn times_look_like_those_of_a_clock() {
        for (seconds, expected) in [(0, "0:00"), (75, "1:15"), (3675, "1:01:15")] {
            assert_eq!(clock(seconds), expected);
        }
    }
}
