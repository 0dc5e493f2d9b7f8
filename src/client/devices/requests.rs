//! Cuts a file into requests, and knows which line of the file each line of a request was.

use crate::client::devices::Format;
use crate::client::devices::csv_rows::CsvRows;
use crate::client::lines::Line;

/// Rows of one request. Bellwire takes a million, but a request that fails is repeated as a whole.
const ROWS: usize = 20_000;
/// Most bytes of one request.
const BYTES: usize = 16 * 1024 * 1024;
/// Most bytes of a row of CSV. Bellwire takes 65,536.
const LONGEST_ROW: usize = 1024 * 1024;

/// Rows that one request sends. Their device tokens must stay out of logs.
#[derive(Clone, Default, PartialEq, Eq)]
#[cfg_attr(test, derive(Debug))]
pub(super) struct Rows {
    pub text: String,
    /// The line of the file that each line of the text was.
    pub lines: Vec<usize>,
}

impl Rows {
    fn push(&mut self, line: &Line) {
        self.text += &line.text;
        self.text.push('\n');
        self.lines.push(line.number);
    }
}

/// Collects the lines of a file until a request is full.
pub(super) struct Requests {
    format: Format,
    /// The first row of a CSV file, which each request begins with.
    header: Option<Rows>,
    rows: Rows,
    /// Rows that are complete.
    count: usize,
    csv: CsvRows,
    /// Where the row begins that is being read: its line, and its place in `rows.text`.
    row_start: Option<(usize, usize)>,
    has_cut: bool,
}

impl Requests {
    pub(super) fn of(format: Format) -> Self {
        Self {
            format,
            header: None,
            rows: Rows::default(),
            count: 0,
            csv: CsvRows::default(),
            row_start: None,
            has_cut: false,
        }
    }

    /// Adds a line. Returns a request that is full with it.
    ///
    /// # Errors
    ///
    /// A row of CSV has no end.
    pub(super) fn add(&mut self, line: &Line) -> Result<Option<Rows>, String> {
        let begins_at = self.rows.text.len();
        self.rows.push(line);
        match self.format {
            Format::Ndjson => self.count += 1,
            Format::Csv => self.add_csv(line, begins_at)?,
        }

        let is_open = self.csv.is_in_quotes();
        let is_full = self.count >= ROWS || self.rows.text.len() >= BYTES;
        // Never within a row, and never the header alone, which would be sent again and again.
        Ok((is_full && !is_open && self.count > 0).then(|| self.cut()))
    }

    /// What is left at the end of the file.
    pub(super) fn rest(mut self) -> Option<Rows> {
        // A CSV file without rows is sent too, so that its header is checked.
        let is_header_alone = self.header.is_some() && !self.has_cut;
        let has_rows = self.count > 0 || self.csv.is_in_quotes();

        (has_rows || is_header_alone).then(|| self.cut())
    }

    fn add_csv(&mut self, line: &Line, begins_at: usize) -> Result<(), String> {
        // A byte order mark is no part of the first cell.
        let text = line.text.trim_start_matches('\u{feff}');
        let (first_line, start) = *self.row_start.get_or_insert((line.number, begins_at));
        self.csv.read(text.as_bytes());
        // The line came without its end, which belongs to the cell if quotes are open.
        self.csv.read(b"\n");

        if self.csv.is_in_quotes() {
            // A quote without an end would make the rest of the file one row, all of it in memory.
            if self.rows.text.len() - start > LONGEST_ROW {
                return Err(format!(
                    "line {first_line}: the row that begins here has a quoted cell without an end: close its \
                     quotes, and write a quote within it twice"
                ));
            }
            return Ok(());
        }

        self.row_start = None;
        if self.header.is_some() {
            self.count += usize::from(!text.trim().is_empty());
        } else if !text.trim().is_empty() {
            self.header = Some(self.rows.clone());
        }
        Ok(())
    }

    fn cut(&mut self) -> Rows {
        self.has_cut = true;
        self.count = 0;

        let next = self.header.clone().unwrap_or_default();
        std::mem::replace(&mut self.rows, next)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(number: usize, text: &str) -> Line {
        Line {
            number,
            text: text.to_owned(),
        }
    }

    fn cut(format: Format, text: &str) -> Vec<Rows> {
        let mut requests = Requests::of(format);
        let mut cut = Vec::new();
        for (index, text) in text.lines().enumerate() {
            cut.extend(requests.add(&line(index + 1, text)).unwrap());
        }

        cut.extend(requests.rest());
        cut
    }

    #[test]
    fn a_file_of_json_is_cut_by_lines() {
        let requests = cut(Format::Ndjson, &"{}\n".repeat(ROWS + 2));

        assert_eq!(requests.len(), 2);
        assert_eq!(requests[0].lines.len(), ROWS);
        assert_eq!(requests[1].text, "{}\n{}\n");
        assert_eq!(requests[1].lines, [ROWS + 1, ROWS + 2]);
        assert_eq!(cut(Format::Ndjson, ""), []);
    }

    #[test]
    fn each_request_of_a_csv_file_begins_with_the_header() {
        let text = format!("token,provider\n{}", "a,FCM\n".repeat(ROWS + 1));
        let requests = cut(Format::Csv, &text);

        assert_eq!(requests.len(), 2);
        assert_eq!(requests[1].text, "token,provider\na,FCM\n");
        assert_eq!(requests[1].lines, [1, ROWS + 2]);
    }

    #[test]
    fn a_row_of_several_lines_is_not_cut() {
        let rows = format!("token,provider\n{}", "\"a\nb\",FCM\n".repeat(ROWS + 1));
        let requests = cut(Format::Csv, &rows);

        assert_eq!(requests[1].text, "token,provider\n\"a\nb\",FCM\n");
        assert_eq!(requests[1].lines, [1, 2 * ROWS + 2, 2 * ROWS + 3]);
    }

    #[test]
    fn a_header_alone_is_sent_to_be_checked() {
        assert_eq!(cut(Format::Csv, "tokn\n")[0].text, "tokn\n");
        assert_eq!(cut(Format::Csv, ""), []);
    }

    #[test]
    fn quotes_without_an_end_name_the_line_where_the_row_begins() {
        let mut requests = Requests::of(Format::Csv);
        let long = "x".repeat(LONGEST_ROW / 2);

        requests.add(&line(1, "token,provider")).unwrap();
        requests.add(&line(2, &format!("\"{long}"))).unwrap();
        let error = requests.add(&line(3, &format!("{long}x"))).unwrap_err();
        assert!(error.starts_with("line 2: "), "{error}");
    }
}
