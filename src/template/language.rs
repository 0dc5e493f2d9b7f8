//! The Liquid that messages may use: which tags and filters there are, and what an absent variable is.
//!
//! An absent variable is nil in a condition, and before a `default`. An output without a `default`
//! fails, so that no recipient gets "Hi ,". The `liquid` crates know one rule for all places, so this
//! module makes two: what a template looks up with [`Runtime::get`] is nil where it is absent, and an
//! output is a tag of its own, which looks up strictly unless it has a `default`.

use std::collections::BTreeSet;
use std::io::Write;
use std::sync::LazyLock;

use liquid_core::model::{KString, KStringCow, KStringRef, ScalarCow};
use liquid_core::parser::{self, FilterChain};
use liquid_core::runtime::{PartialStore, Registers, RuntimeBuilder};
use liquid_core::{
    Error, Language, ObjectView, ParseBlock, ParseFilter, ParseTag, Renderable, Result, Runtime,
    TagReflection, TagTokenIter, Template, Value, ValueCow, ValueView,
};
use liquid_lib::stdlib;

/// The tags that stand for outputs once a template has been checked. No template may name them.
const STRICT_OUTPUT: &str = "_output";
const OUTPUT_WITH_DEFAULT: &str = "_output_with_default";

/// What a template may use.
static LANGUAGE: LazyLock<Language> = LazyLock::new(language);
/// The same with the tags that outputs are rewritten to.
static REWRITTEN: LazyLock<Language> = LazyLock::new(|| {
    let mut language = language();
    for (name, has_default) in [(STRICT_OUTPUT, false), (OUTPUT_WITH_DEFAULT, true)] {
        let tag: Box<dyn ParseTag> = Box::new(OutputTag { name, has_default });
        language.tags.register(name.to_owned(), tag);
    }
    language
});

fn language() -> Language {
    let mut language = Language::empty();

    let blocks: [Box<dyn ParseBlock>; 5] = [
        Box::new(stdlib::IfBlock),
        Box::new(stdlib::UnlessBlock),
        Box::new(stdlib::CaseBlock),
        Box::new(stdlib::CommentBlock),
        Box::new(stdlib::RawBlock),
    ];
    for block in blocks {
        let name = block.reflection().start_tag().to_owned();
        language.blocks.register(name, block);
    }

    let filters: [Box<dyn ParseFilter>; 25] = [
        Box::new(stdlib::Default),
        Box::new(stdlib::Size),
        Box::new(stdlib::First),
        Box::new(stdlib::Last),
        Box::new(stdlib::Upcase),
        Box::new(stdlib::Downcase),
        Box::new(stdlib::Capitalize),
        Box::new(stdlib::Strip),
        Box::new(stdlib::Lstrip),
        Box::new(stdlib::Rstrip),
        Box::new(stdlib::StripNewlines),
        Box::new(stdlib::Slice),
        Box::new(stdlib::Truncate),
        Box::new(stdlib::TruncateWords),
        Box::new(stdlib::UrlEncode),
        Box::new(stdlib::Abs),
        Box::new(stdlib::AtLeast),
        Box::new(stdlib::AtMost),
        Box::new(stdlib::Ceil),
        Box::new(stdlib::Floor),
        Box::new(stdlib::Round),
        Box::new(stdlib::Plus),
        Box::new(stdlib::Minus),
        Box::new(stdlib::Times),
        Box::new(stdlib::DividedBy),
    ];
    for filter in filters {
        let name = filter.reflection().name().to_owned();
        language.filters.register(name, filter);
    }
    let modulo: Box<dyn ParseFilter> = Box::new(stdlib::Modulo);
    language
        .filters
        .register(modulo.reflection().name().to_owned(), modulo);

    language
}

/// Parses a template.
pub(super) fn parse(text: &str) -> Result<Template> {
    // First as it was written, so that an error shows that.
    parser::parse(text, &LANGUAGE)?;

    parser::parse(&rewrite(text), &REWRITTEN).map(Template::new)
}

/// Renders a template with these variables.
pub(super) fn render(
    template: &Template,
    variables: &dyn ObjectView,
    writer: &mut dyn Write,
) -> Result<()> {
    let runtime = RuntimeBuilder::new().set_globals(variables).build();
    let lookup = Lookup {
        runtime: &runtime,
        is_strict: false,
    };

    template.render_to(writer, &lookup)
}

/// Looks variables up.
struct Lookup<'r> {
    runtime: &'r dyn Runtime,
    /// Whether an absent variable is an error; else it is nil.
    is_strict: bool,
}

