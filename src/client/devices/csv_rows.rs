//! Where the rows of a CSV file end (RFC 4180): a cell in quotes may have line breaks.

/// Reads a file byte by byte, and knows whether a row is open.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct CsvRows(Place);

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Place {
    #[default]
    CellStart,
    Cell,
    Quoted,
    /// After a quote within a quoted cell, which ends it or stands for itself.
    Quote,
}

impl CsvRows {
    /// Reads on. Returns how many rows ended with these bytes.
    pub(super) fn read(&mut self, bytes: &[u8]) -> u64 {
        let mut ended = 0;

        for byte in bytes {
            // A quote opens a cell only at its beginning: in `5" wide` it stands for itself.
            self.0 = match (self.0, byte) {
                (Place::Quoted, b'"') => Place::Quote,
                (Place::CellStart | Place::Quote, b'"') | (Place::Quoted, _) => Place::Quoted,
                (_, b'\n') => {
                    ended += 1;
                    Place::CellStart
                }
                (_, b',' | b'\r') => Place::CellStart,
                _ => Place::Cell,
            };
        }

        ended
    }

    /// Whether a line break would belong to a cell.
    pub(super) fn is_in_quotes(self) -> bool {
        self.0 == Place::Quoted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_break_in_quotes_ends_no_row() {
        for (text, rows, is_in_quotes) in [
            ("a,b\n1,2\n", 2, false),
            ("a,b\r\n1,2\r\n", 2, false),
            ("a,\"b\nc\"\n", 1, false),
            ("a,\"b\n", 0, true),
            ("a,\"say \"\"hi\"\"\n", 0, true),
            ("a,\"say \"\"hi\"\"\"\n", 1, false),
            ("5\" wide,b\n1,2\n", 2, false),
            ("", 0, false),
        ] {
            let mut reader = CsvRows::default();
            assert_eq!(reader.read(text.as_bytes()), rows, "{text:?}");
            assert_eq!(reader.is_in_quotes(), is_in_quotes, "{text:?}");
        }
    }
}
