//! Lines of a file or of the standard input, which come while earlier ones are being worked on.

use std::fs::File;
use std::io::{self, BufRead, BufReader, IsTerminal, Read};

use tokio::sync::mpsc;

use crate::client::exit::{Failure, Result};

/// Lines that wait to be taken.
const LINES: usize = 4096;
/// Longest line, in bytes: more than any recipient with its variables.
const LONGEST: u64 = 1024 * 1024;

/// A line without its end. It may have a device token, which must stay out of logs.
#[cfg_attr(test, derive(Debug))]
pub(super) struct Line {
    /// From 1.
    pub number: usize,
    pub text: String,
}

/// What of a line is passed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cut {
    /// Without spaces around it, and no line that is empty then.
    Trimmed,
    /// As it is, with each empty line.
    Whole,
}

/// Opens `path`; `-` is the standard input. Empty lines are left out, and spaces around a line.
pub(super) fn lines_of(path: &str) -> Result<mpsc::Receiver<Result<Line>>> {
    open(path, Cut::Trimmed)
}

/// As [`lines_of`], with each line as it is.
pub(super) fn whole_lines_of(path: &str) -> Result<mpsc::Receiver<Result<Line>>> {
    open(path, Cut::Whole)
}

fn open(path: &str, cut: Cut) -> Result<mpsc::Receiver<Result<Line>>> {
    let name = name_of(path);
    let input: Box<dyn Read + Send> = if path == "-" {
        Box::new(io::stdin())
    } else {
        let file = File::open(path)
            .map_err(|error| Failure::failed(format!("can't read {name}: {error}")))?;
        Box::new(file)
    };

    let (sender, lines) = mpsc::channel(LINES);
    // Not a thread of the runtime, which would wait at its end for a read of the standard input
    // that can't be canceled.
    std::thread::spawn(move || {
        let mut input = BufReader::new(input);
        let mut number = 0;
        loop {
            let mut bytes = Vec::new();
            // A file without line breaks must not fill the memory.
            let read = (&mut input).take(LONGEST).read_until(b'\n', &mut bytes);
            number += 1;

            let line = match read {
                Ok(0) => return,
                Ok(_) => as_line(&bytes, number, &name, cut),
                Err(error) => Err(Failure::failed(format!("can't read {name}: {error}"))),
            };
            let is_last = line.is_err();
            let is_empty = line.as_ref().is_ok_and(|line| line.text.is_empty());
            let is_left_out = is_empty && cut == Cut::Trimmed;
            // It fails when the command has ended, for example because of an earlier line.
            if !is_left_out && sender.blocking_send(line).is_err() {
                return;
            }
            if is_last {
                return;
            }
        }
    });
    Ok(lines)
}

fn as_line(bytes: &[u8], number: usize, name: &str, cut: Cut) -> Result<Line> {
    let wrong = |rule: &str| Failure::failed(format!("{name}, line {number}: {rule}"));
    if bytes.len() as u64 == LONGEST {
        return Err(wrong(&format!("must be shorter than {LONGEST} bytes")));
    }

    let text = std::str::from_utf8(bytes).map_err(|_| wrong("must be UTF-8"))?;
    let text = match cut {
        // Some programs begin a file with a byte order mark.
        Cut::Trimmed => text.trim_start_matches('\u{feff}').trim(),
        // A carriage return may belong to a cell in quotes (RFC 4180, section 2).
        Cut::Whole => text.strip_suffix('\n').unwrap_or(text),
    };
    Ok(Line {
        number,
        text: text.to_owned(),
    })
}

/// What a file is called in messages.
pub(super) fn name_of(path: &str) -> String {
    if path == "-" {
        "the standard input".to_owned()
    } else {
        path.to_owned()
    }
}

/// Whether the standard input is a file or another program, and no person.
pub(super) fn is_piped() -> bool {
    !io::stdin().is_terminal()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_no_end_and_no_mark() {
        let text = |bytes: &[u8]| as_line(bytes, 7, "f", Cut::Trimmed).map(|line| line.text);

        assert_eq!(text(b"abc\r\n").unwrap(), "abc");
        assert_eq!(text("\u{feff}abc\n".as_bytes()).unwrap(), "abc");
        assert_eq!(
            text(b"\xff\n").unwrap_err().message,
            "f, line 7: must be UTF-8"
        );
    }
    #[test]
    fn a_whole_line_keeps_its_spaces() {
        let line = as_line(b" abc \r\n", 7, "f", Cut::Whole).unwrap();

        assert_eq!(line.text, " abc \r");
    }
}
