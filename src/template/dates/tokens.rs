//! The tokens of a date, as V8's `dateparser` splits a text.

use std::str::Chars;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Token {
    Number { value: i64, length: usize },
    Symbol(char),
    Word(Word, usize),
    Space,
    Unknown,
    End,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Word {
    /// From 1.
    Month(i64),
    /// Hours to add.
    HalfOfDay(i64),
    /// Hours east of Greenwich.
    Zone(i64),
    Time,
    Other,
}

const WORDS: [(&str, Word); 26] = [
    ("jan", Word::Month(1)),
    ("feb", Word::Month(2)),
    ("mar", Word::Month(3)),
    ("apr", Word::Month(4)),
    ("may", Word::Month(5)),
    ("jun", Word::Month(6)),
    ("jul", Word::Month(7)),
    ("aug", Word::Month(8)),
    ("sep", Word::Month(9)),
    ("oct", Word::Month(10)),
    ("nov", Word::Month(11)),
    ("dec", Word::Month(12)),
    ("am", Word::HalfOfDay(0)),
    ("pm", Word::HalfOfDay(12)),
    ("ut", Word::Zone(0)),
    ("utc", Word::Zone(0)),
    ("z", Word::Zone(0)),
    ("gmt", Word::Zone(0)),
    ("cdt", Word::Zone(-5)),
    ("cst", Word::Zone(-6)),
    ("edt", Word::Zone(-4)),
    ("est", Word::Zone(-5)),
    ("mdt", Word::Zone(-6)),
    ("mst", Word::Zone(-7)),
    ("pdt", Word::Zone(-7)),
    ("pst", Word::Zone(-8)),
];

pub(super) struct Tokens<'t> {
    rest: Chars<'t>,
    pub next: Token,
}

impl<'t> Tokens<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        let mut tokens = Self {
            rest: text.chars(),
            next: Token::End,
        };
        tokens.next = tokens.scan();
        tokens
    }

    pub(super) fn take(&mut self) -> Token {
        let next = self.scan();
        std::mem::replace(&mut self.next, next)
    }

    pub(super) fn skip(&mut self, symbol: char) -> bool {
        let is_next = self.next == Token::Symbol(symbol);
        if is_next {
            self.take();
        }

        is_next
    }

    /// The value of a number of exactly this many digits.
    pub(super) fn number_of(&self, digits: usize) -> Option<i64> {
        match self.next {
            Token::Number { value, length } if length == digits => Some(value),
            _ => None,
        }
    }

    pub(super) fn is_number(&self) -> bool {
        matches!(self.next, Token::Number { .. })
    }

    fn scan(&mut self) -> Token {
        let Some(first) = self.rest.clone().next() else {
            return Token::End;
        };

        if first.is_ascii_digit() {
            return self.scan_number();
        }
        if first == '(' {
            self.skip_parentheses();
            return Token::Unknown;
        }
        // V8 takes every character from `A` on for a letter.
        if first >= 'A' && !crate::template::number::is_space(first) {
            return self.scan_word();
        }
        self.rest.next();
        match first {
            ':' | '-' | '+' | '.' | ')' => Token::Symbol(first),
            space if crate::template::number::is_space(space) => Token::Space,
            _ => Token::Unknown,
        }
    }

    fn scan_number(&mut self) -> Token {
        const MOST_DIGITS: usize = 9;

        let text = self.rest.as_str();
        let end = text
            .find(|digit: char| !digit.is_ascii_digit())
            .unwrap_or(text.len());
        self.rest = text[end..].chars();

        let digits = text[..end].trim_start_matches('0');
        // V8 leaves out further digits, so a number of any length fits.
        let digits = &digits[..digits.len().min(MOST_DIGITS)];
        Token::Number {
            value: digits.parse().unwrap_or_default(),
            length: end,
        }
    }

    fn scan_word(&mut self) -> Token {
        let text = self.rest.as_str();
        let is_end =
            |character: char| character < 'A' || crate::template::number::is_space(character);
        let end = text.find(is_end).unwrap_or(text.len());
        self.rest = text[end..].chars();

        let word = text[..end].to_ascii_lowercase();
        let length = word.chars().count();
        if word == "t" {
            return Token::Word(Word::Time, length);
        }
        let known = WORDS.iter().find(|(known, kind)| match kind {
            // A month may be written out.
            Word::Month(_) => word.starts_with(known),
            _ => word == *known,
        });
        Token::Word(known.map_or(Word::Other, |(_, kind)| *kind), length)
    }

    /// Skips what is between parentheses, which may nest. One that is not closed goes on to the end.
    fn skip_parentheses(&mut self) {
        let mut depth = 0;
        for character in self.rest.by_ref() {
            match character {
                '(' => depth += 1,
                ')' => depth -= 1,
                _ => {}
            }
            if depth == 0 {
                return;
            }
        }
    }
}
