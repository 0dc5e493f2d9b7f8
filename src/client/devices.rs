//! `bellwire devices import` and `export`: files of devices, a JSON object on each line.

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt;

use clap::{Args, Subcommand};
use http_body_util::BodyExt;
use serde_json::{Value, json};

use crate::client::api::{Api, Ask, Query, new_key};
use crate::client::failure::{Exit, Failure, Result};
use crate::client::lines::{lines_of, name_of};
use crate::client::profile::ConnectionArguments;
use crate::client::screen::Screen;
use crate::client::text::{counted, grouped, printable};

const NDJSON: &str = "application/x-ndjson";
/// Rows of one request. Bellwire takes a million, but a request that fails is repeated as a whole.
const ROWS: usize = 20_000;
/// Most bytes of one request.
const BYTES: usize = 16 * 1024 * 1024;
/// Most rows with errors that are told of one request.
const ERRORS: usize = 1_000;
/// Most of them that are printed for people.
const PRINTED: usize = 20;

/// `bellwire devices`.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Register the devices of a file, which may be one that `export` wrote. The same file can be imported
    /// again.
    Import(ImportArguments),
    /// Write all devices to the standard output or a file.
    Export(ExportArguments),
}

/// Options of `bellwire devices import`.
#[derive(Debug, Args)]
pub(crate) struct ImportArguments {
    /// A file with a JSON object on each line, with the fields of a registration, such as
    /// {"appName": "shop", "token": "…", "provider": "FCM"}; `-` is the standard input.
    file: String,
    /// The App for rows without one.
    #[arg(long, value_name = "NAME")]
    app: Option<String>,
    /// Print JSON: an object with the counts and the errors.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    connection: ConnectionArguments,
}

/// Options of `bellwire devices export`.
#[derive(Debug, Args)]
pub(crate) struct ExportArguments {
    /// Write to this file, which only its owner can read.
    #[arg(long, value_name = "FILE")]
    output: Option<String>,
    /// Only the devices of this App.
    #[arg(long, value_name = "NAME")]
    app: Option<String>,
    /// Write whole tokens, as an import needs them. This takes a key with the role `full`.
    #[arg(long)]
    whole_tokens: bool,
    #[command(flatten)]
    connection: ConnectionArguments,
}

impl Command {
    pub(super) fn connection(&self) -> &ConnectionArguments {
        match self {
            Self::Import(arguments) => &arguments.connection,
            Self::Export(arguments) => &arguments.connection,
        }
    }
}

pub(super) async fn run(command: Command, api: &Api, screen: &Screen) -> Result<Exit> {
    match command {
        Command::Import(arguments) => import(&arguments, api, screen).await,
        Command::Export(arguments) => export(&arguments, api, screen).await,
    }
}

/// Rows that one request sends.
#[derive(Debug, Default)]
struct Rows {
    text: String,
    /// The line of each row in the file.
    lines: Vec<usize>,
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
}

async fn import(arguments: &ImportArguments, api: &Api, screen: &Screen) -> Result<Exit> {
    let name = name_of(&arguments.file);
    let total = count_lines(&arguments.file)?;
    let mut lines = lines_of(&arguments.file)?;
    let mut query = Query::default();
    if let Some(app) = &arguments.app {
        query.add("appName", app);
    }
    let importing = Importing { api, query };

    let mut rows = Rows::default();
    let mut counts = Counts::default();
    let mut errors = Vec::new();
    let mut is_over = false;
    screen.show_bar();
    while !is_over {
        match lines.recv().await {
            Some(line) => {
                let line = line?;
                rows.text += &line.text;
                rows.text.push('\n');
                rows.lines.push(line.number);
            }
            None => is_over = true,
        }

        let is_full = rows.lines.len() >= ROWS || rows.text.len() >= BYTES;
        if (is_full || is_over) && !rows.lines.is_empty() {
            let sent = importing.send(std::mem::take(&mut rows)).await;
            let (answer, wrong) = sent.map_err(|failure| explained(failure, &counts))?;
            counts.add(&answer);
            errors.extend(wrong);
            let done = counts.rows();
            screen.move_bar(
                done,
                total.max(done),
                format!("{} failed", grouped(counts.failed)),
            );
        }
    }
    screen.hide_bar();

    report(&counts, &errors, arguments.json, &name, screen)?;
    Ok(match (counts.failed, counts.rows()) {
        (0, _) => Exit::Done,
        (failed, rows) if failed == rows => Exit::Failed,
        _ => Exit::Partly,
    })
}

fn explained(failure: Failure, counts: &Counts) -> Failure {
    if counts.rows() == 0 {
        return failure;
    }

    Failure {
        message: format!(
            "{}. {} were read before. Import the whole file again: devices that are already \
             registered stay as they are",
            failure.message.trim_end_matches('.'),
            counted(counts.rows(), "row")
        ),
        ..failure
    }
}

