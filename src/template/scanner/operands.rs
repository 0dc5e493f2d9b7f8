//! Reads a value: a word of the language, a string, a number, a range, or a variable with its keys.

use super::{Parsed, Scanner};
use crate::template::budget::MAX_ITERATIONS;
use crate::template::escapes::unescaped;
use crate::template::syntax::{Operand, Path};
use crate::template::value::{Literal, Value};

/// How deep values may nest in one another: `a[b[c]]`.
const MAX_DEPTH: usize = 16;

impl Scanner<'_> {
    pub(in crate::template) fn value_or_error(&mut self) -> Parsed<Operand> {
        match self.value()? {
            Some(value) => Ok(value),
            None => Err(format!("a value is expected; got {}", self.rest())),
        }
    }

    /// A word of the language, a string, a number, a range or a variable; none: something else.
    pub(in crate::template) fn value(&mut self) -> Parsed<Option<Operand>> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(format!("values are nested deeper than {MAX_DEPTH} levels"));
        }
        let value = self.value_here();
        self.depth -= 1;

        value
    }

    fn value_here(&mut self) -> Parsed<Option<Operand>> {
        self.skip_blank();
        let from = self.at;

        // In LiquidJS's order: `1st` is no number, so it is read as a variable below.
        let base = match self
            .literal()
            .or_else(|| self.quoted())
            .or_else(|| self.number())
        {
            Some(value) => Some(Operand::Value(value)),
            None if self.is_at('(') => Some(self.range()?),
            None => None,
        };
        let keys = self.keys(base.is_none())?;
        if keys.is_empty() {
            return Ok(base);
        }

        Ok(Some(Operand::Path(Box::new(Path {
            base,
            keys,
            text: self.slice(from, self.at),
        }))))
    }

    /// A variable with its keys, as filters name properties; none: the text names none.
    pub(in crate::template) fn scope_value(&mut self) -> Parsed<Option<Path>> {
        self.skip_blank();
        let from = self.at;
        let keys = self.keys(true)?;

        Ok((!keys.is_empty()).then(|| Path {
            base: None,
            keys,
            text: self.slice(from, self.at),
        }))
    }

    fn literal(&mut self) -> Option<Value> {
        type Make = fn() -> Value;

        const LITERALS: [(&str, Make); 6] = [
            ("true", || Value::Bool(true)),
            ("false", || Value::Bool(false)),
            ("nil", || Value::Literal(Literal::Nil)),
            ("null", || Value::Literal(Literal::Nil)),
            ("empty", || Value::Literal(Literal::Empty)),
            ("blank", || Value::Literal(Literal::Blank)),
        ];

        self.match_one(&LITERALS).map(|make| make())
    }

    fn number(&mut self) -> Option<Value> {
        let mut length = usize::from(matches!(self.peek(), Some('+' | '-')));
        let mut has_digits = false;
        let mut has_point = false;

        loop {
            match self.peek_at(length) {
                Some('0'..='9') => has_digits = true,
                // Two dots belong to a range: `(1..3)`.
                Some('.') if self.peek_at(length + 1) != Some('.') => {
                    // `.5` and `1.2.3` are no numbers in LiquidJS.
                    if has_point || !has_digits {
                        return None;
                    }
                    has_point = true;
                }
                _ => break,
            }
            length += 1;
        }

        if !has_digits || self.is_word_at(length) {
            return None;
        }
        let text = self.slice(self.at, self.at + length);
        self.at += length;
        Some(Value::Number(text.parse().unwrap_or(f64::NAN)))
    }

    /// The end of the string that begins here; `None`: none begins here.
    pub(in crate::template) fn quoted_end(&self) -> Option<usize> {
        let quote = self.peek().filter(|quote| matches!(quote, '"' | '\''))?;
        let mut at = self.at + 1;
        let mut is_escaped = false;

        while at < self.end {
            let character = self.source[at];
            at += 1;
            if character == quote && !is_escaped {
                break;
            }
            is_escaped = !is_escaped && character == '\\';
        }
        Some(at)
    }

    pub(in crate::template) fn quoted(&mut self) -> Option<Value> {
        let end = self.quoted_end()?;
        // A string that is not closed ends with its last character in place of the quote, and loses
        // it.
        let inner = self.source.get(self.at + 1..end).unwrap_or_default();
        self.at = end;

        Some(Value::from(unescaped(inner)))
    }

    fn range(&mut self) -> Parsed<Operand> {
        const FORM: &str = "a range is written as (1..3)";

        self.at += 1;

        let first = self.value_or_error()?;
        self.skip_blank();
        if !(self.is_at('.') && self.peek_at(1) == Some('.')) {
            return Err(format!("{FORM}; got {}", self.rest()));
        }
        self.at += 2;

        let last = self.value_or_error()?;
        self.skip_blank();
        if !self.is_at(')') {
            return Err(format!("{FORM}; got {}", self.rest()));
        }
        self.at += 1;

        // No loop could have so many turns, so it is an error at once.
        if let (Operand::Value(Value::Number(from)), Operand::Value(Value::Number(to))) =
            (&first, &last)
            && to - from >= f64::from(MAX_ITERATIONS)
        {
            return Err(format!(
                "a range has at most {MAX_ITERATIONS} numbers, which is also the limit for the \
                 turns of loops"
            ));
        }
        Ok(Operand::Range(Box::new((first, last))))
    }

    /// `.name` and `[key]`, and a name to begin with if `begins`.
    fn keys(&mut self, begins: bool) -> Parsed<Vec<Operand>> {
        let mut keys = Vec::new();

        loop {
            if self.is_at('[') {
                self.at += 1;
                // An index may be a variable, a string or a number, and in turn have keys:
                // `a[b.c]`.
                let key = self.value()?;
                // LiquidJS goes on to the next `]`, whatever stands before it: `a[b c]` is `a[b]`.
                if !self.read_to("]") {
                    return Err("'[' is not closed".to_owned());
                }
                // In LiquidJS, `a[]` asks for the property whose name is empty.
                keys.push(key.unwrap_or(Operand::Value(Value::from(""))));
                continue;
            }
            if begins && keys.is_empty() {
                let name = self.word();
                if !name.is_empty() {
                    keys.push(Operand::Value(Value::from(name)));
                    continue;
                }
            }
            // Two dots are a range.
            if self.is_at('.') && self.peek_at(1) != Some('.') {
                self.at += 1;
                let name = self.word();
                if name.is_empty() {
                    // LiquidJS passes over a dot without a name: `a.` is `a`.
                    return Ok(keys);
                }
                keys.push(Operand::Value(Value::from(name)));
                continue;
            }
            return Ok(keys);
        }
    }
}
