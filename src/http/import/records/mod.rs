//! Cuts a file into records as its bytes arrive: lines of JSON, or rows of CSV.

use csv_core::{ReadRecordResult, Reader};
use serde_json::{Map, Value};

use crate::http::tags;
use crate::http::validation::parse_value;
use crate::model::quoted::quoted_string;

/// Longest record, in bytes. A longer one is an error of its line, and is passed over.
pub(super) const MAX_RECORD: usize = 64 * 1024;

/// U+FEFF in UTF-8, which some programs begin a file with.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// The columns of a CSV file, and fields of a line of JSON, in the order in which an export has them.
pub(in crate::http) const COLUMNS: [&str; 16] = [
    "appName",
    "provider",
    "token",
    "userId",
    "externalId",
    "environment",
    "kind",
    "tags",
    "language",
    "timezone",
    "variables",
    "optedOut",
    "optedOutTags",
    "deviceId",
    "deviceRegistrationId",
    "registeredAt",
];

/// A record of the file.
#[derive(Debug, PartialEq)]
pub(super) struct Record {
    /// The line on which it ends, 1-based.
    pub line: i32,
    pub content: Content,
}

#[derive(Debug, PartialEq)]
pub(super) enum Content {
    Json(Vec<u8>),
    Fields(Map<String, Value>),
    TooLong,
    /// A row with more cells than the header.
    TooManyCells,
    NotUtf8,
    /// A quote that the end of the file leaves open: it holds all lines from there on.
    OpenQuote,
}

/// Why a file can't be read at all.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct BadHeader(pub String);

pub(super) enum Records {
    Ndjson(Lines),
    Csv(Box<Rows>),
}

impl Records {
    /// Adds the next bytes of the file. Records that they complete are appended to `records`.
    pub(super) fn push(
        &mut self,
        bytes: &[u8],
        records: &mut Vec<Record>,
    ) -> Result<(), BadHeader> {
        match self {
            Self::Ndjson(lines) => {
                lines.push(bytes, records);
                Ok(())
            }
            Self::Csv(rows) => rows.push(bytes, records),
        }
    }

    /// Ends the file: the last record may lack its line break.
    pub(super) fn end(&mut self, records: &mut Vec<Record>) -> Result<(), BadHeader> {
        match self {
            Self::Ndjson(lines) => {
                lines.push(b"\n", records);
                Ok(())
            }
            Self::Csv(rows) => rows.end(records),
        }
    }
}

/// Lines of JSON.
#[derive(Default)]
pub(super) struct Lines {
    /// The beginning of a line whose end has not arrived.
    begun: Vec<u8>,
    is_too_long: bool,
    /// Lines that have ended.
    ended: i32,
}

impl Lines {
    fn push(&mut self, bytes: &[u8], records: &mut Vec<Record>) {
        for part in bytes.split_inclusive(|byte| *byte == b'\n') {
            let line = part.strip_suffix(b"\n");
            self.add(line.unwrap_or(part));
            if line.is_some() {
                self.end_line(records);
            }
        }
    }

    fn add(&mut self, part: &[u8]) {
        if self.begun.len() + part.len() > MAX_RECORD {
            self.is_too_long = true;
            // Nothing of the line is kept, so a line without an end takes no memory.
            self.begun.clear();
        } else if !self.is_too_long {
            self.begun.extend_from_slice(part);
        }
    }

    fn end_line(&mut self, records: &mut Vec<Record>) {
        self.ended += 1;

        let mut line = std::mem::take(&mut self.begun);
        if self.ended == 1 && line.starts_with(BYTE_ORDER_MARK) {
            line.drain(..BYTE_ORDER_MARK.len());
        }
        let is_blank = line.iter().all(u8::is_ascii_whitespace);

        // A line that was too long has been cleared, and must not pass for a blank one.
        let content = match std::mem::take(&mut self.is_too_long) {
            true => Content::TooLong,
            false if is_blank => return,
            false => Content::Json(line),
        };
        records.push(Record {
            line: self.ended,
            content,
        });
    }
}

/// Rows of CSV (RFC 4180), the first of which names the columns.
pub(super) struct Rows {
    reader: Reader,
    cells: Vec<u8>,
    /// How much of `cells` is in use.
    length: usize,
    /// Where each cell ends.
    ends: Vec<usize>,
    /// How many of `ends` are in use.
    count: usize,
    problem: Option<Content>,
    /// Whether the record has an odd number of quotes so far.
    has_open_quote: bool,
    header: Option<Vec<String>>,
    is_over: bool,
    /// The first bytes of the file, as long as they may be the beginning of a byte order mark. `None`: it
    /// is known what they are.
    first: Option<Vec<u8>>,
}