/// How many rows the bar has to show. 0: the standard input has no end yet.
fn count_lines(path: &str) -> Result<u64> {
    if path == "-" {
        return Ok(0);
    }

    let unreadable = |error: io::Error| Failure::failed(format!("can't read {path}: {error}"));
    let mut file = BufReader::new(File::open(path).map_err(unreadable)?);
    let mut count = 0;
    loop {
        let piece = file.fill_buf().map_err(unreadable)?;
        if piece.is_empty() {
            return Ok(count);
        }
        count += line_ends(piece);
        let length = piece.len();
        file.consume(length);
    }
}

fn line_ends(bytes: &[u8]) -> u64 {
    bytes.split(|byte| *byte == b'\n').count() as u64 - 1
}

struct Importing<'a> {
    api: &'a Api,
    query: Query,
}

impl Importing<'_> {
    /// Sends rows. Returns the answer, and what was wrong with rows, by their lines in the file.
    async fn send(&self, rows: Rows) -> Result<(Value, Vec<Value>)> {
        let path = format!("/DeviceRegistrations/Import{}", self.query);
        let ask = Ask::post(path, rows.text, new_key()).of_type(NDJSON);
        let answer = self.api.json(&ask).await?;
        if answer["failed"].as_u64().unwrap_or_default() == 0 {
            return Ok((answer, Vec::new()));
        }

        let id = answer["resourceId"].as_str().unwrap_or_default();
        let path = format!("/DeviceRegistrations/Imports/{id}/Errors");
        let pages = self.api.pages(&path, &Query::default(), "errors");
        let mut errors = pages.first(ERRORS).await?;
        for error in &mut errors {
            let line = error["line"].as_u64().unwrap_or_default() as usize;
            let line = line.checked_sub(1).and_then(|index| rows.lines.get(index));
            error["line"] = json!(line);
        }
        Ok((answer, errors))
    }
}

fn report(
    counts: &Counts,
    errors: &[Value],
    is_json: bool,
    name: &str,
    screen: &Screen,
) -> Result<()> {
    let Counts {
        created,
        updated,
        unchanged,
        failed,
    } = counts;
    if is_json {
        return screen.print_json(&json!({
            "rows": counts.rows(),
            "created": created,
            "updated": updated,
            "unchanged": unchanged,
            "failed": failed,
            "errors": errors,
        }));
    }

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
    if *failed > PRINTED as u64 {
        screen.note("there are more: --json lists them");
    }
    screen.print(&format!(
        "{}: {} new, {} changed, {} unchanged, {} failed",
        counted(counts.rows(), "row"),
        grouped(*created),
        grouped(*updated),
        grouped(*unchanged),
        grouped(*failed)
    ))
}

async fn export(arguments: &ExportArguments, api: &Api, screen: &Screen) -> Result<Exit> {
    let mut query = Query::default();
    if let Some(app) = &arguments.app {
        query.add("appName", app);
    }
    if arguments.whole_tokens {
        query.add("tokens", "FULL");
    }

    let ask = Ask::get(format!("/DeviceRegistrations/Export{query}")).accepting(NDJSON);
    let mut body = api.open(&ask).await?.into_body();
    let mut out: Box<dyn Write + Send> = match &arguments.output {
        Some(path) => Box::new(private_file(path)?),
        None => Box::new(io::stdout()),
    };
    if arguments.output.is_some() {
        screen.show_bar();
    }

    let mut devices = 0;
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| {
            Failure::unavailable(format!(
                "the export broke off after {}: run the command again",
                counted(devices, "device")
            ))
        })?;
        let Some(piece) = frame.data_ref() else {
            continue;
        };
        out.write_all(piece)?;
        devices += line_ends(piece);
        screen.move_bar(devices, devices, String::new());
    }
    out.flush()?;
    screen.hide_bar();

    if let Some(path) = &arguments.output {
        screen.note(&format!(
            "written to {path}: {}",
            counted(devices, "device")
        ));
    }
    Ok(Exit::Done)
}

fn private_file(path: &str) -> Result<BufWriter<File>> {
    let file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)
        .map_err(|error| Failure::failed(format!("can't write {path}: {error}")))?;

    Ok(BufWriter::new(file))
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
    }

    #[test]
    fn a_failure_says_that_the_file_can_be_sent_again() {
        let mut counts = Counts::default();
        let failure = Failure::unavailable("it is away.");
        assert_eq!(explained(failure.clone(), &counts), failure);

        counts.add(&json!({"created": 1}));
        let said = explained(failure, &counts).message;
        assert!(
            said.starts_with("it is away. 1 row were read before"),
            "{said}"
        );
    }
}
