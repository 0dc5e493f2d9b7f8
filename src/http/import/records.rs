//! Cuts a file into records as its bytes arrive: lines of JSON, or rows of CSV.

use csv_core::{ReadRecordResult, Reader};
use serde_json::{Map, Value};

use crate::http::tags;
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
        }
    }
}

impl Rows {
    fn push(&mut self, bytes: &[u8], records: &mut Vec<Record>) -> Result<(), BadHeader> {
        let mut rest = bytes;

        while !rest.is_empty() {
            let read = self.step(rest, records)?;
            rest = &rest[read..];
        }
        Ok(())
    }

    /// An empty input is the end of the file, as csv-core has it.
    fn end(&mut self, records: &mut Vec<Record>) -> Result<(), BadHeader> {
        while !self.is_over {
            self.step(b"", records)?;
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
        .map(|name| name.trim_start_matches('\u{feff}').trim().to_owned())
        .collect();

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
            tags::parse_filter(cell).map_or_else(string, Value::Object)
        }
        "tags" | "variables" => serde_json::from_str(cell).unwrap_or_else(|_| string()),
        "optedOutTags" => cell
            .split(';')
            .filter(|tag| !tag.is_empty())
            .map(Value::from)
            .collect(),
        _ => string(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    /// The records of a file that arrives in parts of `size` bytes.
    fn read(mut records: Records, file: &[u8], size: usize) -> Result<Vec<Record>, BadHeader> {
        let mut read = Vec::new();
        for part in file.chunks(size.max(1)) {
            records.push(part, &mut read)?;
        }
        records.end(&mut read)?;

        Ok(read)
    }

    fn ndjson(file: &[u8], size: usize) -> Vec<(i32, Content)> {
        let records = read(Records::Ndjson(Lines::default()), file, size).unwrap();

        records
            .into_iter()
            .map(|it| (it.line, it.content))
            .collect()
    }

    fn csv(file: &str, size: usize) -> Result<Vec<(i32, Content)>, BadHeader> {
        let records = read(Records::Csv(Box::default()), file.as_bytes(), size)?;

        Ok(records
            .into_iter()
            .map(|it| (it.line, it.content))
            .collect())
    }

    #[test]
    fn lines_are_cut_wherever_the_parts_end() {
        let file = b"{\"a\":1}\r\n\n  \n{\"b\":2}";
        for size in 1..=file.len() {
            let records = ndjson(file, size);
            assert_eq!(
                records,
                [
                    (1, Content::Json(b"{\"a\":1}\r".to_vec())),
                    (4, Content::Json(b"{\"b\":2}".to_vec())),
                ],
                "{size}"
            );
        }
    }

    #[test]
    fn a_record_that_is_too_long_is_passed_over() {
        let long = "x".repeat(MAX_RECORD + 1);
        let file = format!("{long}\nshort\n");
        for size in [1_000, MAX_RECORD, 2 * MAX_RECORD] {
            assert_eq!(
                ndjson(file.as_bytes(), size),
                [(1, Content::TooLong), (2, Content::Json(b"short".to_vec()))]
            );
        }

        let file = format!("token,provider\n{long},FCM\nshort,FCM\n");
        let rows = csv(&file, 1_000).unwrap();
        assert_eq!(rows[0], (2, Content::TooLong));
        assert_eq!(
            rows[1],
            (
                3,
                Content::Fields(
                    json!({"token": "short", "provider": "FCM"})
                        .as_object()
                        .unwrap()
                        .clone()
                )
            )
        );
    }

    #[test]
    fn rows_have_the_fields_of_their_columns() {
        let file = "\u{feff}token,provider,externalId,tags,variables,optedOut,optedOutTags\r\n\
            a,FCM,\"Zoë, \"\"7\"\"\",kind:phone;x:1,\"{\"\"a\"\": 1}\",TRUE,news;kind:offer\r\n\
            '-b,APN,,,,,\r\n";
        for size in [1, 2, 7, 1_000] {
            let rows = csv(file, size).unwrap();
            let expected = [
                (
                    2,
                    json!({"token": "a", "provider": "FCM", "externalId": "Zoë, \"7\"",
                    "tags": {"kind": "phone", "x": "1"}, "variables": {"a": 1}, "optedOut": true,
                    "optedOutTags": ["news", "kind:offer"]}),
                ),
                (3, json!({"token": "-b", "provider": "APN"})),
            ];
            let expected: Vec<_> = expected
                .into_iter()
                .map(|(line, it)| (line, Content::Fields(it.as_object().unwrap().clone())))
                .collect();
            assert_eq!(rows, expected, "{size}");
        }
    }

    #[test]
    fn a_file_may_begin_with_a_byte_order_mark() {
        let file = "\u{feff}{\"a\":1}\n\u{feff}\n".as_bytes();
        for size in [1, 2, 100] {
            assert_eq!(
                ndjson(file, size),
                [
                    (1, Content::Json(b"{\"a\":1}".to_vec())),
                    (2, Content::Json("\u{feff}".into())),
                ]
            );
        }
    }

    #[test]
    fn what_is_not_utf8_is_never_taken_for_text() {
        let of = |file: &[u8]| read(Records::Csv(Box::default()), file, 7);

        let rows = of(b"token,provider\na\xff,FCM\nb,FCM\n").unwrap();
        assert_eq!(rows[0].content, Content::NotUtf8);
        assert!(matches!(rows[1].content, Content::Fields(_)));

        let utf_16: Vec<u8> = "\u{feff}token,provider\n"
            .encode_utf16()
            .flat_map(u16::to_le_bytes)
            .collect();
        let BadHeader(message) = of(&utf_16).unwrap_err();
        assert!(message.contains("must be UTF-8"), "{message}");
    }

    #[test]
    fn a_quote_that_is_left_open_is_named() {
        for size in [1, 5, 100] {
            let rows = csv("token,provider\n\"a,FCM\nb,FCM\n", size).unwrap();
            assert_eq!(rows.len(), 1);
            assert_eq!(rows[0].1, Content::OpenQuote);

            // A quote within a cell is a character of it, and a quoted cell may have several lines.
            for file in [
                "token,provider\na\"b,FCM",
                "token,provider\n\"a\nb\",FCM",
                "token,provider\n\"a\nb\",FCM\n",
            ] {
                let rows = csv(file, size).unwrap();
                assert!(matches!(rows[0].1, Content::Fields(_)), "{rows:?}");
            }
        }
    }

    #[test]
    fn a_header_that_is_wrong_is_named() {
        for (file, expected) in [
            (
                "token;provider\na;FCM\n",
                "the cells must be separated by commas",
            ),
            (
                "token,provider,token\na,FCM,b\n",
                "the column 'token' is there twice",
            ),
            (
                "token,provider,colour\na,FCM,red\n",
                "the column 'colour' does not exist",
            ),
            ("token\na\n", "the column provider is required"),
            ("provider\nFCM\n", "the column token is required"),
        ] {
            let BadHeader(message) = csv(file, 5).unwrap_err();
            assert!(message.contains(expected), "{message}");
        }

        let rows = csv("token,provider\na,FCM,more\n", 5).unwrap();
        assert_eq!(rows, [(2, Content::TooManyCells)]);
    }

    proptest! {
        #[test]
        fn any_bytes_are_cut_the_same_in_parts_of_any_size(
            file in prop::collection::vec(prop_oneof![Just(b'\n'), Just(b'"'), Just(b','), any::<u8>()], 0..200),
            size in 1..50_usize,
        ) {
            prop_assert_eq!(ndjson(&file, size), ndjson(&file, 1_000));

            let file = [b"token,provider\n".as_slice(), &file].concat();
            let of = |size| read(Records::Csv(Box::default()), &file, size);
            prop_assert_eq!(of(size).map(|it| it.len()), of(1_000).map(|it| it.len()));
        }
    }
}
