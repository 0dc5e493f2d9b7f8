//! Reads what is within a tag or an output: words, values, expressions and filters. It reads as
//! `LiquidJS` does, so that it takes the same templates and understands them in the same way.

use std::sync::Arc;

use super::budget::MAX_ITERATIONS;
use super::compare::Operator;
use super::escapes::unescaped;
use super::filters;
use super::syntax::{Argument, Expression, FilterCall, Filtered, Operand, Path, Step};
use super::value::{Literal, Value};

/// How deep values may nest in one another: `a[b[c]]`.
const MAX_DEPTH: usize = 16;

const OPERATORS: [(&str, Operator); 10] = [
    ("==", Operator::Equal),
    ("!=", Operator::NotEqual),
    (">=", Operator::GreaterOrEqual),
    ("<=", Operator::LessOrEqual),
    (">", Operator::Greater),
    ("<", Operator::Less),
    ("contains", Operator::Contains),
    ("not", Operator::Not),
    ("and", Operator::And),
    ("or", Operator::Or),
];

/// Why a template can't be parsed: a sentence for the API user.
pub(super) type Parsed<T> = Result<T, String>;

/// A place in a part of a template.
#[derive(Clone)]
pub(super) struct Scanner<'s> {
    source: &'s [char],
    pub at: usize,
    end: usize,
    depth: usize,
}

pub(super) fn is_blank(character: char) -> bool {
    matches!(
        character,
        '\t'..='\r' | ' ' | '\u{a0}' | '\u{1680}' | '\u{180e}' | '\u{2000}'..='\u{200a}' | '\u{2028}' | '\u{2029}'
            | '\u{202f}' | '\u{205f}' | '\u{3000}'
    )
}

fn is_word(character: char) -> bool {
    match character {
        '0'..='9' | 'A'..='Z' | 'a'..='z' | '_' | '-' | '?' => true,
        '\u{201c}' | '\u{201d}' => false,
        other => !other.is_ascii() && !is_blank(other),
    }
}

impl<'s> Scanner<'s> {
    pub(super) fn new(source: &'s [char], at: usize, end: usize) -> Self {
        Self {
            source,
            at,
            end,
            depth: 0,
        }
    }

    pub(super) fn slice(&self, from: usize, to: usize) -> String {
        self.source
            .get(from..to.max(from))
            .unwrap_or_default()
            .iter()
            .collect()
    }

    pub(super) fn is_at_end(&self) -> bool {
        self.at >= self.end
    }

    fn peek(&self) -> Option<char> {
        self.peek_at(0)
    }

    fn peek_at(&self, offset: usize) -> Option<char> {
        let at = self.at + offset;

        (at < self.end).then(|| self.source[at])
    }

    pub(super) fn is_at(&self, character: char) -> bool {
        self.peek() == Some(character)
    }

    fn is_word_at(&self, offset: usize) -> bool {
        self.peek_at(offset).is_some_and(is_word)
    }

    pub(super) fn skip_blank(&mut self) {
        while self.peek().is_some_and(is_blank) {
            self.at += 1;
        }
    }

    pub(super) fn advance(&mut self) {
        self.at += 1;
    }

    /// What is left, shortened, for errors.
    fn rest(&self) -> String {
        let rest = self.slice(self.at, self.end);
        if rest.chars().count() <= 32 {
            return format!("'{rest}'");
        }

        let start: String = rest.chars().take(29).collect();
        format!("'{start}...'")
    }

    pub(super) fn word(&mut self) -> String {
        self.skip_blank();
        let from = self.at;
        while self.is_word_at(0) {
            self.at += 1;
        }

        self.slice(from, self.at)
    }

    pub(super) fn tag_name(&mut self) -> String {
        self.skip_blank();
        if self.is_at('#') {
            self.at += 1;
            return "#".to_owned();
        }

        self.word()
    }

    /// Goes behind the next `text`, at least one character on. `false`: `text` does not follow.
    pub(super) fn read_to(&mut self, text: &str) -> bool {
        let text: Vec<char> = text.chars().collect();
        while self.at < self.end {
            self.at += 1;
            if self.source[..self.at].ends_with(&text) {
                return true;
            }
        }

        false
    }

    /// The longest of `words` that is here. A word that ends with a letter must end here.
    fn match_one<T: Copy>(&mut self, words: &[(&str, T)]) -> Option<T> {
        let here = |word: &str| {
            word.chars()
                .enumerate()
                .all(|(offset, character)| self.peek_at(offset) == Some(character))
        };
        let (word, value) = words
            .iter()
            .filter(|(word, _)| here(word))
            .max_by_key(|(word, _)| word.len())?;

        if word.ends_with(is_word) && self.is_word_at(word.len()) {
            return None;
        }
        self.at += word.len();
        Some(*value)
    }

