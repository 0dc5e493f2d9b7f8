//! `bellwire devices export`: writes all devices to a file.

use std::fs::{File, OpenOptions, Permissions};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::time::Duration;

use clap::Args;

use crate::client::api::{Api, Ask, Query};
use crate::client::devices::csv_rows::CsvRows;
use crate::client::devices::{Format, line_breaks};
use crate::client::exit::{Exit, Failure, Result};
use crate::client::pieces::next_piece;
use crate::client::profile::ConnectionArguments;
use crate::client::screen::Screen;
use crate::client::text::counted;

/// How long the export may be silent. Bellwire ends a statement of a list after 5 s.
const SILENT_FOR: Duration = Duration::from_secs(60);

/// Options of `bellwire devices export`.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Write to this file, which only its owner can read.
    #[arg(long, value_name = "FILE")]
    output: Option<String>,
    /// How the devices are written. Without it, a file whose name ends in `.csv` gets CSV, and any other
    /// NDJSON.
    #[arg(long, value_enum, ignore_case = true)]
    format: Option<Format>,
    /// Only the devices of this App.
    #[arg(long, value_name = "NAME")]
    app: Option<String>,
    /// Write whole tokens, as an import needs them. This takes a key with the role `full`.
    #[arg(long)]
    whole_tokens: bool,
    #[command(flatten)]
    pub connection: ConnectionArguments,
}

pub(super) async fn run(arguments: &Arguments, api: &Api, screen: &Screen) -> Result<Exit> {
    let format = Format::of(arguments.format, arguments.output.as_deref());
    let mut query = Query::default();
    if let Some(app) = &arguments.app {
        query.add("appName", app);
    }
    if arguments.whole_tokens {
        query.add("tokens", "FULL");
    }

    let path = format!("/DeviceRegistrations/Export{query}");
    let ask = Ask::get(path).accepting(format.content_type());
    // Before the file is opened: a key that is refused must not empty an earlier export.
    let mut body = api.open(&ask).await?.into_body();
    let mut out: Box<dyn Write + Send> = match &arguments.output {
        Some(path) => Box::new(private_file(path)?),
        None => Box::new(io::stdout()),
    };
    if arguments.output.is_some() {
        screen.show_bar();
    }

    let mut counter = Counter::of(format);
    loop {
        // Bellwire breaks the connection off if it can't go on, so the file is only a part.
        let piece = next_piece(&mut body, SILENT_FOR).await.map_err(|reason| {
            Failure::unavailable(format!(
                "the export broke off after {} ({reason}): run the command again",
                counted(counter.devices(), "device")
            ))
        })?;
        let Some(piece) = piece else { break };

        out.write_all(&piece)?;
        counter.read(&piece);
        let devices = counter.devices();
        // How many will come is not known, so the bar is full and counts.
        screen.move_bar(devices, devices, String::new());
    }
    out.flush()?;
    screen.hide_bar();

    if let Some(path) = &arguments.output {
        screen.note(&format!(
            "written to {path}: {}",
            counted(counter.devices(), "device")
        ));
    }
    Ok(Exit::Done)
}

/// Counts the devices of an export.
struct Counter {
    format: Format,
    csv: CsvRows,
    rows: u64,
}

impl Counter {
    fn of(format: Format) -> Self {
        Self {
            format,
            csv: CsvRows::default(),
            rows: 0,
        }
    }

    fn read(&mut self, bytes: &[u8]) {
        self.rows += match self.format {
            Format::Ndjson => line_breaks(bytes),
            Format::Csv => self.csv.read(bytes),
        };
    }

    fn devices(&self) -> u64 {
        match self.format {
            Format::Ndjson => self.rows,
            // The first row names the columns.
            Format::Csv => self.rows.saturating_sub(1),
        }
    }
}

fn private_file(path: &str) -> Result<BufWriter<File>> {
    let unwritable = |error: io::Error| Failure::failed(format!("can't write {path}: {error}"));
    let file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)
        .map_err(unwritable)?;

    // A file that was there keeps its mode when it is opened. A pipe or a device is left as it is.
    if file.metadata().map_err(unwritable)?.is_file() {
        file.set_permissions(Permissions::from_mode(0o600))
            .map_err(unwritable)?;
    }
    Ok(BufWriter::new(file))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_was_there_becomes_private() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::set_permissions(file.path(), Permissions::from_mode(0o644)).unwrap();

        drop(private_file(file.path().to_str().unwrap()).unwrap());
        let mode = std::fs::metadata(file.path()).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert!(private_file("/dev/null").is_ok());
    }

    #[test]
    fn devices_are_counted_over_pieces() {
        let count = |format, pieces: &[&str]| {
            let mut counter = Counter::of(format);
            for piece in pieces {
                counter.read(piece.as_bytes());
            }
            counter.devices()
        };

        assert_eq!(count(Format::Ndjson, &["{}\n{", "}\n"]), 2);
        assert_eq!(count(Format::Csv, &[]), 0);
        assert_eq!(count(Format::Csv, &["token\r\n\"a\n", "b\"\r\nc\r\n"]), 2);
    }
}