impl Runtime for Lookup<'_> {
    fn partials(&self) -> &dyn PartialStore {
        self.runtime.partials()
    }

    fn name(&self) -> Option<KStringRef<'_>> {
        self.runtime.name()
    }

    fn roots(&self) -> BTreeSet<KStringCow<'_>> {
        self.runtime.roots()
    }

    fn try_get(&self, path: &[ScalarCow<'_>]) -> Option<ValueCow<'_>> {
        self.runtime.try_get(path)
    }

    fn get(&self, path: &[ScalarCow<'_>]) -> Result<ValueCow<'_>> {
        match self.runtime.try_get(path) {
            Some(value) => Ok(value),
            None if self.is_strict => Err(absent(path)),
            None => Ok(ValueCow::default()),
        }
    }

    fn set_global(&self, name: KString, value: Value) -> Option<Value> {
        self.runtime.set_global(name, value)
    }

    fn set_index(&self, name: KString, value: Value) -> Option<Value> {
        self.runtime.set_index(name, value)
    }

    fn get_index<'a>(&'a self, name: &str) -> Option<ValueCow<'a>> {
        self.runtime.get_index(name)
    }

    fn registers(&self) -> &Registers {
        self.runtime.registers()
    }
}

/// The error of a variable that has no value. It names the variable and no value.
fn absent(path: &[ScalarCow<'_>]) -> Error {
    let names: Vec<String> = path.iter().map(|name| name.to_kstr().to_string()).collect();
    let name = names.join(".");

    Error::with_msg(format!(
        "the variable {name} has no value; give it one, or a default: {{{{ {name} | default: '' }}}}"
    ))
}

/// `{{ name | filter }}`, as the tag that [`rewrite`] makes of it.
#[derive(Debug, Clone, Copy)]
struct OutputTag {
    name: &'static str,
    has_default: bool,
}

#[derive(Debug)]
struct Output {
    chain: FilterChain,
    has_default: bool,
}

impl TagReflection for OutputTag {
    fn tag(&self) -> &'static str {
        self.name
    }

    fn description(&self) -> &'static str {
        ""
    }
}

impl ParseTag for OutputTag {
    fn parse(
        &self,
        mut arguments: TagTokenIter<'_>,
        options: &Language,
    ) -> Result<Box<dyn Renderable>> {
        let chain = arguments
            .expect_next("a value is expected")?
            .expect_filter_chain(options)
            .into_result()?;
        arguments.expect_nothing()?;

        Ok(Box::new(Output {
            chain,
            has_default: self.has_default,
        }))
    }

    fn reflection(&self) -> &dyn TagReflection {
        self
    }
}

impl Renderable for Output {
    fn render_to(&self, writer: &mut dyn Write, runtime: &dyn Runtime) -> Result<()> {
        let lookup = Lookup {
            runtime,
            is_strict: !self.has_default,
        };

        self.chain.render_to(writer, &lookup)
    }
}

/// A valid template with each output as a tag, and each `contains` guarded against nil, which the
/// `liquid` crates take for an error.
fn rewrite(text: &str) -> String {
    let mut rewritten = String::with_capacity(text.len() * 2);
    let mut rest = text;

    while let Some(start) = markup_start(rest) {
        rewritten.push_str(&rest[..start]);
        rest = &rest[start..];

        let is_output = rest.starts_with("{{");
        let Some(end) = markup_end(rest, if is_output { "}}" } else { "%}" }) else {
            break;
        };
        let markup = &rest[..end];
        rest = &rest[end..];

        if is_output {
            push_output(&mut rewritten, markup);
            continue;
        }

        let (open, inner, close) = parts(markup);
        match inner.split_whitespace().next().unwrap_or_default() {
            name @ ("raw" | "comment") => {
                let end = block_end(rest, name);
                rewritten.push_str(markup);
                rewritten.push_str(&rest[..end]);
                rest = &rest[end..];
            }
            "if" | "unless" | "elsif" => {
                rewritten.push_str(open);
                rewritten.push_str(&guard_contains(inner));
                rewritten.push_str(close);
            }
            _ => rewritten.push_str(markup),
        }
    }

    rewritten.push_str(rest);
    rewritten
}

fn markup_start(text: &str) -> Option<usize> {
    let starts = ["{{", "{%"].into_iter().filter_map(|mark| text.find(mark));
    starts.min()
}

/// The end of the markup that `text` begins with: behind the first `close` outside of strings.
fn markup_end(text: &str, close: &str) -> Option<usize> {
    let mut quote = None;

    for (at, character) in text.char_indices().skip(2) {
        match quote {
            Some(open) if open == character => quote = None,
            None if matches!(character, '\'' | '"') => quote = Some(character),
            None if text[at..].starts_with(close) => return Some(at + close.len()),
            _ => {}
        }
    }

    None
}

/// Markup in its opening mark, what is within, and its closing mark. A `-` belongs to a mark.
fn parts(markup: &str) -> (&str, &str, &str) {
    let open = if markup[2..].starts_with('-') { 3 } else { 2 };
    let close = markup.len() - 2;
    let close = if close > open && markup[..close].ends_with('-') {
        close - 1
    } else {
        close
    };

    (&markup[..open], &markup[open..close], &markup[close..])
}