impl Default for Rows {
    fn default() -> Self {
        Self {
            reader: Reader::new(),
            cells: vec![0; MAX_RECORD],
            length: 0,
            ends: vec![0; 2 * COLUMNS.len()],
            count: 0,
            problem: None,
            has_open_quote: false,
            header: None,
            is_over: false,
            first: Some(Vec::new()),
        }
    }
}

impl Rows {
    fn push(&mut self, bytes: &[u8], records: &mut Vec<Record>) -> Result<(), BadHeader> {
        let Some(mut first) = self.first.take() else {
            return self.read(bytes, records);
        };

        // csv-core drops a byte order mark only if one piece holds all of it. Before a quoted cell, the
        // rest of a mark would make the quotes a part of the cell.
        let missing = BYTE_ORDER_MARK.len() - first.len();
        let (completing, rest) = bytes.split_at(missing.min(bytes.len()));
        first.extend_from_slice(completing);
        if first.len() < BYTE_ORDER_MARK.len() {
            self.first = Some(first);
            return Ok(());
        }

        if first != BYTE_ORDER_MARK {
            self.read(&first, records)?;
        }
        self.read(rest, records)
    }

    fn read(&mut self, bytes: &[u8], records: &mut Vec<Record>) -> Result<(), BadHeader> {
        let mut rest = bytes;

        while !rest.is_empty() {
            let read = self.step(rest, records)?;
            rest = &rest[read..];
        }
        Ok(())
    }

    /// An empty input is the end of the file, as csv-core has it.
    fn end(&mut self, records: &mut Vec<Record>) -> Result<(), BadHeader> {
        // A file of one or two bytes.
        if let Some(first) = self.first.take() {
            self.read(&first, records)?;
        }

        while !self.is_over {
            self.step(b"", records)?;
        }
        if self.header.is_none() {
            return Err(BadHeader(
                "the file is empty; its first line must name the columns".to_owned(),
            ));
        }

        Ok(())
    }

    /// Reads up to the end of a record. Returns how many bytes it has read.
    fn step(&mut self, bytes: &[u8], records: &mut Vec<Record>) -> Result<usize, BadHeader> {
        let (result, read, written, ended) = self.reader.read_record(
            bytes,
            &mut self.cells[self.length..],
            &mut self.ends[self.count..],
        );
        self.length += written;
        self.count += ended;
        self.has_open_quote ^= has_odd_quotes(&bytes[..read]);

        match result {
            ReadRecordResult::InputEmpty => {}
            ReadRecordResult::End => self.is_over = true,
            // What does not fit is read over, until the record ends.
            ReadRecordResult::OutputFull => {
                self.problem = Some(Content::TooLong);
                self.length = 0;
                self.count = 0;
            }
            ReadRecordResult::OutputEndsFull => {
                self.problem.get_or_insert(Content::TooManyCells);
                self.length = 0;
                self.count = 0;
            }
            ReadRecordResult::Record => {
                // The reader counts line feeds; a record that ends with a carriage return ends before the
                // feed.
                let last = read.checked_sub(1).map(|last| bytes[last]);
                let line = match last {
                    Some(b'\n') => self.reader.line() - 1,
                    _ => self.reader.line(),
                };
                self.end_record(line as i32, bytes.is_empty(), records)?;
            }
        }

        Ok(read)
    }

