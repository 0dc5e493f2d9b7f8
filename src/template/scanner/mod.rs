//! Reads what is within a tag or an output: words, values, expressions and filters. It reads as
//! `LiquidJS` does, so that it takes the same templates and understands them in the same way.

use std::sync::Arc;

use super::compare::Operator;
use super::filters;
use super::syntax::{Argument, Expression, FilterCall, Filtered, Operand, Step};

mod operands;

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

/// The parameters of loops.
const PARAMETERS: [&str; 4] = ["offset", "limit", "cols", "reversed"];

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

        // `order` does not begin with the operator `or`, and `nilly` is a variable.
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
                // Operators of one precedence wait for each other, so the last one is applied
                // first, as in LiquidJS.
                while let Some(last) =
                    waiting.pop_if(|last| last.precedence() > operator.precedence())
                {
                    steps.push(Step::Operator(last));
                }
                waiting.push(operator);
            // Two operands may follow each other: LiquidJS reads `1 2` and takes the first.
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
        // The values of `cycle` have filters too, and a comma between them.
        if self.is_at_end() || self.is_at(')') || self.is_at(',') {
            return Ok(None);
        }
        if !self.is_at('|') {
            return Err(format!("a filter begins with '|'; got {}", self.rest()));
        }
        self.at += 1;

        let name = self.word();
        if name.is_empty() {
            // LiquidJS reads `{{ a | }}` as `{{ a }}`.
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
                // LiquidJS passes over an argument that is missing: `slice: , 2` has one.
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

        // LiquidJS ignores an unknown filter by default. A misspelt one would change the message of
        // every recipient.
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
        // LiquidJS takes any value for a name, as it is written: `'a': 1` has the name `'a'` with
        // its quotes.
        let name = Arc::from(self.slice(from, to));
        Ok(Some(Argument::Named(name, self.value()?)))
    }

    /// The parameters of a loop: `limit:2 reversed`.
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
            // LiquidJS ignores others. A template may have thousands of them, and each run of the
            // loop would evaluate them.
            if !PARAMETERS.contains(&name.as_str()) {
                continue;
            }

            // LiquidJS holds them as fields of an object, so the last one of a name counts.
            parameters.retain(|(known, _)| *known != name);
            parameters.push((name, value));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_loop_keeps_the_parameters_that_it_knows() {
        let text: Vec<char> = "a limit:1, b:2 c d limit:3 reversed e".chars().collect();
        let mut scanner = Scanner::new(&text, 0, text.len());
        let parameters = scanner.parameters().unwrap();

        let names: Vec<&str> = parameters.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["limit", "reversed"]);
        assert!(scanner.is_at_end());
    }
}