    /// A value with operators and filters.
    pub(super) fn filtered(&mut self) -> Parsed<Filtered> {
        let initial = self.expression()?;
        if initial.0.is_empty() {
            return Err(format!("a value is missing at {}", self.rest()));
        }

        let mut filters = Vec::new();
        while let Some(filter) = self.filter()? {
            filters.push(filter);
        }
        Ok(Filtered { initial, filters })
    }

    fn expression(&mut self) -> Parsed<Expression> {
        let mut steps = Vec::new();
        let mut waiting: Vec<Operator> = Vec::new();

        while self.at < self.end {
            self.skip_blank();
            if let Some(operator) = self.match_one(&OPERATORS) {
                while let Some(last) =
                    waiting.pop_if(|last| last.precedence() > operator.precedence())
                {
                    steps.push(Step::Operator(last));
                }
                waiting.push(operator);
            } else if let Some(operand) = self.value()? {
                steps.push(Step::Operand(operand));
            } else {
                break;
            }
        }

        steps.extend(waiting.into_iter().rev().map(Step::Operator));
        Ok(Expression(steps))
    }

    fn filter(&mut self) -> Parsed<Option<FilterCall>> {
        self.skip_blank();
        if self.is_at_end() || self.is_at(')') || self.is_at(',') {
            return Ok(None);
        }
        if !self.is_at('|') {
            return Err(format!("a filter begins with '|'; got {}", self.rest()));
        }
        self.at += 1;

        let name = self.word();
        if name.is_empty() {
            if self.is_at_end() {
                return Ok(None);
            }
            return Err(format!("a filter's name is missing at {}", self.rest()));
        }

        let mut arguments = Vec::new();
        self.skip_blank();
        if self.is_at(':') {
            loop {
                self.at += 1;
                arguments.extend(self.argument()?);
                self.skip_blank();
                if !(self.is_at_end() || matches!(self.peek(), Some(',' | '|' | ')'))) {
                    return Err(format!(
                        "the arguments of a filter are separated by ','; got {}",
                        self.rest()
                    ));
                }
                if !self.is_at(',') {
                    break;
                }
            }
        } else if !(self.is_at_end() || matches!(self.peek(), Some(',' | '|' | ')'))) {
            return Err(format!(
                "the filter {name} needs ':' before its arguments; got {}",
                self.rest()
            ));
        }

        let Some((name, filter)) = filters::find(&name) else {
            return Err(format!("there is no filter {name}"));
        };
        Ok(Some(FilterCall {
            name,
            filter,
            arguments,
        }))
    }

    fn argument(&mut self) -> Parsed<Option<Argument>> {
        self.skip_blank();
        let from = self.at;
        let Some(value) = self.value()? else {
            return Ok(None);
        };
        let to = self.at;

        self.skip_blank();
        if !self.is_at(':') {
            return Ok(Some(Argument::Positional(value)));
        }
        self.at += 1;
        let name = Arc::from(self.slice(from, to));
        Ok(Some(Argument::Named(name, self.value()?)))
    }

    /// `limit:2 reversed`
    pub(super) fn parameters(&mut self) -> Parsed<Vec<(String, Option<Operand>)>> {
        let mut parameters: Vec<(String, Option<Operand>)> = Vec::new();

        loop {
            self.skip_blank();
            if self.is_at(',') {
                self.at += 1;
            }
            let name = self.word();
            if name.is_empty() {
                return Ok(parameters);
            }

            self.skip_blank();
            let value = if self.is_at(':') {
                self.at += 1;
                self.value()?
            } else {
                None
            };
            parameters.retain(|(known, _)| *known != name);
            parameters.push((name, value));
        }
    }

    pub(super) fn value_or_error(&mut self) -> Parsed<Operand> {
        match self.value()? {
            Some(value) => Ok(value),
            None => Err(format!("a value is expected; got {}", self.rest())),
        }
    }

    /// A word of the language, a string, a number, a range or a variable; none: something else.
    pub(super) fn value(&mut self) -> Parsed<Option<Operand>> {
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
    pub(super) fn scope_value(&mut self) -> Parsed<Option<Path>> {
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
                Some('.') if self.peek_at(length + 1) != Some('.') => {
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
    pub(super) fn quoted_end(&self) -> Option<usize> {
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

    pub(super) fn quoted(&mut self) -> Option<Value> {
        let end = self.quoted_end()?;
        // Without the quotes. A string that is not closed loses its last character.
        let inner = self.source.get(self.at + 1..end - 1).unwrap_or_default();
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
                let key = self.value()?;
                if !self.read_to("]") {
                    return Err("'[' is not closed".to_owned());
                }
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
                    return Ok(keys);
                }
                keys.push(Operand::Value(Value::from(name)));
                continue;
            }
            return Ok(keys);
        }
    }
}
