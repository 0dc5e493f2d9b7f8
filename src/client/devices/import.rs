//! `bellwire devices import`: registers the devices of a file.

use std::fs::File;
use std::io::{self, BufRead, BufReader};

use clap::Args;
use serde_json::{Value, json};

use crate::client::api::{Api, Ask, Query, new_key};
use crate::client::devices::requests::{Requests, Rows};
use crate::client::devices::{Format, line_breaks};
use crate::client::exit::{Exit, Failure, Result};
use crate::client::lines::{lines_of, name_of, whole_lines_of};
use crate::client::profile::ConnectionArguments;
use crate::client::screen::Screen;
use crate::client::text::{counted, grouped, printable};

/// Most rows with errors that are reported of one request.
const ERRORS: usize = 1_000;
/// Most of them that are printed for people.
const PRINTED: usize = 20;

/// Options of `bellwire devices import`.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// A file with a JSON object on each line, with the fields of a registration, such as
    /// {"appName": "shop", "token": "…", "provider": "FCM"}, or a CSV file whose first line names these
    /// fields; `-` is the standard input.
    file: String,
    /// How the file is written. Without it, a file whose name ends in `.csv` is CSV, and any other NDJSON.
    #[arg(long, value_enum, ignore_case = true)]
    format: Option<Format>,
    /// The App for rows without one.
    #[arg(long, value_name = "NAME")]
    app: Option<String>,
    /// Print JSON: an object with the counts and the errors.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    pub connection: ConnectionArguments,
}

/// What came of the rows so far.
#[derive(Debug, Default, PartialEq, Eq)]
struct Counts {
    created: u64,
    updated: u64,
    unchanged: u64,
    failed: u64,
}

impl Counts {
    fn add(&mut self, answer: &Value) {
        let count = |name: &str| answer[name].as_u64().unwrap_or_default();

        self.created += count("created");
        self.updated += count("updated");
        self.unchanged += count("unchanged");
        self.failed += count("failed");
    }

    fn rows(&self) -> u64 {
        self.created + self.updated + self.unchanged + self.failed
    }

    fn exit(&self) -> Exit {
        match self.failed {
            0 => Exit::Done,
            failed if failed == self.rows() => Exit::Failed,
            _ => Exit::Partly,
        }
    }
}

pub(super) async fn run(arguments: &Arguments, api: &Api, screen: &Screen) -> Result<Exit> {
    let name = name_of(&arguments.file);
    let format = Format::of(arguments.format, Some(&arguments.file));
    // The file is read twice, because the bar needs a total before the first request.
    let total = count_lines(&arguments.file)?;
    let mut lines = match format {
        Format::Ndjson => lines_of(&arguments.file)?,
        Format::Csv => whole_lines_of(&arguments.file)?,
    };
    let mut query = Query::default();
    if let Some(app) = &arguments.app {
        query.add("appName", app);
    }
    let mut importing = Importing {
        api,
        screen,
        query,
        format,
        total,
        counts: Counts::default(),
        errors: Vec::new(),
    };

    let mut requests = Requests::of(format);
    screen.show_bar();
    while let Some(line) = lines.recv().await {
        let full = requests
            .add(&line?)
            .map_err(|error| Failure::failed(format!("{name}, {error}")))?;
        if let Some(rows) = full {
            importing.send(rows).await?;
        }
    }
    if let Some(rows) = requests.rest() {
        importing.send(rows).await?;
    }
    screen.hide_bar();

    let Importing { counts, errors, .. } = importing;
    if arguments.json {
        print_json(&counts, &errors, screen)?;
    } else {
        print(&counts, &errors, &name, screen)?;
    }
    Ok(counts.exit())
}

/// How many rows the bar has to show. 0: not known.
fn count_lines(path: &str) -> Result<u64> {
    if path == "-" {
        return Ok(0);
    }

    let unreadable = |error: io::Error| Failure::failed(format!("can't read {path}: {error}"));
    // A pipe gives its bytes once: the rows that are counted here would be missing in the import.
    if !std::fs::metadata(path).map_err(unreadable)?.is_file() {
        return Ok(0);
    }

    let mut file = BufReader::new(File::open(path).map_err(unreadable)?);
    let mut count = 0;
    loop {
        let piece = file.fill_buf().map_err(unreadable)?;
        if piece.is_empty() {
            return Ok(count);
        }
        count += line_breaks(piece);
        let length = piece.len();
        file.consume(length);
    }
}

