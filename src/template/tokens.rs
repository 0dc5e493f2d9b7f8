//! Splits a template into plain text, outputs and tags, and takes away the white space that `-` asks
//! for.

use super::scanner::{Parsed, Scanner, is_blank};

#[derive(Debug, Clone)]
pub(super) enum Token {
    /// Plain text, from one character to another.
    Text {
        from: usize,
        to: usize,
    },
    /// What is within `{{ … }}`.
    Output {
        from: usize,
        to: usize,
    },
    Tag(Tag),
}

/// `{% name … %}`, or a line of `{% liquid … %}`.
#[derive(Debug, Clone)]
pub(super) struct Tag {
    pub name: String,
    /// Where its arguments begin and end.
    pub from: usize,
    pub to: usize,
    /// Where the tag itself begins and ends.
    pub begin: usize,
    pub end: usize,
}

/// A token with the `-` of its marks.
struct Marked {
    token: Token,
    trims_left: bool,
    trims_right: bool,
}

/// The tokens of a whole template.
pub(super) fn of_template(source: &[char]) -> Parsed<Vec<Token>> {
    let mut marked: Vec<Marked> = Vec::new();
    let mut at = 0;

    while at < source.len() {
        // What follows `raw` is text whatever it holds, so only its end is looked for.
        let is_raw = marked.last().is_some_and(|last| last.is_tag("raw"));
        if is_raw {
            let (text_end, tag_end) = raw_end(source, at)?;
            if text_end > at {
                marked.push(text(at, text_end));
            }
            marked.push(tag(source, text_end, tag_end)?);
            at = tag_end;
            continue;
        }

        let rest = &source[at..];
        let end = if rest.starts_with(&['{', '%']) {
            let end = end_of_tag(source, at)?;
            marked.push(tag(source, at, end)?);
            end
        } else if rest.starts_with(&['{', '{']) {
            let end = end_of_output(source, at)?;
            let marks = Marks::of(source, at, end);
            marked.push(Marked {
                token: Token::Output {
                    from: marks.from,
                    to: marks.to,
                },
                trims_left: marks.trims_left,
                trims_right: marks.trims_right,
            });
            end
        } else {
            let end = next_mark(source, at);
            marked.push(text(at, end));
            end
        };
        at = end;
    }

    // Only now, because a mark also takes white space from the text behind it.
    trim(source, &mut marked);
    Ok(marked.into_iter().map(|marked| marked.token).collect())
}

/// The lines of a `{% liquid %}` tag.
pub(super) fn of_lines(source: &[char], from: usize, to: usize) -> Parsed<Vec<Token>> {
    let mut tokens = Vec::new();
    let mut scanner = Scanner::new(source, from, to);

    loop {
        scanner.skip_blank();
        if scanner.is_at_end() {
            return Ok(tokens);
        }
        let begin = scanner.at;
        // Quotes do not matter: in LiquidJS, a string ends with its line here.
        scanner.read_to("\n");
        let end = scanner.at;
        let marks = Marks::within(source, begin, end);
        let marked = named(source, &marks, begin, end)?;
        tokens.push(marked.token);
    }
}

fn text(from: usize, to: usize) -> Marked {
    Marked {
        token: Token::Text { from, to },
        trims_left: false,
        trims_right: false,
    }
}

/// The content of an output or a tag, without its marks and the white space beside them.
struct Marks {
    from: usize,
    to: usize,
    trims_left: bool,
    trims_right: bool,
}

impl Marks {
    fn of(source: &[char], begin: usize, end: usize) -> Self {
        Self::within(source, begin + 2, end - 2)
    }

    fn within(source: &[char], begin: usize, end: usize) -> Self {
        // In `{{-}}` one `-` is both marks. Then `from` lies behind `to`, and there is no content.
        let trims_left = source.get(begin) == Some(&'-');
        let trims_right = end > 0 && source.get(end - 1) == Some(&'-');
        let mut from = begin + usize::from(trims_left);
        let mut to = end - usize::from(trims_right);
        while from < to && is_blank(source[from]) {
            from += 1;
        }
        while to > from && is_blank(source[to - 1]) {
            to -= 1;
        }

        Self {
            from,
            to,
            trims_left,
            trims_right,
        }
    }
}

