//! `bellwire devices import` and `export`: files of devices, as lines of JSON or as CSV.

use clap::{Subcommand, ValueEnum};

mod csv_rows;
mod export;
mod import;
mod requests;

use crate::client::api::Api;
use crate::client::exit::{Exit, Result};
use crate::client::profile::ConnectionArguments;
use crate::client::screen::Screen;

/// `bellwire devices`.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Register the devices of a file, which may be one that `export` wrote. The same file can be imported
    /// again.
    Import(import::Arguments),
    /// Write all devices to the standard output or a file.
    Export(export::Arguments),
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
        Command::Import(arguments) => import::run(&arguments, api, screen).await,
        Command::Export(arguments) => export::run(&arguments, api, screen).await,
    }
}

/// Line breaks in `bytes`.
fn line_breaks(bytes: &[u8]) -> u64 {
    bytes.split(|byte| *byte == b'\n').count() as u64 - 1
}

/// How a file is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// A JSON object on each line.
    Ndjson,
    /// A first line with the names of the columns, then a row for each device.
    Csv,
}

impl Format {
    /// The format that was asked for, or else the one that the name of the file says.
    fn of(asked: Option<Self>, path: Option<&str>) -> Self {
        let is_named_csv = path.is_some_and(|path| path.to_ascii_lowercase().ends_with(".csv"));

        match asked {
            Some(format) => format,
            None if is_named_csv => Self::Csv,
            None => Self::Ndjson,
        }
    }

    fn content_type(self) -> &'static str {
        match self {
            Self::Ndjson => "application/x-ndjson",
            Self::Csv => "text/csv",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_file_says_its_format_unless_an_option_does() {
        let of = Format::of;

        assert_eq!(of(None, Some("a/devices.csv")), Format::Csv);
        assert_eq!(of(None, Some("DEVICES.CSV")), Format::Csv);
        for other in [Some("-"), Some("devices.ndjson"), Some("csv"), None] {
            assert_eq!(of(None, other), Format::Ndjson, "{other:?}");
        }
        assert_eq!(of(Some(Format::Csv), Some("-")), Format::Csv);
        assert_eq!(of(Some(Format::Ndjson), Some("a.csv")), Format::Ndjson);
    }
}
