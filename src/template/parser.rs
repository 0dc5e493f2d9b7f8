//! Parses a template.

use std::sync::Arc;
use std::vec::IntoIter;

use super::scanner::{Parsed, Scanner};
use super::syntax::{Block, Branch, Case, Cycle, Filtered, Loop, Node, When};
use super::tokens::{self, Tag, Token, shortened};
use super::value::Value;

/// How deep tags may nest in one another.
const MAX_DEPTH: usize = 32;
/// Longest variable and collection of a loop together, as they are written, in bytes. `forloop` as text has
/// both, and a template can write and compare it anywhere in the loop.
const MAX_LOOP_NAME: usize = 256;

/// Parses a template. The error is a sentence for the API user.
pub(super) fn parse(text: &str) -> Parsed<Block> {
    let source: Vec<char> = text.chars().collect();
    let tokens = tokens::of_template(&source)?;

    Parser {
        source: &source,
        depth: 0,
    }
    .all(tokens)
}

/// Parses the expression that a filter such as `where_exp` is given.
pub(super) fn parse_expression(text: &str) -> Parsed<Filtered> {
    let source: Vec<char> = text.chars().collect();

    Scanner::new(&source, 0, source.len()).filtered()
}

struct Parser<'s> {
    source: &'s [char],
    depth: usize,
}

