//! Text for people: numbers have separators, and tables are aligned.

use console::{Style, measure_text_width};

pub(super) use crate::printable::printable;

/// `number` as `1,234,567`.
pub(super) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }

    text
}

/// `1 device`, `2 devices`.
pub(super) fn counted(number: u64, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{} {noun}{plural}", grouped(number))
}

/// A table for people: a line of titles, then the rows, in columns two spaces apart.
pub(super) struct Table {
    rows: Vec<Vec<Cell>>,
    /// Which columns have numbers, which end at the same place.
    numbers: Vec<bool>,
}

/// A cell of a [`Table`].
pub(super) struct Cell {
    text: String,
    style: Style,
}

impl<T: AsRef<str>> From<T> for Cell {
    fn from(text: T) -> Self {
        Self {
            text: printable(text.as_ref()),
            style: Style::new(),
        }
    }
}

impl Cell {
    /// The state of an Operation or a notification, in its colour.
    pub(super) fn status(status: &str) -> Self {
        Self {
            style: style_of_status(status),
            ..Self::from(status)
        }
    }

    pub(super) fn number(number: u64) -> Self {
        Self::from(grouped(number))
    }
}

/// The colour of a state. Colours are left out where the output is no terminal, or `NO_COLOR` is set.
pub(super) fn style_of_status(status: &str) -> Style {
    match status {
        "COMPLETED" | "SENT" => Style::new().green(),
        "FAILED" => Style::new().red(),
        "PROCESSING" | "QUEUED" => Style::new().yellow(),
        "SCHEDULED" | "PAUSED" => Style::new().cyan(),
        _ => Style::new(),
    }
}

impl Table {
    /// A title that begins with `#` is that of a column of numbers.
    pub(super) fn new(titles: &[&str]) -> Self {
        let head = titles.iter().map(|title| Cell {
            text: title.trim_start_matches('#').to_owned(),
            style: Style::new().bold(),
        });

        Self {
            rows: vec![head.collect()],
            numbers: titles.iter().map(|title| title.starts_with('#')).collect(),
        }
    }

    pub(super) fn row(&mut self, cells: Vec<Cell>) {
        self.rows.push(cells);
    }

    /// The lines, without spaces at their ends.
    pub(super) fn lines(&self) -> Vec<String> {
        let widths: Vec<usize> = (0..self.numbers.len())
            .map(|column| {
                let cells = self.rows.iter().filter_map(|row| row.get(column));
                cells
                    // Some characters take two columns of a terminal, others none.
                    .map(|cell| measure_text_width(&cell.text))
                    .max()
                    .unwrap_or_default()
            })
            .collect();

        self.rows
            .iter()
            .map(|row| self.line(row, &widths))
            .collect()
    }

    fn line(&self, row: &[Cell], widths: &[usize]) -> String {
        let mut line = String::new();
        for (column, cell) in row.iter().enumerate() {
            let room = widths[column] - measure_text_width(&cell.text);
            let is_last = column + 1 == row.len();
            let space = " ".repeat(room);
            let styled = cell.style.apply_to(&cell.text).to_string();

            if column > 0 {
                line.push_str("  ");
            }
            if self.numbers[column] {
                line.push_str(&space);
                line.push_str(&styled);
            } else {
                line.push_str(&styled);
                line.push_str(if is_last { "" } else { &space });
            }
        }

        line.trim_end().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_separators() {
        for (number, expected) in [
            (0, "0"),
            (999, "999"),
            (1000, "1,000"),
            (1_234_567, "1,234,567"),
        ] {
            assert_eq!(grouped(number), expected);
        }
        assert_eq!(counted(1, "device"), "1 device");
        assert_eq!(counted(2000, "device"), "2,000 devices");
    }

    #[test]
    fn columns_are_aligned() {
        let mut table = Table::new(&["NAME", "#COUNT", "NOTE"]);
        table.row(vec!["日本".into(), Cell::number(7), "x".into()]);
        table.row(vec!["a name".into(), Cell::number(1200), "".into()]);

        assert_eq!(
            table.lines(),
            ["NAME    COUNT  NOTE", "日本        7  x", "a name  1,200",]
        );
    }
}