fn tag(source: &[char], begin: usize, end: usize) -> Parsed<Marked> {
    named(source, &Marks::of(source, begin, end), begin, end)
}

fn named(source: &[char], marks: &Marks, begin: usize, end: usize) -> Parsed<Marked> {
    let mut scanner = Scanner::new(source, marks.from, marks.to);
    let name = scanner.tag_name();
    if name.is_empty() {
        let written = shortened(source, begin, end);
        return Err(format!("the tag {written} has no name"));
    }
    scanner.skip_blank();

    Ok(Marked {
        token: Token::Tag(Tag {
            name,
            from: scanner.at,
            to: marks.to,
            begin,
            end,
        }),
        trims_left: marks.trims_left,
        trims_right: marks.trims_right,
    })
}

pub(super) fn shortened(source: &[char], begin: usize, end: usize) -> String {
    let written = &source[begin.min(source.len())..end.min(source.len())];
    if written.len() <= 40 {
        return written.iter().collect();
    }

    let start: String = written[..37].iter().collect();
    format!("{start}...")
}

fn end_of_tag(source: &[char], at: usize) -> Parsed<usize> {
    // The marks may share their `%`, as in `{%}`, which is a tag without a name.
    let end = (at + 3..=source.len()).find(|end| source[..*end].ends_with(&['%', '}']));

    end.ok_or_else(|| {
        let written = shortened(source, at, source.len());
        format!("the tag {written} is not closed by '%}}'")
    })
}

fn end_of_output(source: &[char], begin: usize) -> Parsed<usize> {
    // LiquidJS looks for quotes in outputs only: `}}` in a string does not end one, and `%}` in a
    // string ends a tag.
    let mut at = begin;

    while at < source.len() {
        let scanner = Scanner::new(source, at, source.len());
        if let Some(end) = scanner.quoted_end() {
            at = end;
            continue;
        }
        at += 1;
        if source[..at].ends_with(&['}', '}']) && at >= begin + 4 {
            return Ok(at);
        }
    }

    let written = shortened(source, begin, source.len());
    Err(format!("the output {written} is not closed by '}}}}'"))
}

fn next_mark(source: &[char], from: usize) -> usize {
    (from + 1..source.len())
        .find(|at| source[*at..].starts_with(&['{', '%']) || source[*at..].starts_with(&['{', '{']))
        .unwrap_or(source.len())
}

/// Where the text of a `raw` ends that begins at `from`, and where its `endraw` tag does.
fn raw_end(source: &[char], from: usize) -> Parsed<(usize, usize)> {
    let mut scanner = Scanner::new(source, from, source.len());

    while scanner.read_to("{%") {
        let begin = scanner.at - 2;
        let name = scanner.word();
        if name != "endraw" {
            continue;
        }
        let mut at = scanner.at;
        while at <= source.len() {
            if source[..at].ends_with(&['%', '}']) {
                return Ok((begin, at));
            }
            // Another tag begins before this one is closed, so it is text, and the search goes on
            // behind it.
            if at > scanner.at && source[..at].ends_with(&['{', '%']) {
                break;
            }
            at += 1;
        }
    }

    Err("the tag raw is not closed by {% endraw %}".to_owned())
}

impl Marked {
    fn is_tag(&self, name: &str) -> bool {
        matches!(&self.token, Token::Tag(tag) if tag.name == name)
    }
}

fn trim(source: &[char], marked: &mut [Marked]) {
    // In LiquidJS, marks on the inner side of `raw` and `endraw` take nothing: the text is kept as
    // it is.
    let mut is_raw = false;

    for index in 0..marked.len() {
        let trims_left = marked[index].trims_left && !is_raw;
        if trims_left
            && let Some(before) = index.checked_sub(1)
            && let Token::Text { from, to } = &mut marked[before].token
        {
            while *to > *from && is_blank(source[*to - 1]) {
                *to -= 1;
            }
        }

        if marked[index].is_tag("raw") {
            is_raw = true;
        } else if marked[index].is_tag("endraw") {
            is_raw = false;
        }

        if marked[index].trims_right
            && !is_raw
            && let Some(Marked {
                token: Token::Text { from, to },
                ..
            }) = marked.get_mut(index + 1)
        {
            while from < to && is_blank(source[*from]) {
                *from += 1;
            }
        }
    }
}