impl Parser<'_> {
    fn all(&mut self, tokens: Vec<Token>) -> Parsed<Block> {
        let mut rest = tokens.into_iter();
        let mut block = Block::new();
        while let Some(token) = rest.next() {
            block.push(self.token(token, &mut rest)?);
        }

        Ok(block)
    }

    fn token(&mut self, token: Token, rest: &mut IntoIter<Token>) -> Parsed<Node> {
        match token {
            Token::Text { from, to } => Ok(Node::Text(self.text(from, to))),
            Token::Output { from, to } => {
                let mut scanner = Scanner::new(self.source, from, to);
                Ok(Node::Output(scanner.filtered()?))
            }
            Token::Tag(tag) => {
                self.depth += 1;
                // Parsing, rendering and dropping a template recurse once for each level, on the
                // thread's stack.
                if self.depth > MAX_DEPTH {
                    return Err(format!("tags are nested deeper than {MAX_DEPTH} levels"));
                }

                let node = self.tag(&tag, rest);
                self.depth -= 1;
                node
            }
        }
    }

    fn text(&self, from: usize, to: usize) -> Arc<str> {
        let text: String = self.source[from..to.max(from)].iter().collect();

        Arc::from(text)
    }

    fn tag(&mut self, tag: &Tag, rest: &mut IntoIter<Token>) -> Parsed<Node> {
        let mut scanner = Scanner::new(self.source, tag.from, tag.to);

        match tag.name.as_str() {
            "assign" => assign(&mut scanner),
            "capture" => self.capture(tag, &mut scanner, rest),
            "if" => self.if_tag(tag, &mut scanner, rest),
            "unless" => self.unless(tag, &mut scanner, rest),
            "case" => self.case(tag, &mut scanner, rest),
            "for" => self.for_tag(tag, &mut scanner, rest),
            "tablerow" => self.table_row(tag, &mut scanner, rest),
            "cycle" => cycle(&mut scanner),
            "increment" => Ok(Node::Increment(Arc::from(scanner.word()))),
            "decrement" => Ok(Node::Decrement(Arc::from(scanner.word()))),
            "break" => Ok(Node::Break),
            "continue" => Ok(Node::Continue),
            "echo" => Ok(value_or_nothing(&mut scanner)?.map_or(Node::Nothing, Node::Output)),
            "skip" => Ok(Node::Skip(value_or_nothing(&mut scanner)?)),
            "liquid" => {
                let lines = tokens::of_lines(self.source, tag.from, tag.to)?;
                Ok(Node::Tags(self.all(lines)?))
            }
            "raw" => self.raw(tag, rest),
            "comment" => self.comment(tag, rest),
            "#" => self.inline_comment(tag),
            "include" | "render" | "layout" | "block" => Err(format!(
                "the tag {} is not supported: a template can't contain other templates",
                tag.name
            )),
            other => Err(format!("there is no tag {other} here")),
        }
    }

    fn not_closed(&self, tag: &Tag) -> String {
        format!(
            "the tag {} is not closed by {{% end{} %}}",
            shortened(self.source, tag.begin, tag.end),
            tag.name
        )
    }

    /// Tags that take no arguments refuse them, so that `{% else if x %}` is no silent mistake.
    fn refuse_arguments(&self, tag: &Tag) -> Parsed<()> {
        if tag.from >= tag.to {
            return Ok(());
        }

        let arguments = shortened(self.source, tag.from, tag.to);
        Err(format!(
            "the tag {} takes no arguments; got '{arguments}'",
            tag.name
        ))
    }

    fn scanner(&self, tag: &Tag) -> Scanner<'_> {
        Scanner::new(self.source, tag.from, tag.to)
    }

    fn capture(
        &mut self,
        tag: &Tag,
        scanner: &mut Scanner<'_>,
        rest: &mut IntoIter<Token>,
    ) -> Parsed<Node> {
        let mut name = Arc::from(scanner.word());
        // LiquidJS takes the name in quotes as well.
        if str::is_empty(&name) {
            match scanner.quoted() {
                Some(Value::Text(quoted)) => name = quoted,
                _ => return Err("the tag capture needs the name of a variable".to_owned()),
            }
        }

        let mut body = Block::new();
        while let Some(token) = rest.next() {
            if name_of(&token) == "endcapture" {
                return Ok(Node::Capture { name, body });
            }
            body.push(self.token(token, rest)?);
        }
        Err(self.not_closed(tag))
    }

    fn if_tag(
        &mut self,
        tag: &Tag,
        scanner: &mut Scanner<'_>,
        rest: &mut IntoIter<Token>,
    ) -> Parsed<Node> {
        let mut branches = vec![branch(scanner.filtered()?, false)];
        let mut otherwise: Option<Block> = None;

        while let Some(token) = rest.next() {
            match (&token, name_of(&token)) {
                (Token::Tag(tag), "elsif") => {
                    // LiquidJS refuses this in `if` and takes it in `unless`.
                    if otherwise.is_some() {
                        return Err("the tag elsif must come before else".to_owned());
                    }
                    branches.push(branch(self.scanner(tag).filtered()?, false));
                }
                (Token::Tag(tag), "else") => {
                    self.refuse_arguments(tag)?;
                    if otherwise.is_some() {
                        return Err("the tag if has more than one else".to_owned());
                    }
                    otherwise = Some(Block::new());
                }
                (Token::Tag(tag), "endif") => {
                    self.refuse_arguments(tag)?;
                    return Ok(Node::If {
                        branches,
                        otherwise: otherwise.unwrap_or_default(),
                    });
                }
                _ => {
                    let node = self.token(token, rest)?;
                    match (&mut otherwise, branches.last_mut()) {
                        (Some(otherwise), _) => otherwise.push(node),
                        (None, Some(branch)) => branch.body.push(node),
                        (None, None) => {}
                    }
                }
            }
        }
        Err(self.not_closed(tag))
    }

    /// What follows a second `else` or an `elsif` behind `else` is parsed and left out.
    fn unless(
        &mut self,
        tag: &Tag,
        scanner: &mut Scanner<'_>,
        rest: &mut IntoIter<Token>,
    ) -> Parsed<Node> {
        let mut branches = vec![branch(scanner.filtered()?, true)];
        let mut otherwise = Block::new();
        let mut elses = 0;
        let mut is_left_out = false;

        while let Some(token) = rest.next() {
            match (&token, name_of(&token)) {
                // LiquidJS does not even read its condition, so an invalid one is no error.
                (Token::Tag(_), "elsif") if elses > 0 => is_left_out = true,
                (Token::Tag(tag), "elsif") => {
                    branches.push(branch(self.scanner(tag).filtered()?, false));
                }
                (Token::Tag(_), "else") => {
                    elses += 1;
                    is_left_out = elses > 1;
                }
                // LiquidJS refuses arguments at `endif` and ignores them here.
                (Token::Tag(_), "endunless") => {
                    return Ok(Node::If {
                        branches,
                        otherwise,
                    });
                }
                _ => {
                    let node = self.token(token, rest)?;
                    match branches.last_mut() {
                        _ if is_left_out => {}
                        Some(branch) if elses == 0 => branch.body.push(node),
                        _ => otherwise.push(node),
                    }
                }
            }
        }
        Err(self.not_closed(tag))
    }

    fn case(
        &mut self,
        tag: &Tag,
        scanner: &mut Scanner<'_>,
        rest: &mut IntoIter<Token>,
    ) -> Parsed<Node> {
        let value = scanner.filtered()?;
        let mut branches = Vec::new();
        let mut otherwise = Block::new();
        let mut elses = 0;

        while let Some(token) = rest.next() {
            match (&token, name_of(&token)) {
                // LiquidJS passes over it, so that what follows belongs to the `else`.
                (Token::Tag(_), "when") if elses > 0 => {}
                (Token::Tag(tag), "when") => {
                    let mut scanner = self.scanner(tag);
                    let mut candidates = Vec::new();
                    while !scanner.is_at_end() {
                        candidates.push(scanner.value_or_error()?);
                        scanner.skip_blank();
                        // LiquidJS goes on to the separator, whatever stands before it: `1 x or 2`
                        // has two candidates, and `1 2` has one.
                        let separator = if scanner.is_at(',') { "," } else { "or" };
                        scanner.read_to(separator);
                    }
                    branches.push(When {
                        candidates,
                        body: Block::new(),
                    });
                }
                (Token::Tag(_), "else") => elses += 1,
                (Token::Tag(_), "endcase") => {
                    return Ok(Node::Case(Case {
                        value,
                        branches,
                        otherwise,
                    }));
                }
                _ => {
                    let node = self.token(token, rest)?;
                    match (elses, branches.last_mut()) {
                        (0, Some(when)) => when.body.push(node),
                        (1, _) => otherwise.push(node),
                        // Before the first `when`, and behind a second `else`.
                        _ => {}
                    }
                }
            }
        }
        Err(self.not_closed(tag))
    }

    fn loop_head(&self, tag: &Tag, scanner: &mut Scanner<'_>) -> Parsed<Loop> {
        let variable = scanner.word();
        let word = scanner.word();
        scanner.skip_blank();

        let from = scanner.at;
        let collection = scanner.value()?;
        let (false, "in", Some(collection)) = (variable.is_empty(), word.as_str(), collection)
        else {
            return Err(format!(
                "the tag {} is written as {{% {} item in items %}}; got {}",
                tag.name,
                tag.name,
                shortened(self.source, tag.begin, tag.end)
            ));
        };
        // `forloop.name` shows it, and `offset: continue` finds the last loop over it.
        let collection_text = scanner.slice(from, scanner.at);
        if variable.len() + collection_text.len() > MAX_LOOP_NAME {
            return Err(format!(
                "the variable and the collection of the tag {} are longer than {MAX_LOOP_NAME} bytes: assign \
                 the collection to a variable with a shorter name",
                tag.name
            ));
        }

        Ok(Loop {
            variable: Arc::from(variable),
            collection,
            collection_text,
            parameters: scanner.parameters()?,
            body: Block::new(),
            otherwise: Block::new(),
        })
    }

    fn for_tag(
        &mut self,
        tag: &Tag,
        scanner: &mut Scanner<'_>,
        rest: &mut IntoIter<Token>,
    ) -> Parsed<Node> {
        let mut head = self.loop_head(tag, scanner)?;
        let mut has_else = false;

        while let Some(token) = rest.next() {
            match (&token, name_of(&token)) {
                (Token::Tag(tag), "else") => {
                    self.refuse_arguments(tag)?;
                    has_else = true;
                }
                (Token::Tag(tag), "endfor") => {
                    self.refuse_arguments(tag)?;
                    return Ok(Node::For(Box::new(head)));
                }
                _ => {
                    let node = self.token(token, rest)?;
                    if has_else {
                        head.otherwise.push(node);
                    } else {
                        head.body.push(node);
                    }
                }
            }
        }
        Err(self.not_closed(tag))
    }

    fn table_row(
        &mut self,
        tag: &Tag,
        scanner: &mut Scanner<'_>,
        rest: &mut IntoIter<Token>,
    ) -> Parsed<Node> {
        let mut head = self.loop_head(tag, scanner)?;

        while let Some(token) = rest.next() {
            if name_of(&token) == "endtablerow" {
                return Ok(Node::TableRow(Box::new(head)));
            }
            let node = self.token(token, rest)?;
            head.body.push(node);
        }
        Err(self.not_closed(tag))
    }

    fn raw(&self, tag: &Tag, rest: &mut IntoIter<Token>) -> Parsed<Node> {
        let mut text = String::new();

        // Outside `{% liquid %}` there is one text at most. Within it, the lines have been split
        // into tags.
        for token in rest {
            let (from, to) = match &token {
                Token::Tag(tag) if tag.name == "endraw" => {
                    return Ok(Node::Text(Arc::from(text)));
                }
                Token::Tag(tag) => (tag.begin, tag.end),
                Token::Text { from, to } | Token::Output { from, to } => (*from, *to),
            };
            text.extend(&self.source[from..to]);
        }
        Err(self.not_closed(tag))
    }

    fn comment(&self, tag: &Tag, rest: &mut IntoIter<Token>) -> Parsed<Node> {
        for token in rest {
            // Nothing else is read, so a comment may hold tags that do not exist or are not closed.
            if name_of(&token) == "endcomment" {
                return Ok(Node::Nothing);
            }
        }

        Err(self.not_closed(tag))
    }

    fn inline_comment(&self, tag: &Tag) -> Parsed<Node> {
        let text = self.text(tag.from, tag.to);
        let is_comment =
            |line: &str| line.trim_start().is_empty() || line.trim_start().starts_with('#');
        if !text.lines().skip(1).all(is_comment) {
            return Err("every line of an inline comment must begin with '#'".to_owned());
        }

        Ok(Node::Nothing)
    }
}