fn push_output(rewritten: &mut String, markup: &str) {
    let (open, inner, close) = parts(markup);
    let tag = if has_default(inner) {
        OUTPUT_WITH_DEFAULT
    } else {
        STRICT_OUTPUT
    };

    rewritten.push_str(if open.ends_with('-') { "{%-" } else { "{%" });
    rewritten.push(' ');
    rewritten.push_str(tag);
    rewritten.push(' ');
    rewritten.push_str(inner);
    rewritten.push(' ');
    rewritten.push_str(if close.starts_with('-') { "-%}" } else { "%}" });
}

/// Whether an output has the filter `default`.
fn has_default(inner: &str) -> bool {
    let mut filters = outside_strings(inner)
        .into_iter()
        .filter(|(_, c)| *c == '|');

    filters.any(|(at, _)| {
        let filter = inner[at + 1..].trim_start();
        let name = filter.split(|c: char| !c.is_alphanumeric() && c != '_' && c != '-');
        name.into_iter().next() == Some("default")
    })
}

/// The characters of `text` that are not within a string, with their places.
fn outside_strings(text: &str) -> Vec<(usize, char)> {
    let mut quote = None;

    text.char_indices()
        .filter(|(_, character)| match quote {
            Some(open) => {
                if open == *character {
                    quote = None;
                }
                false
            }
            None if matches!(character, '\'' | '"') => {
                quote = Some(*character);
                false
            }
            None => true,
        })
        .collect()
}

/// The place behind the end of the block `name`, of which `text` is what follows its start.
fn block_end(text: &str, name: &str) -> usize {
    let mut depth = 1;
    let mut at = 0;

    while let Some(start) = text[at..].find("{%").map(|start| at + start) {
        let Some(end) = text[start..].find("%}").map(|end| start + end + 2) else {
            break;
        };
        let tag = text[start + 2..end - 2].trim_matches(|c: char| c == '-' || c.is_whitespace());

        if tag.strip_prefix("end") == Some(name) {
            depth -= 1;
        } else if tag == name && name == "comment" {
            depth += 1;
        }
        if depth == 0 {
            return end;
        }
        // A `{%` may stand within what looks like a tag.
        at = start + 2;
    }

    text.len()
}

/// `x contains y` as `x and x contains y`.
fn guard_contains(inner: &str) -> String {
    let words = words(inner);
    let mut guarded = String::with_capacity(inner.len() * 2);
    let mut copied = 0;

    for pair in words.windows(2) {
        let subject = pair[0].clone();
        if &inner[pair[1].clone()] == "contains" {
            guarded.push_str(&inner[copied..subject.end]);
            guarded.push_str(" and ");
            copied = subject.start;
        }
    }

    guarded.push_str(&inner[copied..]);
    guarded
}

/// The places of the words of `text`. A string is part of a word, with its spaces.
fn words(text: &str) -> Vec<std::ops::Range<usize>> {
    let mut words = Vec::new();
    let mut start = None;
    let mut quote = None;

    for (at, character) in text.char_indices() {
        match quote {
            Some(open) if open == character => quote = None,
            None if character.is_whitespace() => {
                words.extend(start.take().map(|start| start..at));
                continue;
            }
            None if matches!(character, '\'' | '"') => quote = Some(character),
            _ => {}
        }
        start.get_or_insert(at);
    }

    words.extend(start.map(|start| start..text.len()));
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outputs_become_tags_and_the_rest_stays() {
        for (text, expected) in [
            ("plain", "plain"),
            ("{{ a }}", "{% _output  a  %}"),
            ("x {{- a -}} y", "x {%- _output  a  -%} y"),
            (
                "{{ a | default: '}}' }}{{b}}",
                "{% _output_with_default  a | default: '}}'  %}{% _output b %}",
            ),
            ("{{ '| default' }}", "{% _output  '| default'  %}"),
            (
                "{{ a | upcase | default : b }}",
                "{% _output_with_default  a | upcase | default : b  %}",
            ),
            (
                "{% raw %}{{ a }}{% endraw %}{{ b }}",
                "{% raw %}{{ a }}{% endraw %}{% _output  b  %}",
            ),
            (
                "{%- comment -%}{{ it's {% comment %}{% endcomment %}{%- endcomment -%}{{ b }}",
                "{%- comment -%}{{ it's {% comment %}{% endcomment %}{%- endcomment -%}{% _output  b  %}",
            ),
            (
                "{% if a.b contains 'x contains y' or c %}",
                "{% if a.b and a.b contains 'x contains y' or c %}",
            ),
        ] {
            assert_eq!(rewrite(text), expected);
        }
    }

    #[test]
    fn a_template_cannot_name_the_tags_of_outputs() {
        assert!(parse("{% _output a %}").is_err());
        assert!(parse("{% _output_with_default a %}").is_err());
    }
}