    /// `is_last`: the end of the file ends the record.
    fn end_record(
        &mut self,
        line: i32,
        is_last: bool,
        records: &mut Vec<Record>,
    ) -> Result<(), BadHeader> {
        let mut problem = self.problem.take();
        // What was read over has left no cells.
        let cells = match problem {
            None => self.cells(),
            Some(_) => Some(Vec::new()),
        };
        let cells = cells.unwrap_or_else(|| {
            problem = Some(Content::NotUtf8);
            Vec::new()
        });

        // One odd quote in the last row is only an unusual cell. With a line feed behind it, the
        // cell has taken in the rows that follow.
        let has_open_quote =
            is_last && self.has_open_quote && cells.iter().any(|cell| cell.contains('\n'));
        self.length = 0;
        self.count = 0;
        self.has_open_quote = false;

        let Some(header) = &self.header else {
            match problem {
                None => {}
                Some(Content::NotUtf8) => {
                    return Err(BadHeader(
                        "the file must be UTF-8, and is in another encoding, such as UTF-16"
                            .to_owned(),
                    ));
                }
                Some(_) => return Err(BadHeader("the header line is too long".to_owned())),
            }
            self.header = Some(check_header(cells)?);
            return Ok(());
        };

        let content = match problem {
            Some(problem) => problem,
            None if has_open_quote => Content::OpenQuote,
            None if cells.len() > header.len() => Content::TooManyCells,
            None => Content::Fields(fields(header, cells)),
        };
        records.push(Record { line, content });
        Ok(())
    }

    /// The cells of the record that has ended; `None`: one is not UTF-8.
    fn cells(&self) -> Option<Vec<String>> {
        let mut start = 0;

        self.ends[..self.count]
            .iter()
            .map(|end| {
                let cell = std::str::from_utf8(&self.cells[start..*end]);
                start = *end;
                cell.ok().map(str::to_owned)
            })
            .collect()
    }
}

fn has_odd_quotes(bytes: &[u8]) -> bool {
    bytes
        .iter()
        .fold(false, |is_odd, byte| is_odd ^ (*byte == b'"'))
}

fn check_header(names: Vec<String>) -> Result<Vec<String>, BadHeader> {
    let names: Vec<String> = names
        .into_iter()
        // Some programs write the byte order mark twice.
        .map(|name| name.trim_start_matches('\u{feff}').trim().to_owned())
        .collect();

    // Spreadsheets separate with semicolons where the comma is the decimal mark.
    let is_other_separator = |name: &String| names.len() == 1 && name.contains([';', '\t']);
    if names.iter().any(is_other_separator) {
        return Err(BadHeader(format!(
            "the cells must be separated by commas; the first line is {}",
            quoted_string(&names.join(","))
        )));
    }
    if let Some((_, repeated)) = names
        .iter()
        .enumerate()
        .find(|(index, name)| names[..*index].contains(name))
    {
        return Err(BadHeader(format!(
            "the column {} is there twice; name each column once",
            quoted_string(repeated)
        )));
    }
    if let Some(unknown) = names.iter().find(|name| !COLUMNS.contains(&name.as_str())) {
        return Err(BadHeader(format!(
            "the column {} does not exist; the first line names the columns, which are {}",
            quoted_string(unknown),
            COLUMNS.join(", ")
        )));
    }
    for required in ["token", "provider"] {
        if !names.iter().any(|name| name == required) {
            return Err(BadHeader(format!(
                "the column {required} is required; the first line names the columns"
            )));
        }
    }

    Ok(names)
}

/// A row as the object that a line of JSON would be. An empty cell is absent.
fn fields(header: &[String], cells: Vec<String>) -> Map<String, Value> {
    let mut fields = Map::new();

    // A row may have fewer cells than the header: the fields of the rest are absent.
    for (name, cell) in header.iter().zip(cells) {
        let cell = without_guard(&cell);
        if cell.is_empty() {
            continue;
        }
        fields.insert(name.clone(), value(name, cell));
    }

    fields
}

/// A cell without the apostrophe that an export puts before what a spreadsheet takes as a formula.
fn without_guard(cell: &str) -> &str {
    let guarded = cell
        .strip_prefix('\'')
        .filter(|rest| rest.starts_with(crate::http::csv::FORMULA_STARTS));

    guarded.unwrap_or(cell)
}

/// The value of a cell. What has not the right form stays a string, which the reader of the field refuses.
fn value(name: &str, cell: &str) -> Value {
    let string = || Value::from(cell);

    match name {
        "optedOut" if cell.eq_ignore_ascii_case("true") => Value::Bool(true),
        "optedOut" if cell.eq_ignore_ascii_case("false") => Value::Bool(false),
        "tags" if !cell.starts_with('{') => {
            tags::parse_pairs(cell).map_or_else(string, Value::Object)
        }
        "tags" | "variables" => parse_value(cell.as_bytes()).unwrap_or_else(|_| string()),
        "optedOutTags" => cell
            .split(';')
            .filter(|tag| !tag.is_empty())
            .map(Value::from)
            .collect(),
        _ => string(),
    }
}

#[cfg(test)]
mod tests;