struct Importing<'a> {
    api: &'a Api,
    screen: &'a Screen,
    query: Query,
    format: Format,
    /// Lines of the file; 0: not known.
    total: u64,
    counts: Counts,
    /// What was wrong with rows, by their lines in the file.
    errors: Vec<Value>,
}

impl Importing<'_> {
    async fn send(&mut self, rows: Rows) -> Result<()> {
        let sent = self.import(rows).await;
        let answer = sent.map_err(|failure| explained(failure, &self.counts))?;

        self.counts.add(&answer);
        let done = self.counts.rows();
        self.screen.move_bar(
            done,
            self.total.max(done),
            format!("{} failed", grouped(self.counts.failed)),
        );
        Ok(())
    }

    /// Sends rows, and returns the answer.
    async fn import(&mut self, rows: Rows) -> Result<Value> {
        let path = format!("/DeviceRegistrations/Import{}", self.query);
        // Bellwire ignores the key of an import. A repeat after a lost answer is safe without it,
        // because rows that were stored are unchanged then.
        let ask = Ask::post(path, rows.text, new_key()).of_type(self.format.content_type());
        let answer = self.api.json(&ask).await?;
        if answer["failed"].as_u64().unwrap_or_default() == 0 {
            return Ok(answer);
        }

        let id = answer["resourceId"].as_str().unwrap_or_default();
        let path = format!("/DeviceRegistrations/Imports/{id}/Errors");
        let pages = self.api.pages(&path, &Query::default(), "errors");
        for mut error in pages.first(ERRORS).await? {
            // Bellwire counts the lines of this request, people those of their file.
            let line = error["line"].as_u64().unwrap_or_default() as usize;
            let line = line.checked_sub(1).and_then(|index| rows.lines.get(index));
            error["line"] = json!(line);
            self.errors.push(error);
        }
        Ok(answer)
    }
}

fn explained(failure: Failure, counts: &Counts) -> Failure {
    if counts.rows() == 0 {
        return failure;
    }

    Failure {
        message: format!(
            "{}. Bellwire has read {} before that. Import the whole file again: devices that are already \
             registered stay as they are",
            failure.message.trim_end_matches('.'),
            counted(counts.rows(), "row")
        ),
        ..failure
    }
}

fn print_json(counts: &Counts, errors: &[Value], screen: &Screen) -> Result<()> {
    screen.print_json(&json!({
        "rows": counts.rows(),
        "created": counts.created,
        "updated": counts.updated,
        "unchanged": counts.unchanged,
        "failed": counts.failed,
        "errors": errors,
    }))
}

fn print(counts: &Counts, errors: &[Value], name: &str, screen: &Screen) -> Result<()> {
    for error in errors.iter().take(PRINTED) {
        let of = |name: &str| printable(error[name].as_str().unwrap_or_default());
        let field = match of("field") {
            field if field.is_empty() => String::new(),
            field => format!(", {field}"),
        };
        screen.note(&format!(
            "{name}, line {}{field}: {}",
            error["line"],
            of("message")
        ));
    }
    if counts.failed > PRINTED as u64 {
        screen.note("there are more: --json lists them");
    }
    if counts.exit() == Exit::Failed {
        screen.note("error: no row could be registered");
    }

    screen.print(&format!(
        "{}: {} new, {} changed, {} unchanged, {} failed",
        counted(counts.rows(), "row"),
        grouped(counts.created),
        grouped(counts.updated),
        grouped(counts.unchanged),
        grouped(counts.failed)
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_of_requests_are_added() {
        let mut counts = Counts::default();
        counts.add(&json!({"created": 2, "updated": 1, "unchanged": 0, "failed": 1}));
        counts.add(&json!({"created": 1}));

        assert_eq!(counts.rows(), 5);
        assert_eq!(counts.created, 3);
        assert_eq!(counts.exit(), Exit::Partly);
    }

    #[test]
    fn a_file_of_which_no_row_is_registered_has_failed() {
        let mut counts = Counts::default();
        assert_eq!(counts.exit(), Exit::Done);

        counts.add(&json!({"failed": 2}));
        assert_eq!(counts.exit(), Exit::Failed);
    }

    #[test]
    fn a_failure_says_that_the_file_can_be_sent_again() {
        let mut counts = Counts::default();
        let failure = Failure::unavailable("it is away.");
        assert_eq!(explained(failure.clone(), &counts), failure);

        counts.add(&json!({"created": 1}));
        let said = explained(failure, &counts).message;
        assert!(
            said.starts_with("it is away. Bellwire has read 1 row before that"),
            "{said}"
        );
    }
}