/// The name of a tag; empty for anything else.
fn name_of(token: &Token) -> &str {
    match token {
        Token::Tag(tag) => &tag.name,
        Token::Text { .. } | Token::Output { .. } => "",
    }
}

fn branch(condition: Filtered, is_negated: bool) -> Branch {
    Branch {
        condition,
        is_negated,
        body: Block::new(),
    }
}

fn value_or_nothing(scanner: &mut Scanner<'_>) -> Parsed<Option<Filtered>> {
    scanner.skip_blank();
    if scanner.is_at_end() {
        return Ok(None);
    }

    scanner.filtered().map(Some)
}

fn assign(scanner: &mut Scanner<'_>) -> Parsed<Node> {
    let name = scanner.word();
    scanner.skip_blank();
    if name.is_empty() || !scanner.is_at('=') {
        return Err("the tag assign is written as {% assign name = value %}".to_owned());
    }
    scanner.advance();

    Ok(Node::Assign {
        name: Arc::from(name),
        value: scanner.filtered()?,
    })
}

fn cycle(scanner: &mut Scanner<'_>) -> Parsed<Node> {
    let begin = scanner.at;
    // A first value is the group only if a colon follows it. Otherwise it is read again, with its
    // filters.
    let mut group = scanner.value()?;
    scanner.skip_blank();
    if group.is_some() && scanner.is_at(':') {
        scanner.advance();
    } else {
        group = None;
        scanner.at = begin;
    }

    let mut candidates = Vec::new();
    let mut texts = Vec::new();
    while !scanner.is_at_end() {
        let from = scanner.at;
        candidates.push(scanner.filtered()?);
        texts.push(scanner.slice(from, scanner.at));
        // LiquidJS goes on to the next comma, whatever stands before it.
        scanner.read_to(",");
    }
    if candidates.is_empty() {
        return Err("the tag cycle needs at least one value".to_owned());
    }

    Ok(Node::Cycle(Cycle {
        group,
        candidates,
        text: texts.join(","),
    }))
}
