//! Comma-separated values as RFC 4180 has them, safe to open in a spreadsheet.
//!
//! A spreadsheet takes a cell that begins with `=`, `+`, `-` or `@` as a formula, quoted or not, and
//! strings of clients and providers are not to be trusted with that. Such a cell gets a leading
//! apostrophe, which spreadsheets take as "this is text". Source:
//! <https://owasp.org/www-community/attacks/CSV_Injection>

/// What a formula begins with. Some programs skip a tab or a line break before it, and take the
/// full-width forms as well.
pub(super) const FORMULA_STARTS: [char; 11] =
    ['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠'];

/// Appends a line with these cells, and ends it with CRLF.
pub(super) fn push_line<'a>(text: &mut String, cells: impl IntoIterator<Item = &'a str>) {
    for (index, cell) in cells.into_iter().enumerate() {
        if index > 0 {
            text.push(',');
        }
        push_cell(text, cell);
    }

    text.push_str("\r\n");
}

fn push_cell(text: &mut String, cell: &str) {
    let is_formula = cell.starts_with(FORMULA_STARTS);
    if !is_formula && !cell.contains(['"', ',', '\r', '\n']) {
        return text.push_str(cell);
    }

    text.push('"');
    if is_formula {
        text.push('\'');
    }
    for character in cell.chars() {
        // A quote within quotes is written twice.
        if character == '"' {
            text.push('"');
        }
        text.push(character);
    }
    text.push('"');
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn line(cells: &[&str]) -> String {
        let mut text = String::new();
        push_line(&mut text, cells.iter().copied());
        text
    }

    #[test]
    fn cells_are_quoted_where_the_format_needs_it() {
        assert_eq!(line(&["a", "", "b c"]), "a,,b c\r\n");
        assert_eq!(
            line(&["a,b", "say \"hi\"", "two\r\nlines"]),
            "\"a,b\",\"say \"\"hi\"\"\",\"two\r\nlines\"\r\n"
        );
    }

    #[test]
    fn no_cell_is_a_formula() {
        for formula in [
            "=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "＝1",
        ] {
            assert_eq!(line(&[formula]), format!("\"'{formula}\"\r\n"));
        }
        assert_eq!(line(&["a=1"]), "a=1\r\n");
    }

    /// Reads one line by the grammar of RFC 4180.
    fn parse(line: &str) -> Vec<String> {
        let mut cells = vec![String::new()];
        let mut in_quotes = false;
        let mut characters = line.strip_suffix("\r\n").unwrap().chars().peekable();

        while let Some(character) = characters.next() {
            match character {
                '"' if in_quotes && characters.peek() == Some(&'"') => {
                    cells.last_mut().unwrap().extend(characters.next());
                }
                '"' => in_quotes = !in_quotes,
                ',' if !in_quotes => cells.push(String::new()),
                other => cells.last_mut().unwrap().push(other),
            }
        }
        cells
    }

    proptest! {
        #[test]
        fn every_cell_is_read_as_it_was_written(cells in prop::collection::vec(any::<String>(), 1..5)) {
            let cells: Vec<&str> = cells.iter().map(String::as_str).collect();
            let read = parse(&line(&cells));

            prop_assert_eq!(read.len(), cells.len());
            for (read, written) in read.iter().zip(cells) {
                let guarded = format!("'{written}");
                let expected = if written.starts_with(FORMULA_STARTS) { &guarded } else { written };
                prop_assert_eq!(read, expected);
            }
        }
    }
}
